"""Small answers from the fetched tables: a table in, a smaller table out. Nothing is fetched, drawn or written.

Days, weeks and months are those of the time zone that ``tz`` names, and are given as their first day, without a
zone; a week begins on Monday. A row whose time is missing or cannot be read is counted in a last row whose day is
missing, so that the counts always add up to the table.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from kismet_nb.dates import as_day, as_moment, time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.tables.build import as_strings
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "admins_and_roles",
    "calls_per_week",
    "combine_days",
    "fail_rate",
    "idle_rooms",
    "invites_by_status",
    "invites_expired_unused",
    "providers_without_calls",
    "users_over_time",
    "users_without_waiting_room",
    "wait_and_duration",
]

Period = Literal["day", "week", "month", "year"]
Day = str | dt.date | None
Moment = str | dt.date | dt.datetime | None

_PERIODS = get_args(Period)
_STEPS = {"day": "D", "week": "W-MON", "month": "MS", "year": "YS"}
_DAY: Final = "datetime64[us]"
_FIRST, _LAST = pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31T23:59:59.999999")
_MEANS = ("average_duration", "call_fail_rate", "average_wait_time")


# Users ----------------------------------------------------------------------------------------------------------


def users_over_time(users: pd.DataFrame, *, by: Period = "month", tz: str = "UTC") -> pd.DataFrame:
    """Tell how the number of users has grown.

    Counted are the users of the table by their day of creation: who has left since then is in none of the counts.

    Parameters
    ----------
    users
        A table of ``fetch_users``.
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"``.
    tz
        The time zone whose days count, such as ``"America/New_York"``.

    Returns
    -------
    DataFrame
        One row per period, from the first to the last with a new user, with ``day``, ``week``, ``month`` or ``year``
        (datetime64[us], its first day), ``new_users`` (Int64) and ``users`` (Int64, all up to then).

    Raises
    ------
    InvalidInputError
        The table is another one or has no ``created_at``, or there is no such period or time zone.

    Examples
    --------
    >>> users = pd.DataFrame({"created_at": pd.to_datetime(["2026-01-05", "2026-03-01T02:00Z"], utc=True,
    ...     format="ISO8601")})
    >>> users_over_time(users, tz="America/New_York")
           month  new_users  users
    0 2026-01-01          1      1
    1 2026-02-01          1      2
    """
    users = _checked(users, "users", "created_at")
    days = _local_days(users["created_at"], tz)
    counts = _starts(days, by).value_counts().reindex(_grid(days.min(), days.max(), by), fill_value=0)
    undated = int(days.isna().sum())
    starts = [*counts.index, pd.NaT] if undated else list(counts.index)
    new = pd.Series([*counts, undated] if undated else list(counts), dtype="Int64")
    return _frame({by: (starts, _DAY), "new_users": (new, "Int64"), "users": (new.cumsum(), "Int64")})


def admins_and_roles(users: pd.DataFrame) -> pd.DataFrame:
    """Count the users that hold each right.

    Older servers send ``is_admin``, newer ones ``roles``; whichever the table has a value of is counted. A user
    with two roles is counted in both, so the shares of ``roles`` may add up to more than 1.

    Parameters
    ----------
    users
        A table of ``fetch_users``.

    Returns
    -------
    DataFrame
        ``field`` (str, ``"is_admin"`` or ``"roles"``), ``value`` (str: ``"admin"``, ``"not an admin"``, a role's
        name, ``"no role"``, or ``"not told"`` where it is missing), ``users`` (Int64) and ``share`` (Float64, of
        all users, 0 to 1); the most frequent first.

    Raises
    ------
    InvalidInputError
        The table is another one, or has neither ``is_admin`` nor ``roles``.

    Examples
    --------
    >>> users = pd.DataFrame({"is_admin": [True, False, None], "roles": [None, None, None]})
    >>> admins_and_roles(users.astype({"is_admin": "boolean"}))
          field         value  users     share
    0  is_admin         admin      1  0.333333
    1  is_admin  not an admin      1  0.333333
    2  is_admin      not told      1  0.333333
    """
    users = _checked(users, "users")
    if not {"is_admin", "roles"} & set(users.columns):
        raise InvalidInputError("A table of users is needed here, and this one has neither is_admin nor roles.")
    rows: list[tuple[str, str, int]] = []
    for field in ("is_admin", "roles"):
        if field in users and users[field].notna().any():
            counts = Counter(word for value in users[field].astype(object) for word in _rights(value))
            # Python sorts stably: the most frequent first, and what is not told last.
            ordered = sorted(counts.items(), key=lambda item: (item[0] == "not told", -item[1], item[0]))
            rows += [(field, word, count) for word, count in ordered]
    return _frame(
        {
            "field": ([field for field, _, _ in rows], "str"),
            "value": ([word for _, word, _ in rows], "str"),
            "users": ([count for _, _, count in rows], "Int64"),
            "share": ([count / len(users) for _, _, count in rows], "Float64"),
        }
    )


def _rights(value: object) -> set[str]:
    """Put a cell of ``is_admin`` or ``roles`` into words."""
    if isinstance(value, list | tuple | np.ndarray):  # a Parquet file may bring arrays
        return {str(role) for role in value} or {"no role"}
    if isinstance(value, bool):
        return {"admin" if value else "not an admin"}
    return {"not told"} if value is None or value is pd.NA or value != value else {str(value)}  # noqa: PLR0124 - NaN


def users_without_waiting_room(users: pd.DataFrame, *, tz: str = "UTC") -> pd.DataFrame:
    """List the users without a waiting room.

    Parameters
    ----------
    users
        A table of ``fetch_users``.
    tz
        The time zone of the times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name`` and ``email`` as they came, and ``created_at`` (datetime64[us] in ``tz``) of the
        users whose ``waiting_room_url`` is missing, the newest first.

    Raises
    ------
    InvalidInputError
        The table is another one or lacks one of these columns, or there is no such time zone.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization() as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     len(users_without_waiting_room(kn.fetch_users(client=client)))
    25
    """
    users = _checked(users, "users", "id", "display_name", "email", "waiting_room_url", "created_at")
    without = users.loc[users["waiting_room_url"].isna(), ["id", "display_name", "email", "created_at"]]
    return _newest_first(without.assign(created_at=_local_times(without["created_at"], tz)), "created_at")


# Calls ----------------------------------------------------------------------------------------------------------


def calls_per_week(
    calls: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    by: Period = "week",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Count the calls of each provider in each week.

    A call counts in the week of its ``created_at``: the API tells no start.

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
        The time zone whose days count.

    Returns
    -------
    DataFrame
        One row for each provider and period, also for periods without a call of theirs, with ``organization_user_id``
        (Int64, or text if some are no numbers; missing for calls that have none), ``display_name`` (str, if ``users``
        is given), ``week`` (or as ``by`` says; datetime64[us], its first day), ``days`` (Int64, how many of its days
        lie between ``start`` and ``end``: a first or last week may be cut) and ``calls`` (Int64).

    Raises
    ------
    InvalidInputError
        A table is another one or lacks a column, ``start`` or ``end`` is no day, ``end`` is before ``start``, or
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
    calls = _checked(calls, "calls", "organization_user_id", "created_at")
    days = _local_days(calls["created_at"], tz)
    # Calls without a readable time are in no range: they are counted where none is asked for.
    undated = days.isna() & (start is None and end is None)
    first = days.min() if start is None else pd.Timestamp(as_day(start, "start"))
    last = days.max() if end is None else pd.Timestamp(as_day(end, "end"))
    if start is not None and end is not None and last < first:
        raise InvalidInputError(f"end ({last:%Y-%m-%d}) is before start ({first:%Y-%m-%d}).")
    inside = days.between(first, last)
    spans = _starts(pd.Series(pd.date_range(first, last, unit="us") if first <= last else [], dtype=_DAY), by)
    spans_days = spans.value_counts().sort_index()
    ids = _ids(calls["organization_user_id"])
    providers = ids[inside | undated].drop_duplicates().sort_values().to_frame()
    grid = providers.merge(spans_days.rename("days").rename_axis(by).reset_index(), how="cross")
    # A merge takes a missing id as one of its own; groupby and reindex would lose its calls.
    found = pd.DataFrame({"organization_user_id": ids, by: _starts(days, by)})[inside].value_counts(dropna=False)
    table = grid.merge(found.rename("calls").reset_index(), how="left").fillna({"calls": 0})
    if undated.any():
        lost = ids[undated].value_counts(dropna=False).rename("calls").reset_index()
        # In microseconds: pandas' own missing time is in nanoseconds, which end in 2262.
        lost[by], lost["days"] = pd.Series(pd.NaT, lost.index, dtype=_DAY), pd.NA
        table = pd.concat([table, lost], ignore_index=True)
    names = ["organization_user_id", by, "days", "calls"]
    if users is not None:
        users = _checked(users, "users", "id", "display_name")
        mine, theirs = _alike(table["organization_user_id"], users["id"])
        shown = users["display_name"].set_axis(theirs)[(theirs.notna() & ~theirs.duplicated()).to_numpy()]
        table["display_name"] = as_strings(shown.reindex(mine).array)
        names.insert(1, "display_name")
    return table[names].astype({"organization_user_id": ids.dtype, by: _DAY, "days": "Int64", "calls": "Int64"})


def providers_without_calls(
    users: pd.DataFrame, calls: pd.DataFrame, *, days: int = 30, as_of: Moment = None, tz: str = "UTC"
) -> pd.DataFrame:
    """List the providers who have held no call in the last days.

    Parameters
    ----------
    users
        A table of ``fetch_users``: every user in it counts as a provider, so filter it first if some are not.
    calls
        A table of ``fetch_calls``, of all these users.
    days
        How long; 0 lists everyone.
    as_of
        When: a moment, or a day (its first moment in ``tz``). By default when the calls were fetched. What was
        created later is left out.
    tz
        The time zone of the times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at`` (datetime64[us] in ``tz``), ``last_call`` (the same,
        missing if there never was one) and ``days_since_call`` (Int64, whole days); those who never held a call come
        first.

    Raises
    ------
    InvalidInputError
        A table is another one or lacks a column, the calls are not all of these users', or an option is no number of
        days, moment or time zone.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": pd.to_datetime(["2026-01-05T09:00Z"])})
    >>> calls = pd.DataFrame({"organization_user_id": [11], "created_at": pd.to_datetime(["2026-02-03T15:00Z"])})
    >>> providers_without_calls(users, calls, as_of="2026-03-20")["days_since_call"].tolist()
    [44]
    """
    users = _checked(users, "users", "id", "display_name", "email", "created_at")
    table = users[["id", "display_name", "email", "created_at"]]
    return _silent(table, "id", calls, days, as_of, tz)


def idle_rooms(
    waiting_rooms: pd.DataFrame,
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    days: int = 30,
    as_of: Moment = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """List the rooms that stand idle: open, but their owner has held no call in the last days.

    A call does not name its room, so a room is in use while its owner holds calls. A room that is switched off
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
        where not, it is not known whether they hold calls), ``created_at``, ``last_call`` (both datetime64[us] in
        ``tz``; missing if there never was one) and ``days_since_call`` (Int64); rooms that were never used first.

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
    waiting_rooms = _checked(
        waiting_rooms, "waiting_rooms", "id", "slug", "user_id", "user_display_name", "is_active", "created_at"
    )
    users = _checked(users, "users", "id")
    closed = waiting_rooms["is_active"].eq(False).fillna(False).astype(bool)  # noqa: FBT003 - pandas' own
    table = waiting_rooms.loc[~closed, ["id", "slug", "user_id", "user_display_name"]]
    owners, known = _alike(table["user_id"], users["id"])
    table["owner_known"] = owners.isin(known).astype("boolean")
    table["created_at"] = waiting_rooms["created_at"]
    return _silent(table, "user_id", calls, days, as_of, tz)


