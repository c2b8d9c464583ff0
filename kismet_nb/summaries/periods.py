"""Convert times to days in a time zone, and days to weeks, months and years."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from kismet_nb.dates import time_zone
from kismet_nb.errors import InvalidInputError

__all__ = [
    "DAY_DTYPE",
    "WEEKDAYS",
    "Day",
    "Moment",
    "Period",
    "check_period",
    "period_index",
    "period_range",
    "period_starts",
    "to_days",
    "to_local_days",
    "to_local_times",
    "to_utc",
]

Period = Literal["day", "week", "month", "year"]
Day = str | dt.date | None
Moment = str | dt.date | dt.datetime | None

DAY_DTYPE: Final = "datetime64[us]"
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_PERIODS = get_args(Period)
_FREQUENCIES = {"day": "D", "week": "W-MON", "month": "MS", "year": "YS"}
_PANDAS_PERIODS = {"day": "D", "week": "W-SUN", "month": "M", "year": "Y"}  # W-SUN: ends on Sunday
_OFFSET = re.compile(r"(?<=\d)(Z|[+-]\d\d(:?\d\d)?)$")
_FIRST, _LAST = pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31T23:59:59.999999")


def to_utc(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return times in UTC. Values of an untyped column that are not times become missing."""
    column = _unwrapped(column)
    if column.dtype == object:
        # to_datetime fails on objects in a long column, and the meaning of numbers depends on the pandas version.
        known = [_known_time(value) for value in column]
        column = pd.Series(known, column.index, dtype=object, name=column.name)
    times: pd.Series[Any] = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    return times.astype("datetime64[us, UTC]")


def _unwrapped(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return the times or objects of a categorical, Period or Arrow column; other columns as they are."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _unwrapped(column.astype(dtype.categories.dtype))
    if isinstance(dtype, pd.PeriodDtype):
        starts: pd.Series[Any] = column.dt.to_timestamp()
        return starts
    if isinstance(dtype, pd.ArrowDtype):
        return pd.Series(column.tolist(), column.index, name=column.name)
    return column


def _known_time(value: object) -> object:
    if isinstance(value, pd.Period):
        return value.start_time
    return value if isinstance(value, str | dt.date | np.datetime64) else None


def to_days(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return the calendar day of each value as it is written, without a conversion to UTC."""
    column = _unwrapped(column)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    elif column.dtype.kind != "M":
        column = pd.Series([_without_zone(value) for value in column], column.index, dtype=object)
    days: pd.Series[Any] = to_utc(column).dt.tz_localize(None).dt.normalize()
    return days


def _without_zone(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, str) and len(value) > len("2026-02-03"):
        return _OFFSET.sub("", value)
    return value


def to_local_times(column: pd.Series[Any], tz: str) -> pd.Series[Any]:
    """Return times in a time zone; a time that is outside of the years 1 to 9999 in it becomes missing."""
    times: pd.Series[Any] = to_utc(column).dt.tz_convert(time_zone(tz))
    return times.where(times.dt.tz_localize(None).between(_FIRST, _LAST))


def to_local_days(column: pd.Series[Any], tz: str) -> pd.Series[Any]:
    """Return the day of each time in a time zone, as midnight without a zone."""
    days: pd.Series[Any] = to_local_times(column, tz).dt.tz_localize(None).dt.normalize()
    return days


def check_period(by: str, *others: str) -> None:
    """Check that ``by`` is a period or one of the other values.

    Raises
    ------
    InvalidInputError
        It is not.
    """
    allowed = (*_PERIODS, *others)
    if by not in allowed:
        raise InvalidInputError(f"by must be one of {', '.join(allowed)}.")


def period_starts(days: pd.Series[Any], by: Period) -> pd.Series[Any]:
    """Return the first day of each day's period.

    Raises
    ------
    InvalidInputError
        There is no such period.
    """
    check_period(by)
    starts: pd.Series[Any]
    if by == "week":
        starts = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    else:
        starts = days.dt.to_period(_PANDAS_PERIODS[by]).dt.start_time
    return starts.astype(DAY_DTYPE)


def period_range(first: pd.Timestamp, last: pd.Timestamp, by: Period) -> pd.DatetimeIndex:
    """Return the first day of each period from ``first`` to ``last``; no periods if the two are missing."""
    begin, end = period_starts(pd.Series([first, last], dtype=DAY_DTYPE), by)
    if pd.isna(begin):
        return pd.DatetimeIndex([], dtype=DAY_DTYPE)
    return pd.date_range(begin, end, freq=_FREQUENCIES[by], unit="us")


def period_index(starts: pd.Series[Any], by: Period) -> pd.PeriodIndex:
    """Return pandas Periods, such as ``2026-02``, from the first day of each period."""
    return pd.PeriodIndex(starts, freq=_PANDAS_PERIODS[by])
