"""Tables in Parquet, with the columns that it has no type for as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from kismet_nb.errors import ExportError
from kismet_nb.files.text_codec import is_lists_of_text, json_texts

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["read", "write"]

JSON_COLUMNS = "kismet_nb json columns"
CHECKSUM = "kismet_nb sha256"


def write(file: BinaryIO, df: pd.DataFrame, *, provenance: bool, options: dict[str, Any]) -> None:
    """Write a table; pandas keeps ``attrs`` in the file's metadata."""
    mixed = [
        name for name in df.columns if pd.api.types.is_object_dtype(df[name].dtype) and not is_lists_of_text(df[name])
    ]
    for name, dtype in df.dtypes.items():
        if isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype):
            raise ExportError(
                f"{name} has dtype {dtype}, which pandas could not read back. Convert it with astype(object) first."
            )
    frame = df.assign(**{name: pd.Series(json_texts(df[name]), index=df.index, dtype=object) for name in mixed})
    attrs = (df.attrs if provenance else {}) | ({JSON_COLUMNS: mixed} if mixed else {})
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    frame.attrs = attrs if options else attrs | {CHECKSUM: _checksum(schema, df, attrs)}
    settings: dict[str, Any] = {"engine": "pyarrow", "compression": "zstd", "index": False, "write_page_checksum": True}
    frame.to_parquet(file, **settings | options)


def read(source: Path) -> pd.DataFrame:
    """Read a table back."""
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
    """Return a checksum of all that the file says about its pages, which have checksums of their own."""
    # Parquet has another name for what is in a list.
    types = [(field.name, str(field.type).replace("<item:", "<element:")) for field in schema]
    about = [types, list(df.columns), [str(dtype) for dtype in df.dtypes], attrs]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()
