"""Write Excel files: a sheet for each table, and a last sheet with their provenance."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.excel_about import ABOUT_SHEET, fill_about
from kismet_nb.files.excel_cells import TEXT_FORMAT, SheetColumn, import_openpyxl, to_sheet_column
from kismet_nb.files.excel_styles import heading_cell, set_text, title_cell, total_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import BinaryIO

    from kismet_nb.files.stored_table import StoredTable

__all__ = ["TABLE_SHEET", "Sheet", "build_sheet", "check_sheet_names", "write_excel"]

TABLE_SHEET = "table"  # the name of the sheet of a single table
RESERVED_NAMES = {ABOUT_SHEET, "history"}  # Excel reserves the second.
MAX_NAME_LENGTH = 31
MAX_ROWS = 1_048_576  # of a sheet, the header included
MAX_COLUMNS = 16_384


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table as a sheet.

    Attributes
    ----------
    name
        The name on its tab.
    title
        The text above the table, or None.
    columns
        Its columns.
    rows
        The number of rows below the header.
    has_totals
        Whether the last row holds totals, which a filter must not hide and sorting must not move.
    table
        The table itself.
    """

    name: str
    title: str | None
    columns: list[SheetColumn]
    rows: int
    has_totals: bool
    table: StoredTable

    @property
    def header_row(self) -> int:
        """The number of the row that has the headings; a title and an empty row may be above it."""
        return 3 if self.title else 1


def check_sheet_names(names: Iterable[str]) -> None:
    """Check the names of the sheets of one file.

    Raises
    ------
    InvalidInputError
        One is empty, too long, reserved, or has a character that Excel refuses, or two differ in case only.
    """
    known: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not 0 < len(name.strip()) <= len(name) <= MAX_NAME_LENGTH:
            raise InvalidInputError(f"The name of a sheet must be a text of 1 to {MAX_NAME_LENGTH} characters.")
        if set(name) & set("[]:*?/\\") or name[0] == "'" or name[-1] == "'" or not name.isprintable():
            raise InvalidInputError(
                f"{name!r} cannot be the name of a sheet: Excel refuses [ ] : * ? / \\ and outer '."
            )
        if name.lower() in known | RESERVED_NAMES:
            reason = "it is reserved" if name.lower() in RESERVED_NAMES else "another sheet has it"
            raise InvalidInputError(f"{name!r} cannot be the name of a sheet: {reason}. Choose another name.")
        known.add(name.lower())


def build_sheet(
    table: StoredTable, name: str, *, title: str | None, tz: str | None, number_formats: Mapping[str, str]
) -> Sheet:
    """Return a table as a sheet, with times in this zone, or in each column's own.

    Raises
    ------
    InvalidInputError
        Two columns would have the same header.
    ExportError
        Excel cannot hold a value of the table.
    """
    df = table.frame
    room = MAX_ROWS - (3 if title else 1)
    if len(df) > room or df.shape[1] > MAX_COLUMNS:
        raise ExportError(
            f"Excel holds {room:,} rows and {MAX_COLUMNS:,} columns. Export to .parquet or .csv, or fewer rows."
        )
    columns = [to_sheet_column(df[name], name, tz) for name in df.columns]
    if len({column.header for column in columns}) < len(columns):
        raise InvalidInputError(
            "Two columns would have the same header, because the header of a time names its zone. Rename one first."
        )
    for position, column_name in enumerate(df.columns):
        column = columns[position]
        if column_name in number_formats and column.number_format != TEXT_FORMAT:
            wanted = number_formats[column_name]
            columns[position] = replace(column, number_format=wanted, width=max(column.width, len(wanted) + 2))
    return Sheet(name, title, columns, len(df), _has_totals(table), table)


def write_excel(file: BinaryIO, sheets: Sequence[Sheet], *, provenance: bool) -> None:
    """Write the file, with a last sheet about the tables if ``provenance`` is True."""
    book = import_openpyxl().Workbook(write_only=True)
    book.properties.creator = "kismet_nb"
    for sheet in sheets:
        _fill_table(book.create_sheet(sheet.name), sheet)
    if provenance:
        page = book.create_sheet(ABOUT_SHEET)
        _fit_page_width(page)
        fill_about(page, sheets)
    # If a disk is full, openpyxl prints tracebacks about its own open files. So it writes to memory.
    content = io.BytesIO()
    book.save(content)
    with content.getbuffer() as written:  # Python 3.12.1 crashes when it collects an open one after an error.
        file.write(written)


def _has_totals(table: StoredTable) -> bool:
    """Return whether the last row has the totals of ``pivot_table(margins=True)``: it is named like the last column."""
    frame = table.frame
    if not table.labels.get("index") or frame.empty:
        return False
    name, last = frame.iat[-1, 0], frame.columns[-1]
    return isinstance(name, str) and (last == name or last.endswith(f" {name}"))


def _fill_table(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - openpyxl has no types
    openpyxl = import_openpyxl()
    letters = [openpyxl.utils.get_column_letter(number + 1) for number in range(len(sheet.columns))]
    for letter, column in zip(letters, sheet.columns, strict=True):
        page.column_dimensions[letter].width = column.width
    header = sheet.header_row
    page.freeze_panes = f"A{header + 1}"
    _fit_page_width(page)
    page.print_title_rows = f"{header}:{header}"
    if letters:
        page.auto_filter.ref = f"A{header}:{letters[-1]}{header + sheet.rows - sheet.has_totals}"
    if sheet.title:
        page.append([title_cell(page, sheet.title)])
        page.append([])
    page.append([heading_cell(page, column.header) for column in sheet.columns])
    _fill_rows(page, sheet)


def _fill_rows(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - openpyxl has no types
    openpyxl = import_openpyxl()
    # One cell per column is reused for all rows, because giving each cell its own style takes most of the time.
    cells = [openpyxl.cell.WriteOnlyCell(page) for _ in sheet.columns]
    for cell, column in zip(cells, sheet.columns, strict=True):
        cell.number_format = column.number_format
        if column.number_format.startswith("yyyy"):
            cell.alignment = openpyxl.styles.Alignment(horizontal="left")  # aligned with the header
    empty_text = openpyxl.cell.rich_text.CellRichText([""])  # unlike "", openpyxl writes it
    for number, values in enumerate(zip(*(column.cells for column in sheet.columns), strict=True), 1):
        for cell, value in zip(cells, values, strict=True):
            if isinstance(value, str):
                set_text(cell, value or empty_text)
            elif isinstance(value, float):
                cell.value, cell.data_type = repr(value), "n"  # openpyxl itself would write 16 digits.
            else:
                cell.value = value
        row = [None if value is None else cell for cell, value in zip(cells, values, strict=True)]
        if sheet.has_totals and number == sheet.rows:
            row = [None if cell is None else total_cell(page, cell) for cell in row]
        page.append(row)


def _fit_page_width(page: Any) -> None:  # noqa: ANN401 - openpyxl has no types
    """Print all columns on the width of one page."""
    page.page_setup.orientation = "landscape"
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.page_setup.fitToHeight = 0
