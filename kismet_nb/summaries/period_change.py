"""compare_periods(): compare the numbers of a period with those of the period before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from kismet_nb.dates import parse_date
from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.arguments import check_coarse_times, check_table, resolve_as_of
from kismet_nb.summaries.call_metrics import combine_days
from kismet_nb.summaries.columns import typed_frame
from kismet_nb.summaries.known_calls import known_days_per_period
from kismet_nb.summaries.periods import to_days, to_local_days
from kismet_nb.tables.provenance import provenance, set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Day

__all__ = ["compare_periods"]


class _Span(NamedTuple):
    """The days from ``first`` to ``last``, both included."""

    first: pd.Timestamp
    last: pd.Timestamp

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def has(self, days: pd.Series[Any]) -> pd.Series[Any]:
        """Return which of these days are in the span."""
        return days.between(self.first, self.last)


class _Value(NamedTuple):
    """A number of a period, and the number of known days behind it."""

    number: Any
    days: int
    complete: bool


def compare_periods(
    calls: pd.DataFrame,
    metrics: pd.DataFrame | None = None,
    users: pd.DataFrame | None = None,
    *,
    start: Day,
    end: Day,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return the numbers of a period and of the same number of days before it, with the change.

    Means are weighted by calls, as in ``combine_days``.

    Parameters
    ----------
    calls
        A table of ``fetch_calls``.
    metrics
        A table of ``fetch_call_metrics`` of both periods, for the means.
    users
        A table of ``fetch_users``, for the number of new users.
    start, end
        First and last day of the period, both included.
    tz
        The time zone of the days. The days of ``metrics`` are the API's own.

    Returns
    -------
    DataFrame
        One row for each measure:

        ``measure`` str
            ``"calls"``; ``"providers"`` with calls; ``"average_wait_time"`` and ``"average_duration"`` (seconds)
            if ``metrics`` is given; ``"new_users"`` if ``users`` is given.
        ``current``, ``before`` Float64
            The number in the period and in the one before. ``current`` is missing if no day of the period is known.
            ``before`` is missing unless all its days are known.
        ``change`` Float64
            ``current`` minus ``before``. Missing unless all days of both are known.
        ``change_percent`` Float64
            The change in percent of ``before``. Missing if ``before`` is 0.
        ``days``, ``days_before`` Int64
            The number of known days in the two periods; for a mean, the number of days with data.

        Calls are known from the oldest call in the table to the day of the fetch. Metrics are known for the requested
        days; if those are not recorded, from the first day with data to the last. Users are known to the day of the
        fetch; users who were removed before the fetch are not counted.

    Raises
    ------
    InvalidInputError
        A table is of another resource or lacks a column, ``start`` or ``end`` is not a day, ``end`` is before
        ``start``, or there is no such time zone.

    Examples
    --------
    >>> calls = pd.DataFrame({"organization_user_id": pd.array([11, 11, 12], "Int64"),
    ...     "created_at": pd.to_datetime(["2026-02-02T15:00Z", "2026-02-10T15:00Z", "2026-02-15T15:00Z"])})
    >>> compare_periods(calls, start="2026-02-09", end="2026-02-15")[["measure", "current", "before", "change_percent"]]
         measure  current  before  change_percent
    0      calls      2.0     1.0           100.0
    1  providers      2.0     1.0           100.0
    """
    current = _Span(pd.Timestamp(parse_date(start, "start")), pd.Timestamp(parse_date(end, "end")))
    if current.days < 1:
        raise InvalidInputError(f"end ({end}) is before start ({start}).")
    before = _Span(current.first - pd.Timedelta(days=current.days), current.first - pd.Timedelta(days=1))
    measures = ["calls", "providers"]
    values = [_call_values(calls, span, tz) for span in (current, before)]
    if metrics is not None:
        measures += ["average_wait_time", "average_duration"]
        values = [[*found, *_means(metrics, span)] for found, span in zip(values, (current, before), strict=True)]
    if users is not None:
        measures.append("new_users")
        values = [[*found, _new_users(users, span, tz)] for found, span in zip(values, (current, before), strict=True)]
    return set_sources(_changes(measures, *values), calls, metrics, users)


def _call_values(calls: pd.DataFrame, span: _Span, tz: str) -> list[_Value]:
    """Return the number of calls, and of providers with calls."""
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    check_coarse_times(calls, calls["created_at"], "day", tz)
    first, last = span.first.date(), span.last.date()
    days = int(known_days_per_period(calls, by="day", start=first, end=last, tz=tz)["days"].sum())
    inside = calls[span.has(to_local_days(calls["created_at"], tz))]
    numbers = [len(inside), inside["organization_user_id"].nunique()]
    return [_Value(number if days else pd.NA, days, days == span.days) for number in numbers]


def _means(metrics: pd.DataFrame, span: _Span) -> list[_Value]:
    """Return the mean wait time and the mean duration of the days with data."""
    metrics = check_table(metrics, "call_metrics", "date")
    check_coarse_times(metrics, metrics["date"], "day")
    dates = to_days(metrics["date"])
    known = _requested_days(metrics) or _Span(dates.min(), dates.max())
    complete = bool(known.first <= span.first and span.last <= known.last)
    combined = combine_days(metrics[span.has(dates)], by="all")
    days = int(combined["days"].sum())
    means = (next(iter(combined[name]), pd.NA) for name in ("average_wait_time", "average_duration"))
    return [_Value(mean, days, complete) for mean in means]


def _requested_days(metrics: pd.DataFrame) -> _Span | None:
    """Return the requested days of a fetch of metrics, up to the day of the fetch; None if they are not known."""
    recorded = provenance(metrics)
    found = re.search(r"date from (\S+) to (\S+)", " ".join(map(str, recorded.get("filters") or [])))
    if found is None or recorded.get("rows", len(metrics)) != len(metrics):
        return None
    fetched = resolve_as_of(None, metrics, "UTC").tz_localize(None).normalize()
    return _Span(pd.Timestamp(found[1]), min(pd.Timestamp(found[2]), fetched))


def _new_users(users: pd.DataFrame, span: _Span, tz: str) -> _Value:
    """Return the number of users that were created in these days."""
    users = check_table(users, "users", "created_at")
    check_coarse_times(users, users["created_at"], "day", tz)
    fetched = resolve_as_of(None, users, tz).tz_localize(None).normalize()
    days = max(0, min(span.days, (fetched - span.first).days + 1))
    number = int(span.has(to_local_days(users["created_at"], tz)).sum())
    return _Value(number if days else pd.NA, days, days == span.days)


def _changes(measures: list[str], current: list[_Value], before: list[_Value]) -> pd.DataFrame:
    """Return the table of both periods, with the changes of complete values."""
    numbers = [value.number for value in current]
    old = [value.number if value.complete else pd.NA for value in before]
    table = typed_frame(
        {
            "measure": (measures, "str"),
            "current": (numbers, "Float64"),
            "before": (old, "Float64"),
            "days": ([value.days for value in current], "Int64"),
            "days_before": ([value.days for value in before], "Int64"),
        }
    )
    comparable = pd.Series([value.complete for value in current], dtype="boolean")
    change = (table["current"] - table["before"]).where(comparable)
    percent = 100 * change / table["before"].mask(table["before"] == 0)
    table.insert(3, "change", change)
    table.insert(4, "change_percent", percent)
    return table