def _silent(table: pd.DataFrame, key: str, calls: pd.DataFrame, days: int, as_of: Moment, tz: str) -> pd.DataFrame:
    """Add the last call of each row's user, and keep the rows where it lies at least so many days back."""
    calls = _checked(calls, "calls", "organization_user_id", "created_at")
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise InvalidInputError("days must be a whole number of days, 0 or more.")
    moment = _moment(as_of, calls, tz)
    times = _local_times(calls["created_at"], tz)
    table = table[~(_times(table["created_at"]) > moment)]
    table = table.assign(created_at=_local_times(table["created_at"], tz))
    mine, callers = _alike(table[key], calls["organization_user_id"])
    last = times[times <= moment].groupby(callers).max()
    known = table[table["owner_known"]] if "owner_known" in table else table
    asked, looked_at = provenance(calls).get("lists", len(table)), known[key].nunique()
    about = provenance(calls)
    if looked_at and (about.get("filters") or about.get("rows", len(calls)) != len(calls)):
        raise InvalidInputError(
            "These calls are not all that there are: whoever held only others would look silent. Pass the table as it "
            "was fetched."
        )
    if asked < looked_at:
        raise InvalidInputError(
            f"The calls are of {asked} users, and {looked_at} are looked at, so nothing is known of the "
            "rest. Fetch the calls of all of them, or pass only users whose calls you have."
        )
    table = table.assign(last_call=last.reindex(mine).array)
    table["days_since_call"] = (moment - table["last_call"]).dt.days.astype("Int64")
    silent = table[table["days_since_call"].ge(days).fillna(True)]  # noqa: FBT003 - pandas' own
    return silent.sort_values("last_call", na_position="first", kind="stable", ignore_index=True)


