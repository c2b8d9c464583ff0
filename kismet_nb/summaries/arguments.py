"""Check the tables that are passed to a summary and their times, and resolve ``as_of``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.dates import parse_timestamp, time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import ORGANIZATION
from kismet_nb.summaries.periods import to_local_days
from kismet_nb.tables.provenance import provenance, row_resource, sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Moment

__all__ = ["check_coarse_times", "check_table", "resolve_as_of"]

MIN_STARTS = 10  # so many times, all at the start of a month, are not there by chance
# For each unit of ``pseudonymize``, the periods to which its starts belong as the exact times did.
_KNOWN_PERIODS = {
    "day": ("day", "week", "month", "year", "all"),
    "week": ("week",),
    "month": ("month", "year"),
    "quarter": ("year",),
    "year": ("year",),
}


def check_table(df: object, resource: str, *columns: str) -> pd.DataFrame:
    """Return the table with a new index, because the index of concatenated tables may have duplicates.

    Raises
    ------
    InvalidInputError
        It is not a table of this resource, lacks one of the columns, or has rows of several organizations.
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"A summary needs a pandas DataFrame, not {type(df).__name__}.")
    expected, found = resource.replace("_", " "), row_resource(df) or resource
    if found != resource:
        raise InvalidInputError(
            f"This summary needs a table of {expected}, but got a table of {found.replace('_', ' ')}."
        )
    missing = [name for name in columns if name not in df.columns]
    if missing:
        raise InvalidInputError(
            f"This summary needs a table of {expected}, but got a table that has no column {', '.join(missing)}."
        )
    if ORGANIZATION in df.columns and df[ORGANIZATION].nunique() > 1:
        raise InvalidInputError(
            f"This table of {expected} has rows of several organizations, in which two people may have the same id. "
            f"Pass one at a time, for example table[table[{ORGANIZATION!r}] == {df[ORGANIZATION].dropna().min()!r}]."
        )
    return df.reset_index(drop=True)


def check_coarse_times(df: pd.DataFrame, times: pd.Series[Any], by: str, tz: str | None = None) -> None:
    """Check that a summary by this period is right, if ``pseudonymize`` has made the times of a table coarse.

    Parameters
    ----------
    df
        The table, whose provenance records the unit of coarse times. A merge loses it. Then the times show it.
    times
        The column of times to count.
    by
        A period, ``"hour"``, or ``"all"`` for a range of days.
    tz
        The time zone of the summary; None if it does not convert times.

    Raises
    ------
    InvalidInputError
        The period of the exact times is not known: it is shorter than the unit, or the time zone is another one.
    """
    for unit in _coarse_units(df, times):
        start = f"{times.name} holds only the start of each {unit}, as pseudonymize makes it"
        if by not in _KNOWN_PERIODS.get(unit, ()):
            wanted = "day" if by == "all" else by
            raise InvalidInputError(
                f"{start}, so this summary cannot know the {wanted}. Choose a longer period, or use the fetched table."
            )
        if tz is not None and isinstance(times.dtype, pd.DatetimeTZDtype):
            days = times.dt.tz_localize(None).dt.normalize().dropna()
            if not to_local_days(times.dropna(), tz).eq(days).all():
                raise InvalidInputError(
                    f"{start} in {times.dt.tz}. In {tz}, many would count in the {by} before. Leave out tz, or pass "
                    "the zone of the column."
                )


def _coarse_units(df: pd.DataFrame, times: pd.Series[Any]) -> set[str]:
    """Return the units of coarse times: those on record, otherwise months if all times are at the start of one."""
    units = {source["coarse_times"] for source in sources(df) if "coarse_times" in source}
    known = times.dropna()
    if units or len(known) < MIN_STARTS or known.dtype.kind != "M":
        return units
    local = known.dt.tz_localize(None)
    return {"month"} if (local.dt.normalize().eq(local) & local.dt.day.eq(1)).all() else set()


def resolve_as_of(as_of: Moment, df: pd.DataFrame, tz: str) -> pd.Timestamp:
    """Return ``as_of`` in the time zone; by default the time at which the table was fetched, otherwise now.

    Raises
    ------
    InvalidInputError
        ``as_of`` is neither a time nor a day, or there is no such time zone.
    """
    zone = time_zone(tz)
    if as_of is None:
        as_of = provenance(df).get("fetched_at", dt.datetime.now(dt.UTC))
    moment = parse_timestamp(as_of, "as_of")
    if moment.tz is not None:
        return moment.tz_convert(zone)
    # In some zones clocks change at midnight. Such a day begins at 1:00, or at the first of two midnights.
    return moment.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
