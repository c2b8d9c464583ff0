"""The client of one organization, with its credentials, address and limits.

``get`` sends one request. Fetches of whole lists use its ``workers``.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, get_args

from kismet_nb.auth.credentials import (
    DEFAULT_API_URL,
    WAYS_TO_LOG_IN,
    Credentials,
    checked_api_url,
    masked_unverified,
)
from kismet_nb.auth.discovery import credentials_in_file, find_credentials
from kismet_nb.errors import CredentialsError, InvalidInputError
from kismet_nb.transport.connection import ConnectionPool
from kismet_nb.transport.retry import RetryPolicy
from kismet_nb.transport.throttle import Throttle
from kismet_nb.transport.usage import Usage, endpoint_of, usage_table
from kismet_nb.transport.workers import Request, Workers

if TYPE_CHECKING:
    import pandas as pd

    from kismet_nb.transport.connection import Params

__all__ = ["KismetClient", "Verify"]

Verify = Literal["auto", "twice"]

MAX_SETTING = 10**6  # largest accepted number: a socket accepts no infinite timeout


class KismetClient:
    """An authenticated, read-only client of one organization.

    The constructor sends nothing. Threads may share a client. ``close()`` or a ``with`` block closes it. All parameters
    except the secret are attributes of the same name.

    The logger ``kismet_nb`` logs each request at debug level: endpoint, status, milliseconds and try, without ids. If
    its level is debug too, the logger ``urllib3`` logs host, path and query of each request. An address or a waiting
    room in them may name a person. Neither logs a header, so neither logs the credentials.

    Parameters
    ----------
    client_id, client_secret
        The credentials from the Kismet dashboard. The secret is never shown.
    api_url
        The API's address: https, or http on this machine.
    timeout
        Seconds that one request may take, from connecting to the last byte of the body.
    retries
        How often a request is tried again after a temporary failure: no connection, a broken response, 429, 5xx. A
        response that is not JSON is requested again once. If the server is overloaded but other requests succeed, only
        ``patience`` ends the retries.
    patience
        Seconds that one request may spend on retries and waits in total. If the server asks for a longer wait,
        the request fails.
    max_in_flight
        How many requests may be in flight at a time, over all fetches that share this client.
    page_size
        Rows to request per page. The server may send fewer; the size that its response reports is used.
    verify
        ``"auto"`` reads every page of a list a second time if one reading does not prove that the list did not change
        meanwhile; ``"twice"`` always does. A list of one page is always read once.
    strict
        For scheduled runs: raise an error instead of a warning if the API sends columns or dtypes that this version
        does not know, or if something that was requested no longer exists.

    Attributes
    ----------
    unfinished
        The lists that failed or interrupted fetches have read, for ``resume=True``.

    Raises
    ------
    CredentialsError
        A value is empty or not allowed in a header.
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
        verify: Verify = "auto",
        strict: bool = False,
    ) -> None:
        credentials = Credentials(client_id, client_secret)
        del client_secret  # a traceback of the checks below must not contain it
        self._credentials = credentials
        self._api_url = ""  # so that repr() works if a check below raises
        credentials.check()
        for name, value, least, kind in (
            ("timeout", timeout, 0.001, int | float),
            ("retries", retries, 0, int),
            ("patience", patience, 0, int | float),
            ("max_in_flight", max_in_flight, 1, int),
            ("page_size", page_size, 1, int),
        ):
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= MAX_SETTING:
                whole = "whole " if kind is int else ""
                raise InvalidInputError(f"{name} must be a {whole}number from {least} to {MAX_SETTING}.")
        if verify not in get_args(Verify):
            raise InvalidInputError('verify must be "auto" or "twice".')
        self._api_url = checked_api_url(api_url)
        self.timeout = timeout
        self.retries = retries
        self.patience = patience
        self.max_in_flight = max_in_flight
        self.page_size = page_size
        self.verify: Verify = verify
        self.strict = strict
        self.unfinished: dict[Any, Any] = {}
        self._connect()

    def _connect(self) -> None:
        """Start without connections, in this process."""
        self._process = os.getpid()
        self._throttle = Throttle(self.max_in_flight)
        self._usage = Usage()
        self._connections = ConnectionPool(self._api_url, self._credentials, self.timeout)

    @classmethod
    def from_env(cls, *, file: str | os.PathLike[str] | None = None, **options: Any) -> Self:  # noqa: ANN401 - the constructor's
        """Make a client from the environment or the nearest ``.env``, as ``kn.login()`` does.

        Parameters
        ----------
        file
            Read the credentials from this file only. It is written like a ``.env``. A program for several
            organizations can keep one file for each.
        options
            Keywords of the constructor.

        Raises
        ------
        CredentialsError
            These sources have no usable credentials.
        InvalidInputError
            The address of the credentials, or an option, cannot be used.
        """
        found = find_credentials() if file is None else credentials_in_file(file)
        if found is None:
            raise CredentialsError(f"No credentials were found. {WAYS_TO_LOG_IN}")
        client = cls.from_credentials(found.credentials, **{"api_url": found.api_url, **options})
        client.source = found.source
        return client

    @classmethod
    def from_credentials(cls, credentials: Credentials, **options: Any) -> Self:  # noqa: ANN401 - as above
        """Make a client from ``Credentials``; ``options`` are keywords of the constructor."""
        return cls(credentials.client_id, credentials.secret_value(), **options)

    @property
    def api_url(self) -> str:
        """The API's address. The secret is sent to no other, so another address needs another client."""
        return self._api_url

    @property
    def client_id(self) -> str:
        """The Client ID."""
        return self._credentials.client_id

    @property
    def credentials(self) -> Credentials:
        """The credentials, which never show their secret."""
        return self._credentials

    @property
    def source(self) -> str:
        """Where the credentials came from, for messages."""
        return self._credentials.source

    @source.setter
    def source(self, source: str) -> None:
        self._credentials.source = source

    @property
    def answered(self) -> int:
        """The number of requests that have succeeded so far, over all fetches of this client."""
        return self._throttle.successes

    def get(self, path: str, params: Params | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Send one GET below ``/api/external`` and return the decoded JSON.

        Parameters
        ----------
        path
            The endpoint, for example ``"/organization_users"``.
        params
            The query.

        Returns
        -------
        Any
            The decoded JSON with exact numbers. The rows of a page are not checked.

        Raises
        ------
        InvalidInputError
            ``path`` does not begin with a slash, or contains a query.
        KismetError
            The request failed; the subclass depends on what to do next.

        Examples
        --------
        >>> client.get("/organization_users", {"per_page": 1})["pagination"]  # doctest: +SKIP
        {'current_page': 1, 'per_page': 1, 'total_pages': 131, 'total_count': 131}
        """
        if not isinstance(path, str) or not path.startswith("/") or {"?", "#"} & set(path):
            raise InvalidInputError("path must begin with a slash and contain no query. Pass the query as params.")
        workers = self.workers()
        with contextlib.closing(workers.run(workers.get, [Request(path, params or {}, endpoint_of(path))])) as results:
            return next(result[1].value for result in results if result)

    def workers(self) -> Workers:
        """Return the threads of one fetch, which share this client's connections and limits."""
        self._connect_after_fork()
        policy = RetryPolicy(self.retries, self.patience)
        return Workers(self._connections, self._throttle, policy, self.max_in_flight, self._usage)

    def usage(self) -> pd.DataFrame:
        """Return the number of requests of this client so far, by endpoint.

        The counts begin when the client is made; ``close()`` and ``kn.logout()`` keep them. Other processes are not
        counted: a forked process begins at zero, and the cells of a report run in a separate process.

        Returns
        -------
        DataFrame
            One row per endpoint, the most requests first, with the columns

            ``endpoint`` str (for example ``/organization_users/{organization_user_id}/calls`` for all ids; ``other``
            for a path of ``get`` that this version does not know), ``requests`` Int64 (all that were sent, retries
            included), ``retries`` Int64, ``refusals`` Int64 (responses with status 401 or 403, which refuse the
            credentials, and with 429, 502, 503 or 504, which are signs of overload), ``bytes`` Int64 (of complete
            response bodies, decompressed), ``seconds`` Float64 (from sending a request to the last byte of its
            response; for concurrent requests, the sum).

        Examples
        --------
        >>> with KismetClient("my-client-ab12", "not-shown") as client:
        ...     client.usage().columns.tolist()
        ['endpoint', 'requests', 'retries', 'refusals', 'bytes', 'seconds']
        """
        self._connect_after_fork()
        return usage_table([self._usage])

    def _connect_after_fork(self) -> None:
        if self._process != os.getpid():
            self._connect()  # the parent's connections would receive the parent's responses

    def close(self) -> None:
        """Close the idle connections and forget unfinished fetches. The client may be used again."""
        self.unfinished.clear()
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"KismetClient({self.api_url}, Client ID {masked_unverified(self.client_id)})"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A KismetClient cannot be copied or pickled: its secret would leave this process.")
