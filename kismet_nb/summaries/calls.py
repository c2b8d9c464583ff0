"""Summaries of calls: how many each provider held, and which providers and rooms have had none for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.arguments import check_table, resolve_as_of
from kismet_nb.summaries.columns import comparable_ids, to_boolean, to_ids
from kismet_nb.summaries.known_calls import date_range, known_days_per_period
from kismet_nb.summaries.periods import DAY_DTYPE, period_starts, to_local_days, to_local_times, to_utc
from kismet_nb.tables.build import as_strings
from kismet_nb.tables.provenance import provenance, set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Day, Moment, Period

__all__ = ["calls_per_week", "idle_rooms", "providers_without_calls"]


def calls_per_week(
    calls: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    by: Period = "week",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return the number of calls of each provider in each week.

    A call counts in the week of its ``created_at``, because the API does not send when a call started.

    Parameters
    ----------
    calls
        A table of ``fetch_calls``. A provider without a call in it has no row.
    users
        A table of ``fetch_users``, for the names.
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"``.
    start, end
        First and last day to count, both included; from the first call to the last by default.
    tz
        The time zone of the days.

    Returns
    -------
    DataFrame
        One row for each provider and period, including periods in which the provider held no call:

        ``organization_user_id`` Int64, or str if some are not integers
            Missing for calls without a provider.
        ``display_name`` str
            Only if ``users`` is given.
        ``week`` (or the period of ``by``) datetime64[us]
            The first day of the period.
        ``days`` Int64
            How many of its days lie between ``start`` and ``end``, and of which calls are known: from the oldest call
            in the table to the day of the fetch. The first and the last week may be cut.
        ``calls`` Int64
            The number of calls. Missing if ``days`` is 0.

    Raises
    ------
    InvalidInputError
        A table is another one or lacks a column, ``start`` or ``end`` is not a day, ``end`` is before ``start``, or
        there is no such period or time zone.

    Examples
    --------
    >>> calls = pd.DataFrame({"organization_user_id": pd.array([11, 11], "Int64"),
    ...     "created_at": pd.to_datetime(["2026-02-03T15:00Z", "2026-02-11T15:00Z"])})
    >>> calls_per_week(calls)
       organization_user_id       week  days  calls
    0                    11 2026-02-02     6      1
    1                    11 2026-02-09     3      1
    """
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    days = to_local_days(calls["created_at"], tz)
    first, last = date_range(days, start, end)
    ids = to_ids(calls["organization_user_id"])
    inside = days.between(first, last)
    # A call without a readable time belongs to no range, so it is counted only if no range is given.
    undated = days.isna() & (start is None and end is None)

    providers = ids[inside | undated].drop_duplicates().sort_values().to_frame()
    grid = providers.merge(known_days_per_period(calls, by=by, start=start, end=end, tz=tz), how="cross")
    # A merge matches missing ids with each other; groupby and reindex would drop their calls.
    counts = pd.DataFrame({"organization_user_id": ids, by: period_starts(days, by)})[inside].value_counts(dropna=False)
    table = grid.merge(counts.rename("calls").reset_index(), how="left").fillna({"calls": 0})
    table["calls"] = table["calls"].astype("Int64").mask(table["days"] == 0)
    if undated.any():
        rest = ids[undated].value_counts(dropna=False).rename("calls").reset_index()
        # NaT alone would be in nanoseconds, which cannot hold years after 2262.
        rest[by], rest["days"] = pd.Series(pd.NaT, rest.index, dtype=DAY_DTYPE), pd.NA
        table = pd.concat([table, rest], ignore_index=True)
    names = ["organization_user_id", by, "days", "calls"]
    if users is not None:
        table["display_name"] = _display_names(table["organization_user_id"], users)
        names.insert(1, "display_name")
    dtypes = {"organization_user_id": ids.dtype, by: DAY_DTYPE, "days": "Int64", "calls": "Int64"}
    return set_sources(table[names].astype(dtypes), calls, users)


