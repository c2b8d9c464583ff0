"""The HTTP server of the demo organization, on the loopback address only."""

from __future__ import annotations

import contextlib
import hmac
import json
import re
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from kismet_nb.demo.endpoints import RefusedError, respond

if TYPE_CHECKING:
    from kismet_nb.demo.endpoints import DemoData

__all__ = ["DemoServer"]

_UNAUTHORIZED = b'{ "error": "Unauthorized", }'  # the documented body, which is not valid JSON


class _Handler(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after the other."""

    server: DemoServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # headers and body are sent together

    def do_GET(self) -> None:
        self._skip_body()
        self.server.stopping.wait(self.server.latency)
        if not self._is_authorized():
            return self._send(401, _UNAUTHORIZED)
        try:
            status, body = 200, respond(self.server.data, self.path)
        except RefusedError as error:
            status, body = error.status, {"error": error.error}
        return self._send(status, json.dumps(body, ensure_ascii=False).encode())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - http.server's signature
        """Send the response to malformed requests and unsupported methods, which http.server refuses itself."""
        if code == 501:
            code, message = 405, "Method not allowed"
            self._skip_body()
        self.close_connection = True
        self._send(code, json.dumps({"error": message}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Log nothing."""

    def _is_authorized(self) -> bool:
        received = [self.headers.get(name, "").encode() for name in ("X-Client-ID", "X-Client-Secret")]
        return all([hmac.compare_digest(a, b) for a, b in zip(received, self.server.credentials, strict=True)])  # noqa: C419 - a list, so that both headers are always compared

    def _skip_body(self) -> None:
        """Read the request's body, so that it is not parsed as the next request."""
        length = self.headers.get("Content-Length", "")
        self.rfile.read(int(length) if re.fullmatch("[0-9]{1,7}", length) else 0)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class DemoServer(socketserver.TCPServer):
    """A server with a thread for each connection; ``stop()`` ends all threads.

    The class does not use ``ThreadingHTTPServer``, which resolves the host name (this can take seconds) and does not
    join its daemon threads.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, data: DemoData, credentials: tuple[bytes, bytes], latency: float) -> None:
        self.data = data
        self.credentials = credentials
        self.latency = latency
        self.stopping = threading.Event()
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        # The argument is the poll interval in seconds. With the default of 0.5, stop() would take up to half a second.
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="demo", daemon=True)
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's types
        """Start a thread for a new connection."""
        thread = threading.Thread(target=self._serve_connection, args=(request, client_address), daemon=True)
        self._connections = [pair for pair in self._connections if pair[1].is_alive()]
        self._connections.append((request, thread))
        thread.start()

    def _serve_connection(self, request: socket.socket, client_address: object) -> None:
        try:
            with contextlib.suppress(ConnectionError):  # a client may close its connection at any time
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)

    def stop(self) -> None:
        """Close every socket and join every thread."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for sock, _ in self._connections:
            with contextlib.suppress(OSError):  # the client has closed it already
                sock.shutdown(socket.SHUT_RDWR)
        for _, thread in self._connections:
            thread.join()
