"""Determine the days for which calls are known: from the oldest call in the table to the day of the fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.dates import parse_date
from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.arguments import resolve_as_of
from kismet_nb.summaries.periods import DAY_DTYPE, period_starts, to_local_days
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Day, Period

__all__ = ["check_all_calls", "date_range", "known_days_per_period"]


def date_range(days: pd.Series[Any], start: Day, end: Day) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day to count; by default those of the table.

    Raises
    ------
    InvalidInputError
        ``start`` or ``end`` is not a day, or ``end`` is before ``start``.
    """
    first = days.min() if start is None else pd.Timestamp(parse_date(start, "start"))
    last = days.max() if end is None else pd.Timestamp(parse_date(end, "end"))
    if start is not None and end is not None and last < first:
        raise InvalidInputError(f"end ({last:%Y-%m-%d}) is before start ({first:%Y-%m-%d}).")
    return first, last


def known_days_per_period(
    calls: pd.DataFrame, *, by: Period, start: Day = None, end: Day = None, tz: str = "UTC"
) -> pd.DataFrame:
    """Return each period between two days; ``days`` is the number of its known days between the two.

    If the time of the fetch is not recorded, calls count as known up to the last day.
    """
    created = to_local_days(calls["created_at"], tz)
    first, last = date_range(created, start, end)
    known_until = last
    if provenance(calls).get("fetched_at") is not None:
        fetched = resolve_as_of(None, calls, tz).tz_localize(None).normalize()
        known_until = max(fetched, created.max())
    dates = pd.Series(pd.date_range(first, last, unit="us") if first <= last else [], dtype=DAY_DTYPE)
    known = dates.between(created.min(), known_until).astype("int64")
    return known.groupby(period_starts(dates, by)).sum().rename("days").rename_axis(by).reset_index()


def check_all_calls(calls: pd.DataFrame, users: int, *, default: int) -> None:
    """Check that calls are not filtered, and were fetched for as many users as a summary covers.

    Raises
    ------
    InvalidInputError
        The calls are not all calls of these users.
    """
    source = provenance(calls)
    if users and (source.get("filters") or source.get("rows", len(calls)) != len(calls)):
        raise InvalidInputError(
            "calls has not all calls, so a provider with other calls would be listed without any. Pass the table as it "
            "was fetched."
        )
    fetched = source.get("lists", default)
    if fetched < users:
        raise InvalidInputError(
            f"calls was fetched for {fetched} users, but this summary covers {users}, so the calls of the others are "
            "unknown. Fetch the calls of all these users, or pass only users with fetched calls."
        )
