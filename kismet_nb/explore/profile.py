"""Summarize each column of a table without showing a text value."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.build import as_strings
from kismet_nb.tables.cell_text import heading_text
from kismet_nb.tables.index_columns import columns_with_index
from kismet_nb.tables.plain_values import readable_column
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from kismet_nb.resources import Column

__all__ = ["profile"]

_INTEGER_COLUMNS = frozenset({"missing", "distinct"})  # of the result; its other columns are text
_MAX_TEXT = 49  # characters; pandas truncates longer texts


def profile(df: pd.DataFrame) -> pd.DataFrame:
    """Summarize each column of a table.

    Parameters
    ----------
    df
        A fetched table, or one made from it. The meanings are empty if ``attrs`` no longer names the resource.

    Returns
    -------
    DataFrame
        One row per column. If the index contains data, its levels come first.

        ``column``, ``dtype`` str
            The name and the dtype of the column.
        ``meaning`` str
            The meaning according to the API's documentation.
        ``note`` str
            A difference from the API's documentation, for example an undocumented code.
        ``missing``, ``distinct`` Int64
            The number of missing values, and of distinct values.
        ``content`` str
            The lowest and the highest number or time, the frequency of each code or boolean, or the shortest and
            the longest length of texts; never a text itself. If there are many codes, the most frequent are named.

        The texts are short enough for pandas to show them in full. In a terminal of fewer than about 180 characters,
        pandas omits columns in the middle; ``print(profile(users).to_string())`` shows all.

    Raises
    ------
    InvalidInputError
        ``df`` is not a DataFrame.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11, 12]})
    >>> users.attrs["kismet"] = {"resource": "users"}
    >>> profile(users)[["column", "distinct", "content"]]
      column  distinct   content
    0     id         2  11 to 12
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"profile takes a pandas DataFrame, not {type(df).__name__}.")
    resource = RESOURCES.get(str(provenance(df).get("resource")))
    declared = {column.name: column for column in resource.columns} if resource else {}
    rows = []
    for name, whole_column in columns_with_index(df):
        dtype, values = whole_column.dtype, readable_column(whole_column.dropna())
        column = declared.get(str(name))
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(values.dtype.categories.dtype)
        rows.append(
            {
                "column": heading_text(name),
                "dtype": str(dtype),
                "meaning": column.meaning if column else "",
                "note": _note(values, column) if resource else "",
                "missing": len(df) - len(values),
                "distinct": _hashable(values).nunique(),
                "content": _content(values, column) if len(values) else "all missing" if len(df) else "no rows",
            }
        )
    # In a narrow terminal, pandas omits the columns in the middle.
    names = ["column", "dtype", "meaning", "note", "missing", "distinct", "content"]
    columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in names}
    return pd.DataFrame(
        {
            name: column.astype("Int64") if name in _INTEGER_COLUMNS else as_strings(column)
            for name, column in columns.items()
        }
    )


def _hashable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return hashable values: objects, which may be lists, become text."""
    return as_strings(values) if values.dtype == object else values


def _codes(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return all codes of a column, including those in lists."""
    if values.dtype != object:
        return values
    lists = (value if isinstance(value, list | tuple | np.ndarray) else [value] for value in values)
    return pd.Series([code for codes in lists for code in codes], dtype=object).dropna()


def _as_many_as_fit(texts: list[str], width: int) -> str:
    """Join texts with commas. If they are too wide, keep at least the first and end with the number of the others."""
    for count in range(len(texts), 0, -1):
        rest = [f"{len(texts) - count:,} more"] if count < len(texts) else []
        joined = ", ".join([*texts[:count], *rest])
        if len(joined) <= width or count == 1:
            return joined
    return ""


def _content(values: pd.Series[Any], column: Column | None) -> str:
    if column is not None and column.codes:
        counts = Counter(map(str, _codes(values)))  # value_counts fails for a lone surrogate
        return _as_many_as_fit([f"{code} {count:,}" for code, count in counts.most_common()], _MAX_TEXT)
    kind = values.dtype.kind
    if kind == "b":
        return f"true {values.sum():,}, false {(~values.astype(bool)).sum():,}"
    if kind == "M":
        zone = f" ({values.dt.tz})" if values.dt.tz else ""
        return f"{values.min():%Y-%m-%d} to {values.max():%Y-%m-%d}{zone}"
    if kind == "f":
        return f"{values.min():.10g} to {values.max():.10g}"
    if kind in "iu":
        return f"{values.min()} to {values.max()}"
    lengths = [len(value) if isinstance(value, str | list) else len(str(value)) for value in values]
    unit = "entries" if all(isinstance(value, list) for value in values) else "characters"
    return f"{min(lengths):,} to {max(lengths):,} {unit}"


def _note(values: pd.Series[Any], column: Column | None) -> str:
    if column is None:
        return "not documented"
    if values.dtype == object and column.dtype != "object" and not values.empty:
        return f"has values that are not {column.dtype}"
    if column.codes:
        new = sorted(set(map(str, _codes(values))) - set(column.codes))
        if new:
            start = "not in the documentation: "
            return start + _as_many_as_fit(new, _MAX_TEXT - len(start))
    return ""
