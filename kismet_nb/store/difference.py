"""Compare the rows of two syncs by key and in every column."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kismet_nb.resources import Resource

__all__ = ["Difference", "compare_rows", "key_table", "shared_keys"]

_NO_ROW = -1


@dataclass(frozen=True, slots=True)
class Difference:
    """The differences between new and old rows.

    Attributes
    ----------
    old_position
        For each new row, the position of the old row with the same key and values, or -1.
    changed, removed
        The positions of old rows whose values changed, and of old rows whose key is missing now.
    added
        The positions of new rows whose key is new.
    """

    old_position: NDArray[np.int64]
    changed: NDArray[np.int64]
    removed: NDArray[np.int64]
    added: NDArray[np.int64]


def compare_rows(resource: Resource, new: pa.Table, old: pa.Table) -> Difference:
    """Compare rows in all columns of the new ones; old rows may have more columns."""
    match = _matches(key_table(resource, new), key_table(resource, old))
    in_new = np.flatnonzero(match != _NO_ROW)
    in_old = match[in_new]
    same = np.ones(len(in_new), dtype=bool)
    for name in new.column_names:
        same &= _equal(new[name].take(pa.array(in_new)), old[name].take(pa.array(in_old)))
    known = np.zeros(old.num_rows, dtype=bool)
    known[in_old] = True
    added = np.flatnonzero(match == _NO_ROW)
    match[in_new[~same]] = _NO_ROW
    return Difference(match, np.sort(in_old[~same]), np.flatnonzero(~known), added)


def key_table(resource: Resource, table: pa.Table) -> pa.Table:
    """Return columns that together identify a row, without missing values, because a join does not match those."""
    columns: dict[str, Any] = {}
    for name in resource.key:
        column = table[name]
        if column.null_count:
            columns[f"{name} is missing"] = column.is_null()
            column = column.fill_null("" if pa.types.is_large_string(column.type) else 0)
        else:
            columns[f"{name} is missing"] = pa.repeat(pa.scalar(False), table.num_rows)  # noqa: FBT003 - a value
        columns[name] = column
    if resource.layout == "part":
        # These keys may have duplicates: the first row with a key is compared with the first old one, and so on.
        frame = pa.table(columns).to_pandas()
        columns["occurrence"] = pa.array(frame.groupby(list(columns), sort=False).cumcount().to_numpy())
    return pa.table(columns)


def shared_keys(one: pa.Table, other: pa.Table) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return, for each of two tables of keys, which of its rows are in the other table too."""
    match = _matches(one, other)
    in_other = np.zeros(other.num_rows, dtype=bool)
    in_other[match[match != _NO_ROW]] = True
    return match != _NO_ROW, in_other


def _matches(new: pa.Table, old: pa.Table) -> NDArray[np.int64]:
    """Return, for each new key, its position in the old keys, or -1."""
    keys = new.column_names
    match = np.full(new.num_rows, _NO_ROW, dtype=np.int64)
    joined = _numbered(new, "new position").join(
        _numbered(old, "old position"), keys, join_type="inner", use_threads=False
    )
    match[joined["new position"].to_numpy()] = joined["old position"].to_numpy()
    return match


def _numbered(table: pa.Table, name: str) -> pa.Table:
    return table.append_column(name, pa.array(np.arange(table.num_rows)))


def _equal(one: pa.ChunkedArray, other: pa.ChunkedArray) -> NDArray[np.bool_]:
    if pa.types.is_list(one.type):  # Arrow does not compare lists
        return np.fromiter(map(operator.eq, one.to_pylist(), other.to_pylist()), dtype=bool, count=len(one))
    both_missing = pc.and_(one.is_null(), other.is_null())
    equal = pc.fill_null(pc.equal(one, other), False)  # noqa: FBT003 - a value
    result: NDArray[np.bool_] = pc.or_(equal, both_missing).to_numpy()
    return result
