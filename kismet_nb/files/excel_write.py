"""Excel files: a sheet to work with, and a second one that says where the table came from.

The second sheet ends in a hidden row that ``read_export`` needs to restore the dtypes and ``attrs``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.excel_cells import (
    SheetColumn,
    cell_texts,
    column_digest,
    escape_text,
    import_openpyxl,
    to_sheet_column,
    unescape_text,
)
from kismet_nb.files.text_codec import is_text_lists, row_count_note
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance, provenance_lines

if TYPE_CHECKING:
    from typing import BinaryIO

    from kismet_nb.files.stored_columns import StoredTable

__all__ = [
    "ABOUT_SHEET",
    "ABOUT_TITLE",
    "DIGESTS",
    "ENCODINGS",
    "LABELS",
    "METADATA_LABEL",
    "TABLE_SHEET",
    "Sheet",
    "build_sheet",
    "write_excel",
]

TABLE_SHEET = "table"
ABOUT_SHEET = "about"
METADATA_LABEL = "for read_export"  # first cell of the hidden row on the second sheet
METADATA_CELL_LENGTH = 4_000  # characters
MAX_ROWS = 1_048_575  # below the header
MAX_COLUMNS = 16_384
ENCODINGS, LABELS, DIGESTS = "stored columns", "labels", "sha256"  # keys in the metadata
ABOUT_HEADINGS = ("Column", "Type", "Meaning")
ABOUT_TITLE = "Where this table comes from"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns of a sheet, and the number of rows below the header."""

    columns: list[SheetColumn]
    rows: int


def build_sheet(table: StoredTable, tz: str | None) -> Sheet:
    """Return the cells of a table, with times in this zone, or each column in its own.

    Raises
    ------
    InvalidInputError
        Two columns would have the same header.
    ExportError
        Excel cannot hold a value of the table.
    """
    df = table.frame
    if len(df) > MAX_ROWS or df.shape[1] > MAX_COLUMNS:
        raise ExportError(
            f"Excel holds {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns. Export to .parquet or .csv, or fewer rows."
        )
    columns = [to_sheet_column(df[name], name, tz) for name in df.columns]
    if len({column.header for column in columns}) < len(columns):
        raise InvalidInputError(
            "Two columns would have the same header, because times get their zone. Rename one first."
        )
    return Sheet(columns, len(df))


def write_excel(file: BinaryIO, sheet: Sheet, table: StoredTable | None) -> None:
    """Write the file, with a second sheet about the table unless ``table`` is None."""
    book = import_openpyxl().Workbook(write_only=True)
    book.properties.creator = "kismet_nb"
    _fill_table(book.create_sheet(TABLE_SHEET), sheet)
    if table is not None:
        _fill_about(book.create_sheet(ABOUT_SHEET), sheet, table)
    book.save(file)


