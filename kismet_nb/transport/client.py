"""The client of one organization: whose credentials, which address, which limits.

It sends one request with ``get``. Fetches of whole lists take its ``workers``.
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

MAX_SETTING = 10**6  # of any number: a socket takes no endless timeout


class KismetClient:
    """An authenticated, read-only client of one organization.

    Making one sends nothing. It may be shared by threads, and is closed by ``close()`` or a ``with`` block. The
    parameters are attributes of the same name, except the secret.

    The logger ``kismet_nb`` logs each request at debug level: endpoint, status, milliseconds and try, without ids. The
    logger ``urllib3``, if its level is debug too, logs host, path and query of each request, in which an address or a
    waiting room may name a person. Neither logs a header, so neither logs the credentials.

    Parameters
    ----------
    client_id, client_secret
        The credentials from the Kismet dashboard. The secret is shown nowhere.
    api_url
        The API's address: https, or http on this machine.
    timeout
        Seconds that one request may take, from connecting to the last byte of the body.
    retries
        How often a request is tried again after a passing failure: no connection, a broken answer, 429, 5xx.
    patience
        Seconds that one request may spend on retries and waits altogether. If the server asks for a longer wait,
        the request fails.
    max_in_flight
        How many requests may be under way at a time, over all fetches that share this client.
    page_size
        Rows to ask for in a page. The server may give fewer; what its answer reports counts.
    verify
        ``"auto"`` reads every page of a list a second time if one reading is no proof that the list did not change
        meanwhile; ``"twice"`` always does. A list of one page is always read once.
    strict
        For scheduled runs: raise an error instead of a warning, if the API sends columns or dtypes that this version
        does not know, or if something that was asked for no longer exists.

    Attributes
    ----------
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
        verify: Verify = "auto",
        strict: bool = False,
    ) -> None:
        credentials = Credentials(client_id, client_secret)
        del client_secret  # a traceback of the checks below must not hold it
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
        """Start with no connections, in this process."""
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
            Read the credentials from this file only, which is written like a ``.env``. So programs that work for
            several organizations can keep one file for each.
        options
            Keywords of the constructor.

        Raises
        ------
        CredentialsError
            There are no usable credentials in these places.
        InvalidInputError
            The address that goes with them, or an option, cannot be used.
        """
        found = find_credentials() if file is None else credentials_in_file(file)
        if found is None:
            raise CredentialsError(f"No credentials were found. {WAYS_TO_LOG_IN}")
        client = cls.from_credentials(found.credentials, **{"api_url": found.api_url, **options})
        client.source = found.source
        return client

    @classmethod
    def from_credentials(cls, credentials: Credentials, **options: Any) -> Self:  # noqa: ANN401 - as above
        """Make a client from credentials that were already found; ``options`` are the constructor's."""
        return cls(credentials.client_id, credentials.secret_value(), **options)

    @property
    def api_url(self) -> str:
        """The API's address. The secret goes nowhere else, so another address needs another client."""
        return self._api_url

    @property
    def client_id(self) -> str:
        """The Client ID."""
        return self._credentials.client_id

    @property
    def credentials(self) -> Credentials:
        """The credentials, which show their secret nowhere."""
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
        """How many requests have succeeded so far, over all fetches of this client."""
        return self._throttle.successes

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
        workers = self.workers()
        with contextlib.closing(workers.run(workers.get, [Request(path, params or {}, endpoint_of(path))])) as results:
            return next(result[1].value for result in results if result)

    def workers(self) -> Workers:
        """Return the threads of one fetch: they share this client's connections and its limits."""
        self._connect_after_fork()
        policy = RetryPolicy(self.retries, self.patience)
        return Workers(self._connections, self._throttle, policy, self.max_in_flight, self._usage)

    def usage(self) -> pd.DataFrame:
        """Return what this client has requested so far, by endpoint.

        It counts from when the client was made; ``close()`` and ``kn.logout()`` keep the counts. Other processes are
        not counted here: a forked one begins at zero, and the cells of a report run in a process of their own.

        Returns
        -------
        DataFrame
            One row per endpoint, the most requests first, with the columns

            ``endpoint`` str (such as ``/organization_users/{organization_user_id}/calls``, whatever the id; ``other``
            for a path of ``get`` that this version does not know), ``requests`` Int64 (all that were sent, retries
            included), ``retries`` Int64, ``refusals`` Int64 (responses with status 401 or 403, which refuse the
            credentials, and with 429, 502, 503 or 504, which are signs of overload), ``bytes`` Int64 (of complete
            response bodies, decompressed), ``seconds`` Float64 (from sending a request to the last byte of its
            response; of requests side by side, the sum).

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
            self._connect()  # the parent's responses would arrive over its connections

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
        raise TypeError("A KismetClient is not copied or pickled: its secret would leave this process.")
