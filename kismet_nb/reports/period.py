"""The days of a report, the period before them, and the name of a period."""

from __future__ import annotations

import calendar
import datetime as dt
import re

from kismet_nb.dates import parse_date, parse_month, time_zone
from kismet_nb.errors import InvalidInputError

__all__ = ["period_before", "period_days", "period_name", "report_period"]


def report_period(
    *,
    month: str | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    tz: str = "UTC",
    quarter: str | None = None,
) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a month, a quarter or a range of days; by default of last month.

    Parameters
    ----------
    month, start, end, quarter
        As in ``report``.
    tz
        The time zone of the current day, which determines last month.

    Returns
    -------
    tuple of date
        The first and the last day, both included.

    Raises
    ------
    InvalidInputError
        The month, the quarter, a day or the time zone does not exist. More than one period is given, or only one of
        ``start`` and ``end``. ``end`` is before ``start``, or all days are in the future.

    Examples
    --------
    >>> report_period(month="2026-02")
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    >>> report_period(quarter="2026-Q3")
    (datetime.date(2026, 7, 1), datetime.date(2026, 9, 30))
    """
    today = dt.datetime.now(time_zone(tz)).date()
    has_range = start is not None or end is not None
    if (month is not None) + (quarter is not None) + has_range > 1:
        raise InvalidInputError("Pass either month, or quarter, or both start and end.")
    if start is not None and end is not None:
        first, last = parse_date(start, "start"), parse_date(end, "end")
    elif has_range:
        raise InvalidInputError("Pass both start and end, or a month or a quarter instead.")
    elif quarter is not None:
        first = _parse_quarter(quarter)
        last = _month_end(first.replace(month=first.month + 2))
    elif month is not None:
        first = parse_month(month, "month")
        last = _month_end(first)
    else:
        last = today.replace(day=1) - dt.timedelta(days=1)
        first = last.replace(day=1)
    if last < first:
        raise InvalidInputError(f"end ({last}) is before start ({first}).")
    if first > today:
        raise InvalidInputError(f"The period starts in the future, on {first}. Choose a start up to today ({today}).")
    return first, last


def period_before(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of the period before this one.

    For a calendar month, quarter or year, it is the previous one. For any other range, it has the same number of days.

    Parameters
    ----------
    first, last
        The first and the last day of the period.

    Returns
    -------
    tuple of date
        The first and the last day of the period before, both included.

    Raises
    ------
    InvalidInputError
        The period before would begin before the year 1.

    Examples
    --------
    >>> period_before(dt.date(2026, 1, 1), dt.date(2026, 3, 31))
    (datetime.date(2025, 10, 1), datetime.date(2025, 12, 31))
    >>> period_before(dt.date(2026, 3, 2), dt.date(2026, 3, 8))
    (datetime.date(2026, 2, 23), datetime.date(2026, 3, 1))
    """
    months, days = _whole_months(first, last), (last - first).days + 1
    earliest = dt.date.min + dt.timedelta(days=days)
    if first < earliest:
        raise InvalidInputError(f"There is no period before {first}. Choose a start after {earliest}.")
    day_before = first - dt.timedelta(days=1)
    if not months:
        return first - dt.timedelta(days=days), day_before
    year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return dt.date(year, month + 1, 1), day_before


def period_name(first: dt.date, last: dt.date) -> str:
    """Return the name of a period: a month, a quarter, a year, a day, or a range of days.

    Parameters
    ----------
    first, last
        The first and the last day of the period.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> period_name(dt.date(2026, 7, 1), dt.date(2026, 9, 30)), period_name(dt.date(2026, 2, 1), dt.date(2026, 2, 28))
    ('Q3 2026', 'February 2026')
    >>> period_name(dt.date(2025, 12, 15), dt.date(2026, 1, 14))
    '15 December 2025 to 14 January 2026'
    """
    months = _whole_months(first, last)
    if months == 1:
        return f"{first:%B} {first.year}"
    if months == 3:
        return f"Q{first.month // 3 + 1} {first.year}"
    if months == 12:
        return str(first.year)
    return period_days(first, last)


def period_days(first: dt.date, last: dt.date) -> str:
    """Return the days of a period in words.

    Parameters
    ----------
    first, last
        The first and the last day of the period.

    Returns
    -------
    str
        One day or a range.

    Examples
    --------
    >>> period_days(dt.date(2026, 2, 1), dt.date(2026, 2, 28)), period_days(dt.date(2026, 2, 1), dt.date(2026, 2, 1))
    ('1 to 28 February 2026', '1 February 2026')
    """
    end = f"{last.day} {last:%B} {last.year}"
    if first == last:
        return end
    begin = f"{first.day}"
    if (first.year, first.month) != (last.year, last.month):
        begin += f" {first:%B}"
    if first.year != last.year:
        begin += f" {first.year}"
    return f"{begin} to {end}"


def _parse_quarter(value: object) -> dt.date:
    """Return the first day of a quarter such as ``"2026-Q3"``."""
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-Q[1-4]", value) and value > "0001":
        return dt.date(int(value[:4]), 3 * int(value[-1]) - 2, 1)
    raise InvalidInputError("quarter must be a quarter, such as '2026-Q3'.")


def _month_end(day: dt.date) -> dt.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _whole_months(first: dt.date, last: dt.date) -> int:
    """Return 1, 3 or 12 if the days are a calendar month, quarter or year, otherwise 0."""
    if first.day != 1 or last != _month_end(last):
        return 0
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return months if months in {1, 3, 12} and (first.month - 1) % months == 0 else 0
