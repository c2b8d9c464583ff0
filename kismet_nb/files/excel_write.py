"""Tables in Excel: a sheet for people, and a second one that says where it came from and how to read it back.

A cell holds 15 digits, a time without a zone to the millisecond, and text. Whatever it cannot hold exactly is
written as text, so that nothing is rounded behind the reader's back.
"""

from __future__ import annotations

import contextlib
import datetime as dt
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

from kismet_nb.dates import time_zone
from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.text_codec import (
    arrow_column,
    column_from_texts,
    documented_dtype,
    is_lists_of_text,
    rows_told,
    time_texts,
    with_dtype,
)
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["Sheet", "read", "sheet", "write"]

ABOUT = "about"
MACHINE = "for read_export"
LONGEST_TEXT = 32_767  # UTF-16 units
WIDEST = 60  # characters
TEXT = "@"  # a spreadsheet leaves such a cell as it is, also when it is edited
MOST_ROWS = 1_048_575  # below the header
MOST_COLUMNS = 16_384
LARGEST_INTEGER = 10**15 - 1
FIRST_TIME, LAST_TIME = pd.Timestamp("1900-03-01"), pd.Timestamp("9999-12-31 23:59:59.999")
FIRST_DAY_ENDS, LAST_DAY_BEGINS = pd.Timestamp("0001-01-02", tz="UTC"), pd.Timestamp("9999-12-31", tz="UTC")
NO_XML = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
HEADER_WITH_ZONE = re.compile(r"(.+) \(([A-Za-z_]+(?:[/+-][A-Za-z0-9_+-]+)*)\)")

Cell = int | float | bool | str | dt.datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it stands on the sheet."""

    header: str
    cells: Sequence[Cell]
    number_format: str
    width: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns, and the zone that their times are shown in."""

    columns: list[Column]
    zone: str
    rows: int


def check(zone: str) -> None:
    """Refuse what no table could be written with.

    Raises
    ------
    InvalidInputError
        There is no such time zone, or the package for Excel is missing.
    """
    _openpyxl()
    time_zone(zone)


def sheet(df: pd.DataFrame, zone: str) -> Sheet:
    """Lay out a table, or refuse it before anything is written.

    Raises
    ------
    InvalidInputError
        Two columns would have the same header.
    ExportError
        The table has something that Excel cannot hold.
    """
    if len(df) > MOST_ROWS or df.shape[1] > MOST_COLUMNS:
        raise ExportError(
            f"Excel holds {MOST_ROWS:,} rows and {MOST_COLUMNS:,} columns. Export to .parquet or .csv, or fewer rows."
        )
    columns = [_column(df[name], name, zone) for name in df.columns]
    if len({column.header for column in columns}) < len(columns):
        raise InvalidInputError("Two columns would have the same header, as times get their zone. Rename one first.")
    return Sheet(columns, zone, len(df))


def write(file: BinaryIO, sheet: Sheet, about: pd.DataFrame | None) -> None:
    """Write the file, with a second sheet about this table unless it is None."""
    openpyxl = _openpyxl()
    book = openpyxl.Workbook(write_only=True)
    book.properties.creator = "kismet_nb"
    page = book.create_sheet("table")
    _fill(page, sheet)
    if about is not None:
        _fill_about(book.create_sheet(ABOUT), sheet, about)
    book.save(file)


def read(source: Path) -> pd.DataFrame:
    """Read a table back, also after a spreadsheet has saved it."""
    openpyxl = _openpyxl()
    book = openpyxl.load_workbook(source, read_only=True)
    try:
        rows = list(book.worksheets[0].iter_rows(values_only=True))
        about = _machine_part(book[ABOUT]) if ABOUT in book.sheetnames else {}
    finally:
        book.close()
    series = {}
    for position, cell in enumerate(rows[0] if rows else ()):
        header = "" if cell is None else _unescaped(str(cell))
        cells = [row[position] if position < len(row) else None for row in rows[1:]]
        name, zone = about.get("headers", {}).get(header) or _name_and_zone(header)
        if name in series:
            if not header and all(cell is None for cell in cells):
                continue  # nothing is lost
            raise ExportError(f"{source} names the column {name} twice. Rename one of them in the file.")
        dtype = about.get("dtypes", {}).get(name)
        series[name] = _series(cells, name, zone, dtype, lists=name in about.get("lists", ()))
    frame = pd.DataFrame(series, index=pd.RangeIndex(max(len(rows) - 1, 0)))
    frame.attrs = about.get("attrs", {})
    return frame


