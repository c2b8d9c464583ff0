"""Summaries of calls: numbers of calls by provider and period, and by hour of the week."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.summaries.arguments import check_coarse_times, check_table
from kismet_nb.summaries.columns import names_of, to_ids, typed_frame
from kismet_nb.summaries.known_calls import date_range, known_days_per_period
from kismet_nb.summaries.periods import DAY_DTYPE, WEEKDAYS, period_starts, to_local_days, to_local_times
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Day, Period

__all__ = ["calls_by_hour", "calls_per_period", "calls_per_week"]

_RENAMED = "summaries.calls_per_week is deprecated. Use summaries.calls_per_period, which takes the same arguments."


def calls_per_period(
    calls: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    by: Period = "week",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return the number of calls of each provider in each week, or in another period.

    A call counts in the period of its ``created_at``, because the API does not send the start of a call.

    Parameters
    ----------
    calls
        A table of ``fetch_calls``. A provider without a call in it has no row.
    users
        A table of ``fetch_users``, for the names.
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"``.
    start, end
        First and last day to count, both included; by default the days of the first and the last call.
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
            The number of its days between ``start`` and ``end`` with known calls: from the oldest call in the table to
            the day of the fetch. The first and the last week may have fewer than seven.
        ``calls`` Int64
            The number of calls. Missing if ``days`` is 0.

    Raises
    ------
    InvalidInputError
        A table is of another resource or lacks a column, ``start`` or ``end`` is not a day, ``end`` is before
        ``start``, or there is no such period or time zone.

    Examples
    --------
    >>> calls = pd.DataFrame({"organization_user_id": pd.array([11, 11], "Int64"),
    ...     "created_at": pd.to_datetime(["2026-02-03T15:00Z", "2026-02-11T15:00Z"])})
    >>> calls_per_period(calls)
       organization_user_id       week  days  calls
    0                    11 2026-02-02     6      1
    1                    11 2026-02-09     3      1
    """
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    check_coarse_times(calls, calls["created_at"], by, tz)
    days = to_local_days(calls["created_at"], tz)
    first, last = date_range(days, start, end)
    ids = to_ids(calls["organization_user_id"])
    inside = days.between(first, last)
    # A call without a readable time belongs to no range, so it is counted only if no range is given.
    undated = days.isna() & (start is None and end is None)

    providers = ids[inside | undated].drop_duplicates().sort_values().to_frame()
    grid = providers.merge(known_days_per_period(calls, by=by, start=start, end=end, tz=tz), how="cross")
    # A merge matches missing ids with each other; groupby and reindex would drop the calls without a provider.
    counts = pd.DataFrame({"organization_user_id": ids, by: period_starts(days, by)})[inside].value_counts(dropna=False)
    table = grid.merge(counts.rename("calls").reset_index(), how="left").fillna({"calls": 0})
    table["calls"] = table["calls"].astype("Int64").mask(table["days"] == 0)
    if undated.any():
        rest = ids[undated].value_counts(dropna=False).rename("calls").reset_index()
        # Without the dtype, NaT would be in nanoseconds, which cannot represent years after 2262.
        rest[by], rest["days"] = pd.Series(pd.NaT, rest.index, dtype=DAY_DTYPE), pd.NA
        table = pd.concat([table, rest], ignore_index=True)
    names = ["organization_user_id", by, "days", "calls"]
    if users is not None:
        users = check_table(users, "users", "id", "display_name")
        table["display_name"] = names_of(table["organization_user_id"], users)
        names.insert(1, "display_name")
    dtypes = {"organization_user_id": ids.dtype, by: DAY_DTYPE, "days": "Int64", "calls": "Int64"}
    return set_sources(table[names].astype(dtypes), calls, users)


def calls_per_week(
    calls: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    by: Period = "week",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return what ``calls_per_period`` returns, under its old name.

    .. deprecated:: 0.1
        Use ``calls_per_period``, which takes the same arguments. This name raises a ``DeprecationWarning``.
    """
    warnings.warn(_RENAMED, DeprecationWarning, stacklevel=2)
    return calls_per_period(calls, users, by=by, start=start, end=end, tz=tz)


calls_per_week.__deprecated__ = _RENAMED  # type: ignore[attr-defined] # PEP 702: tools hide such a name


def calls_by_hour(calls: pd.DataFrame, *, start: Day = None, end: Day = None, tz: str = "UTC") -> pd.DataFrame:
    """Return the number of calls in each hour of each weekday.

    A call counts in the hour of its ``created_at``, because the API does not send the start of a call.

    Parameters
    ----------
    calls
        A table of ``fetch_calls``.
    start, end
        First and last day to count, both included; by default the days of the first and the last call. A range of whole
        weeks has every weekday equally often.
    tz
        The time zone of the hours, for example ``"America/Chicago"``.

    Returns
    -------
    DataFrame
        One row for each weekday and hour, Monday first:

        ``weekday`` str
            ``"Monday"`` to ``"Sunday"``.
        ``hour`` Int64
            0 to 23; 9 is the hour from 9:00.
        ``days`` Int64
            The number of these weekdays between ``start`` and ``end`` with known calls: from the oldest call in the
            table to the day of the fetch.
        ``calls`` Int64
            The number of calls. Missing if ``days`` is 0.
        ``calls_per_day`` Float64
            The mean number of calls in this hour: ``calls`` divided by ``days``.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks a column, ``start`` or ``end`` is not a day, ``end`` is before
        ``start``, or there is no such time zone.

    Examples
    --------
    >>> calls = pd.DataFrame({"organization_user_id": pd.array([11, 11], "Int64"),
    ...     "created_at": pd.to_datetime(["2026-02-03T15:00Z", "2026-02-10T15:30Z"])})
    >>> hours = calls_by_hour(calls, tz="America/Chicago")
    >>> hours[hours["calls"] > 0]
        weekday  hour  days  calls  calls_per_day
    33  Tuesday     9     2      2            1.0
    """
    calls = check_table(calls, "calls", "created_at")
    check_coarse_times(calls, calls["created_at"], "hour")
    days = to_local_days(calls["created_at"], tz)
    first, last = date_range(days, start, end)
    known = known_days_per_period(calls, by="day", start=start, end=end, tz=tz)
    known_weekdays = known.groupby(known["day"].dt.day_of_week)["days"].sum().reindex(range(7), fill_value=0)
    inside = days.between(first, last)
    hours = to_local_times(calls["created_at"], tz)[inside].dt.hour
    counts = (days[inside].dt.day_of_week * 24 + hours).value_counts()
    slots = range(7 * 24 if len(known) else 0)
    table = typed_frame(
        {
            "weekday": ([WEEKDAYS[slot // 24] for slot in slots], "str"),
            "hour": ([slot % 24 for slot in slots], "Int64"),
            "days": ([known_weekdays[slot // 24] for slot in slots], "Int64"),
            "calls": (counts.reindex(slots, fill_value=0).array, "Int64"),
        }
    )
    table["calls"] = table["calls"].mask(table["days"] == 0)
    table["calls_per_day"] = (table["calls"] / table["days"].mask(table["days"] == 0)).astype("Float64")
    undated = int(days.isna().sum()) if start is None and end is None else 0
    if undated:
        rest = {"weekday": [None], "hour": [pd.NA], "days": [pd.NA], "calls": [undated], "calls_per_day": [pd.NA]}
        table = pd.concat([table, pd.DataFrame(rest).astype(table.dtypes)], ignore_index=True)
    return set_sources(table, calls)
