"""Compare two tables of the same resource, fetched at different times.

These values are the same: missing values of any kind; a time in different time zones; a number in different dtypes, if
all digits are the same; a date and its midnight without a zone; lists with the same items in the same order. These
differ: ``True`` and 1; 5 and the text "5"; a missing value and any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.explore.comparable import (
    check_tables,
    check_unique,
    column_names,
    common_resource,
    concat_column,
    key_codes,
    key_columns,
    plain_values,
)
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from kismet_nb.resources import Resource

__all__ = ["CHANGES", "compare"]

CHANGES = ("added", "removed", "changed", "column added", "column removed")

# Columns that help people recognise a row. If a table has them, they are part of the result, after the key.
_LABELS = ("display_name", "user_display_name", "email", "slug", "name")
_NO_ROW = -1
_NO_COLUMN = -1


def compare(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    key: str | Sequence[str] = (),
    ignore: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Return what changed in a table between two fetches: added rows, removed rows, and each changed value.

    The order of the rows does not matter.

    Parameters
    ----------
    before, after
        The older and the newer table, from ``fetch_…`` or ``read_export``. Fetch both in the same way: a table records
        the names of the filters, but not their values, nor the users or calls that were requested.
    key
        The columns that together identify a row. A fetched table has its own (``id`` for users). For any other table,
        name the columns.
    ignore
        Columns to ignore, for example ``"updated_at"``, which changes whenever another column does.

    Returns
    -------
    DataFrame
        One row per change: first added rows, then removed rows, then changed values, each in the order of the keys.

        ``change`` str
            ``"added"``: the row is in ``after`` only. ``"removed"``: it is in ``before`` only. ``"changed"``: it
            is in both, and this value differs. ``"column added"``, ``"column removed"``: the table gained or lost a
            column. This is one change for any number of rows. If the API documents a column as never empty, but it
            is missing in every row, the server did not send it: it counts as removed.
        the key
            For example ``id``; missing if a column was added or removed. A part of the key that is missing in every
            row of both tables is left out.
        the names
            The columns ``display_name``, ``user_display_name``, ``email``, ``slug`` and ``name``, if the table has
            them. They are from ``after``, for removed rows from ``before``.
        ``column`` str
            The changed column; missing for added and removed rows.
        ``before``, ``after`` str, or object if not all values are text
            The old and the new value. Times are ISO 8601 text, in UTC if they have a zone
            (``"2026-10-31T09:00:00Z"``), and days without a zone are dates (``"2026-10-31"``). So the result can be
            exported like any table.

        ``attrs["kismet_compare"]`` records the provenance of the two tables.

    Raises
    ------
    InvalidInputError
        The tables cannot be compared: they are of different resources, hosts, filters or pseudonyms; ``before`` was
        fetched after ``after``; one is incomplete; only one was filtered after the fetch; a key is missing or
        duplicate; a named column does not exist.

    Examples
    --------
    >>> october = pd.DataFrame({"id": [11, 12], "email": ["ada.ferris@example.org", "bo.chen@example.org"]})
    >>> november = pd.DataFrame({"id": [11, 13], "email": ["ada@example.org", "cy.ng@example.org"]})
    >>> changes = compare(october, november, key="id")
    >>> changes[["change", "id", "email"]].values.tolist()
    [['added', 13, 'cy.ng@example.org'], ['removed', 12, 'bo.chen@example.org'], ['changed', 11, 'ada@example.org']]
    """
    check_tables(before, after)
    ignored = column_names("ignore", ignore)
    resource = common_resource(before, after)
    keys = key_columns(before, after, resource, column_names("key", key))
    every_column = list(dict.fromkeys([*after, *before]))
    if unknown := [name for name in ignored if name not in every_column or name in keys]:
        raise InvalidInputError(f"{unknown[0]} cannot be ignored: there is no such column, or it is part of the key.")

    columns = [name for name in every_column if name not in {*keys, *ignored}]
    labels = [name for name in _LABELS if name in every_column and name not in keys]
    rows = pd.DataFrame({name: concat_column(before, after, name) for name in [*keys, *labels]})
    codes = key_codes(rows[keys])
    old, new = codes[: len(before)], codes[len(before) :]
    check_unique("before", old, keys)
    check_unique("after", new, keys)
    position = pd.Index(old).get_indexer(pd.Index(new))  # of each row of after in before, or -1
    kept = np.flatnonzero(position >= 0)

    # Rows are identified by their position in concat([before, after]).
    found = [
        _changes("added", np.flatnonzero(position < 0) + len(before)),
        _changes("removed", np.flatnonzero(~np.isin(old, new))),
    ]
    never_empty = _never_empty(resource, before, after)
    for number, name in enumerate(columns):
        in_before, in_after = (_was_sent(frame, name, never_empty) for frame in (before, after))
        if in_before and in_after:
            earlier, later = before[name].take(position[kept]), after[name].take(kept)
            differs = np.flatnonzero(_differ(earlier, later))
            values = plain_values(earlier.iloc[differs]), plain_values(later.iloc[differs])
            found.append(_changes("changed", kept[differs] + len(before), number, values))
        elif in_before or in_after:
            found.append(_changes("column added" if in_after else "column removed", np.array([_NO_ROW]), number))
    changes = pd.concat(found, ignore_index=True)
    order = np.lexsort((changes["column"], np.append(codes, _NO_ROW)[changes["row"]], changes["change"]))
    result = _result(changes.iloc[order], rows, columns)
    result.attrs = {
        "kismet_compare": {"before": provenance(before), "after": provenance(after), "ignored": ignored},
    }
    return result


