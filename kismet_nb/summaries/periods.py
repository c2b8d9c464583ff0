"""Times to days of a time zone, and days to weeks, months and years."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from kismet_nb.dates import time_zone
from kismet_nb.errors import InvalidInputError

__all__ = [
    "DAY_DTYPE",
    "Day",
    "Moment",
    "Period",
    "check_period",
    "period_range",
    "period_starts",
    "to_local_days",
    "to_local_times",
    "to_utc",
]

Period = Literal["day", "week", "month", "year"]
Day = str | dt.date | None
Moment = str | dt.date | dt.datetime | None

DAY_DTYPE: Final = "datetime64[us]"

_PERIODS = get_args(Period)
_FREQUENCIES = {"day": "D", "week": "W-MON", "month": "MS", "year": "YS"}
_PANDAS_PERIODS = {"day": "D", "month": "M", "year": "Y"}
_FIRST, _LAST = pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31T23:59:59.999999")


def to_utc(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return times in UTC. Values of an untyped column that are not times become missing."""
    if column.dtype == object:
        # to_datetime fails on objects in a long column, and its reading of plain numbers depends on the version.
        known = [value if isinstance(value, str | dt.date | np.datetime64) else None for value in column]
        column = pd.Series(known, column.index, dtype=object, name=column.name)
    times: pd.Series[Any] = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    return times.astype("datetime64[us, UTC]")


def to_local_times(column: pd.Series[Any], tz: str) -> pd.Series[Any]:
    """Return times in a time zone. A time before the year 1 or after 9999 there cannot be shown and becomes missing."""
    times: pd.Series[Any] = to_utc(column).dt.tz_convert(time_zone(tz))
    return times.where(times.dt.tz_localize(None).between(_FIRST, _LAST))


def to_local_days(column: pd.Series[Any], tz: str) -> pd.Series[Any]:
    """Return the day of each time in a time zone, as midnight without a zone."""
    days: pd.Series[Any] = to_local_times(column, tz).dt.tz_localize(None).dt.normalize()
    return days


def check_period(by: str, *others: str) -> None:
    """Raise if ``by`` is neither a period nor one of the other values.

    Raises
    ------
    InvalidInputError
        There is no such period.
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
