"""Convert columns of a table to Excel cells, and cells back to texts.

A cell holds 15 digits, a time without a zone to the millisecond, and text. A value that a cell cannot hold exactly is
written as text, so that nothing is rounded silently.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import importlib
import json
import math
import re
import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.text_codec import DATE_DTYPE, encode_column, format_times, is_text_lists
from kismet_nb.frontend import install_command

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "TEXT_FORMAT",
    "Cell",
    "SheetColumn",
    "cell_texts",
    "column_digest",
    "escape_text",
    "import_openpyxl",
    "to_sheet_column",
    "unescape_text",
]

MAX_TEXT_UNITS = 32_767  # UTF-16 code units per cell
MAX_COLUMN_WIDTH = 60  # characters
MAX_INTEGER = 10**15 - 1
MAX_EXACT_DECIMALS, MAX_DECIMALS = 3, 6  # decimals shown without a number format, and with one
FIRST_TIME, LAST_TIME = pd.Timestamp("1900-03-01"), pd.Timestamp("9999-12-31 23:59:59.999")
# Between these instants, the clock of every time zone shows a year from 1 to 9999.
FIRST_DAY_ENDS, LAST_DAY_BEGINS = pd.Timestamp("0001-01-02", tz="UTC"), pd.Timestamp("9999-12-31", tz="UTC")
DATE_FORMAT = "yyyy-mm-dd"
TEXT_FORMAT = "@"  # A spreadsheet keeps the text of such a cell as it is, also when it is edited.
NOT_IN_XML = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"

Cell = int | float | bool | str | dt.datetime | None


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One column of a sheet: its header, its cells below, and how they are shown; times have a zone."""

    header: str
    cells: Sequence[Cell]
    number_format: str
    width: int
    zone: str | None = None


def import_openpyxl() -> Any:  # noqa: ANN401 - a module without types
    """Return the module openpyxl, which is an optional dependency.

    Raises
    ------
    InvalidInputError
        It is not installed.
    """
    with contextlib.suppress(ImportError):
        return importlib.import_module("openpyxl")
    raise InvalidInputError(f"Excel files need the package openpyxl. Install it with: {install_command('excel')}")


def to_sheet_column(column: pd.Series[Any], name: str, tz: str | None) -> SheetColumn:
    """Return a column of a table as cells, with times in this zone, or in their own.

    Raises
    ------
    ExportError
        Excel cannot hold the dtype, or one of the values.
    """
    dtype, header, number_format = column.dtype, name, "General"
    zone = (tz or _named_zone(dtype)) if isinstance(dtype, pd.DatetimeTZDtype) else None
    cells: Sequence[Cell]
    if dtype == DATE_DTYPE:
        cells, number_format = _date_cells(column), DATE_FORMAT
        width = len(number_format)
    elif isinstance(dtype, pd.DatetimeTZDtype) or (dtype.kind == "M" and not isinstance(dtype, pd.ArrowDtype)):
        header = f"{name} ({zone})" if zone else name
        cells, number_format = _time_cells(column, zone)
        width = len(number_format)
    else:
        values = encode_column(column, name)
        if pa.types.is_integer(values.type):
            ends = pc.min_max(values).as_py()
            fits = max(abs(ends["min"] or 0), abs(ends["max"] or 0)) <= MAX_INTEGER
            cells = (values if fits else values.cast(pa.string())).to_pylist()
            number_format = "0" if fits else TEXT_FORMAT
        elif pa.types.is_floating(values.type):
            cells = [value if value is None or math.isfinite(value) else str(value) for value in values.to_pylist()]
            number_format = _float_format([cell for cell in cells if isinstance(cell, float)])
        elif pa.types.is_boolean(values.type):
            cells = values.to_pylist()
        else:
            lists = pd.api.types.is_object_dtype(dtype) and is_text_lists(column)
            texts = pa.array(map(_join_list, column), pa.large_string()) if lists else values
            cells, number_format = _text_cells(texts, name), TEXT_FORMAT
        width = max((_width(cell, number_format) for cell in cells if cell is not None), default=0)
    escaped = escape_text(header, "A column name")
    return SheetColumn(escaped, cells, number_format, min(max(width + 2, len(header) + 4), MAX_COLUMN_WIDTH), zone)


def _named_zone(dtype: pd.DatetimeTZDtype) -> str:
    """Return the name of a dtype's time zone, or UTC if it has no IANA name, for example a fixed offset."""
    return str(dtype.tz) if str(dtype.tz) in zoneinfo.available_timezones() else "UTC"


def _float_format(values: Sequence[float]) -> str:
    """Return a format with few digits if the values have more: two decimals, or three digits of the smallest value."""
    if all(value == round(value, MAX_EXACT_DECIMALS) for value in values):
        return "General"
    smallest = min(abs(value) for value in values if value)
    decimals = max(2, 2 - math.floor(math.log10(smallest)))
    return f"0.{'0' * decimals}" if decimals <= MAX_DECIMALS and max(map(abs, values)) <= MAX_INTEGER else "General"


