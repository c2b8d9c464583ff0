"""Choose the columns that pseudonymize replaces. Raise if a name or an id could remain in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import ORGANIZATION, RESOURCES, Column
from kismet_nb.tables.provenance import row_resource

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_values", "columns_to_replace"]

# Columns that the summaries and the store add: numbers and booleans, and times. The summaries' columns field and value
# are excluded, because they contain names of roles, which may be names of people.
_ADDED_NUMBERS = frozenset(
    {"calls", "calls_known", "days", "days_left", "days_since_call", "days_since_expiry", "days_to_first_call"}
    | {"fail_rate_percent", "invites", "new_users", "owner_known", "people", "rows", "share", "users"}
)
_ADDED_TIMES = frozenset(
    {"day", "first_call", "first_day", "last_call", "last_day", "month", "seen_from", "seen_until", "week", "year"}
)
# Columns of text that the store adds. The values of ended are the store's own codes.
_STORE_LABELS = (
    Column(ORGANIZATION, "str", "Name of the organization in the store.", identifying=True),
    Column("ended", "str", "Why the row ended.", codes=("removed", "changed")),
)
_KINDS = {"Int64": "numbers", "Float64": "numbers", "boolean": "booleans", "str": "text"}  # other dtypes: times


def columns_to_replace(df: object, columns: set[str], keep: set[str], *, ids: bool) -> list[str]:
    """Return the columns to replace, in the order of the table.

    Raises
    ------
    InvalidInputError
        A column may contain names, or an argument names a column that it must not name.
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"pseudonymize takes a pandas DataFrame, not {type(df).__name__}.")
    if df.columns.has_duplicates or df.columns.nlevels > 1:
        raise InvalidInputError("Column names must be unique and have one level. Rename them first.")
    if df.index.name is not None or not (pd.api.types.is_integer_dtype(df.index.dtype) or not len(df)):
        raise InvalidInputError("The index may contain names. Call df.reset_index() first to make it a column.")
    absent = sorted(map(str, (columns | keep) - set(df.columns)))
    if absent:
        raise InvalidInputError(f"The table has no column {', '.join(absent)}.")
    documented = _documented(df)
    personal = {name for name, column in documented.items() if column.personal}
    contradicted = sorted(keep & (columns | personal))
    if contradicted:
        raise InvalidInputError(
            f"keep names columns that are personal or also in columns. Leave out: {', '.join(contradicted)}. "
            "To remove a column, use df.drop(columns=...)."
        )
    added = {name for name in _ADDED_NUMBERS & set(df.columns) if df[name].dtype.kind in "iufb"}
    added |= {name for name in _ADDED_TIMES & set(df.columns) if df[name].dtype.kind == "M"}
    _refuse_unknown(name for name in df.columns if name not in documented.keys() | columns | keep | added)
    identifying = {name for name, column in documented.items() if ids and column.identifying}
    return [name for name in df.columns if name in columns | personal | (identifying - keep)]


def _refuse_unknown(names: Iterable[object]) -> None:
    unknown = [str(name) for name in names]
    if unknown:
        raise InvalidInputError(
            f"These columns are not documented and may contain names: {', '.join(unknown)}. Name each in columns=[...] "
            "to replace it, or in keep=[...] to keep it."
        )


def _documented(df: pd.DataFrame) -> dict[str, Column]:
    """Return the documented columns of a table by name.

    The declaration of the table's resource comes first. If several other declarations have a column of this name, a
    personal one comes first, then an identifying one.
    """
    declared = [column for resource in RESOURCES.values() for column in resource.columns]
    known = {
        column.name: column for column in sorted(declared, key=lambda column: (column.personal, column.identifying))
    }
    resource = RESOURCES.get(str(row_resource(df)))
    if resource is not None:
        known |= {column.name: column for column in resource.columns}
    known |= {column.name: column for column in _STORE_LABELS if column.name not in known}
    for label in _STORE_LABELS:
        if label.name in df and not _has_kind(df[label.name], label):
            del known[label.name]  # the user's own column of this name
    return {name: column for name, column in known.items() if name in df}


def check_values(df: pd.DataFrame, names: Iterable[str]) -> None:
    """Check that documented columns contain the documented kind of values, because others may be names or ids.

    Raises
    ------
    InvalidInputError
        A column contains values of another kind, or undocumented roles.
    """
    documented = _documented(df)
    for name in names:
        column = documented.get(name)
        if column is None or _has_kind(df[name], column):
            continue
        kind = f"lists of {', '.join(column.codes)}" if column.dtype == "object" else _KINDS.get(column.dtype, "times")
        raise InvalidInputError(
            f"{name} contains values other than {kind}, which may be names or ids. Check them, then name the column in "
            f"keep=[{name!r}], or drop it."
        )


def _has_kind(values: pd.Series[Any], column: Column) -> bool:
    """Return whether all values are of the documented kind. In lists and the store's columns, codes must match too."""
    present = values.dropna()
    if present.empty:
        return True
    if column.dtype == "object":
        lists = [value for value in present if isinstance(value, list | tuple | np.ndarray)]
        return len(lists) == len(present) and all(item in column.codes for value in lists for item in value)
    if column.dtype == "str":
        is_text = all(isinstance(value, str) for value in present)
        return is_text and (column not in _STORE_LABELS or not column.codes or set(present) <= set(column.codes))
    kind = present.dtype.kind if present.dtype.kind != "O" else pd.Series(present.tolist()).dtype.kind
    return kind in ("M" if column.dtype.startswith("datetime") else "biuf")