def _openpyxl() -> Any:  # noqa: ANN401 - a module without types
    with contextlib.suppress(ImportError):
        return importlib.import_module("openpyxl")
    raise InvalidInputError('Excel files need the package openpyxl. Install it with: pip install "kismet-nb[excel]"')


# Writing --------------------------------------------------------------------------------------------------------


def _column(column: pd.Series[Any], name: str, zone: str) -> Column:
    dtype, header, number_format = column.dtype, name, "General"
    cells: Sequence[Cell]
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_timestamp(dtype.pyarrow_dtype):
        raise ExportError(f"{name} has dtype {dtype}, which Excel cannot hold. Convert it with pd.to_datetime() first.")
    if isinstance(dtype, pd.DatetimeTZDtype) or (dtype.kind == "M" and not isinstance(dtype, pd.ArrowDtype)):
        if isinstance(dtype, pd.DatetimeTZDtype):
            header = f"{name} ({zone})"
        cells, number_format = _time_cells(column, zone)
        width = len(number_format)
    else:
        values = arrow_column(column, name)
        if pa.types.is_integer(values.type):
            ends = pc.min_max(values).as_py()
            fits = max(abs(ends["min"] or 0), abs(ends["max"] or 0)) <= LARGEST_INTEGER
            cells, number_format = (values.to_pylist(), "0") if fits else (values.cast(pa.string()).to_pylist(), TEXT)
        elif pa.types.is_floating(values.type):
            cells = [value if value is None or math.isfinite(value) else str(value) for value in values.to_pylist()]
        elif pa.types.is_boolean(values.type):
            cells = values.to_pylist()
        else:
            lists = pd.api.types.is_object_dtype(dtype) and is_lists_of_text(column)
            texts = pa.array(map(_list_text, column), pa.large_string()) if lists else values
            cells, number_format = _text_cells(texts, name), TEXT
        width = max((len(str(cell)) for cell in cells if cell is not None), default=0)
    (escaped,) = _text_cells(pa.array([header], pa.large_string()), "A column name")
    return Column(escaped or "", cells, number_format, min(max(width + 2, len(header) + 4), WIDEST))


def _time_cells(column: pd.Series[Any], zone: str) -> tuple[list[Cell], str]:
    """Return times as a clock in the zone shows them, and as text where a cell could not tell which is meant."""
    aware = isinstance(column.dtype, pd.DatetimeTZDtype)
    column = times = column.dt.tz_convert("UTC") if aware else column
    if aware and zone != "UTC":  # at the ends of the calendar, the clock would show year 0 or 10000
        times = column.where(column.between(FIRST_DAY_ENDS, LAST_DAY_BEGINS)).dt.tz_convert(zone)
    clock = times.dt.tz_localize(None)
    exact = clock.between(FIRST_TIME, LAST_TIME) & (clock == clock.dt.floor("ms"))
    if aware:
        exact &= clock.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").notna()
    cells: list[Cell] = [
        moment.to_pydatetime() if fits else None if sent is pd.NaT else (sent if moment is pd.NaT else time).isoformat()
        for moment, fits, time, sent in zip(clock, exact, times, column, strict=True)
    ]
    shown = clock[exact]
    if not aware and (shown == shown.dt.floor("D")).all():
        return cells, "yyyy-mm-dd"
    return cells, "yyyy-mm-dd hh:mm:ss" + ("" if (shown == shown.dt.floor("s")).all() else ".000")


def _list_text(value: list[str] | None) -> str | None:
    """Write a list as people do, or as JSON where that could be read in two ways."""
    if value is None:
        return None
    text = ", ".join(value)
    plain = text.split(", ") == value and not text.startswith("[")
    return text if plain else json.dumps(value, ensure_ascii=False)