# Call metrics ---------------------------------------------------------------------------------------------------


def combine_days(metrics: pd.DataFrame, *, by: Period = "week", per_user: bool = False) -> pd.DataFrame:
    """Combine daily metrics to weeks, months or years, weighted by calls.

    A mean of daily means would give a day with one call the weight of a day with a hundred, so each day weighs as
    much as its ``total_calls``. A day whose ``total_calls`` is 0 or missing, or whose average is missing, is left
    out of that mean. The API does not say whether failed calls are part of its averages, so the weights may be
    slightly too large.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``: of the whole organization, or by user.
    by
        ``"day"`` (which combines the users of a day), ``"week"``, ``"month"`` or ``"year"``.
    per_user
        Keep users apart.

    Returns
    -------
    DataFrame
        One row per period with data, with ``week`` (or as ``by`` says; datetime64[us], its first day; the API does not
        tell the time zone of its days), ``user_id`` (Int64, or text if some are no numbers; with ``per_user``),
        ``days`` (Int64, days with data), ``total_calls`` (Int64), ``average_duration`` and ``average_wait_time``
        (Float64, seconds) and ``call_fail_rate`` (Float64, in the API's unit: see ``fail_rate``).

    Raises
    ------
    InvalidInputError
        The table is another one or lacks a column, has rows of users and of the whole organization (which would
        count calls twice), or there is no such period.

    Examples
    --------
    >>> metrics = pd.DataFrame({"user_id": pd.array([None, None], "Int64"),
    ...     "date": pd.to_datetime(["2026-02-02", "2026-02-03"]), "total_calls": [9, 1],
    ...     "average_duration": [600.0, 900.0], "call_fail_rate": [0.0, 1.0], "average_wait_time": [10.0, 60.0]})
    >>> combine_days(metrics)[["days", "total_calls", "average_duration", "average_wait_time"]]
       days  total_calls  average_duration  average_wait_time
    0     2           10             630.0               15.0
    """
    metrics = _checked(metrics, "call_metrics", "user_id", "date", "total_calls", *_MEANS)
    if metrics["user_id"].isna().any() and metrics["user_id"].notna().any():
        raise InvalidInputError(
            "This table has rows of users and rows of the whole organization, which would count calls twice. "
            "Take one kind: metrics[metrics['user_id'].isna()] is the organization."
        )
    calls = _numbers(metrics["total_calls"])
    days = _times(metrics["date"]).dt.tz_localize(None).astype(_DAY)
    keys = [_starts(days, by).rename(by)] + ([_ids(metrics["user_id"])] if per_user else [])
    grouped = {"days": days[calls.notna()].groupby(keys, dropna=False).nunique()}
    grouped["total_calls"] = calls.groupby(keys, dropna=False).sum(min_count=1)
    for name in _MEANS:
        values = _numbers(metrics[name])
        weights = calls.where((calls > 0) & values.notna())
        weight = weights.groupby(keys, dropna=False).sum(min_count=1)
        grouped[name] = (values * weights).groupby(keys, dropna=False).sum(min_count=1) / weight
    table = pd.DataFrame(grouped).sort_index().reset_index()
    table["days"] = table["days"].fillna(0)
    dtypes: dict[str, str] = {by: _DAY, "days": "Int64", "total_calls": "Int64", **dict.fromkeys(_MEANS, "Float64")}
    return table.astype(dtypes)


