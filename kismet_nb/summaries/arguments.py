"""Check the tables that are passed to a summary, and resolve ``as_of``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.dates import parse_timestamp, time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import ORGANIZATION
from kismet_nb.tables.provenance import provenance, row_resource

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Moment

__all__ = ["check_table", "resolve_as_of"]


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
