"""Parquet files; columns that Parquet has no type for are written as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from kismet_nb.errors import ExportError
from kismet_nb.files.text_codec import encode_json, is_text_lists

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["read_parquet", "write_parquet"]

# Keys in the file's metadata.
JSON_COLUMNS = "kismet_nb json columns"
CHECKSUM = "kismet_nb sha256"


def write_parquet(file: BinaryIO, df: pd.DataFrame, *, provenance: bool, options: dict[str, Any]) -> None:
    """Write a table; pandas keeps ``attrs`` in the file's metadata.

    Raises
    ------
    ExportError
        A column has a dtype that pandas could not read back.
    """
    mixed = [
        name for name in df.columns if pd.api.types.is_object_dtype(df[name].dtype) and not is_text_lists(df[name])
    ]
    for name, dtype in df.dtypes.items():
        if isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype):
            raise ExportError(
                f"{name} has dtype {dtype}, which pandas could not read back. Convert it with astype(object) first."
            )
    frame = df.assign(**{name: pd.Series(encode_json(df[name]), index=df.index, dtype=object) for name in mixed})
    attrs = (df.attrs if provenance else {}) | ({JSON_COLUMNS: mixed} if mixed else {})
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    frame.attrs = attrs if options else attrs | {CHECKSUM: _checksum(schema, df, attrs)}
    settings: dict[str, Any] = {"engine": "pyarrow", "compression": "zstd", "index": False, "write_page_checksum": True}
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
    mixed = frame.attrs.pop(JSON_COLUMNS, [])
    for name, dtype in frame.dtypes.items():
        if name in mixed:
            values = [json.loads(text) if isinstance(text, str) else None for text in frame[name]]
        elif pd.api.types.is_object_dtype(dtype):
            values = [value.tolist() if isinstance(value, np.ndarray) else value for value in frame[name]]
        else:
            continue
        restored = np.empty(len(frame), dtype=object)
        restored[:] = values
        frame[name] = pd.Series(restored, index=frame.index, dtype=object)
    if checksum and checksum != _checksum(pyarrow.parquet.read_schema(source), frame, attrs):
        raise ValueError("the names and types are not those that were written")
    return frame


def _checksum(schema: pa.Schema, df: pd.DataFrame, attrs: dict[Any, Any]) -> str:
    """Return a checksum of the names, types and ``attrs``; the pages of a Parquet file have checksums of their own."""
    # Parquet calls the values of a list "element", Arrow calls them "item".
    types = [(field.name, str(field.type).replace("<item:", "<element:")) for field in schema]
    content = [types, list(df.columns), [str(dtype) for dtype in df.dtypes], attrs]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
