"""Convert columns of any dtype to ids, numbers and booleans, and make tables with a dtype for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.tables.build import as_strings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["comparable_ids", "names_of", "sort_newest_first", "to_boolean", "to_ids", "to_numbers", "typed_frame"]

_BOOLEANS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def to_boolean(value: object) -> bool | None:
    """Return a boolean, which other programs may write as 1 or "TRUE"; None for any other value."""
    return _BOOLEANS.get(str(value).lower())


def to_ids(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return ids as integers, or all as text if one of them is not an integer."""
    try:
        return column.astype("Int64")
    except (ValueError, TypeError, OverflowError):
        return as_strings(column)


def comparable_ids(one: pd.Series[Any], other: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return the ids of two tables in one dtype, so that the id 11 matches the text "11"."""
    one, other = to_ids(one), to_ids(other)
    return (one, other) if one.dtype == other.dtype else (as_strings(one), as_strings(other))


def names_of(ids: pd.Series[Any], users: pd.DataFrame) -> pd.Series[Any]:
    """Return the name of each of these users; if ``users`` has duplicate ids, the first row counts."""
    wanted, known = comparable_ids(ids, users["id"])
    usable = (known.notna() & ~known.duplicated()).to_numpy()
    names = users["display_name"].set_axis(known)[usable]
    return as_strings(names.reindex(wanted).array)


def to_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers as Float64; other values become missing."""
    return pd.to_numeric(column, errors="coerce").astype("Float64")


def typed_frame(columns: Mapping[str, tuple[Any, str]]) -> pd.DataFrame:
    """Return a table of columns, each given as its values and its dtype."""
    return pd.DataFrame(
        {
            name: as_strings(values) if dtype == "str" else pd.Series(values, dtype=dtype)
            for name, (values, dtype) in columns.items()
        }
    )


def sort_newest_first(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the rows in descending order of a column of times, with a new index."""
    return table.sort_values(column, ascending=False, kind="stable", ignore_index=True)