def _fill_table(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - openpyxl has no types
    openpyxl = import_openpyxl()
    letters = [openpyxl.utils.get_column_letter(number + 1) for number in range(len(sheet.columns))]
    for letter, column in zip(letters, sheet.columns, strict=True):
        page.column_dimensions[letter].width = column.width
    page.freeze_panes = "A2"
    _fit_page_width(page)
    page.print_title_rows = "1:1"
    if letters:
        page.auto_filter.ref = f"A1:{letters[-1]}{sheet.rows + 1}"
    page.append([_heading_cell(page, column.header) for column in sheet.columns])
    # One cell per column is reused for all rows, because giving each cell its own style takes most of the time.
    cells = [openpyxl.cell.WriteOnlyCell(page) for _ in sheet.columns]
    for cell, column in zip(cells, sheet.columns, strict=True):
        cell.number_format = column.number_format
        if column.number_format.startswith("yyyy"):
            cell.alignment = openpyxl.styles.Alignment(horizontal="left")  # aligned with the header
    empty_text = openpyxl.cell.rich_text.CellRichText([""])  # unlike "", openpyxl writes it
    for values in zip(*(column.cells for column in sheet.columns), strict=True):
        for cell, value in zip(cells, values, strict=True):
            if isinstance(value, str):
                _set_text(cell, value or empty_text)
            elif isinstance(value, float):
                cell.value, cell.data_type = repr(value), "n"  # openpyxl itself would write 16 digits.
            else:
                cell.value = value
        page.append([None if value is None else cell for cell, value in zip(cells, values, strict=True)])


def _fill_about(page: Any, sheet: Sheet, table: StoredTable) -> None:  # noqa: ANN401 - openpyxl has no types
    df = table.frame
    resource = RESOURCES.get(str(provenance(df).get("resource")))
    meanings = {column.name: column.meaning for column in resource.columns} if resource else {}
    _fit_page_width(page)
    for letter, width in zip("ABC", (34, 26, 90), strict=True):
        page.column_dimensions[letter].width = width
    lines: list[tuple[str, ...]] = [(ABOUT_TITLE,)]
    lines += provenance_lines(df)
    zones = dict.fromkeys(column.zone for column in sheet.columns if column.zone)
    lines += [("rows in this file", row_count_note(df)), ("times are shown in", ", ".join(zones) or "UTC")]
    lines += [(), ABOUT_HEADINGS]
    for column, name in zip(sheet.columns, df.columns, strict=True):
        meaning = meanings.get(name, "")
        if column.zone:
            meaning = meaning.replace(", UTC", f", {column.zone}")  # the zone in the header
        lines.append((column.header, table.dtypes[name], meaning))
    headings = {ABOUT_TITLE, *ABOUT_HEADINGS}
    for line in lines:
        page.append([_heading_cell(page, text) if line[0] in headings else _text_cell(page, text) for text in line])
    metadata = json.dumps(_metadata(sheet, table))
    parts = re.findall(f".{{1,{METADATA_CELL_LENGTH}}}", metadata)
    page.row_dimensions[len(lines) + 1].hidden = True
    page.append([_text_cell(page, METADATA_LABEL), *(_text_cell(page, part) for part in parts)])


def _metadata(sheet: Sheet, table: StoredTable) -> dict[str, Any]:
    """Return what ``read_export`` needs to restore the table."""
    df, names = table.frame, list(table.frame.columns)
    return {
        "format": 1,
        "rows": sheet.rows,
        "headers": {
            unescape_text(column.header): (name, column.zone) for column, name in zip(sheet.columns, names, strict=True)
        },
        DIGESTS: {
            name: column_digest(cell_texts(column.cells, column.zone))
            for column, name in zip(sheet.columns, names, strict=True)
        },
        "dtypes": table.dtypes,
        ENCODINGS: table.encodings,
        LABELS: table.labels,
        "lists": [name for name in names if pd.api.types.is_object_dtype(df[name].dtype) and is_text_lists(df[name])],
        "attrs": df.attrs,
    }


def _fit_page_width(page: Any) -> None:  # noqa: ANN401 - openpyxl has no types
    """Print all columns on the width of one page."""
    page.page_setup.orientation = "landscape"
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.page_setup.fitToHeight = 0


def _heading_cell(page: Any, text: str) -> Any:  # noqa: ANN401 - openpyxl has no types
    openpyxl = import_openpyxl()
    cell = openpyxl.cell.WriteOnlyCell(page)
    _set_text(cell, text)
    cell.font = openpyxl.styles.Font(name="Calibri", size=11, bold=True)
    cell.fill = openpyxl.styles.PatternFill("solid", fgColor="E8ECF1")
    return cell


def _text_cell(page: Any, text: str) -> Any:  # noqa: ANN401 - openpyxl has no types
    cell = import_openpyxl().cell.WriteOnlyCell(page)
    text = text.encode(errors="backslashreplace").decode()  # A lone surrogate becomes its escape.
    _set_text(cell, escape_text(text, "The origin of the table"))
    return cell


def _set_text(cell: Any, text: object) -> None:  # noqa: ANN401 - openpyxl has no types
    cell.value = text
    cell.data_type = "s"  # also for text that looks like a formula or an error
