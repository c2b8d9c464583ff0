"""Choose the columns that pseudonymize replaces. Refuse a table in which a name or an id could remain."""

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

# Columns that the summaries and the store add, if they hold numbers, truth values or times. The summaries' columns
# field and value are not among them: they hold names of roles, which may be names of people.
_ADDED_COLUMNS = frozenset(
    {"calls", "calls_known", "day", "days", "days_since_call", "days_since_expiry", "fail_rate_percent", "first_day"}
    | {"invites", "last_call", "last_day", "month", "new_users", "owner_known", "people", "rows", "seen_from"}
    | {"seen_until", "share", "users", "week", "year"}
)
# Columns of text that the store adds. The values of ended are its own words.
_STORE_LABELS = (
    Column(ORGANIZATION, "str", "Name of the organization in the store.", identifying=True),
    Column("ended", "str", "Why the row ended.", codes=("removed", "changed")),
)
_KINDS = {"Int64": "numbers", "Float64": "numbers", "boolean": "truth values", "str": "text"}  # others hold times


def columns_to_replace(df: object, columns: set[str], keep: set[str], *, ids: bool) -> list[str]:
    """Return the columns to replace, in the order of the table.

    Raises
    ------
    InvalidInputError
        It is not known of a column whether it holds names, or an argument names a column that it cannot name.
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"pseudonymize takes a pandas DataFrame, not {type(df).__name__}.")
    if df.columns.has_duplicates or df.columns.nlevels > 1:
        raise InvalidInputError("Column names must be different and of one level. Rename them first.")
    if df.index.name is not None or not (pd.api.types.is_integer_dtype(df.index.dtype) or not len(df)):
        raise InvalidInputError("The index may hold names. Call df.reset_index() first to make it a column.")
    absent = sorted(map(str, (columns | keep) - set(df.columns)))
    if absent:
        raise InvalidInputError(f"The table has no column {', '.join(absent)}.")
    documented = _documented(df)
    personal = {name for name, column in documented.items() if column.personal}
    contradicted = sorted(keep & (columns | personal))
    if contradicted:
        raise InvalidInputError(
            f"keep is for columns that are not personal and not to be replaced. Leave out: {', '.join(contradicted)}. "
            "To remove a column, use df.drop(columns=...)."
        )
    numeric = {name for name in _ADDED_COLUMNS & set(df.columns) if df[name].dtype.kind in "iufbM"}
    _refuse_unknown(name for name in df.columns if name not in documented.keys() | columns | keep | numeric)
    identifying = {name for name, column in documented.items() if ids and column.identifying}
    return [name for name in df.columns if name in columns | personal | (identifying - keep)]


def _refuse_unknown(names: Iterable[object]) -> None:
    unknown = [str(name) for name in names]
    if unknown:
        raise InvalidInputError(
            f"It is not known whether these columns hold names: {', '.join(unknown)}. Name each in columns=[...] to "
            "replace it, or in keep=[...] to keep it."
        )


def _documented(df: pd.DataFrame) -> dict[str, Column]:
    """Return the known columns of a table by name: by the table's own declaration, otherwise by any.

    Of the columns with one name in several declarations, a personal one counts first, then an identifying one.
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
            del known[label.name]  # a column of the user's own with this name
    return {name: column for name, column in known.items() if name in df}


def check_values(df: pd.DataFrame, names: Iterable[str]) -> None:
    """Check that documented columns hold what is documented, since other values could be anything.

    Raises
    ------
    InvalidInputError
        A column holds values of another kind, or roles that the documentation does not have.
    """
    documented = _documented(df)
    for name in names:
        column = documented.get(name)
        if column is None or _has_kind(df[name], column):
            continue
        kind = f"lists of {', '.join(column.codes)}" if column.dtype == "object" else _KINDS.get(column.dtype, "times")
        raise InvalidInputError(
            f"{name} holds values other than {kind}: names or ids may be among them. Look at them, then name it in "
            f"keep=[{name!r}], or drop it."
        )


def _has_kind(values: pd.Series[Any], column: Column) -> bool:
    """Return whether all values are of the documented kind. Of a column of lists or of the store, codes count too."""
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
