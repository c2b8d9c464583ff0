"""Replace times with the start of their day, week, month, quarter or year."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.tables.plain_values import readable_column

__all__ = ["TimeUnit", "check_time_unit", "coarse_times"]

TimeUnit = Literal["day", "week", "month", "quarter", "year"]
_PANDAS_PERIODS = {
    "day": "D",
    "week": "W-SUN",
    "month": "M",
    "quarter": "Q-DEC",
    "year": "Y-DEC",
}  # W-SUN ends on Sunday
# Columns of summaries. Together with the time of the fetch, or with another time of the row, they reveal the day.
_DAY_COUNTS = ("days_left", "days_since_call", "days_since_expiry", "days_to_first_call")


def check_time_unit(dates: object) -> None:
    """Check the argument ``dates``.

    Raises
    ------
    InvalidInputError
        It is neither None nor a unit of time.
    """
    if dates is not None and dates not in get_args(TimeUnit):
        raise InvalidInputError(f"dates must be None or one of {', '.join(get_args(TimeUnit))}.")


def coarse_times(df: pd.DataFrame, unit: TimeUnit, keep: set[str]) -> dict[str, pd.Series[Any]]:
    """Return each column of times, with each time replaced by the start of its unit. Dtypes and zones stay.

    Raises
    ------
    InvalidInputError
        A column contains times but is not of a datetime dtype, or contains numbers of days that reveal a day.
    """
    columns = {}
    for name in df.columns:
        if unit != "day" and name in _DAY_COUNTS and name not in keep:
            raise InvalidInputError(
                f"{name} reveals the day of a time, so dates={unit!r} would hide nothing. Drop it, or name it in "
                f"keep=[{name!r}]."
            )
        column = df[name]
        times = readable_column(column) if column.dtype.kind == "M" else column
        if pd.api.types.is_datetime64_any_dtype(times.dtype) and not isinstance(times.dtype, pd.ArrowDtype):
            columns[name] = _coarse(times, unit).astype(column.dtype)  # an Arrow dtype stays
        elif any(_has_time(value) for value in _objects(column)):
            raise InvalidInputError(
                f"{name} contains times in a column of dtype {column.dtype}. Convert it to datetime64, for example "
                "with pd.to_datetime, or drop it."
            )
    return columns


def _has_time(value: Any) -> bool:  # noqa: ANN401 - any cell
    """Return whether a value is a time, an interval of times, or a list or dictionary with one."""
    if isinstance(value, pd.Interval):
        return _has_time(value.left)
    if isinstance(value, dict):
        return any(_has_time(item) for item in value.values())
    if isinstance(value, list | tuple | set | np.ndarray):
        return any(_has_time(item) for item in value)
    return isinstance(value, dt.date | dt.time | pd.Period | np.datetime64)


def _objects(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return the values of a column, or no values if its dtype cannot contain times."""
    is_plain = column.dtype.kind in "biuf" or isinstance(column.dtype, pd.StringDtype)
    return column.head(0) if is_plain else column


def _coarse(times: pd.Series[Any], unit: TimeUnit) -> pd.Series[Any]:
    local = times.dt.tz_localize(None) if isinstance(times.dtype, pd.DatetimeTZDtype) else times
    starts: pd.Series[Any] = local.dt.to_period(_PANDAS_PERIODS[unit]).dt.start_time.astype(local.dtype)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        # In some zones, clocks change at midnight. The day then begins at 1:00, or at the first of two midnights.
        starts = starts.dt.tz_localize(times.dt.tz, ambiguous=np.ones(len(starts), bool), nonexistent="shift_forward")
    return starts
