"""The last sheet of an Excel file: where its tables come from, and hidden rows that ``read_export`` needs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.files.excel_cells import cell_texts, column_digest, unescape_text
from kismet_nb.files.excel_styles import heading_cell, text_cell
from kismet_nb.files.text_codec import is_text_lists, row_count_note
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance, provenance_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kismet_nb.files.excel_write import Sheet

__all__ = ["ABOUT_SHEET", "ABOUT_TITLES", "DIGESTS", "ENCODINGS", "LABELS", "METADATA_LABEL", "SHEET", "fill_about"]

ABOUT_SHEET = "about"
ABOUT_TITLES = ("Where this table comes from", "Where these tables come from")
ABOUT_HEADINGS = ("Column", "Type", "Meaning")
METADATA_LABEL = "for read_export"  # first cell of a hidden row
METADATA_CELL_LENGTH = 4_000  # characters
SHOWN_LENGTH = 8_000  # characters of a line of the provenance
# Keys in the metadata.
ENCODINGS, LABELS, DIGESTS, SHEET = "stored columns", "labels", "sha256", "sheet"


def fill_about(page: Any, sheets: Sequence[Sheet]) -> None:  # noqa: ANN401 - openpyxl has no types
    """Write the sheet: the provenance and the columns of each table, and a hidden row for each."""
    for letter, width in zip("ABC", (34, 26, 90), strict=True):
        page.column_dimensions[letter].width = width
    page.append([heading_cell(page, ABOUT_TITLES[len(sheets) > 1])])
    rows = 1
    for sheet in sheets:
        lines = _lines(sheet)
        if len(sheets) > 1:
            page.append([])
            page.append([heading_cell(page, sheet.name)])
            rows += 2
        for line in lines:
            page.append(
                [heading_cell(page, text) if line == ABOUT_HEADINGS else text_cell(page, text) for text in line]
            )
        rows += len(lines)
    for number, sheet in enumerate(sheets, rows + 1):
        parts = re.findall(f".{{1,{METADATA_CELL_LENGTH}}}", json.dumps(_metadata(sheet)))
        page.row_dimensions[number].hidden = True
        page.append([text_cell(page, METADATA_LABEL), *(text_cell(page, part) for part in parts)])


def _lines(sheet: Sheet) -> list[tuple[str, ...]]:
    """Return the provenance of a table, and the meanings of its columns."""
    df = sheet.table.frame
    resource = RESOURCES.get(str(provenance(df).get("resource")))
    meanings = {column.name: column.meaning for column in resource.columns} if resource else {}
    zones = dict.fromkeys(column.zone for column in sheet.columns if column.zone)
    lines: list[tuple[str, ...]] = [(name, _shown(text)) for name, text in provenance_lines(df)]
    lines += [("rows in this file", row_count_note(df)), ("times are shown in", ", ".join(zones) or "UTC")]
    lines += [(), ABOUT_HEADINGS]
    for column, name in zip(sheet.columns, df.columns, strict=True):
        meaning = meanings.get(name, "")
        if column.zone:
            meaning = meaning.replace(", UTC", f", {column.zone}")  # the zone in the header
        lines.append((column.header, sheet.table.dtypes[name], meaning))
    return lines


def _shown(text: str) -> str:
    """Return a text that a cell can hold. A long query is shortened: the hidden row has all of it."""
    short = text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]} …"
    return re.sub(r"[\x00-\x08\x0b-\x1f]", lambda found: f"\\x{ord(found[0]):02x}", short)


def _metadata(sheet: Sheet) -> dict[str, Any]:
    """Return what ``read_export`` needs to restore a table."""
    table = sheet.table
    df, names = table.frame, list(table.frame.columns)
    return {
        "format": 1,
        SHEET: sheet.name,
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