# Columns --------------------------------------------------------------------------------------------------------


def _never_empty(resource: Resource | None, before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Return the columns that have a value in every row if the API sent them, or none if a table has no rows."""
    if resource is None or before.empty or after.empty:
        return set()
    return {column.name for column in resource.columns if not column.nullable}


def _was_sent(frame: pd.DataFrame, name: str, never_empty: set[str]) -> bool:
    return name in frame and (name not in never_empty or bool(frame[name].notna().any()))


# Values ---------------------------------------------------------------------------------------------------------


def _differ(before: pd.Series[Any], after: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return for each row whether its two values differ."""
    both_missing = before.isna().to_numpy() & after.isna().to_numpy()
    zoned = all(isinstance(column.dtype, pd.DatetimeTZDtype) for column in (before, after))
    typed = before.dtype == after.dtype and (before.dtype.kind in "biufM" or isinstance(before.dtype, pd.StringDtype))
    if zoned or typed:
        same = pd.Series(before.array == after.array).fillna(False).to_numpy(dtype=bool)  # noqa: FBT003 - pandas' own
    else:
        pairs = map(_same, plain_values(before), plain_values(after))
        same = np.fromiter(pairs, dtype=bool, count=len(before))
    return ~(same | both_missing)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any value of a table
    """Return whether two plain values are the same. In Python, ``True == 1``; here they differ."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


# The result -----------------------------------------------------------------------------------------------------


def _changes(
    change: str,
    rows: NDArray[np.intp],
    column: int = _NO_COLUMN,
    values: tuple[NDArray[np.object_], NDArray[np.object_]] | None = None,
) -> pd.DataFrame:
    """Return changes of one kind, with rows and columns as positions."""
    missing = np.full(len(rows), None, dtype=object)
    before, after = values or (missing, missing)
    return pd.DataFrame(
        {
            "change": CHANGES.index(change),
            "row": rows,
            "column": column,
            "before": pd.Series(before, dtype=object),
            "after": pd.Series(after, dtype=object),
        }
    )


def _result(changes: pd.DataFrame, rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the changes with keys and names instead of positions."""
    names = rows.reindex(changes["row"])
    return pd.DataFrame(
        {
            "change": pd.array([CHANGES[number] for number in changes["change"]], dtype="str"),
            **{name: _inferred(names[name]) for name in names},
            "column": pd.array([None if at == _NO_COLUMN else columns[at] for at in changes["column"]], dtype="str"),
            "before": _inferred(changes["before"]),
            "after": _inferred(changes["after"]),
        }
    )


def _inferred(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column with an inferred dtype. Text with a lone surrogate stays in a column of objects."""
    try:
        return pd.Series(column.array)
    except UnicodeEncodeError:
        return pd.Series(column.to_numpy(), dtype=object)
