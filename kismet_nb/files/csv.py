"""CSV files that are safe in a spreadsheet, each with a JSON file (the sidecar) beside it.

The sidecar holds what CSV cannot: the dtypes, where the table came from, and a checksum of the CSV. If the sidecar is
missing or the CSV was edited, documented columns get their documented dtype and all others are text. A CSV that was
truncated at the end of a row looks like a shorter one, so every change of the file is a warning.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import json
import warnings
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from kismet_nb.errors import ExportError
from kismet_nb.files.csv_formulas import SEPARATORS, FormulaEscaper, unescape_version_1
from kismet_nb.files.stored_columns import restore_column
from kismet_nb.files.stored_labels import restore_labels
from kismet_nb.files.stored_table import stored_dtype
from kismet_nb.files.text_codec import (
    encode_column,
    parse_column,
    parse_documented_column,
    row_count_note,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom
    from pathlib import Path

    from kismet_nb.files.stored_table import StoredTable

__all__ = ["build_sidecar", "is_sidecar", "read_csv", "sidecar_path", "to_csv_table", "write_csv"]

FORMAT = 2  # In format 1, formulas after a separator were not escaped.
ROW_COUNT = "rows in this file"
ENCODINGS, LABELS, SAFE = "stored columns", "labels", "spreadsheet_safe"
SIDECAR_KEYS = {"format", "sha256", "dtypes"}  # A JSON file with these keys was written by export.
NUMBER_OPTIONS = {"decimal", "float_format", "quoting"}  # With these options, pandas formats floats.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def sidecar_path(target: Path) -> Path:
    """Return the path of the sidecar: beside the file itself, not beside a link to it."""
    target = target.resolve()
    return target.with_name(f"{target.name}.json")


def is_sidecar(path: Path) -> bool:
    """Return whether ``export`` wrote this file as a sidecar."""
    return (_load_json(path) or {}).keys() >= SIDECAR_KEYS


def build_sidecar(table: StoredTable, digest: str, *, safe: bool) -> bytes:
    """Return the sidecar of a CSV with this checksum. ``safe`` means that formulas are escaped in the CSV."""
    content = {
        "format": FORMAT,
        ROW_COUNT: row_count_note(table.frame),
        "sha256": digest,
        SAFE: safe,
        "dtypes": table.dtypes,
        ENCODINGS: table.encodings,
        "attrs": table.frame.attrs,
    }
    if table.labels:
        content[LABELS] = table.labels
    # A lone surrogate becomes its \u escape, which is valid in JSON.
    return json.dumps(content, ensure_ascii=False, indent=1).encode(errors="backslashreplace")


def to_csv_table(df: pd.DataFrame, escaper: FormulaEscaper | None) -> pa.Table:
    """Return the table that Arrow writes.

    Parameters
    ----------
    df
        The table to write.
    escaper
        Escapes formulas, or None to write them unchanged.

    Raises
    ------
    ExportError
        A column cannot be written as text.
    """
    columns = [encode_column(df[name], name) for name in df.columns]
    names = list(df.columns)
    if escaper:
        columns = [
            escaper.escape_column(column)
            if pa.types.is_large_string(column.type) or pa.types.is_string(column.type)
            else column
            for column in columns
        ]
        names = [escaper.escape(name) for name in names]
    return pa.table(columns, names=names)


def write_csv(file: BufferedRandom, table: pa.Table, *, compress: bool, safe: bool, options: dict[str, Any]) -> str:
    """Write the file and return its checksum; pandas writes it if there are options."""
    with contextlib.ExitStack() as stack:
        # Without a time stamp in the gzip header, the same table makes the same file.
        out = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0)) if compress else file
        if safe and "encoding" not in options:
            out.write(BYTE_ORDER_MARK)
        if options:
            _to_pandas(table, options).to_csv(out, **{"index": False} | options)
        elif table.num_columns:
            pyarrow.csv.write_csv(table, out)
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _to_pandas(table: pa.Table, options: dict[str, Any]) -> pd.DataFrame:
    """Return a table for which pandas writes the same text in each cell as Arrow does without options."""
    columns = []
    for column in table.columns:
        is_float = pa.types.is_floating(column.type)
        as_text = pa.types.is_boolean(column.type) or (is_float and not NUMBER_OPTIONS & options.keys())
        columns.append(column.cast(pa.string()) if as_text else column)
    # With NumPy's integers, a missing value would turn all integers into floats.
    nullable = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    return cast("pd.DataFrame", pa.table(columns, names=table.column_names).to_pandas(types_mapper=nullable.get))


def read_csv(source: Path) -> pd.DataFrame:
    """Read a CSV with the dtypes and ``attrs`` of its sidecar, if the sidecar has the checksum of this content.

    Raises
    ------
    ExportError
        Two columns have the same name.

    Warns
    -----
    UserWarning
        The CSV changed since it was written, or its sidecar cannot be read.
    """
    raw, beside = source.read_bytes(), sidecar_path(source)
    loaded = _load_json(beside)
    sidecar = loaded if loaded and loaded.keys() >= SIDECAR_KEYS else {}
    unchanged = sidecar.get("sha256") == hashlib.sha256(raw).hexdigest()
    content = gzip.decompress(raw) if source.suffix.lower() == ".gz" else raw
    metadata = sidecar if unchanged else {}
    # A spreadsheet may have saved the file without the byte order mark.
    is_safe = content.startswith(BYTE_ORDER_MARK) or sidecar.get(SAFE) is True
    escaping = sidecar.get("format", FORMAT) if is_safe else None
    frame = _parse_csv(source, content.removeprefix(BYTE_ORDER_MARK), metadata, escaping)
    frame.attrs = metadata.get("attrs", {})
    if sidecar and not unchanged:
        rows = str(sidecar.get(ROW_COUNT, "an unknown number of")).partition(":")[0]
        problem = f"changed since export wrote it: it had {rows} rows then, and has {len(frame)} now"
    elif loaded is None and beside.exists():
        problem = f"cannot be checked for changes: {beside.name} beside it cannot be read"
    else:
        return frame
    # Stack level 3 is the caller of read_export.
    warnings.warn(f"{source} {problem}. If nobody edited it, it is damaged: export it again.", stacklevel=3)
    return frame


def _parse_csv(source: Path, content: bytes, metadata: dict[str, Any], escaping: int | None) -> pd.DataFrame:
    """Parse a CSV; ``escaping`` is the format in which formulas were escaped, or None if they were not."""
    if not content:
        return pd.DataFrame()
    separator, header = _parse_header(content)
    escaper = FormulaEscaper(separator)
    table = pyarrow.csv.read_csv(
        io.BytesIO(content),
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
        # A block must hold at least one whole row.
        read_options=pyarrow.csv.ReadOptions(block_size=max(2**20, min(len(content), 2**30))),
    )
    dtypes, encodings = metadata.get("dtypes", {}), metadata.get(ENCODINGS, {})
    series = {}
    for heading, column in zip(header, table.columns, strict=True):
        name = _unescape(pa.chunked_array([[heading]]), escaper, escaping)[0].as_py()
        if name in series:
            raise ExportError(f"{source} has two columns named {name}. Rename one of them.")
        texts = _unescape(column, escaper, escaping)
        dtype = stored_dtype(name, dtypes, encodings)
        series[name] = parse_column(texts, dtype) if dtype else parse_documented_column(texts, name)
        if name in encodings:
            series[name] = restore_column(series[name], encodings[name])
    return restore_labels(pd.DataFrame(series, index=pd.RangeIndex(table.num_rows)), metadata.get(LABELS, {}))


def _unescape(texts: pa.ChunkedArray, escaper: FormulaEscaper, escaping: int | None) -> pa.ChunkedArray:
    if escaping is None:
        return texts
    return unescape_version_1(texts) if escaping == 1 else escaper.unescape_column(texts)


def _parse_header(content: bytes) -> tuple[str, list[str]]:
    """Return the separator that splits the first two rows into the same number of fields, and the column names."""
    found, columns, most = ",", next(_rows(content, ",")), 1
    for separator in SEPARATORS:
        rows = _rows(content, separator)
        header, second = next(rows), next(rows, None)
        if len(header) > most and (second is None or len(second) == len(header)):
            found, columns, most = separator, header, len(header)
    return found, columns


def _rows(content: bytes, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), delimiter=separator)


def _load_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, ``{}`` if it holds something else, or None if it cannot be read as JSON."""
    try:
        loaded = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else {}
