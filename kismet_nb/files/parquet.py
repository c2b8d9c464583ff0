"""Parquet files, with encodings in the metadata for columns that are stored with another dtype."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from kismet_nb.errors import ExportError
from kismet_nb.files.stored_columns import restore_column
from kismet_nb.files.stored_labels import restore_labels
from kismet_nb.files.stored_objects import as_objects
from kismet_nb.files.stored_table import METADATA_PREFIX

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from kismet_nb.files.stored_table import StoredTable

__all__ = ["read_parquet", "write_parquet"]

# Keys in the file's metadata.
ENCODINGS = f"{METADATA_PREFIX}stored columns"
LABELS = f"{METADATA_PREFIX}labels"
DTYPES = f"{METADATA_PREFIX}dtypes"  # if pandas would read another dtype
CHECKSUM = f"{METADATA_PREFIX}sha256"
JSON_COLUMNS = f"{METADATA_PREFIX}json columns"  # in files of earlier versions: columns whose values are all JSON


def write_parquet(file: BinaryIO, table: StoredTable, *, provenance: bool, options: dict[str, Any]) -> None:
    """Write a table; pandas keeps ``attrs`` in the file's metadata.

    Raises
    ------
    ExportError
        A column has a dtype that would not read back.
    """
    frame = table.frame.copy(deep=False)
    schema = _schema(frame, index=options.get("index", False))
    in_file, as_read = _read_empty(schema)
    dtypes = {str(name): str(dtype) for name, dtype in frame.dtypes.items() if str(as_read[name].dtype) != str(dtype)}
    _check_dtypes(as_read, dtypes)
    known = {ENCODINGS: table.encodings, LABELS: table.labels, DTYPES: dtypes}
    metadata = {key: value for key, value in known.items() if value}
    attrs = (frame.attrs if provenance else {}) | metadata
    frame.attrs = attrs if options else attrs | {CHECKSUM: _checksum(in_file, list(table.dtypes.values()), attrs)}
    settings: dict[str, Any] = {
        "engine": "pyarrow",
        "compression": "zstd",
        "index": False,
        "schema": schema,
        "write_page_checksum": True,
    }
    frame.to_parquet(file, **settings | options)


def read_parquet(source: Path) -> pd.DataFrame:
    """Read a table with its dtypes and ``attrs``.

    Raises
    ------
    ValueError
        The names or types in the file are not those that were written.
    """
    frame = pd.read_parquet(source, engine="pyarrow", page_checksum_verification=True)
    checksum, attrs = frame.attrs.pop(CHECKSUM, None), dict(frame.attrs)
    json_columns, encodings = frame.attrs.pop(JSON_COLUMNS, []), frame.attrs.pop(ENCODINGS, {})
    labels = frame.attrs.pop(LABELS, {})
    frame = frame.astype(frame.attrs.pop(DTYPES, {}))
    for name, dtype in frame.dtypes.items():
        if name in json_columns:
            values = [json.loads(text) if isinstance(text, str) else None for text in frame[name]]
            frame[name] = as_objects(values, frame.index)
        elif pd.api.types.is_object_dtype(dtype):
            values = [value.tolist() if isinstance(value, np.ndarray) else value for value in frame[name]]
            frame[name] = as_objects(values, frame.index)
        if name in encodings:
            frame[name] = restore_column(frame[name], encodings[name])
    if checksum:
        schema = pyarrow.parquet.read_schema(source)
        if checksum != _checksum(schema, [str(dtype) for dtype in frame.dtypes], attrs):
            raise ValueError("the names and types are not those that were written")
    return restore_labels(frame, labels)


def _schema(frame: pd.DataFrame, *, index: bool | None) -> pa.Schema:
    """Return the Arrow types of the columns. The type of lists is the same in every file, also without rows."""
    schema = pa.Schema.from_pandas(frame, preserve_index=index)
    for position, dtype in enumerate(frame.dtypes):
        if pd.api.types.is_object_dtype(dtype):  # Of the stored columns, only lists of texts are objects.
            schema = schema.set(position, schema.field(position).with_type(pa.list_(pa.string())))
    return schema


def _read_empty(schema: pa.Schema) -> tuple[pa.Schema, pd.DataFrame]:
    """Return the types that a file of this table has, and the table without rows as pandas reads it."""
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(schema.empty_table(), buffer)
    return pyarrow.parquet.read_schema(buffer), pd.read_parquet(buffer, engine="pyarrow")


def _check_dtypes(as_read: pd.DataFrame, dtypes: dict[str, str]) -> None:
    for name, dtype in dtypes.items():
        restored = None
        with contextlib.suppress(TypeError, ValueError, NotImplementedError):
            restored = as_read[name].astype(cast("Any", dtype)).dtype
        if str(restored) != dtype:
            raise ExportError(
                f"{name} has dtype {dtype}, which would not read back from Parquet. Convert it with astype(str) first."
            )


def _checksum(schema: pa.Schema, dtypes: list[str], attrs: dict[Any, Any]) -> str:
    """Return a checksum of the names, types and ``attrs``; the pages of a Parquet file have checksums of their own."""
    # Parquet calls the values of a list "element", Arrow calls them "item".
    types = [(field.name, str(field.type).replace("<item:", "<element:")) for field in schema]
    content = [types, schema.names, dtypes, attrs]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