def _display_names(ids: pd.Series[Any], users: pd.DataFrame) -> pd.Series[Any]:
    """Return the name of each of these users; of duplicate ids in the table of users the first counts."""
    users = check_table(users, "users", "id", "display_name")
    wanted, known = comparable_ids(ids, users["id"])
    usable = (known.notna() & ~known.duplicated()).to_numpy()
    names = users["display_name"].set_axis(known)[usable]
    return as_strings(names.reindex(wanted).array)


def providers_without_calls(
    users: pd.DataFrame, calls: pd.DataFrame, *, days: int = 30, as_of: Moment = None, tz: str = "UTC"
) -> pd.DataFrame:
    """Return the providers who have held no call in the last days.

    Parameters
    ----------
    users
        A table of ``fetch_users``. Every user in it counts as a provider, so filter it first if some are not.
    calls
        A table of ``fetch_calls``, of all these users.
    days
        The number of days; 0 returns all providers.
    as_of
        A time, or a day (its first moment in ``tz``), up to which calls count; by default when the calls were
        fetched. Users and calls created later are left out.
    tz
        The time zone of the times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at`` (datetime64[us] in ``tz``), ``last_call`` (the same,
        missing if no call is known), ``days_since_call`` (Int64, whole days) and ``calls_known`` (boolean). Providers
        without a known call come first. ``calls_known`` is false if such a provider may have held a call in these
        days, because the oldest call in the table is more recent than their beginning.

    Raises
    ------
    InvalidInputError
        A table is another one or lacks a column, the calls are not all of these users' calls, or an option is not a
        number of days, a time or a time zone.

    Examples
    --------
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
    """Return the open waiting rooms whose owner has held no call in the last days.

    A call does not name its room, so a room counts as used while its owner holds calls. A room that is switched off
    (``is_active`` is false) is closed, not idle.

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
        ``id``, ``slug``, ``user_id``, ``user_display_name``, ``owner_known`` (boolean: the owner is in ``users``;
        if not, it is unknown whether they hold calls), ``created_at``, ``last_call`` (both datetime64[us] in
        ``tz``; missing if no call is known), ``days_since_call`` (Int64) and ``calls_known`` (boolean, as in
        ``providers_without_calls``). Rooms without a known call come first.

    Raises
    ------
    InvalidInputError
        As ``providers_without_calls``.

    Examples
    --------
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
    """Return the rows whose user has held no call for at least so many days, with the last call of each."""
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise InvalidInputError("days must be a whole number of days, 0 or more.")
    moment = resolve_as_of(as_of, calls, tz)
    table = table[~(to_utc(table["created_at"]) > moment)]
    users = table.loc[table["owner_known"], key] if "owner_known" in table else table[key]
    _check_all_calls(calls, users.nunique(), default=len(table))

    times = to_local_times(calls["created_at"], tz)
    wanted, callers = comparable_ids(table[key], calls["organization_user_id"])
    last_calls = times[times <= moment].groupby(callers).max()
    table = table.assign(created_at=to_local_times(table["created_at"], tz), last_call=last_calls.reindex(wanted).array)
    table["days_since_call"] = (moment - table["last_call"]).dt.days.astype("Int64")
    all_known = bool((moment - times.min()).days >= days)  # false if there are no calls
    table["calls_known"] = (table["last_call"].notna() | all_known).astype("boolean")
    inactive = table[table["days_since_call"].ge(days).fillna(True)]  # noqa: FBT003 - pandas' own signature
    return inactive.sort_values("last_call", na_position="first", kind="stable", ignore_index=True)


def _check_all_calls(calls: pd.DataFrame, users: int, *, default: int) -> None:
    """Refuse calls that were filtered, or that were fetched for fewer users than the summary covers."""
    source = provenance(calls)
    if users and (source.get("filters") or source.get("rows", len(calls)) != len(calls)):
        raise InvalidInputError(
            "These calls are not all calls: a provider with other calls would be listed as having none. Pass the table "
            "as it was fetched."
        )
    fetched = source.get("lists", default)
    if fetched < users:
        raise InvalidInputError(
            f"The calls are of {fetched} users, and {users} users are in this summary, so the calls of the others are "
            "unknown. Fetch the calls of all of them, or pass only users whose calls you have."
        )
