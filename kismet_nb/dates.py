"""Parse dates, months, timestamps and time zones from arguments. Ambiguous values are refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from kismet_nb.errors import InvalidInputError

__all__ = ["parse_date", "parse_month", "parse_timestamp", "time_zone"]


def parse_date(value: object, argument: str) -> dt.date:
    """Return the date that an argument names.

    Parameters
    ----------
    value
        A date, a datetime at midnight without a zone, or text like ``"2026-02-01"``.
    argument
        The name of the argument, for the error.

    Raises
    ------
    InvalidInputError
        The value is not a date.
    """
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        with contextlib.suppress(ValueError):  # for example, 30 February
            return dt.date.fromisoformat(value)
    elif value is pd.NaT:
        pass  # NaT is an instance of datetime
    elif isinstance(value, dt.datetime):
        if value.tzinfo is None and value.time() == dt.time():
            return value.date()
    elif isinstance(value, dt.date):
        return value
    raise InvalidInputError(f"{argument} must be a day: a date, or text such as '2026-02-01'.")


def parse_month(value: object, argument: str) -> dt.date:
    """Return the first day of the month that an argument names, for example ``"2026-02"``.

    Raises
    ------
    InvalidInputError
        The value is not a month.
    """
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", value) and value > "0001":
        return dt.date.fromisoformat(f"{value}-01")
    raise InvalidInputError(f"{argument} must be a month, such as '2026-02'.")


def parse_timestamp(value: object, argument: str) -> pd.Timestamp:
    """Return the timestamp that an argument names: a datetime, a date, or either as ISO 8601 text.

    The result has a time zone only if the value has one.

    Raises
    ------
    InvalidInputError
        The value is neither a time nor a date.
    """
    if isinstance(value, dt.date) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d([T ]|$)", value)):
        with contextlib.suppress(ValueError):
            timestamp = pd.Timestamp(value)
            if not pd.isna(timestamp):
                return timestamp
    raise InvalidInputError(f"{argument} must be a time or a day, such as '2026-11-01' or '2026-11-01T09:00Z'.")


def time_zone(tz: str) -> ZoneInfo:
    """Return the time zone with this name.

    Raises
    ------
    InvalidInputError
        There is no time zone with this name.
    """
    with contextlib.suppress(ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        return ZoneInfo(tz)
    raise InvalidInputError(f"There is no time zone {tz!r}. Name one such as 'UTC' or 'America/New_York'.")