def _text_cells(texts: pa.Array, name: str) -> list[str | None]:
    """Return texts as Excel writes them, where ``_x000D_`` is a carriage return."""
    if pc.any(pc.match_substring_regex(texts, NO_XML)).as_py():
        raise ExportError(f"{name} has a control character, which Excel cannot hold. Export to .parquet or .csv.")
    cells = cast("list[str | None]", texts.to_pylist())
    if pc.any(pc.match_substring_regex(texts, "\r|_x")).as_py():
        cells = [text and re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text).replace("\r", "_x000D_") for text in cells]
    long = [text for text in cells if text and len(text) > LONGEST_TEXT // 2]
    if any(len(text.encode("utf-16-le")) > 2 * LONGEST_TEXT for text in long):
        raise ExportError(
            f"{name} has a text of more than {LONGEST_TEXT:,} characters, which Excel cannot hold. "
            "Export to .parquet or .csv."
        )
    return cells


def _fill(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - openpyxl has no types
    openpyxl = _openpyxl()
    letters = [openpyxl.utils.get_column_letter(number + 1) for number in range(len(sheet.columns))]
    for letter, column in zip(letters, sheet.columns, strict=True):
        page.column_dimensions[letter].width = column.width
    page.freeze_panes = "A2"
    _print_wide(page)
    page.print_title_rows = "1:1"
    if letters:
        page.auto_filter.ref = f"A1:{letters[-1]}{sheet.rows + 1}"
    page.append([_bold(page, column.header) for column in sheet.columns])
    # One cell a column is filled anew for each row: giving each its own style takes most of the time.
    cells = [openpyxl.cell.WriteOnlyCell(page) for _ in sheet.columns]
    for cell, column in zip(cells, sheet.columns, strict=True):
        cell.number_format = column.number_format
        if column.number_format.startswith("yyyy"):
            cell.alignment = openpyxl.styles.Alignment(horizontal="left")  # under its header
    nothing = openpyxl.cell.rich_text.CellRichText([""])  # an empty text, which is not a missing one
    for values in zip(*(column.cells for column in sheet.columns), strict=True):
        for cell, value in zip(cells, values, strict=True):
            if isinstance(value, str):
                _set_text(cell, value or nothing)
            elif isinstance(value, float):
                cell.value, cell.data_type = repr(value), "n"  # openpyxl itself would write 16 digits
            else:
                cell.value = value
        page.append([None if value is None else cell for cell, value in zip(cells, values, strict=True)])


def _print_wide(page: Any) -> None:  # noqa: ANN401 - openpyxl has no types
    """Let all columns fit on the width of a page."""
    page.page_setup.orientation = "landscape"
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.page_setup.fitToHeight = 0


def _set_text(cell: Any, text: object) -> None:  # noqa: ANN401 - openpyxl has no types
    cell.value = text
    cell.data_type = "s"  # whatever it looks like


def _bold(page: Any, text: str) -> Any:  # noqa: ANN401 - openpyxl has no types
    openpyxl = _openpyxl()
    cell = openpyxl.cell.WriteOnlyCell(page)
    _set_text(cell, text)
    cell.font = openpyxl.styles.Font(name="Calibri", size=11, bold=True)
    cell.fill = openpyxl.styles.PatternFill("solid", fgColor="E8ECF1")
    return cell


def _fill_about(page: Any, sheet: Sheet, df: pd.DataFrame) -> None:  # noqa: ANN401 - openpyxl has no types
    origin = provenance(df)
    resource = RESOURCES.get(str(origin.get("resource")))
    meanings = {column.name: column.meaning for column in resource.columns} if resource else {}
    _print_wide(page)
    for letter, width in zip("ABC", (34, 26, 90), strict=True):
        page.column_dimensions[letter].width = width
    lines: list[tuple[str, ...]] = [("Where this table comes from",)]
    lines += [
        (str(key), ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value))
        for key, value in origin.items()
    ]
    lines += [("rows in this file", rows_told(df)), ("times are shown in", sheet.zone)]
    lines += [(), ("Column", "Type", "Meaning")]
    for column, name in zip(sheet.columns, df.columns, strict=True):
        meaning = meanings.get(name, "")
        if isinstance(df[name].dtype, pd.DatetimeTZDtype):
            meaning = meaning.replace(", UTC", f", {sheet.zone}")  # as the header says
        lines.append((column.header, str(df[name].dtype), meaning))
    headings = {"Where this table comes from", "Column", "Type", "Meaning"}
    for line in lines:
        page.append([_bold(page, text) if line[0] in headings else _text_cell(page, text) for text in line])
    machine = json.dumps(_for_read_export(sheet, df))
    page.row_dimensions[len(lines) + 1].hidden = True
    page.append([_text_cell(page, MACHINE)] + [_text_cell(page, part) for part in re.findall(".{1,4000}", machine)])


def _for_read_export(sheet: Sheet, df: pd.DataFrame) -> dict[str, Any]:
    names = list(df.columns)
    return {
        "format": 1,
        "headers": {
            _unescaped(column.header): (name, sheet.zone if isinstance(df[name].dtype, pd.DatetimeTZDtype) else None)
            for column, name in zip(sheet.columns, names, strict=True)
        },
        "dtypes": {name: str(df[name].dtype) for name in names},
        "lists": [n for n in names if pd.api.types.is_object_dtype(df[n].dtype) and is_lists_of_text(df[n])],
        "attrs": df.attrs,
    }


def _text_cell(page: Any, text: str) -> Any:  # noqa: ANN401 - openpyxl has no types
    cell = _openpyxl().cell.WriteOnlyCell(page)
    text = text.encode(errors="backslashreplace").decode()  # half a surrogate pair
    (escaped,) = _text_cells(pa.array([text], pa.large_string()), "The origin of the table")
    _set_text(cell, escaped)
    return cell


# Reading --------------------------------------------------------------------------------------------------------


def _machine_part(page: Any) -> dict[str, Any]:  # noqa: ANN401 - openpyxl has no types
    for row in page.iter_rows(values_only=True):
        if row and row[0] == MACHINE:
            with contextlib.suppress(ValueError):
                return cast("dict[str, Any]", json.loads("".join(_unescaped(part) for part in row[1:] if part)))
    return {}


def _name_and_zone(header: str) -> tuple[str, str | None]:
    match = HEADER_WITH_ZONE.fullmatch(header)
    return (match[1], match[2]) if match and match[2] in zoneinfo.available_timezones() else (header, None)


def _unescaped(text: str) -> str:
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _series(cells: list[Cell], name: str, zone: str | None, dtype: str | None, *, lists: bool) -> pd.Series[Any]:
    """Return a column with this dtype if all its cells still fit, or with the documented one, or as text."""
    wanted = dtype or documented_dtype(name) or _guessed(cells, zone)
    texts = _texts(cells, zone)
    if wanted == "object" and (lists or dtype is None):
        texts = [text if text is None or text[:1] == "[" else json.dumps(text.split(", ")) for text in texts]
    array = pa.chunked_array([pa.array(texts, pa.large_string())])
    with contextlib.suppress(ValueError, pa.ArrowException):
        return with_dtype(array, wanted)
    return column_from_texts(array, name)


def _guessed(cells: Iterable[Cell], zone: str | None) -> str:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds == {dt.datetime}:
        return "datetime64[us, UTC]" if zone else "datetime64[us]"
    return {frozenset({int}): "Int64", frozenset({bool}): "boolean"}.get(
        frozenset(kinds), "Float64" if kinds and kinds <= {int, float} else "str"
    )


def _texts(cells: Sequence[Cell], zone: str | None) -> list[str | None]:
    """Return cells as the texts from which columns are made; a clock's time with its zone."""
    clock = [cell if isinstance(cell, dt.datetime) else None for cell in cells]
    times = pd.Series(pd.DatetimeIndex(clock).as_unit("us"))
    if zone:
        times = times.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    stamps = time_texts(pa.array(times, from_pandas=True)).to_pylist()
    return [
        None if cell is None else stamp or _text(cast("int | float | bool | str", cell))
        for cell, stamp in zip(cells, stamps, strict=True)
    ]


def _text(cell: float | str) -> str:
    if isinstance(cell, str):
        return _unescaped(cell)
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else repr(cell)
