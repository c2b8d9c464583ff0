"""The functions that people call, and this notebook's login."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, overload
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd

from kismet_nb.auth.credentials import WAYS_TO_LOG_IN, masked
from kismet_nb.dates import parse_date
from kismet_nb.errors import CredentialsError, InvalidInputError, RequestRefusedError
from kismet_nb.fetch import pagination as pages
from kismet_nb.fetch.table import collect
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kismet_nb.fetch.pagination import Listing, Walked

__all__ = [
    "Login",
    "current_login",
    "fetch_call_metrics",
    "fetch_calls",
    "fetch_egresses",
    "fetch_invites",
    "fetch_roles",
    "fetch_users",
    "fetch_waiting_room_subs",
    "fetch_waiting_rooms",
    "log_in",
    "log_out",
    "login_watchers",
]


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in, and where.

    Attributes
    ----------
    client
        The client that fetches use.
    users
        How many users the organization had at that moment.
    """

    client: KismetClient
    users: int

    @property
    def source(self) -> str:
        """Where the credentials came from."""
        return self.client.source

    def __str__(self) -> str:
        host = urlsplit(self.client.api_url).netloc
        return (
            f"Logged in: {self.users} users at {host}, from {self.source}, Client ID {masked(self.client.client_id)}."
        )

    def _ipython_display_(self) -> None:
        """Show nothing below a cell that ends in ``kn.login()``: it has said all this already."""


# The one thing that a notebook remembers, and who is told when it changes: what it was, and what it is.
_login: Login | None = None
login_watchers: list[Callable[[Login | None, Login | None], None]] = []


def log_in(client: KismetClient, source: str) -> Login:
    """Verify a client with one cheap request (``/organization_users``) and make it this notebook's.

    Raises
    ------
    KismetError
        The server refused the credentials or could not be reached; an earlier login stays.
    """
    client.source = source
    login = Login(client, pages.count_rows(client, RESOURCES["users"]))
    _remember(login)
    return login


def log_out() -> None:
    """Forget this notebook's login and close its connections."""
    if _login is not None:
        _login.client.close()
    _remember(None)


def _remember(login: Login | None) -> None:
    global _login
    before, _login = _login, login
    for watcher in login_watchers:
        watcher(before, login)


def current_login() -> Login | None:
    """Return this notebook's login, or None."""
    return _login


def fetch_users(
    email: str | None = None, *, client: KismetClient | None = None, progress: bool | None = None
) -> pd.DataFrame:
    """Fetch every user of the organization (``/organization_users``).

    Parameters
    ----------
    email
        Only users with this address, as the server matches it.
    client
        Whose organization; this notebook's login by default.
    progress
        Whether to show a progress bar; by default only in a terminal or a notebook, and only for long work.

    Returns
    -------
    DataFrame
        One row per user, in the server's order, complete, with the columns

        ``id`` Int64, ``email`` str, ``is_admin`` boolean, ``roles`` object (a list of role names, from newer
        servers only), ``display_name`` str, ``waiting_room_url`` str, ``created_at`` and ``updated_at``
        datetime64[us, UTC],

        then any that this version does not know. ``attrs["kismet"]`` says where it came from. An empty result
        has the same columns and dtypes.

    Raises
    ------
    IncompleteError
        The list kept moving while it was read.
    AuthenticationError, NotFoundError, RequestRefusedError, UnavailableError, UnexpectedAnswerError
        The server refused, was out of reach, or answered something else than its documentation says.
    SchemaDriftError
        Instead of the warning below, from a strict client.
    CredentialsError
        Nobody is logged in.
    InvalidInputError
        ``email`` is not text, or empty.

    Warns
    -----
    SchemaDriftWarning
        The table is complete, but the server sent columns or values that this version does not know.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> demo = kn.use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> kn.fetch_users().shape
    (131, 8)
    >>> demo.stop()
    """
    query: tuple[tuple[str, str], ...] = ()
    if email is not None:
        if not isinstance(email, str) or not email.strip() or not _can_be_sent(email):
            raise InvalidInputError("email must be an address as text, such as 'ada.ferris@example.org'.")
        query = (("email", email.strip()),)
    listings = [pages.Listing(RESOURCES["users"].path, query)]
    return collect(_chosen(client), "users", listings, progress)[0]


