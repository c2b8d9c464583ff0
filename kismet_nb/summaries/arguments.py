"""Check the tables that a summary takes, and resolve ``as_of``."""

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
    """Return the table with a new index; the index of concatenated tables may have duplicates.

    Raises
    ------
    InvalidInputError
        It is not a table of this resource, lacks one of the columns, or is of several organizations of a store.
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"A summary takes a pandas DataFrame, not {type(df).__name__}.")
    expected, found = resource.replace("_", " "), row_resource(df) or resource
    if found != resource:
        raise InvalidInputError(f"A table of {expected} is needed here, and this is one of {found.replace('_', ' ')}.")
    missing = [name for name in columns if name not in df.columns]
    if missing:
        raise InvalidInputError(
            f"A table of {expected} is needed here, and this one has no column {', '.join(missing)}."
        )
    if ORGANIZATION in df.columns and df[ORGANIZATION].nunique() > 1:
        raise InvalidInputError(
            f"This table of {expected} is of several organizations, where one id may be of two people. Take one at a "
            f"time, for example table[table[{ORGANIZATION!r}] == {df[ORGANIZATION].dropna().min()!r}]."
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
    # In some zones clocks change at midnight. The day then begins at 1:00, or at the first of two midnights.
    return moment.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