def wait_and_duration(metrics: pd.DataFrame, *, by: Period = "day") -> pd.DataFrame:
    """Tell how long people wait, and how long calls are.

    Days are combined, and averages weighted by calls, as ``combine_days`` says.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``.
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"``.

    Returns
    -------
    DataFrame
        One row per period with data, with ``day`` (or as ``by`` says; datetime64[us], its first day), ``days`` (Int64,
        days with data), ``total_calls`` (Int64), ``average_wait_time`` and ``average_duration`` (Float64, seconds).

    Raises
    ------
    InvalidInputError
        As ``combine_days``.

    Examples
    --------
    >>> metrics = pd.DataFrame({"user_id": pd.array([None], "Int64"), "date": pd.to_datetime(["2026-02-02"]),
    ...     "total_calls": [9], "average_duration": [600.0], "call_fail_rate": [0.0], "average_wait_time": [10.0]})
    >>> wait_and_duration(metrics)["average_wait_time"].tolist()
    [10.0]
    """
    return combine_days(metrics, by=by)[[by, "days", "total_calls", "average_wait_time", "average_duration"]]


def fail_rate(metrics: pd.DataFrame, *, unit: Literal["fraction", "percent"], by: Period = "day") -> pd.DataFrame:
    """Tell how many calls in a hundred fail.

    The API's documentation contradicts itself about the unit of ``call_fail_rate``: it says 0 to 100, and reads
    0.125 as 12.5 percent. So it is you who says it, and there is no default. Where the rate times
    ``total_calls`` is a whole number every day, it is a fraction, and ``"percent"`` is refused.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``.
    unit
        What the server sends: ``"fraction"`` (0 to 1) or ``"percent"`` (0 to 100).
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"``; weighted by calls, as ``combine_days`` says.

    Returns
    -------
    DataFrame
        One row per period with data, with ``day`` (or as ``by`` says; datetime64[us], its first day), ``days`` (Int64,
        days with data), ``total_calls`` (Int64) and ``fail_rate_percent`` (Float64, 0 to 100).

    Raises
    ------
    InvalidInputError
        ``unit`` is none of the two, or the rates do not fit it; otherwise as ``combine_days``.

    Examples
    --------
    >>> metrics = pd.DataFrame({"user_id": pd.array([None], "Int64"), "date": pd.to_datetime(["2026-02-02"]),
    ...     "total_calls": [8], "average_duration": [600.0], "call_fail_rate": [0.125], "average_wait_time": [10.0]})
    >>> fail_rate(metrics, unit="fraction")["fail_rate_percent"].tolist()
    [12.5]
    """
    largest = {"fraction": 1, "percent": 100}.get(unit)
    if largest is None:
        raise InvalidInputError('unit must be "fraction" or "percent": the API does not say which it sends.')
    metrics = _checked(metrics, "call_metrics", "call_fail_rate", "total_calls")
    rates = _numbers(metrics["call_fail_rate"])
    if not rates.dropna().between(0, largest).all():
        raise InvalidInputError(f'Some rates are below 0 or above {largest}, so their unit is not "{unit}".')
    failed = rates * _numbers(metrics["total_calls"])
    if unit == "percent" and _all_whole(failed) and not _all_whole(failed / 100):
        raise InvalidInputError(
            'Every rate times total_calls is a whole number of calls, so the unit is "fraction", not "percent".'
        )
    table = combine_days(metrics, by=by)
    table["fail_rate_percent"] = table["call_fail_rate"] * (100 / largest)
    return table[[by, "days", "total_calls", "fail_rate_percent"]]


