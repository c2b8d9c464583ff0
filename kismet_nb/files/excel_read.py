"""Read Excel files back, even if they were edited and saved in a spreadsheet.

``export`` records a checksum of each column, so a change raises a warning. Saving alone changes no checksum.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import warnings
import zoneinfo
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError
from kismet_nb.files.excel_about import DIGESTS, ENCODINGS, LABELS
from kismet_nb.files.excel_cells import cell_texts, column_digest
from kismet_nb.files.excel_sheets import header_text, load_table
from kismet_nb.files.stored_columns import restore_column
from kismet_nb.files.stored_labels import restore_labels
from kismet_nb.files.stored_table import stored_dtype
from kismet_nb.files.text_codec import documented_dtype, parse_column, parse_documented_column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kismet_nb.files.excel_cells import Cell
    from kismet_nb.files.excel_sheets import TableSheet

__all__ = ["read_excel"]

HEADER_WITH_ZONE = re.compile(r"(.+) \(([A-Za-z_]+(?:[/+-][A-Za-z0-9_+-]+)*)\)")
TIME_AS_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")  # the text of a time that a cell cannot hold exactly


def read_excel(source: Path, wanted: str | None) -> pd.DataFrame:
    """Read the table, or the one with the wanted name, with the dtypes and ``attrs`` that the last sheet records.

    Raises
    ------
    InvalidInputError
        There are several tables and ``wanted`` is None, or no table has this name.
    ExportError
        Two columns have the same header, or no sheet has the columns that were exported.

    Warns
    -----
    UserWarning
        The table changed since it was written, or holds formulas without a result.
    """
    sheet = load_table(source, wanted)
    metadata, series, digests = sheet.metadata, {}, {}
    dtypes, encodings, recorded = metadata.get("dtypes", {}), metadata.get(ENCODINGS, {}), metadata.get("headers", {})
    uncomputed = []
    for position, header in enumerate(_headers(sheet)):
        cells = [row[position] if position < len(row) else None for row in sheet.rows]
        name, zone = recorded.get(header) or _split_header(header, cells)
        if name in series:
            if not header and all(cell is None for cell in cells):
                continue  # The column is empty.
            raise ExportError(f"{source} has two columns named {name}. Rename one of them.")
        dtype = stored_dtype(name, dtypes, encodings) or documented_dtype(name) or _infer_dtype(cells, zone)
        texts = cell_texts(cells, zone)
        digests[name] = column_digest(texts)
        if dtype == "object" and (name in metadata.get("lists", ()) or name not in dtypes):
            texts = [text if text is None or text[:1] == "[" else json.dumps(text.split(", ")) for text in texts]
        series[name] = _parse_texts(texts, name, dtype)
        if name in encodings:
            with contextlib.suppress(ValueError, pa.ArrowException):  # A cell was edited and no longer fits.
                series[name] = restore_column(series[name], encodings[name])
        if position in sheet.uncomputed:
            uncomputed.append(name)
    changes, is_original = _find_changes(metadata, digests, len(sheet.rows))
    frame = pd.DataFrame(series, index=pd.RangeIndex(len(sheet.rows)))
    frame.attrs = metadata.get("attrs", {}) if is_original else {}
    frame = restore_labels(frame, metadata.get(LABELS, {}))
    # Stack level 3 is the caller of read_export.
    if changes:
        warnings.warn(f"{source} changed since export wrote it: {changes}", stacklevel=3)
    if uncomputed:
        problem = f"has formulas without a result in {', '.join(uncomputed)}, which are read as missing values"
        warnings.warn(f"{source} {problem}. Open it in a spreadsheet and save it.", stacklevel=3)
    return frame


def _find_changes(metadata: dict[str, Any], digests: dict[str, str], rows: int) -> tuple[str, bool]:
    """Return what changed since the export, and whether all exported values are unchanged."""
    recorded = metadata.get(DIGESTS)
    if recorded is None:  # a file of an earlier version or of another program
        return "", True
    added = [name for name in digests if name not in recorded]
    removed = [name for name in recorded if name not in digests]
    changed = [name for name in recorded if digests.get(name, recorded[name]) != recorded[name]]
    is_original = rows == metadata["rows"] and not removed and not changed
    parts = []
    if rows != metadata["rows"]:
        parts.append(f"it had {metadata['rows']} rows then, and has {rows} now")
        changed = []
    columns = {"new columns": added, "removed columns": removed, "changed columns": changed}
    parts += [f"{label}: {', '.join(names)}" for label, names in columns.items() if names]
    hint = " A spreadsheet that saves it may round numbers to 15 digits and drop empty texts." if changed else ""
    return f"{'; '.join(parts)}.{hint}" if parts else "", is_original


def _headers(sheet: TableSheet) -> list[str]:
    """Return the headers up to the last column that has a header or a value, or was exported."""
    width = max(map(len, (sheet.header, *sheet.rows)))
    headers = [header_text(cell) for cell in (*sheet.header, *[None] * (width - len(sheet.header)))]
    while headers and not headers[-1] and "" not in sheet.metadata.get("headers", {}):
        position = len(headers) - 1
        if any(row[position] is not None for row in sheet.rows if position < len(row)):
            break
        headers.pop()
    return headers


def _split_header(header: str, cells: Sequence[Cell]) -> tuple[str, str | None]:
    """Split ``created_at (UTC)`` into name and time zone; ``storage (GB)`` above numbers has no zone."""
    match = HEADER_WITH_ZONE.fullmatch(header)
    if not match or match[2] not in zoneinfo.available_timezones():
        return header, None
    name, zone = match[1], match[2]
    values = [cell for cell in cells if cell is not None]
    has_times = all(isinstance(value, dt.datetime) or TIME_AS_TEXT.match(str(value)) for value in values)
    is_zone = has_times and (values or zone == "UTC" or "/" in zone)
    is_time = (documented_dtype(name) or "").startswith("datetime64")
    return (name, zone) if is_zone or is_time else (header, None)


def _parse_texts(texts: list[str | None], name: str, dtype: str) -> pd.Series[Any]:
    """Return a column with this dtype if all its texts fit, otherwise with the documented one, otherwise as text."""
    array = pa.chunked_array([pa.array(texts, pa.large_string())])
    with contextlib.suppress(ValueError, pa.ArrowException):
        return parse_column(array, dtype)
    return parse_documented_column(array, name)


def _infer_dtype(cells: Sequence[Cell], zone: str | None) -> str:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if zone:
        return f"datetime64[us, {zone}]"
    if kinds == {dt.datetime}:
        return "datetime64[us]"
    if kinds == {int}:
        return "Int64"
    if kinds == {bool}:
        return "boolean"
    return "Float64" if kinds and kinds <= {int, float} else "str"