def _width(cell: Cell, number_format: str) -> int:
    """Return the number of characters that a cell shows."""
    if isinstance(cell, float) and number_format != "General":
        return len(f"{cell:.{len(number_format) - 2}f}")
    return len(str(cell))


def escape_text(text: str, name: str) -> str:
    """Return a text as it is written in a cell. An error calls it ``name``.

    Raises
    ------
    ExportError
        The text is too long, or has a control character.
    """
    (escaped,) = _text_cells(pa.array([text], pa.large_string()), name)
    return escaped or ""


def unescape_text(text: str) -> str:
    """Return the text of a cell without the escapes of Excel, in which ``_x000D_`` is a carriage return."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def cell_texts(cells: Sequence[Cell], zone: str | None) -> list[str | None]:
    """Return cells as the texts that ``parse_column`` reads. Times in cells are local times of ``zone``."""
    clock = [cell if isinstance(cell, dt.datetime) else None for cell in cells]
    times = pd.Series(pd.DatetimeIndex(clock).as_unit("us"))
    if zone:
        times = times.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    formatted = format_times(pa.array(times, from_pandas=True)).to_pylist()
    return [
        None if cell is None else time or _cell_text(cast("int | float | bool | str", cell))
        for cell, time in zip(cells, formatted, strict=True)
    ]


def _cell_text(cell: float | str) -> str:
    if isinstance(cell, str):
        return unescape_text(cell)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


def column_digest(texts: Sequence[str | None]) -> str:
    """Return a checksum of the texts of a column's cells."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def _time_cells(column: pd.Series[Any], zone: str | None) -> tuple[list[Cell], str]:
    """Return local times of the zone, or texts where a cell would be inexact or ambiguous, and the number format."""
    column = times = column.dt.tz_convert("UTC") if zone else column
    if zone and zone != "UTC":  # At the ends of the calendar, the local year would be 0 or 10000.
        times = column.where(column.between(FIRST_DAY_ENDS, LAST_DAY_BEGINS)).dt.tz_convert(zone)
    clock = times.dt.tz_localize(None)
    exact = clock.between(FIRST_TIME, LAST_TIME) & (clock == clock.dt.floor("ms"))
    if zone:
        exact &= clock.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").notna()
    cells: list[Cell] = []
    for shown, fits, local, instant in zip(clock, exact, times, column, strict=True):
        if fits:
            cells.append(shown.to_pydatetime())
        elif instant is pd.NaT:
            cells.append(None)
        else:
            # Local mean time, as in New York before 1883, has an offset with seconds, which does not read back.
            readable = local is not pd.NaT and (local.tzinfo is None or not local.utcoffset().seconds % 60)
            cells.append((local if readable else instant).isoformat())
    fitting = clock[exact]
    if not zone and (fitting == fitting.dt.floor("D")).all():
        return cells, DATE_FORMAT
    return cells, "yyyy-mm-dd hh:mm:ss" + ("" if (fitting == fitting.dt.floor("s")).all() else ".000")


def _date_cells(column: pd.Series[Any]) -> list[Cell]:
    midnights = pa.array(column, from_pandas=True).cast(pa.timestamp("s")).to_pandas()
    cells, _ = _time_cells(pd.Series(midnights), None)
    return [cell.partition("T")[0] if isinstance(cell, str) else cell for cell in cells]


def _join_list(value: list[str] | None) -> str | None:
    """Return a list as ``a, b``, or as JSON if that text would be ambiguous."""
    if value is None:
        return None
    text = ", ".join(value)
    unambiguous = text.split(", ") == value and not text.startswith("[")
    return text if unambiguous else json.dumps(value, ensure_ascii=False)


def _text_cells(texts: pa.Array, name: str) -> list[str | None]:
    """Return texts with the escapes of Excel, in which ``_x000D_`` is a carriage return."""
    if pc.any(pc.match_substring_regex(texts, NOT_IN_XML)).as_py():
        raise ExportError(f"{name} has a control character, which Excel cannot hold. Export to .parquet or .csv.")
    cells = cast("list[str | None]", texts.to_pylist())
    if pc.any(pc.match_substring_regex(texts, "\r|_x")).as_py():
        cells = [text and re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text).replace("\r", "_x000D_") for text in cells]
    long = [text for text in cells if text and len(text) > MAX_TEXT_UNITS // 2]
    if any(len(text.encode("utf-16-le")) > 2 * MAX_TEXT_UNITS for text in long):
        raise ExportError(
            f"{name} has a text of more than {MAX_TEXT_UNITS:,} characters, which Excel cannot hold. "
            "Export to .parquet or .csv."
        )
    return cells