# Invites --------------------------------------------------------------------------------------------------------


def invites_by_status(
    invites: pd.DataFrame, *, by: Period = "month", as_of: Moment = None, tz: str = "UTC"
) -> pd.DataFrame:
    """Count what became of the invites.

    The API lists only invites that it calls active, so used and expired ones may be missing from the table.

    Parameters
    ----------
    invites
        A table of ``fetch_invites``.
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"`` in which they were created.
    as_of
        When: a moment, or a day (its first moment in ``tz``). By default when they were fetched. What was created
        later is left out, and what was used later was still open or expired.
    tz
        The time zone whose days count.

    Returns
    -------
    DataFrame
        ``month`` (or as ``by`` says; datetime64[us], its first day), ``status`` (str: ``"used"``, ``"open"`` or
        ``"expired"`` unused) and ``invites`` (Int64); combinations without an invite have no row.

    Raises
    ------
    InvalidInputError
        The table is another one or lacks a column, or there is no such period, moment or time zone.

    Examples
    --------
    >>> moments = pd.to_datetime(["2026-01-11T00:00Z", "2026-02-10T00:00Z", None])
    >>> invites = pd.DataFrame({"created_at": moments[[0]], "expires_at": moments[[1]], "used_at": moments[[2]]})
    >>> invites_by_status(invites, as_of="2026-03-01")
           month   status  invites
    0 2026-01-01  expired        1
    """
    invites = _checked(invites, "invites", "created_at", "expires_at", "used_at")
    invites, status = _as_they_were(invites, _moment(as_of, invites, tz))
    months = _starts(_local_days(invites["created_at"], tz), by).rename(by)
    counted = status.groupby([months, status], dropna=False).size().rename("invites").reset_index()
    return counted.astype({by: _DAY, "status": "str", "invites": "Int64"})


