"""One keep-alive connection to the API, and the pool of them.

Requests are sent by ``requests.adapters.HTTPAdapter`` without a ``Session``. A session would follow redirects, read
``.netrc`` and keep cookies.

Exceptions of the HTTP libraries never leave ``Connection.send``: their frames contain the request's headers, and
``raise ... from None`` would only hide these frames. ``send`` returns errors of this package, which are raised outside
of the ``except`` block.
"""

from __future__ import annotations

import functools
import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri

from kismet_nb.errors import KismetError, UnavailableError, UnexpectedAnswerError
from kismet_nb.transport.connect_errors import connect_error
from kismet_nb.transport.cuttable import SocketHandle, cuttable
from kismet_nb.transport.responses import Response
from kismet_nb.transport.route import Route, find_route

if TYPE_CHECKING:
    import ssl

    from kismet_nb.auth.credentials import Credentials

__all__ = ["Connection", "ConnectionPool", "Params"]

API_PREFIX = "/api/external"
MAX_BODY_BYTES = 64 * 2**20  # a page of 500 rows takes about 0.2 MB
CHUNK_BYTES = 2**18
CONNECT_TIMEOUT = 10.0  # seconds
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Cache-Control": "no-cache",  # a cached page may be an earlier state of the list
    "User-Agent": f"kismet-nb/{version('kismet-nb')}",
}

Params = dict[str, str | int]


class ConnectionPool:
    """The connections of a client to its address, with its credentials.

    Parameters
    ----------
    api_url
        The API's address.
    credentials
        Sent to that address only.
    timeout
        Seconds that one request may take.
    """

    def __init__(self, api_url: str, credentials: Credentials, timeout: float) -> None:
        self.credentials = credentials
        self._api_url = api_url
        self._timeout = timeout
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    @functools.cached_property
    def _route(self) -> Route:
        return find_route(self._api_url)

    def borrow(self) -> Connection:
        """Return an idle connection, or a new one.

        Raises
        ------
        InvalidInputError
            The environment names a proxy or certificates that cannot be used.
        """
        with self._lock:
            if self._idle:
                return self._idle.pop()
            return Connection(self._api_url, self.credentials, self._timeout, self._route)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            connections, self._idle = self._idle, []
        for connection in connections:
            connection.close()


class Connection:
    """One keep-alive connection. One thread uses it at a time; another thread may cut it."""

    def __init__(self, api_url: str, credentials: Credentials, timeout: float, route: Route) -> None:
        self._api_url = api_url
        self._timeout = timeout
        self._route = route
        self._credentials = credentials
        self._socket = SocketHandle()
        self._adapter = _Adapter(route.tls, self._socket)

    def send(self, path: str, params: Params) -> Response | BaseException:
        """Send one GET, and return the response or the error to raise (see the module's docstring)."""
        self._socket.deadline = time.monotonic() + self._timeout
        try:
            with self._adapter.send(
                self._prepare(path, params),
                stream=True,
                timeout=(min(CONNECT_TIMEOUT, self._timeout), self._timeout),
                proxies=self._route.proxies,
            ) as response:
                body = self._read(response)
                self._socket.check()  # truncated headers look like complete ones
                return Response(
                    status=response.status_code,
                    body=body,
                    retry_after=response.headers.get("Retry-After"),
                    location=response.headers.get("Location"),
                    date=response.headers.get("Date"),
                )
        except KismetError as error:
            return error.with_traceback(None)
        except (requests.RequestException, OSError) as error:
            return self._failure(error)
        except Exception as error:  # noqa: BLE001 - the frames of any error may contain the headers
            return UnexpectedAnswerError(
                f"The request failed with an unexpected error ({type(error).__name__}). Report it."
            )
        except BaseException as error:  # noqa: BLE001 - an interrupt, or an error raised by a signal handler
            error.__context__ = error.__cause__ = None
            return error.with_traceback(None)
        finally:
            self._socket.deadline = float("inf")

    def cut_if_overdue(self) -> None:
        """Cut the connection if its request has exceeded its time. Called by another thread."""
        if self._socket.overdue:
            self._socket.cut()

    def cancel(self) -> None:
        """Cut the connection and make any later request fail. Called by another thread."""
        self._socket.cancelled = True
        self._socket.cut()

    def close(self) -> None:
        """Close the connection."""
        self._adapter.close()

    def _prepare(self, path: str, params: Params) -> requests.PreparedRequest:
        """Return the GET. ``requests.Request.prepare`` takes four times as long, for checks that are needless here."""
        request = requests.PreparedRequest()
        request.method = "GET"
        query = f"?{urlencode(params)}" if params else ""
        request.url = requote_uri(self._api_url + API_PREFIX + path + query)
        request.headers = CaseInsensitiveDict(HEADERS)
        # Only for the scheme, host and port of the API.
        request.headers.update(self._credentials.headers_for(request.url, self._api_url))
        return request

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise UnexpectedAnswerError(
                    f"The response is larger than {MAX_BODY_BYTES // 2**20} MB, so reading stopped. "
                    "Try a smaller page_size.",
                    status=response.status_code,
                )
        return bytes(body)

    def _failure(self, error: Exception) -> KismetError:
        """Return this package's error for an error of requests, depending on the state of the connection."""
        if self._socket.overdue or isinstance(error, requests.Timeout | TimeoutError):
            return UnavailableError(
                f"No complete response within {self._timeout:g} s. Try again later, or with a client with a longer "
                "timeout."
            )
        if self._socket.connected:
            return UnavailableError("The connection broke before the response was complete. Try again later.")
        return connect_error(error, urlsplit(self._api_url).hostname or "", self._route.proxies)


class _Adapter(HTTPAdapter):
    """An adapter of requests for one connection that can be cut. Its certificates are loaded once."""

    def __init__(self, tls: ssl.SSLContext | None, handle: SocketHandle) -> None:
        self._tls = tls
        self._handle = handle
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' own
        super().init_poolmanager(*args, **kwargs, ssl_context=self._tls)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._tls, proxy_ssl_context=self._tls)

    def build_response(self, _request: requests.PreparedRequest, raw: Any) -> requests.Response:  # noqa: ANN401 - as above
        """Return status, headers and body, without the cookies for which requests also searches."""
        response = requests.Response()
        response.status_code, response.raw = raw.status, raw
        response.headers = CaseInsensitiveDict(raw.headers)
        return response

    def cert_verify(self, *_: object, **__: object) -> None:
        """Load no certificates, because the context has them."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        if not isinstance(pool.ConnectionCls, functools.partial):
            kind = cuttable(pool.ConnectionCls)
            pool.ConnectionCls = functools.partial(kind, handle=self._handle)  # type: ignore[assignment]
        return pool
