"""Summaries of last calls: providers and waiting rooms without a recent call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.arguments import check_coarse_times, check_table, resolve_as_of
from kismet_nb.summaries.columns import comparable_ids, to_boolean
from kismet_nb.summaries.known_calls import check_all_calls
from kismet_nb.summaries.periods import to_local_times, to_utc
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    import pandas as pd

    from kismet_nb.summaries.periods import Moment

__all__ = ["idle_rooms", "providers_without_calls"]


def providers_without_calls(
    users: pd.DataFrame, calls: pd.DataFrame, *, days: int = 30, as_of: Moment = None, tz: str = "UTC"
) -> pd.DataFrame:
    """Return the providers without a call in the last days.

    Parameters
    ----------
    users
        A table of ``fetch_users``. Every user in it counts as a provider, so filter it first if some are not.
    calls
        A table of ``fetch_calls``, of all these users.
    days
        The number of days; 0 returns all providers.
    as_of
        A time, or a day (its first moment in ``tz``), up to which calls count; by default the time of the fetch of
        the calls. Users and calls created later are left out.
    tz
        The time zone of the times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at`` (datetime64[us] in ``tz``), ``last_call`` (the same,
        missing if no call is known), ``days_since_call`` (Int64, whole days) and ``calls_known`` (boolean). Providers
        without a known call come first. ``calls_known`` is false if such a provider may have held a call in these
        days, because the oldest call in the table is after their start.

    Raises
    ------
    InvalidInputError
        A table is of another resource or lacks a column, ``calls`` has not all calls of these users, or ``days``,
        ``as_of`` or ``tz`` is invalid.

    Examples
    --------
    >>> import pandas as pd
    >>> users = pd.DataFrame({"id": [11], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": pd.to_datetime(["2026-01-05T09:00Z"])})
    >>> calls = pd.DataFrame({"organization_user_id": [11], "created_at": pd.to_datetime(["2026-02-03T15:00Z"])})
    >>> providers_without_calls(users, calls, as_of="2026-03-20")["days_since_call"].tolist()
    [44]
    """
    users = check_table(users, "users", "id", "display_name", "email", "created_at")
    table = users[["id", "display_name", "email", "created_at"]]
    return set_sources(_without_calls(table, "id", calls, days=days, as_of=as_of, tz=tz), users, calls)


def idle_rooms(
    waiting_rooms: pd.DataFrame,
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    days: int = 30,
    as_of: Moment = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return the open waiting rooms of owners without a call in the last days.

    A call does not name its room, so a room counts as used while its owner holds calls. A room with ``is_active`` false
    is closed, not idle.

    Parameters
    ----------
    waiting_rooms
        A table of ``fetch_waiting_rooms``.
    users, calls
        Tables of ``fetch_users`` and, for all these users, of ``fetch_calls``.
    days, as_of, tz
        As in ``providers_without_calls``.

    Returns
    -------
    DataFrame
        ``id``, ``slug``, ``user_id``, ``user_display_name``, ``owner_known`` (boolean), ``created_at``, ``last_call``
        (both datetime64[us] in ``tz``; missing if no call is known), ``days_since_call`` (Int64) and ``calls_known``
        (boolean, as in ``providers_without_calls``). Rooms without a known call come first. ``owner_known`` is false
        if the owner is not in ``users``; then the owner's calls are unknown.

    Raises
    ------
    InvalidInputError
        As in ``providers_without_calls``.

    Examples
    --------
    >>> import pandas as pd
    >>> moments = pd.to_datetime(["2026-01-05T09:00Z", "2026-02-03T15:00Z"])
    >>> rooms = pd.DataFrame({"id": [5], "slug": ["ada-ferris"], "user_id": [11], "user_display_name": ["Ada Ferris"],
    ...     "is_active": [True], "created_at": moments[[0]]})
    >>> calls = pd.DataFrame({"organization_user_id": [11], "created_at": moments[[1]]})
    >>> idle_rooms(rooms, pd.DataFrame({"id": [11]}), calls, as_of="2026-03-20")["days_since_call"].tolist()
    [44]
    """
    waiting_rooms = check_table(
        waiting_rooms, "waiting_rooms", "id", "slug", "user_id", "user_display_name", "is_active", "created_at"
    )
    users = check_table(users, "users", "id")
    is_open = [to_boolean(value) is not False for value in waiting_rooms["is_active"]]
    table = waiting_rooms.loc[is_open, ["id", "slug", "user_id", "user_display_name", "created_at"]]
    owners, known = comparable_ids(table["user_id"], users["id"])
    table.insert(list(table.columns).index("created_at"), "owner_known", owners.isin(known).astype("boolean"))
    idle = _without_calls(table, "user_id", calls, days=days, as_of=as_of, tz=tz)
    return set_sources(idle, waiting_rooms, users, calls)


def _without_calls(
    table: pd.DataFrame, key: str, calls: pd.DataFrame, *, days: int, as_of: Moment, tz: str
) -> pd.DataFrame:
    """Return the rows of users without a call in the last days, with the last call of each."""
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    check_coarse_times(calls, calls["created_at"], "day")
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise InvalidInputError("days must be a whole number of days, 0 or more.")
    moment = resolve_as_of(as_of, calls, tz)
    table = table[~(to_utc(table["created_at"]) > moment)]
    users = table.loc[table["owner_known"], key] if "owner_known" in table else table[key]
    check_all_calls(calls, users.nunique(), default=len(table))

    times = to_local_times(calls["created_at"], tz)
    wanted, callers = comparable_ids(table[key], calls["organization_user_id"])
    last_calls = times[times <= moment].groupby(callers).max()
    table = table.assign(created_at=to_local_times(table["created_at"], tz), last_call=last_calls.reindex(wanted).array)
    table["days_since_call"] = (moment - table["last_call"]).dt.days.astype("Int64")
    all_known = bool((moment - times.min()).days >= days)  # false if there are no calls
    table["calls_known"] = (table["last_call"].notna() | all_known).astype("boolean")
    inactive = table[table["days_since_call"].ge(days).fillna(True)]  # noqa: FBT003 - pandas' own signature
    return inactive.sort_values("last_call", na_position="first", kind="stable", ignore_index=True)