def invites_expired_unused(invites: pd.DataFrame, *, as_of: Moment = None, tz: str = "UTC") -> pd.DataFrame:
    """List the invites that expired unused.

    Parameters
    ----------
    invites, as_of, tz
        As in ``invites_by_status``.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at``, ``expires_at`` (both datetime64[us] in ``tz``) and
        ``days_since_expiry`` (Int64, whole days); the latest first.

    Raises
    ------
    InvalidInputError
        The table is another one or lacks a column, or there is no such moment or time zone.

    Examples
    --------
    >>> moments = pd.to_datetime(["2026-01-11T00:00Z", "2026-02-10T00:00Z", None])
    >>> invites = pd.DataFrame({"id": [1], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": moments[[0]], "expires_at": moments[[1]], "used_at": moments[[2]]})
    >>> invites_expired_unused(invites, as_of="2026-03-01")["days_since_expiry"].tolist()
    [19]
    """
    invites = _checked(invites, "invites", "id", "display_name", "email", "created_at", "expires_at", "used_at")
    moment = _moment(as_of, invites, tz)
    invites, status = _as_they_were(invites, moment)
    expired = invites[status == "expired"]
    table = expired[["id", "display_name", "email"]].assign(
        created_at=_local_times(expired["created_at"], tz), expires_at=_local_times(expired["expires_at"], tz)
    )
    table["days_since_expiry"] = (moment - table["expires_at"]).dt.days.astype("Int64")
    return _newest_first(table, "expires_at")


