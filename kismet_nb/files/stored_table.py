"""A table as it is stored: columns with plain dtypes, and the encodings that restore it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kismet_nb.files.stored_columns import store_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from kismet_nb.files.stored_objects import Encoding

__all__ = ["METADATA_PREFIX", "StoredTable", "store_table", "stored_dtype"]

METADATA_PREFIX = "kismet_nb "  # begins our own keys in the metadata of a Parquet file


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table whose columns have plain dtypes, and the encodings that restore it.

    Attributes
    ----------
    frame
        The columns as they are written, with the ``attrs`` of the table.
    dtypes
        The name of each column's original dtype.
    encodings
        The encodings of columns that have another dtype in the file.
    labels
        The encoding of its index and column names.
    """

    frame: pd.DataFrame
    dtypes: dict[str, str]
    encodings: dict[str, Encoding]
    labels: Encoding


def store_table(df: pd.DataFrame, labels: Encoding) -> StoredTable:
    """Return a table with columns of plain dtypes; ``labels`` are kept with it.

    Raises
    ------
    ExportError
        A value cannot be stored in any format.
    """
    frame, encodings = df.copy(deep=False), {}
    for name in df.columns:
        column = df[name]
        stored, encoding = store_column(column, name)
        if stored is not column:
            frame[name] = stored
        if encoding:
            encodings[name] = encoding
    # pandas.read_parquet leaves our own keys of the file in attrs.
    frame.attrs = {key: value for key, value in df.attrs.items() if not str(key).startswith(METADATA_PREFIX)}
    return StoredTable(frame, {str(name): str(dtype) for name, dtype in df.dtypes.items()}, encodings, labels)


def stored_dtype(name: str, dtypes: Mapping[str, str], encodings: Mapping[str, Encoding]) -> str | None:
    """Return the dtype that a column is stored with, or None if it is not recorded."""
    return str(encodings[name]["dtype"]) if name in encodings else dtypes.get(name)