@overload
def fetch_calls(
    users: pd.DataFrame | Iterable[int | str] | int | None = None,
    *,
    participants: Literal[False] = False,
    participant_names: Literal[False] = False,
    resume: bool = False,
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame: ...


@overload
def fetch_calls(
    users: pd.DataFrame | Iterable[int | str] | int | None = None,
    *,
    participants: Literal[True],
    participant_names: bool = False,
    resume: bool = False,
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]: ...


def fetch_calls(
    users: pd.DataFrame | Iterable[int | str] | int | None = None,
    *,
    participants: bool = False,
    participant_names: bool = False,
    resume: bool = False,
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
    """Fetch the calls of users (``/organization_users/{organization_user_id}/calls``).

    The API lists calls by user only, so this costs at least one request per user.

    Parameters
    ----------
    users
        Whose calls: a table of users or their ids; by default all users of the organization.
    participants
        Return a second table too, one row per participant.
    participant_names
        Keep ``name`` in the second table. Participants are mostly patients, so their names are left out unless they
        are asked for.
    resume
        Go on with what the same call had read when it failed or was interrupted, instead of reading all again.
        What was read then is as it was then. Without ``users``, the list of users is read anew.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per call, user by user, each list complete, with the columns

        ``organization_user_id`` Int64 (the user asked for), ``id`` Int64, ``name`` str, ``livekit_session_id`` str,
        ``state`` str, ``has_egresses``, ``is_recording``, ``is_canvas_locked`` and ``is_ended`` boolean,
        ``created_at`` and ``updated_at`` datetime64[us, UTC], ``participant_count`` Int64.

        The API tells no start, end or duration of a call. The two times are of its record; only
        ``fetch_call_metrics`` has durations, as means by day. The key is (``organization_user_id``, ``id``).
    tuple of DataFrame
        With ``participants=True``, the calls, and their participants: ``organization_user_id``, ``call_id`` and
        ``id`` Int64, ``participant_type`` str, ``name`` str (all missing unless asked for).

    Raises
    ------
    NotFoundError
        The server knows none of these users.
    InvalidInputError
        ``users`` are neither users nor ids, or ``participant_names`` is asked for without ``participants``.
    KismetError
        As in ``fetch_users``. After a failure or an interrupt, ``resume=True`` goes on.

    Warns
    -----
    GoneWarning
        Some of the users are gone; the table is complete without them.
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization(user_count=3) as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     calls = kn.fetch_calls(client=client)
    >>> calls.columns[:3].tolist()
    ['organization_user_id', 'id', 'name']
    """
    if participant_names and not participants:
        raise InvalidInputError("Names stand in the table of participants: pass participants=True too.")
    if users is None:
        users = fetch_users(client=client, progress=progress)
    listings = [_below("calls", user) for user in _keys("users", users, "users", "id")]
    calls, *more = collect(
        _chosen(client),
        "calls",
        listings,
        progress,
        resume=resume,
        participants=participants,
        names=participant_names,
    )
    return (calls, more[0]) if participants else calls


def fetch_call_metrics(
    start: dt.date | str,
    end: dt.date | str,
    *,
    user_id: pd.DataFrame | Iterable[int | str] | int | str | None = None,
    by_user: bool = False,
    resume: bool = False,
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch the daily figures of calls (``/call_metrics``).

    Parameters
    ----------
    start, end
        The first and the last day, both included, as dates or as text such as ``"2026-02-01"``. A range that the
        server refuses as too wide is asked for in parts.
    user_id
        Of one user, or of several: ids, or a table of users. By default the whole organization's.
    by_user
        Of each user of the organization: one request per user.
    resume
        As in ``fetch_calls``.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per day, or one per user and day, in the order of days, with the columns

        ``user_id`` Int64 (the user asked for; missing where the figures are the whole organization's), ``date``
        datetime64[us] (a plain day: the API does not say in which time zone its days begin), ``total_calls`` Int64,
        ``average_duration`` Float64 (seconds), ``call_fail_rate`` Float64, ``average_wait_time`` Float64 (seconds).

        A day that the server does not mention has no row, and a figure that it leaves out is missing: neither is
        zero. **The unit of** ``call_fail_rate`` **is not certain**: the API's documentation says that it lies between
        0 and 100, and then reads 0.125 as 12.5 percent. It comes as sent; a value above 1 rules out a fraction.
        Days are combined by ``kismet_nb.summaries``, which weights by calls: a mean of daily means is wrong.

    Raises
    ------
    InvalidInputError
        A day is no date, ``end`` is before ``start``, or both ``user_id`` and ``by_user`` are given.
    NotFoundError
        The server knows none of these users.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization() as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     metrics = kn.fetch_call_metrics("2026-01-01", "2026-01-31", client=client)
    >>> metrics.columns.tolist()[:3]
    ['user_id', 'date', 'total_calls']
    """
    first, last = parse_date(start, "start"), parse_date(end, "end")
    if last < first:
        raise InvalidInputError(f"end ({last}) is before start ({first}).")
    if last == dt.date.max:
        raise InvalidInputError(f"end ({last}) is the last of all days: name an earlier one.")
    if by_user and user_id is not None:
        raise InvalidInputError("Pass either user_id or by_user=True, not both.")
    if by_user:
        user_id = fetch_users(client=client, progress=progress)
    users = [None] if user_id is None else _keys("user_id", user_id, "users", "id")
    chosen = _chosen(client)
    # Whether date_end is included is not documented, so the day after is asked for too.
    listings = [_metrics(user, first, last, last + dt.timedelta(days=1)) for user in users]
    with contextlib.suppress(RequestRefusedError):
        return collect(chosen, "call_metrics", listings, progress, resume=resume)[0]
    ranges = _accepted_ranges(chosen, users, first, last)
    listings = [_metrics(user, *days) for user in users for days in ranges]
    return collect(chosen, "call_metrics", listings, progress, resume=resume)[0]


def fetch_egresses(
    calls: pd.DataFrame | Iterable[tuple[int | str, int | str]] | None = None,
    *,
    resume: bool = False,
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch the recordings of calls (``/organization_users/{organization_user_id}/calls/{call_id}/egresses``).

    The link to a recording is never in the table: whoever holds it can download the recording.

    Parameters
    ----------
    calls
        Which calls: a table of calls, of which those without recordings are not asked about, or pairs
        (``organization_user_id``, ``id``). By default all calls of all users, which are fetched first.
    resume
        As in ``fetch_calls``, for the recordings. Without ``calls`` these are read anew, so pass a table of them.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per recording, call by call, with the columns

        ``organization_user_id``, ``call_id`` and ``id`` Int64, ``egress_id`` str, ``status`` str, ``error`` str
        (missing when the recording succeeded), ``is_stopped`` boolean, ``ended_at``, ``created_at`` and
        ``updated_at`` datetime64[us, UTC].

    Raises
    ------
    NotFoundError
        The server knows none of these calls.
    InvalidInputError
        ``calls`` are neither a table of calls nor pairs.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_egresses(kn.fetch_calls(users=[1002]))  # doctest: +SKIP
    """
    if calls is None:
        calls = fetch_calls(client=client, progress=progress, resume=resume)
    listings = [_below("egresses", user, call) for user, call in _recorded(calls)]
    return collect(_chosen(client), "egresses", listings, progress, resume=resume)[0]


def fetch_waiting_rooms(*, client: KismetClient | None = None, progress: bool | None = None) -> pd.DataFrame:
    """Fetch every waiting room of the organization (``/waiting_rooms``).

    Parameters
    ----------
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per room, in the server's order, complete, with the columns

        ``id`` Int64, ``user_id`` Int64 (the owner; the API does not say that this is the ``id`` of users: join from
        the left, and look at what does not match), ``slug`` str, ``theme`` str, ``is_active`` boolean,
        ``created_at`` and ``updated_at`` datetime64[us, UTC], ``user_display_name`` str.

    Raises
    ------
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_waiting_rooms().query("not is_active")  # doctest: +SKIP
    """
    return collect(_chosen(client), "waiting_rooms", _whole("waiting_rooms"), progress)[0]


def fetch_waiting_room_subs(
    rooms: pd.DataFrame | Iterable[str] | str | None = None,
    *,
    resume: bool = False,
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch the coming substitutions (``/waiting_rooms/{waiting_room_slug}/waiting_room_subs``).

    The API lists substitutions in the future only, so this is no history. It costs one request per room.

    Parameters
    ----------
    rooms
        Of which rooms: a table of waiting rooms, or their slugs. By default all rooms, which are fetched first.
    resume
        As in ``fetch_calls``.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per substitution, room by room, with the columns

        ``waiting_room_slug`` str (the room asked for), ``id`` Int64, ``waiting_room_id`` Int64, ``user_id`` Int64
        (the substitute) and ``sub_waiting_room_slug`` str (both missing while nobody has taken it),
        ``datetime_start``, ``datetime_end``, ``created_at`` and ``updated_at`` datetime64[us, UTC].

    Raises
    ------
    NotFoundError
        The server knows none of these rooms.
    InvalidInputError
        ``rooms`` are neither a table of rooms nor slugs.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_waiting_room_subs(["ada-ferris"])  # doctest: +SKIP
    """
    if rooms is None:
        rooms = fetch_waiting_rooms(client=client, progress=progress)
    listings = [_below("waiting_room_subs", slug) for slug in _keys("rooms", rooms, "waiting_rooms", "slug")]
    return collect(_chosen(client), "waiting_room_subs", listings, progress, resume=resume)[0]


def fetch_invites(*, client: KismetClient | None = None, progress: bool | None = None) -> pd.DataFrame:
    """Fetch the organization's invites (``/invites``).

    The API describes its list as the active invites, so this may be no history.

    Parameters
    ----------
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per invite, in the server's order, complete, with the columns

        ``id`` Int64, ``email`` str, ``display_name`` str, ``roles`` object (a list of role names, from newer servers
        only), ``is_admin`` boolean (from older servers only), ``organization_id`` Int64, ``organization_name`` str,
        ``expires_at``, ``used_at`` (missing while not used), ``created_at`` and ``updated_at`` datetime64[us, UTC],
        ``status`` str.

        ``status`` is not the API's: it is made here, at the time of the fetch. It is ``used`` where there is a
        ``used_at``, otherwise ``expired`` where ``expires_at`` has passed, otherwise ``open``.

    Raises
    ------
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_invites()["status"].value_counts()  # doctest: +SKIP
    """
    invites = collect(_chosen(client), "invites", _whole("invites"), progress)[0]
    # Should the API send a status one day, or times that cannot be read, its own word stands.
    times = ("expires_at", "used_at")
    if invites["status"].isna().all() and all(isinstance(invites[name].dtype, pd.DatetimeTZDtype) for name in times):
        expired = invites["expires_at"] <= pd.Timestamp.now("UTC")
        status = expired.map({True: "expired", False: "open"}).mask(invites["expires_at"].isna())
        invites["status"] = status.mask(invites["used_at"].notna(), "used").astype(invites["status"].dtype)
    return invites


def fetch_roles(*, client: KismetClient | None = None, progress: bool | None = None) -> pd.DataFrame:
    """Fetch the roles that these credentials may assign (``/roles``).

    It does not say who holds which role. Credentials that may assign none have an empty table.

    Parameters
    ----------
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per role, in the server's order, complete, with the columns ``id`` Int64, ``name`` str (as in the
        invites' ``roles``) and ``description`` str.

    Raises
    ------
    KismetError
        As in ``fetch_users``. Older servers have no such list (``NotFoundError``).

    Warns
    -----
    SchemaDriftWarning
        As in ``fetch_users``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.fetch_roles()["name"].tolist()  # doctest: +SKIP
    """
    return collect(_chosen(client), "roles", _whole("roles"), progress)[0]


def _chosen(client: KismetClient | None) -> KismetClient:
    if client is None and _login is None:
        raise CredentialsError(f"Nobody is logged in. {WAYS_TO_LOG_IN}")
    if client is not None and not isinstance(client, KismetClient):
        raise InvalidInputError(f"client must be a KismetClient, not {type(client).__name__}.")
    return client or cast("Login", _login).client


# From arguments to lists ----------------------------------------------------------------------------------------


def _whole(name: str) -> list[Listing]:
    return [pages.Listing(RESOURCES[name].path)]


def _below(name: str, *keys: int | str) -> Listing:
    """Return the list of a resource that belongs to something, such as the calls of a user."""
    resource = RESOURCES[name]
    dtypes = {column.name: column.dtype for column in resource.columns}
    labels = {
        label: _id(key) if dtypes[label] == "Int64" else key
        for label, key in zip(resource.parameters, keys, strict=True)
    }
    path = resource.path.format(**{label: quote(str(key), safe="") for label, key in labels.items()})
    return pages.Listing(path, labels=tuple(labels.items()))


def _id(key: int | str) -> int | str:
    """Return an id; one given as text is the same id, if it is written as the number is."""
    return int(key) if re.fullmatch("0|[1-9][0-9]{0,98}", str(key)) else key


def _metrics(user: int | str | None, first: dt.date, last: dt.date, end: dt.date) -> Listing:
    """Return the figures of some days; ``end`` is what the server is asked for as the last."""
    user = None if user is None else _id(user)
    query = (("date_start", first.isoformat()), ("date_end", end.isoformat()))
    asked = () if user is None else (("user_id", str(user)),)
    days = (first.isoformat(), last.isoformat())
    return pages.Listing(RESOURCES["call_metrics"].path, (*query, *asked), (("user_id", user),), days)


def _accepted_ranges(
    client: KismetClient, users: Sequence[int | str | None], first: dt.date, last: dt.date
) -> list[tuple[dt.date, dt.date, dt.date]]:
    """Find out why a range was refused, and cut it into what the server gives: first and last day, and what to ask for.

    Raises
    ------
    RequestRefusedError
        It is neither for its width nor for a day that lies ahead.
    """
    one = dt.timedelta(days=1)

    def ask(start: dt.date, end: dt.date) -> None:
        for user in users:
            listing = _metrics(user, start, end, end)
            walked: dict[Listing, Walked[None]] = {}
            pages.read_lists(client, RESOURCES["call_metrics"], [listing], lambda *_: None, lambda *_: None, walked)
            if not walked[listing].gone:
                return

    def gives(start: dt.date, end: dt.date) -> bool:
        with contextlib.suppress(RequestRefusedError):
            ask(start, end)
            return True
        return False

    # Days of the server's may begin some hours before or after those of UTC.
    ahead = last + one >= dt.datetime.now(dt.UTC).date()
    end = last if ahead and not gives(last, last + one) else last + one
    ask(first, min(first + one, end))
    width = max(1, (end - first).days)
    while width > 1 and not gives(first, first + width * one):
        width = -(-width // 2)
    ranges, start = [], first
    while start <= last:
        until = min(start + width * one, end)
        ranges.append((start, last if until == end else until - one, until))
        start = ranges[-1][1] + one
    return ranges


def _keys(argument: str, given: object, table: str, column: str) -> list[int | str]:
    """Return the keys in an argument that may be a table, its keys, or one key."""
    values: list[object] = [None]
    if isinstance(given, pd.DataFrame):
        if provenance(given).get("resource", table) == table and column in given:
            values = given[column].tolist()
    elif isinstance(given, int | str | np.generic):
        values = [given]
    elif isinstance(given, Iterable) and not isinstance(given, bytes):
        values = list(given)
    keys = [value.item() if isinstance(value, np.generic) else value for value in values]
    # A text of nothing but dots would change the path.
    if not all(
        isinstance(key, int | str) and not isinstance(key, bool) and str(key).strip(". ") and _can_be_sent(str(key))
        for key in keys
    ):
        raise InvalidInputError(f"{argument} must be a table of {table.replace('_', ' ')}, or values of its {column}.")
    if column == "id" and any(re.search(r"[@\s]", str(key)) for key in keys):
        raise InvalidInputError(f"{argument} must be ids, not addresses or names: pass the table of {table}.")
    return list(dict.fromkeys(cast("list[int | str]", keys)))


def _can_be_sent(text: str) -> bool:
    """Tell whether a text holds no half of a surrogate pair."""
    return text.encode(errors="replace").decode() == text


def _recorded(calls: object) -> list[tuple[int | str, int | str]]:
    """Return user and call of each call that may have recordings."""
    pairs: list[Any] = [None]
    if isinstance(calls, pd.DataFrame):
        if {"organization_user_id", "id", "has_egresses"} <= set(calls):
            # Where the server does not say, the call is asked about.
            calls = calls.loc[~calls["has_egresses"].eq(False).fillna(value=False).astype(bool)]  # noqa: FBT003 - a value
            pairs = list(zip(calls["organization_user_id"], calls["id"], strict=True))
    elif isinstance(calls, Iterable):
        pairs = list(calls)
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise InvalidInputError("calls must be a table of calls, or pairs (organization_user_id, id).")
    users = [_keys("calls", [user], "calls", "organization_user_id")[0] for user, _ in pairs]
    ids = [_keys("calls", [call], "calls", "id")[0] for _, call in pairs]
    return list(dict.fromkeys(zip(users, ids, strict=True)))
