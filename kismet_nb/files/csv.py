"""Tables in CSV, safe for a spreadsheet; what a CSV cannot say lies in a JSON beside it.

The JSON holds the dtypes, where the table came from, and a checksum of the CSV. Where it is gone, or the CSV was
edited since, columns that the API documents still get their documented dtype, and all others are text. A CSV that
was cut at the end of a row looks no different from a shorter one, so a warning tells of any change since.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import json
import re
import warnings
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kismet_nb.errors import ExportError
from kismet_nb.files.text_codec import FORMULA, arrow_column, column_from_texts, rows_told, with_dtype

if TYPE_CHECKING:
    from io import BufferedRandom
    from pathlib import Path

__all__ = ["is_note", "note", "note_path", "read", "table", "write"]

ROWS = "rows in this file"
NOTE = {"format", "sha256", "dtypes"}  # what tells such a JSON from others
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def note_path(target: Path) -> Path:
    """Return where the JSON lies: beside the file, whichever link it was written through."""
    target = target.resolve()
    return target.with_name(f"{target.name}.json")


def note(df: pd.DataFrame, digest: str) -> bytes:
    """Return the JSON for a CSV with this checksum."""
    about = {
        "format": 1,
        ROWS: rows_told(df),
        "sha256": digest,
        "dtypes": {name: str(dtype) for name, dtype in df.dtypes.items()},
        "attrs": df.attrs,
    }
    # Half a surrogate pair becomes its \u escape, which is JSON's too.
    return json.dumps(about, ensure_ascii=False, indent=1).encode(errors="backslashreplace")


def is_note(path: Path) -> bool:
    """Tell whether this is such a JSON, and not a file of someone else that happens to have the name."""
    return (_loaded(path) or {}).keys() >= NOTE


def table(df: pd.DataFrame, *, safe: bool) -> pa.Table:
    """Return the table as Arrow writes it; safe: with an apostrophe before what a spreadsheet would run."""
    columns = [arrow_column(df[name], name) for name in df.columns]
    names = list(df.columns)
    if safe:
        columns = [
            pc.replace_substring_regex(column, f"^('*{FORMULA})", r"'\1")
            if pa.types.is_large_string(column.type) or pa.types.is_string(column.type)
            else column
            for column in columns
        ]
        names = [f"'{name}" if re.match(f"'*{FORMULA}", name) else name for name in names]
    return pa.table(columns, names=names)


def write(file: BufferedRandom, table: pa.Table, *, gz: bool, safe: bool, options: dict[str, Any]) -> str:
    """Write the file, through pandas if there are options, and return its checksum."""
    with contextlib.ExitStack() as stack:
        # No time stamp in the gzip header: the same table makes the same file.
        out = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0)) if gz else file
        if safe and "encoding" not in options:
            out.write(BYTE_ORDER_MARK)
        if options:
            cast("pd.DataFrame", table.to_pandas()).to_csv(out, **{"index": False} | options)
        elif table.num_columns:
            pyarrow.csv.write_csv(table, out)
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def read(source: Path) -> pd.DataFrame:
    """Read a table back."""
    raw, beside = source.read_bytes(), note_path(source)
    said = _loaded(beside)
    told = said if said and said.keys() >= NOTE else {}
    about = told if told.get("sha256") == hashlib.sha256(raw).hexdigest() else {}
    text = gzip.decompress(raw) if source.suffix.lower() == ".gz" else raw
    safe = text.startswith(BYTE_ORDER_MARK)
    frame = _table(source, text.removeprefix(BYTE_ORDER_MARK), about.get("dtypes", {}), safe=safe)
    frame.attrs = about.get("attrs", {})
    if told and not about:
        then = str(told.get(ROWS, "an unknown number of")).partition(":")[0]
        problem = f"is not as export wrote it: it had {then} rows then, and has {len(frame)} now"
    elif said is None and beside.exists():
        problem = f"may not be as export wrote it: {beside.name} beside it cannot be read"
    else:
        return frame
    # In the name of whoever called read_export.
    warnings.warn(f"{source} {problem}. If nobody edited it, it is damaged: export it again.", stacklevel=3)
    return frame


def _table(source: Path, text: bytes, dtypes: dict[str, str], *, safe: bool) -> pd.DataFrame:
    if not text:
        return pd.DataFrame()
    header = next(csv.reader(io.StringIO(text.decode(), newline="")))
    table = pyarrow.csv.read_csv(
        io.BytesIO(text),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
        # A block must hold at least one whole row.
        read_options=pyarrow.csv.ReadOptions(block_size=max(2**20, min(len(text), 2**30))),
    )
    series = {}
    for sent, column in zip(header, table.columns, strict=True):
        name = sent[1:] if safe and re.match(f"''*{FORMULA}", sent) else sent
        if name in series:
            raise ExportError(f"{source} names the column {name} twice. Rename one of them in the file.")
        texts = pc.replace_substring_regex(column, f"^'('*{FORMULA})", r"\1") if safe else column
        series[name] = with_dtype(texts, dtypes[name]) if name in dtypes else column_from_texts(texts, name)
    return pd.DataFrame(series, index=pd.RangeIndex(table.num_rows))


def _loaded(path: Path) -> dict[str, Any] | None:
    """Return what a JSON says, nothing if that is no object, or None if it is none, or cannot be read."""
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) else {}
