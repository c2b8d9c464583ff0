"""Styled cells: titles, headings, totals and texts. Text that looks like a formula stays text."""

from __future__ import annotations

from typing import Any

from kismet_nb.files.excel_cells import escape_text, import_openpyxl

__all__ = ["heading_cell", "set_text", "text_cell", "title_cell", "total_cell"]


def heading_cell(page: Any, text: str) -> Any:  # noqa: ANN401 - openpyxl has no types
    """Return a cell of the header."""
    openpyxl = import_openpyxl()
    cell = openpyxl.cell.WriteOnlyCell(page)
    set_text(cell, text)
    cell.font = openpyxl.styles.Font(name="Calibri", size=11, bold=True)
    cell.fill = openpyxl.styles.PatternFill("solid", fgColor="E8ECF1")
    return cell


def title_cell(page: Any, text: str) -> Any:  # noqa: ANN401 - as above
    """Return the cell of a title above the table."""
    cell = text_cell(page, text)
    cell.font = import_openpyxl().styles.Font(name="Calibri", size=14, bold=True)
    return cell


def text_cell(page: Any, text: str) -> Any:  # noqa: ANN401 - as above
    """Return a cell of text."""
    cell = import_openpyxl().cell.WriteOnlyCell(page)
    text = text.encode(errors="backslashreplace").decode()  # A lone surrogate becomes its escape.
    set_text(cell, escape_text(text, "The origin of the table"))
    return cell


def total_cell(page: Any, cell: Any) -> Any:  # noqa: ANN401 - as above
    """Return a copy of a cell with the style of a row of totals."""
    openpyxl = import_openpyxl()
    total = openpyxl.cell.WriteOnlyCell(page)
    total.value, total.data_type, total.number_format = cell.value, cell.data_type, cell.number_format
    total.font = openpyxl.styles.Font(name="Calibri", size=11, bold=True)
    total.border = openpyxl.styles.Border(top=openpyxl.styles.Side("thin"))
    return total


def set_text(cell: Any, text: object) -> None:  # noqa: ANN401 - as above
    """Set the text of a cell, even if it looks like a formula or an error."""
    cell.value = text
    cell.data_type = "s"
