"""Excel files back to tables, also after a spreadsheet has edited and saved them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import zoneinfo
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError
from kismet_nb.files.excel_cells import import_openpyxl, unescape_text
from kismet_nb.files.excel_write import ABOUT_SHEET, ENCODINGS, METADATA_LABEL
from kismet_nb.files.stored_columns import restore_column, stored_dtype
from kismet_nb.files.text_codec import documented_dtype, format_times, parse_column, parse_documented_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from kismet_nb.files.excel_cells import Cell

__all__ = ["read_excel"]

HEADER_WITH_ZONE = re.compile(r"(.+) \(([A-Za-z_]+(?:[/+-][A-Za-z0-9_+-]+)*)\)")


def read_excel(source: Path) -> pd.DataFrame:
    """Read the first sheet, with the dtypes and ``attrs`` of the second one if it has them.

    Raises
    ------
    ExportError
        Two columns have the same header.
    """
    book = import_openpyxl().load_workbook(source, read_only=True)
    try:
        rows = list(book.worksheets[0].iter_rows(values_only=True))
        metadata = _read_metadata(book[ABOUT_SHEET]) if ABOUT_SHEET in book.sheetnames else {}
    finally:
        book.close()
    dtypes, encodings = metadata.get("dtypes", {}), metadata.get(ENCODINGS, {})
    series = {}
    for position, cell in enumerate(rows[0] if rows else ()):
        header = "" if cell is None else unescape_text(str(cell))
        cells = [row[position] if position < len(row) else None for row in rows[1:]]
        name, zone = metadata.get("headers", {}).get(header) or _split_header(header)
        if name in series:
            if not header and all(cell is None for cell in cells):
                continue  # The column is empty.
            raise ExportError(f"{source} names the column {name} twice. Rename one of them in the file.")
        dtype = stored_dtype(name, dtypes, encodings)
        series[name] = _parse_cells(cells, name, zone, dtype, lists=name in metadata.get("lists", ()))
        if name in encodings:
            with contextlib.suppress(ValueError, pa.ArrowException):  # A cell was edited and no longer fits.
                series[name] = restore_column(series[name], encodings[name])
    frame = pd.DataFrame(series, index=pd.RangeIndex(max(len(rows) - 1, 0)))
    frame.attrs = metadata.get("attrs", {})
    return frame


def _read_metadata(page: Any) -> dict[str, Any]:  # noqa: ANN401 - openpyxl has no types
    for row in page.iter_rows(values_only=True):
        if row and row[0] == METADATA_LABEL:
            with contextlib.suppress(ValueError):
                return cast("dict[str, Any]", json.loads("".join(unescape_text(part) for part in row[1:] if part)))
    return {}


def _split_header(header: str) -> tuple[str, str | None]:
    """Split ``created_at (UTC)`` into name and time zone."""
    match = HEADER_WITH_ZONE.fullmatch(header)
    return (match[1], match[2]) if match and match[2] in zoneinfo.available_timezones() else (header, None)


def _parse_cells(cells: list[Cell], name: str, zone: str | None, dtype: str | None, *, lists: bool) -> pd.Series[Any]:
    """Return a column with this dtype if all its cells fit, otherwise with the documented one, otherwise as text."""
    wanted = dtype or documented_dtype(name) or _infer_dtype(cells, zone)
    texts = _to_texts(cells, zone)
    if wanted == "object" and (lists or dtype is None):
        texts = [text if text is None or text[:1] == "[" else json.dumps(text.split(", ")) for text in texts]
    array = pa.chunked_array([pa.array(texts, pa.large_string())])
    with contextlib.suppress(ValueError, pa.ArrowException):
        return parse_column(array, wanted)
    return parse_documented_column(array, name)


def _infer_dtype(cells: Iterable[Cell], zone: str | None) -> str:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds == {dt.datetime}:
        return "datetime64[us, UTC]" if zone else "datetime64[us]"
    if kinds == {int}:
        return "Int64"
    if kinds == {bool}:
        return "boolean"
    return "Float64" if kinds and kinds <= {int, float} else "str"


def _to_texts(cells: Sequence[Cell], zone: str | None) -> list[str | None]:
    """Return cells as the texts that ``parse_column`` reads; times are those of the clock of the zone."""
    clock = [cell if isinstance(cell, dt.datetime) else None for cell in cells]
    times = pd.Series(pd.DatetimeIndex(clock).as_unit("us"))
    if zone:
        times = times.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    formatted = format_times(pa.array(times, from_pandas=True)).to_pylist()
    return [
        None if cell is None else time or _to_text(cast("int | float | bool | str", cell))
        for cell, time in zip(cells, formatted, strict=True)
    ]


def _to_text(cell: float | str) -> str:
    if isinstance(cell, str):
        return unescape_text(cell)
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else repr(cell)
