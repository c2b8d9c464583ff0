"""Convert rows of a store to a DataFrame with a fetch's dtypes and the fields of ``rest`` as columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kismet_nb.errors import InvalidInputError
from kismet_nb.store.layout import LISTS
from kismet_nb.store.schema import REST
from kismet_nb.tables.build import PANDAS_DTYPES, infer_column

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["stored_frame"]

_SEEN = ("seen_from", "seen_until", "ended")


def stored_frame(table: str, rows: pa.Table, columns: Sequence[str] | None, *, history: bool) -> pd.DataFrame:
    """Return rows of a table as a DataFrame.

    Parameters
    ----------
    table
        The name of the table.
    rows
        Its rows, with all columns of the store.
    columns
        The columns to return; None means all columns of the table, or of its history.
    history
        Whether the rows are from the history.

    Raises
    ------
    InvalidInputError
        A column does not exist.
    """
    fields = {} if table == LISTS else _fields_in_rest(rows[REST])
    seen = [name for name in _SEEN if name in rows.column_names]
    declared = [name for name in rows.column_names if name not in {REST, *seen}]
    known = list(dict.fromkeys([*declared, *fields]))
    for name in columns or ():
        if name not in known and name not in seen:
            raise InvalidInputError(f"{table} has no column {name!r}. The columns are: {', '.join([*known, *seen])}.")
    chosen = [*known, *(seen if history else [])] if columns is None else columns
    series = {name: _column(rows, name, fields.get(name, {})) for name in chosen}
    return pd.DataFrame(series, index=pd.RangeIndex(rows.num_rows))


def _fields_in_rest(rest: pa.ChunkedArray) -> dict[str, dict[int, Any]]:
    """Return the fields in ``rest``; each maps row positions to values."""
    fields: dict[str, dict[int, Any]] = {}
    if rest.null_count < len(rest):
        for position, text in enumerate(rest.to_pylist()):
            for name, value in json.loads(text or "{}").items():
                fields.setdefault(name, {})[position] = value
    return fields


def _column(rows: pa.Table, name: str, in_rest: dict[int, Any]) -> pd.Series[Any]:
    if name not in rows.column_names:
        return infer_column([[in_rest.get(position) for position in range(rows.num_rows)]])
    column = rows[name]
    if not in_rest and not pa.types.is_list(column.type):
        frame_column: pd.Series[Any] = column.combine_chunks().to_pandas(types_mapper=PANDAS_DTYPES.get)
        return frame_column
    values = np.empty(rows.num_rows, dtype=object)
    values[:] = column.to_pylist()  # np.array(...) would turn lists of equal length into a two-dimensional array
    for position, value in in_rest.items():
        values[position] = value
    return pd.Series(values, dtype=object)
