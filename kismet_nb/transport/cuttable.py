"""Connections that another thread can cut at any moment, and that do not log their content."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import threading
import time
from typing import Any

__all__ = ["SocketHandle", "cuttable"]


BUFFER_BYTES = 2**16  # a page of 100 rows takes about 25 KB


class SocketHandle:
    """A second handle of a connection's socket, which another thread uses to cut the connection.

    TLS takes over the first handle, so the first handle could not cut a TLS handshake.

    Attributes
    ----------
    deadline
        The time at which the current request must be complete, on the monotonic clock.
    cancelled
        Whether all further requests must fail.
    connected
        Whether the connection is complete, including a proxy and TLS.
    """

    def __init__(self) -> None:
        self.deadline = float("inf")
        self.cancelled = False
        self.connected = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()  # a socket is not closed while another thread cuts it

    @property
    def overdue(self) -> bool:
        """Whether the current request must end."""
        return self.cancelled or time.monotonic() > self.deadline

    def check(self) -> None:
        """Raise TimeoutError if the request is overdue or cancelled. A cut may look like a normal end."""
        if self.overdue:
            raise TimeoutError

    def hold(self, connected: socket.socket) -> None:
        """Keep a handle of a new connection."""
        self.release()
        with self._lock:
            self._socket = connected.dup()

    def cut(self) -> None:
        """Make every read and write of the connection fail."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the handle of a connection that is closed."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


class _QuietResponse(http.client.HTTPResponse):
    """A response that does not log malformed header lines, in which a server may echo the secret.

    It skips interim responses, for example 103 Early Hints; http.client skips only 100. It reads a page in one piece;
    http.client reads 8 KB at a time, and the threads of a fetch wait for each other at each read.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - http.client's own
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = sock.makefile("rb", BUFFER_BYTES)  # type: ignore[assignment] # typeshed is too strict

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        while 101 < status < 200:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason

    def begin(self) -> None:
        super().begin()
        self.msg.defects.clear()
        self.msg.set_payload("")


@functools.cache
def cuttable(kind: type[Any]) -> Any:  # noqa: ANN401 - a class made here
    """Return a subclass of urllib3's connection class ``kind`` whose socket has a ``SocketHandle``."""

    class Cuttable(kind):  # type: ignore[misc]
        # If somebody sets http.client's class attribute for debugging, it prints whole requests with their headers.
        debuglevel = 0
        response_class = _QuietResponse

        def __init__(self, *args: Any, handle: SocketHandle, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own
            super().__init__(*args, **kwargs)
            self._handle = handle

        def _new_conn(self) -> socket.socket:
            connected: socket.socket = super()._new_conn()
            self._handle.hold(connected)  # before the check, so that no cut comes between the two
            if self._handle.overdue:
                connected.close()
            self._handle.check()
            return connected

        def connect(self) -> None:
            self._handle.connected = False
            super().connect()
            self._handle.check()
            self._handle.connected = True

        def close(self) -> None:
            super().close()
            self._handle.release()

    return Cuttable
