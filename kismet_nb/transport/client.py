"""One authenticated GET: timeout, retries, decoded JSON or one of our errors. Nothing else touches HTTP.

A client owns a few *lanes*. A lane is one keep-alive connection, used by one thread at a time, and it can be
cut from another thread. All lanes of a client pass one *gate*, which bounds how many requests are in flight,
and which closes for all of them when the server says 429.

Exceptions of the HTTP libraries never leave ``Lane._send``: their frames hold the request's headers, and
``raise ... from None`` would only hide these frames. They are turned into data there, and raised as our own
errors after the ``except`` block has ended.
"""

from __future__ import annotations

import contextlib
import email.utils
import functools
import http.client
import json
import logging
import math
import os
import random
import re
import socket
import ssl
import threading
import time
import urllib.request
import weakref
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import unquote, urlencode, urlsplit

import certifi
import urllib3

from kismet_nb.auth.credentials import (
    DEFAULT_API_URL,
    WAYS_TO_LOG_IN,
    Credentials,
    checked_api_url,
    masked,
)
from kismet_nb.auth.discovery import THE_ARGUMENT, find_credentials, how_to_log_in_again
from kismet_nb.errors import (
    AuthenticationError,
    CredentialsError,
    InvalidInputError,
    KismetError,
    NotFoundError,
    RequestRefusedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from kismet_nb.transport.throttle import FetchEndedError, Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import tenacity
    from urllib3.connectionpool import HTTPConnectionPool

__all__ = ["KismetClient", "Lane"]

API_PREFIX = "/api/external"
LARGEST_BODY = 64 * 2**20  # bytes; a page of 500 rows takes about 0.2 MB
LONGEST_CONNECT = 10.0  # seconds
LARGEST_NUMBER = 10**6  # of any setting: a socket takes no endless timeout
PROXY_VARIABLES = "HTTPS_PROXY or ALL_PROXY"
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"kismet-nb/{version('kismet-nb')}",
}

Params = dict[str, str | int]

_logger = logging.getLogger("kismet_nb")