def _as_they_were(invites: pd.DataFrame, moment: pd.Timestamp) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Return the invites that there were at a moment, and their status then; the column ``status`` is of the fetch."""
    invites = invites[~(_times(invites["created_at"]) > moment)]
    used, expired = (_times(invites[name]) <= moment for name in ("used_at", "expires_at"))
    status = pd.Series("open", index=invites.index, dtype="str", name="status")
    return invites, status.mask(expired, "expired").mask(used, "used")


# Times, days and tables -----------------------------------------------------------------------------------------


def _checked(df: object, resource: str, *columns: str) -> pd.DataFrame:
    """Return the table with rows numbered anew, as tables put together may have each number twice; or refuse it."""
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"A summary takes a pandas DataFrame, not {type(df).__name__}.")
    needed, found = resource.replace("_", " "), str(provenance(df).get("resource", resource))
    if found != resource:
        raise InvalidInputError(f"A table of {needed} is needed here, and this is one of {found.replace('_', ' ')}.")
    missing = [name for name in columns if name not in df.columns]
    if missing:
        raise InvalidInputError(f"A table of {needed} is needed here, and this one has no column {', '.join(missing)}.")
    return df.reset_index(drop=True)


def _ids(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return ids as numbers, or all as texts if some are no numbers."""
    try:
        return column.astype("Int64")
    except (ValueError, TypeError, OverflowError):
        return as_strings(column)


def _alike(one: pd.Series[Any], other: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return the ids of two tables so that they can be matched: 11 and the text "11" are the same."""
    one, other = _ids(one), _ids(other)
    return (one, other) if one.dtype == other.dtype else (as_strings(one), as_strings(other))


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return times in UTC; a column that stayed as it came is read as far as it can be."""
    if column.dtype == object:
        # pandas cannot read past objects in a long column, nor agree over time on what a number is.
        known = [value if isinstance(value, str | dt.date | np.datetime64) else None for value in column]
        column = pd.Series(known, column.index, dtype=object, name=column.name)
    times: pd.Series[Any] = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    return times.astype("datetime64[us, UTC]")


def _local_times(column: pd.Series[Any], tz: str) -> pd.Series[Any]:
    """Return times in a zone; one that lies before the year 1 or after 9999 there, nothing can show: it is missing."""
    times: pd.Series[Any] = _times(column).dt.tz_convert(time_zone(tz))
    return times.where(times.dt.tz_localize(None).between(_FIRST, _LAST))


def _local_days(column: pd.Series[Any], tz: str) -> pd.Series[Any]:
    days: pd.Series[Any] = _local_times(column, tz).dt.tz_localize(None).dt.normalize()
    return days


def _starts(days: pd.Series[Any], by: Period) -> pd.Series[Any]:
    """Return the first day of each day's period."""
    if by not in _PERIODS:
        raise InvalidInputError(f"by must be one of {', '.join(_PERIODS)}.")
    starts: pd.Series[Any]
    if by == "week":
        starts = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    else:
        starts = days.dt.to_period({"day": "D", "month": "M", "year": "Y"}[by]).dt.start_time
    return starts.astype(_DAY)


def _grid(first: pd.Timestamp, last: pd.Timestamp, by: Period) -> pd.DatetimeIndex:
    """Return the first days of all periods from one day to another."""
    begin, end = _starts(pd.Series([first, last], dtype=_DAY), by)
    return pd.DatetimeIndex([], dtype=_DAY) if pd.isna(begin) else pd.date_range(begin, end, freq=_STEPS[by], unit="us")


def _moment(as_of: Moment, df: pd.DataFrame, tz: str) -> pd.Timestamp:
    """Return the moment up to which a table is looked at: as asked, or when it was fetched, or now."""
    zone = time_zone(tz)
    value = as_of if as_of is not None else provenance(df).get("fetched_at", dt.datetime.now(dt.UTC))
    found = as_moment(value, "as_of")
    if found.tz is not None:
        return found.tz_convert(zone)
    # Some clocks are changed at midnight: the day then begins at 1:00, or at the first of two midnights.
    return found.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_numeric(column, errors="coerce").astype("Float64")


def _all_whole(numbers: pd.Series[Any]) -> bool:
    return bool((numbers - numbers.round()).dropna().abs().lt(1e-6).all())


def _newest_first(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table.sort_values(column, ascending=False, kind="stable", ignore_index=True)


def _frame(columns: Mapping[str, tuple[Any, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: as_strings(values) if dtype == "str" else pd.Series(values, dtype=dtype)
            for name, (values, dtype) in columns.items()
        }
    )
