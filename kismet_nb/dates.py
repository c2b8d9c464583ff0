"""Days, moments and time zones as people name them: what could be read in two ways is refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from kismet_nb.errors import InvalidInputError

__all__ = ["as_day", "as_moment", "as_month", "time_zone"]


def as_day(value: object, argument: str) -> dt.date:
    """Return the day that an argument names: a date, a datetime at midnight, or text such as ``"2026-02-01"``.

    Raises
    ------
    InvalidInputError
        It names none.
    """
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass  # such as the 30th of February
    elif value is pd.NaT:
        pass  # to Python a datetime
    elif isinstance(value, dt.datetime):
        if value.tzinfo is None and value.time() == dt.time():
            return value.date()
    elif isinstance(value, dt.date):
        return value
    raise InvalidInputError(f"{argument} must be a day: a date, or text such as '2026-02-01'.")


def as_month(value: object, argument: str) -> dt.date:
    """Return the first day of the month that an argument names, such as ``"2026-02"``.

    Raises
    ------
    InvalidInputError
        It names none.
    """
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", value) and value > "0001":
        return dt.date.fromisoformat(f"{value}-01")
    raise InvalidInputError(f"{argument} must be a month, such as '2026-02'.")


def as_moment(value: object, argument: str) -> pd.Timestamp:
    """Return the moment that an argument names: a datetime, a day, or either as ISO 8601 text.

    Raises
    ------
    InvalidInputError
        It names none.
    """
    if isinstance(value, dt.date) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d([T ]|$)", value)):
        with contextlib.suppress(ValueError):
            found = pd.Timestamp(value)
            if not pd.isna(found):
                return found
    raise InvalidInputError(f"{argument} must be a moment or a day, such as '2026-11-01' or '2026-11-01T09:00Z'.")


def time_zone(tz: str) -> ZoneInfo:
    """Return the time zone of this name.

    Raises
    ------
    InvalidInputError
        There is no such time zone.
    """
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        pass
    raise InvalidInputError(f"There is no time zone {tz!r}. Name one such as 'UTC' or 'America/New_York'.")