class KismetClient:
    """An authenticated, read-only client of one organization.

    Making one sends nothing. It may be shared by threads, and is closed by ``close()`` or a ``with`` block.

    Parameters
    ----------
    client_id, client_secret
        The pair from the Kismet dashboard. The secret is shown nowhere.
    api_url
        The API's address: https, or http on this machine.
    timeout
        Seconds that one request may take, from connecting to the last byte of the body.
    retries
        How often a request is tried again after a passing failure: no connection, a broken answer, 429, 5xx.
    patience
        Seconds that one request may spend on retries and waits altogether. A server that asks for a longer
        wait is not waited for.
    max_in_flight
        How many requests may be under way at a time, over all fetches that share this client.
    page_size
        Rows to ask for in a page. The server may give fewer; what its answer reports counts.
    strict
        For scheduled runs: raise where a fetch would only warn, that is, where the API sends other columns or
        dtypes than this version knows, or something that was asked for has disappeared meanwhile.

    Attributes
    ----------
    api_url, client_id
        Which address, and which pair.
    timeout, retries, patience, max_in_flight, page_size, strict
        As passed.
    unfinished
        What fetches of many lists had read when they failed or were interrupted, for their ``resume=True``.

    Raises
    ------
    CredentialsError
        Either value is empty or cannot stand in a header.
    InvalidInputError
        ``api_url`` or a number cannot be used.

    Examples
    --------
    >>> with KismetClient.from_env() as client:  # doctest: +SKIP
    ...     users = fetch_users(client=client)
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        api_url: str = DEFAULT_API_URL,
        timeout: float = 30.0,
        retries: int = 5,
        patience: float = 90.0,
        max_in_flight: int = 8,
        page_size: int = 500,
        strict: bool = False,
    ) -> None:
        credentials = Credentials(client_id, client_secret)
        del client_secret  # a traceback of the checks below must not hold it
        self._credentials = credentials
        self.source = THE_ARGUMENT  # where the pair came from, for messages
        self._api_url = ""  # for repr, should a check below refuse something
        credentials.check()
        for name, value, least, kind in (
            ("timeout", timeout, 0.001, int | float),
            ("retries", retries, 0, int),
            ("patience", patience, 0, int | float),
            ("max_in_flight", max_in_flight, 1, int),
            ("page_size", page_size, 1, int),
        ):
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= LARGEST_NUMBER:
                whole = "whole " if kind is int else ""
                raise InvalidInputError(f"{name} must be a {whole}number from {least} to {LARGEST_NUMBER}.")
        self._api_url = checked_api_url(api_url)
        self.timeout = timeout
        self.retries = retries
        self.patience = patience
        self.max_in_flight = max_in_flight
        self.page_size = page_size
        self.strict = strict
        self.unfinished: dict[Any, Any] = {}
        self.row_counts: dict[str, int] = {}  # of lists, by path, when they were last counted: how many pages to expect
        self._begin()

    def _begin(self) -> None:
        """Start with no connections, in this process."""
        self._process = os.getpid()
        self._gate = Gate(self.max_in_flight)
        self._idle_lanes: list[Lane] = []
        self._lock = threading.Lock()

    @classmethod
    def from_env(cls, **options: Any) -> Self:  # noqa: ANN401 - keywords of the constructor, passed on
        """Make a client from the environment or the nearest ``.env``; ``options`` are the constructor's.

        Raises
        ------
        CredentialsError
            Neither place holds a whole, usable pair.
        InvalidInputError
            The address that goes with it, or an option, cannot be used.
        """
        found = find_credentials()
        if found is None:
            raise CredentialsError(f"No credentials were found. {WAYS_TO_LOG_IN}")
        client = cls.from_credentials(found.credentials, **{"api_url": found.api_url, **options})
        client.source = found.source
        return client

    @classmethod
    def from_credentials(cls, credentials: Credentials, **options: Any) -> Self:  # noqa: ANN401 - as above
        """Make a client from a pair that is already held; ``options`` are the constructor's."""
        return cls(credentials.client_id, credentials._reveal(), **options)  # noqa: SLF001 - the pair's only reader

    @property
    def api_url(self) -> str:
        """The API's address. The secret goes nowhere else, so another address needs another client."""
        return self._api_url

    @property
    def client_id(self) -> str:
        """The Client ID."""
        return self._credentials.client_id

    @functools.cached_property
    def tls(self) -> ssl.SSLContext:
        """Whose certificates are trusted: certifi's, or those that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names."""
        trusted = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
        is_folder = Path(trusted).is_dir()
        try:
            return ssl.create_default_context(
                cafile=None if is_folder else trusted, capath=trusted if is_folder else None
            )
        except OSError:
            pass
        raise InvalidInputError("REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names no file of certificates.")

    def get(self, path: str, params: Params | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Send one GET below ``/api/external`` and return the decoded JSON.

        Parameters
        ----------
        path
            The endpoint, such as ``"/organization_users"``.
        params
            The query.

        Returns
        -------
        Any
            What the JSON says, numbers exact; a page's rows are not checked here.

        Raises
        ------
        InvalidInputError
            ``path`` does not begin with a slash, or has a query in it.
        KismetError
            Any other of its subclasses, by what to do next.

        Examples
        --------
        >>> client.get("/organization_users", {"per_page": 1})["pagination"]  # doctest: +SKIP
        {'current_page': 1, 'per_page': 1, 'total_pages': 131, 'total_count': 131}
        """
        if not isinstance(path, str) or not path.startswith("/") or {"?", "#"} & set(path):
            raise InvalidInputError("path must begin with a slash, and the query is passed as params.")
        with self.lanes() as lend, _watched(lane := lend()):
            return lane.get(path, params or {})

    @contextlib.contextmanager
    def lanes(self) -> Iterator[Callable[[], Lane]]:
        """Lend lanes, one at each call; those that are still whole are kept for the next fetch."""
        if self._process != os.getpid():
            self._begin()  # after a fork: over its connections, the parent's answers would come here
        lent: list[Lane] = []

        def lend() -> Lane:
            with self._lock:
                lane = self._idle_lanes.pop() if self._idle_lanes else None
            lent.append(lane or Lane(self))
            return lent[-1]

        whole = False
        try:
            yield lend
            whole = True
        finally:
            for lane in lent:
                if not whole or lane.cancelled.is_set():
                    lane.close()
                else:
                    with self._lock:
                        self._idle_lanes.append(lane)

    def close(self) -> None:
        """Close the idle connections and forget unfinished fetches. The client may be used again."""
        self.unfinished.clear()
        with self._lock:
            lanes, self._idle_lanes = self._idle_lanes, []
        for lane in lanes:
            lane.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"KismetClient({self.api_url}, Client ID {masked(self.client_id)})"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A KismetClient is not copied or pickled: its secret would leave this process.")


@dataclass(frozen=True, slots=True, repr=False)
class _Answer:
    """What came back, as plain data: nothing here leads to a request header.

    It has no repr: a server may echo the secret, and a verbose traceback shows the repr of every variable.
    """

    status: int
    body: bytes
    retry_after: str | None
    location: str | None


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The JSON of a good answer: any value, None included."""

    value: Any


class Lane:
    """One keep-alive connection of a client, for one thread at a time.

    Attributes
    ----------
    cancelled
        Whether to send nothing more.
    meanwhile
        What to do while this lane waits: for the answer to its next request, or for the time to send it. It must
        not raise: the frames around it hold the request's headers.
    """

    def __init__(self, client: KismetClient) -> None:
        self.cancelled = threading.Event()
        self.meanwhile: Callable[[], None] | None = None
        self._client = client
        self._gate = client._gate  # noqa: SLF001 - a lane is a part of its client
        self._credentials = client._credentials  # noqa: SLF001 - as above
        self._deadline = float("inf")
        self._socket: socket.socket | None = None  # of the connection, once there is one, for cutting it
        self._let_go: Callable[[], object] = lambda: None  # of that socket
        self._connected = False  # also through a proxy, and with TLS
        self._pool = self._new_pool()
        # Importing tenacity loads asyncio, and tornado where it is installed.
        import tenacity  # noqa: PLC0415 - as said

        growing = tenacity.wait_exponential(multiplier=0.5, max=20) + tenacity.wait_random(0, 0.5)
        self._retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, KismetError) and error.retryable),
            wait=functools.partial(_wait_before_retry, growing),
            stop=tenacity.stop_after_attempt(client.retries + 1) | tenacity.stop_before_delay(client.patience),
            sleep=self.pause,
            before_sleep=self._announce,
            retry_error_callback=_give_up,
        )

    def get(self, path: str, params: Params, *, resource: str | None = None, page: int | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Send one GET, with retries, and return the decoded JSON; ``resource`` and ``page`` name it in errors."""
        return self._retry(self._attempt, path, params, resource, page)

    def catch_up(self) -> None:
        """Do what was left for a wait."""
        work, self.meanwhile = self.meanwhile, None
        if work:
            work()

    def pause(self, seconds: float) -> None:
        """Wait, unless the fetch ends meanwhile."""
        self.catch_up()
        if self.cancelled.wait(seconds):
            raise FetchEndedError

    def cut_if_overdue(self) -> None:
        """From another thread: break off a request that has used up its time."""
        if time.monotonic() > self._deadline:
            self._cut()

    def cancel(self) -> None:
        """From another thread: stop waiting, stop reading, send nothing more."""
        self.cancelled.set()
        self._cut()

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
        self._let_go()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _hold(self, connected: socket.socket) -> None:
        """Keep a second handle of a connection: TLS takes the first for itself, and could not be cut as it begins."""
        self._let_go()
        self._socket = connected.dup()
        self._let_go = weakref.finalize(self, self._socket.close)

    def _use(self, connected: socket.socket | urllib3.connection.HTTPConnection) -> None:
        """Close what was just connected, and fail as if it had been cut, where it comes too late."""
        if self.cancelled.is_set() or time.monotonic() > self._deadline:
            connected.close()
            raise ConnectionAbortedError

    def _attempt(self, path: str, params: Params, resource: str | None, page: int | None) -> Any:  # noqa: ANN401
        with self._gate.passage(self.pause):
            if self.cancelled.is_set():
                raise FetchEndedError
            sent = self._send(API_PREFIX + path, params)
        outcome = self._judge(sent) if isinstance(sent, _Answer) else sent
        if isinstance(outcome, BaseException):
            if isinstance(outcome, KismetError):
                outcome.resource, outcome.page = resource, page
            raise outcome
        self._gate.granted()
        return outcome.value

    def _send(self, path: str, params: Params) -> _Answer | BaseException:
        """Return the answer or the error to raise: never raises, so that no frame that holds a header is kept."""
        timeout = self._client.timeout
        self._deadline = time.monotonic() + timeout
        try:
            with self._pool.urlopen(
                "GET",
                urlsplit(self._client.api_url).path + path + (f"?{urlencode(params)}" if params else ""),
                headers={**HEADERS, **self._credentials.headers_for(self._reaches(), self._client.api_url)},
                timeout=urllib3.Timeout(connect=min(LONGEST_CONNECT, timeout), read=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            ) as response:
                return _Answer(
                    status=response.status,
                    body=self._read(response),
                    retry_after=response.headers.get("Retry-After"),
                    location=response.headers.get("Location"),
                )
        except KismetError as error:
            return error.with_traceback(None)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return self._connection_failure(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, its frames may hold the headers
            return UnexpectedAnswerError(
                f"The request failed in an unforeseen way ({type(error).__name__}). Report it."
            )
        except BaseException as error:  # noqa: BLE001 - an interrupt, or what somebody's signal handler raises
            error.__context__ = error.__cause__ = None
            return error.with_traceback(None)
        finally:
            self._deadline = float("inf")

    def _reaches(self) -> str:
        """Return where this lane really connects to, behind a proxy too."""
        host = f"[{self._pool.host}]" if ":" in self._pool.host else self._pool.host
        return f"{self._pool.scheme}://{host}:{self._pool.port}"

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        body = bytearray()
        chunk = b"-"
        while chunk:
            chunk = response.read1(2**18, decode_content=True)
            body += chunk
            if len(body) > LARGEST_BODY:
                raise UnexpectedAnswerError(
                    f"The answer is larger than {LARGEST_BODY // 2**20} MB and was not read on. Try a smaller "
                    "page_size."
                )
            if time.monotonic() > self._deadline:
                raise self._timed_out()
        return bytes(body)

    def _timed_out(self) -> UnavailableError:
        return UnavailableError(
            f"No complete answer within {self._client.timeout:g} s. Try again later, or give the client a longer "
            "timeout."
        )

    def _connection_failure(self, error: Exception) -> KismetError:
        host = _host(self._client.api_url)
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # to urllib3 this too is a timeout
        slow = isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError) and not refused
        if slow or time.monotonic() > self._deadline:
            return self._timed_out()
        if isinstance(error, urllib3.exceptions.ProxyError):
            return UnavailableError("The proxy could not be reached. Check HTTPS_PROXY and NO_PROXY.")
        hung_up = isinstance(error, urllib3.exceptions.SSLError) and isinstance(error.args[0], ssl.SSLEOFError)
        if not self._connected and isinstance(error, urllib3.exceptions.SSLError) and not hung_up:
            return UnexpectedAnswerError(
                f"No trusted TLS connection to {host} could be made, so nothing was sent. Behind a company "
                "proxy, point REQUESTS_CA_BUNDLE to the company's certificate."
            )
        if not self._connected:
            return UnavailableError(f"{host} cannot be reached. Check the network and the address.")
        return UnavailableError("The connection broke before the answer was complete. Try again later.")

    def _judge(self, answer: _Answer) -> _Decoded | KismetError:
        """Return what the body says, or the error that the status or the body calls for."""
        status = answer.status
        if status == 200:
            return _decode(answer)
        if 300 <= status < 400:
            target = _host(answer.location or "")
            target = "" if self._credentials.echoed_in(target) else target
            return UnexpectedAnswerError(
                f"The server redirects{f' to {target}' if target else ''}, which is not followed: the secret stays "
                "with the address that it was given for. Check the API's address.",
                status=status,
            )
        if status in {401, 403}:
            return AuthenticationError(
                f"The server refused the credentials (Client ID {masked(self._credentials.client_id)}, from "
                f"{self._client.source}). Reasons, in order: a wrong Client ID; a wrong secret; credentials that "
                "have expired; characters lost or added while copying. Copy both again from the Kismet dashboard; a "
                "secret is shown there only once, so if it is lost, create new credentials. "
                f"{how_to_log_in_again(self._client.source)}",
                status=status,
            )
        if status == 404:
            return NotFoundError("It does not exist (404), or these credentials may not see it.", status=status)
        if status == 429:
            wait = _seconds_to_wait(answer.retry_after)
            asks = f"; the server asks to wait {wait:.0f} s" if wait else ""
            return UnavailableError(
                f"Too many requests (429){asks}. Try again later, or with a lower max_in_flight.",
                status=status,
                retry_after=wait,
            )
        if status >= 500:
            wait = _seconds_to_wait(answer.retry_after)
            return UnavailableError(f"The server failed ({status}). Try again later.", status=status, retry_after=wait)
        if 400 <= status < 500:
            return RequestRefusedError(
                f"The server refused the request ({status}){self._hint(answer)}. Check the arguments.", status=status
            )
        return UnexpectedAnswerError(f"The server answered {status} where 200 was expected.", status=status)

    def _hint(self, answer: _Answer) -> str:
        """Return the server's own short reason, unless it echoes what must stay secret."""
        try:
            reason = json.loads(answer.body)["error"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        if not isinstance(reason, str) or not reason.isprintable() or self._credentials.echoed_in(reason):
            return ""
        return f": {reason[:200]}"

    def _announce(self, state: tenacity.RetryCallState) -> None:
        """Close the gate for all after a 429, and say so when the wait is long enough to be noticed."""
        error = state.outcome.exception() if state.outcome else None
        first = True
        if isinstance(error, KismetError) and (error.status == 429 or error.retry_after):
            first = self._gate.hold(state.upcoming_sleep)
        if first and state.upcoming_sleep > 1:
            # Without any logging set up, Python shows warnings on stderr: in a notebook, under the cell.
            _logger.warning("waiting %.0f s before trying again: %s", state.upcoming_sleep, error)

    def _new_pool(self) -> HTTPConnectionPool:
        """Return a pool of one connection, which knows this lane."""
        url = self._client.api_url
        # This machine may be asked without TLS, whose certificates take a while to load, and never through a proxy.
        tls, proxy = (self._client.tls, _proxy(url)) if url.startswith("https") else (None, None)
        settings: dict[str, Any] = {"num_pools": 1, "maxsize": 1, "ssl_context": tls}
        pool: HTTPConnectionPool | None = None
        with contextlib.suppress(ValueError):  # which quotes the proxy's address, and the password in it
            manager = (
                urllib3.ProxyManager(proxy, proxy_headers=_proxy_headers(proxy), proxy_ssl_context=tls, **settings)
                if proxy
                else urllib3.PoolManager(**settings)
            )
            pool = manager.connection_from_url(url)
        if pool is None:
            culprit = PROXY_VARIABLES if proxy else "api_url"
            del proxy  # a verbose traceback would show it
            raise InvalidInputError(f"{culprit} is no address that can be used.")
        kind = _LaneHTTPSConnection if pool.scheme == "https" else _LaneHTTPConnection
        # urllib3 holds connections in a place of its own until the pool has gone: with the lane in them, it never went.
        pool.ConnectionCls = functools.partial(kind, lane=weakref.proxy(self))  # type: ignore[assignment]
        return pool


@contextlib.contextmanager
def _watched(lane: Lane) -> Iterator[None]:
    """Cut the lane's request when its time is up: the thread that reads it may never come back to look."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            lane.cut_if_overdue()

    thread = threading.Thread(target=watch, daemon=True, name="kismet_nb")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _SilentResponse(http.client.HTTPResponse):
    def begin(self) -> None:
        super().begin()
        # urllib3 logs lines that are no headers, and a server may echo the secret in one.
        self.msg.defects.clear()
        self.msg.set_payload("")


class _LaneHTTPConnection(urllib3.connection.HTTPConnection):
    # http.client prints whole requests, headers included, where its class attribute is raised for debugging.
    debuglevel = 0
    response_class = _SilentResponse

    def __init__(self, *args: Any, lane: Lane, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own
        super().__init__(*args, **kwargs)
        self._lane = lane

    def connect(self) -> None:
        self._lane._connected = False  # noqa: SLF001 - a lane and its connection are one
        super().connect()
        self._lane._use(self)  # noqa: SLF001 - as above
        self._lane._connected = True  # noqa: SLF001 - as above

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._lane._hold(connected)  # noqa: SLF001 - as above
        self._lane._use(connected)  # noqa: SLF001 - as above
        return connected

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        self._lane.catch_up()  # the request is on its way
        return super().getresponse()


class _LaneHTTPSConnection(_LaneHTTPConnection, urllib3.connection.HTTPSConnection):
    pass


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for an address."""
    host = _host(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    if not proxy.lower().startswith(("http://", "https://")):
        del proxy, proxies  # a verbose traceback would show them
        raise InvalidInputError(f"{PROXY_VARIABLES} must begin with http:// or https://.")
    return proxy


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")


def _decode(answer: _Answer) -> _Decoded | UnexpectedAnswerError:
    start = answer.body[:200].lstrip()
    if not start:
        problem = "The answer is empty where JSON was expected."
    elif start.startswith(b"<"):
        problem = (
            "A web page came back instead of data: probably a proxy's or a network's log-in page, or the API's "
            "address is wrong."
        )
    else:
        try:
            return _Decoded(_decoder.decode(answer.body.decode()))
        except (ValueError, RecursionError):
            problem = "The answer is not valid JSON."
    # A gateway's blip looks like this too, so it is worth another try.
    return UnexpectedAnswerError(f"{problem} Try again; if it stays, report it.", status=answer.status, retryable=True)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; of two with the same name, one would be lost in silence."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name comes twice in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> float | str:
    """Read a number with a fraction or an exponent; kept as written if it were infinite, 0 or another whole number."""
    value = float(text)
    vanished = value == 0 and re.search("[1-9]", re.split("[eE]", text)[0])
    rounded = abs(value) >= 2**53 and (math.isinf(value) or Decimal(text) != Decimal(value))
    return text if vanished or rounded else value


# json.loads makes a new one each time, which costs as much as decoding a page.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_number, object_pairs_hook=_object)


def _seconds_to_wait(retry_after: str | None) -> float | None:
    """Read a Retry-After header in either of its forms; nonsense is as good as none."""
    text = (retry_after or "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _wait_before_retry(growing: Callable[[tenacity.RetryCallState], float], state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    # Less than a second is no more than "soon", and a clock that runs ahead makes nothing of any date.
    if isinstance(error, KismetError) and error.retry_after is not None and error.retry_after >= 1:
        return error.retry_after + random.uniform(0, 0.1)  # noqa: S311 - spreads the lanes, nothing secret
    return growing(state)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, KismetError) and state.attempt_number > 1:
        error.message += f" (Tried {state.attempt_number} times.)"
    raise error or AssertionError


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
