"""Find the sheet of a table in an Excel file, and read its rows and the results of its formulas.

A user may have added or renamed sheets, replaced values by formulas, or coloured empty cells.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.excel_about import ABOUT_SHEET, ABOUT_TITLES, METADATA_LABEL, SHEET
from kismet_nb.files.excel_cells import import_openpyxl, unescape_text
from kismet_nb.files.excel_write import TABLE_SHEET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kismet_nb.files.excel_cells import Cell

__all__ = ["TableSheet", "header_text", "load_table"]

Row = tuple["Cell", ...]
ROWS_TO_HEADER = 10  # A title may be above the header.
BOOLEANS: dict[Any, bool] = {"=TRUE()": True, "=FALSE()": False, "=TRUE": True, "=FALSE": False}
VALUES = int | float | bool | dt.datetime | dt.date | dt.time | dt.timedelta


@dataclass(frozen=True, slots=True)
class TableSheet:
    """The sheet of the table: the cells of its header, the rows below, and the metadata that ``export`` wrote.

    Attributes
    ----------
    uncomputed
        The positions of columns with formulas that have no result yet.
    """

    header: Row
    rows: list[Row]
    metadata: dict[str, Any]
    uncomputed: set[int] = field(default_factory=set)


def load_table(source: Path, sheet: str | None) -> TableSheet:
    """Read the sheet of the table, or of the one that was exported with this name.

    Raises
    ------
    InvalidInputError
        There are several tables and ``sheet`` is None, or no table has this name.
    ExportError
        No sheet has the columns that were exported.
    """
    with _open(source, data_only=False) as book:
        about, tables = _find_metadata(book)
        pages = [page for page in book.worksheets if page is not about]
        metadata = _choose(tables, [page.title for page in pages], sheet, source)
        wanted = str(metadata.get(SHEET, TABLE_SHEET))
        others = tables.keys() - {wanted}
        title, skipped = _find_table([page for page in pages if page.title not in others], wanted, metadata, source)
        rows = list(book[title].iter_rows(values_only=True))[skipped:]
    uncomputed: set[int] = set()
    if any(_is_formula(cell) for row in rows for cell in row):
        with _open(source, data_only=True) as book:
            results = list(book[title].iter_rows(values_only=True))[skipped:]
        rows, uncomputed = _compute(rows, results)
    header, rows = (rows[0], rows[1:]) if rows else ((), [])
    return TableSheet(header, _without_empty_end(rows, metadata), metadata, uncomputed)


@contextlib.contextmanager
def _open(source: Path, *, data_only: bool) -> Iterator[Any]:
    book = import_openpyxl().load_workbook(source, read_only=True, data_only=data_only)
    try:
        for page in book.worksheets:
            page.reset_dimensions()  # Some programs write wrong dimensions, and openpyxl would read no further.
        yield book
    finally:
        book.close()


def _find_metadata(book: Any) -> tuple[Any, dict[str, dict[str, Any]]]:  # noqa: ANN401 - openpyxl has no types
    """Return the sheet about the tables, or None, and the metadata of each table in its hidden rows."""
    for page in book.worksheets:
        first = next(page.iter_rows(max_row=1, max_col=1, values_only=True), (None,))
        if page.title != ABOUT_SHEET and first[:1] not in {(title,) for title in ABOUT_TITLES}:
            continue
        tables = {}
        for row in page.iter_rows(values_only=True):
            if row and row[0] == METADATA_LABEL:
                with contextlib.suppress(ValueError):
                    metadata = json.loads("".join(unescape_text(part) for part in row[1:] if part))
                    tables[metadata.get(SHEET, TABLE_SHEET)] = metadata
        if tables:
            return page, tables
    return None, {}


def _choose(tables: dict[str, dict[str, Any]], pages: Sequence[str], sheet: str | None, source: Path) -> dict[str, Any]:
    """Return the metadata of the table to read. In a file of another program, this is only the name of the sheet."""
    names = list(tables or pages)
    if sheet is None and len(tables) > 1:
        raise InvalidInputError(
            f"{source} holds the tables {', '.join(names)}. Choose one, for example with sheet={names[0]!r}."
        )
    if sheet is None:
        return next(iter(tables.values()), {})
    if sheet not in names:
        raise InvalidInputError(f"{source} has no table {sheet!r}. It holds {', '.join(names)}.")
    return tables.get(sheet, {SHEET: sheet})


def _find_table(pages: Sequence[Any], wanted: str, metadata: dict[str, Any], source: Path) -> tuple[str, int]:
    """Return the title of the sheet that has most of the recorded columns, and the number of rows above its header."""
    recorded = metadata.get("headers", {}).keys()
    pages = sorted(pages, key=lambda page: page.title != wanted)  # Copies of the sheet come after it.
    found, most = (pages[0].title if pages else "", 0), 0
    for page in pages:
        for above, row in enumerate(page.iter_rows(max_row=ROWS_TO_HEADER, values_only=True)):
            matching = len(recorded & {header_text(cell) for cell in row})
            if matching > most:
                found, most = (page.title, above), matching
    if not pages or (recorded and not most):
        raise ExportError(f"In {source}, no sheet has the columns of the table that was exported. Export it again.")
    return found


def header_text(cell: Cell) -> str:
    """Return the text of a header."""
    return "" if cell is None else unescape_text(str(cell))


def _is_formula(cell: Any) -> bool:  # noqa: ANN401 - a value, or a formula of openpyxl
    """Return whether a cell may hold a formula. Text that only looks like one has itself as its result."""
    return cell[:1] == "=" if isinstance(cell, str) else cell is not None and not isinstance(cell, VALUES)


def _compute(rows: list[Row], results: list[Row]) -> tuple[list[Row], set[int]]:
    """Return the rows with the results of formulas, and the columns whose formulas have none.

    A program that computes formulas saves all results. So if some exist, a missing one is an empty text.
    """
    computed, is_computed = [], False
    uncomputed: set[int] = set()
    for row, values in zip(rows, results, strict=True):
        cells = list(values)
        for position, formula in enumerate(row):
            if not _is_formula(formula):
                continue
            if cells[position] is not None:
                is_computed |= cells[position] != formula
            elif formula in BOOLEANS:
                cells[position] = BOOLEANS[formula]
            else:
                uncomputed.add(position)
        computed.append(tuple(cells))
    return computed, set() if is_computed else uncomputed


def _without_empty_end(rows: list[Row], metadata: dict[str, Any]) -> list[Row]:
    """Return the rows without empty ones at the end, unless those were exported."""
    last = max((number for number, row in enumerate(rows, 1) if any(cell is not None for cell in row)), default=0)
    return rows[: max(last, int(metadata.get("rows", len(rows))))]
