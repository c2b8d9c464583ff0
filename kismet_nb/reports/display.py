"""HTML for a report's notebook: metric cards, and tables in which every cell is plain text."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.reports.column_widths import ColumnText, fit_columns
from kismet_nb.tables.cell_text import CellFormat, heading_text
from kismet_nb.tables.index_columns import columns_with_index
from kismet_nb.tables.plain_values import readable_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import IPython.display

__all__ = ["html_table", "metric_cards", "show_tables_as_html"]

# Times are shown to the minute. Ids get no separators, but metrics do.
_CELL_FORMAT = CellFormat(missing="–", true="yes", false="no", floats=",.1f", times="%Y-%m-%d %H:%M")
_METRIC_FORMAT = replace(_CELL_FORMAT, integers=",d")
_CHARACTER_WIDTH = 0.6  # em, in a wide font
# Headings that cannot be derived from the column's name.
_HEADINGS = {
    "id": "ID",
    "display_name": "Name",
    "user_display_name": "User",
    "email": "E-mail",
    "slug": "Room",
    "gone": "Missing lists",
    "verdict": "Complete",
    "waiting_room_url": "Waiting room",
}
_ACRONYMS = {"id": "ID", "url": "URL"}


def metric_cards(metrics: Mapping[str, object], *, before: Mapping[str, object] | None = None) -> IPython.display.HTML:
    """Return a card for each metric: its value in large type, its name, and its change.

    Parameters
    ----------
    metrics
        The values by name. Whole numbers get thousands separators, other numbers one decimal. A missing value is a
        dash.
    before
        The values of the period before, by the same names. With them, each card has the change, absolute and in
        percent. The change is unknown if one of the two values is missing. A change from 0 has no percentage.

    Returns
    -------
    IPython.display.HTML
        The cards, in the order of ``metrics``.

    Examples
    --------
    >>> "1,204" in metric_cards({"calls": 1204}).data
    True
    >>> "+4 (+0.3%)" in metric_cards({"calls": 1204}, before={"calls": 1200}).data
    True
    """
    cards = []
    for name, value in metrics.items():
        change = ""
        if before is not None:
            # The space separates the words where the page's style is missing, for example in JupyterLab.
            change = f'<span class="change"> {html.escape(_change(value, before.get(name)))}</span>'
        text = html.escape(_METRIC_FORMAT.text(value))
        cards.append(f"<div><strong>{text}</strong> {html.escape(name)}{change}</div>")
    return _to_html(f'<div class="metric-cards">{"".join(cards)}</div>')


def _change(value: Any, before: Any) -> str:  # noqa: ANN401 - a number of any library, or a missing value
    """Return the change of a value as text, for example ``"+4 (+0.3%)"``."""
    if pd.isna(value) or pd.isna(before):
        return "change unknown"
    difference = value - before
    text = _METRIC_FORMAT.text(difference)
    if text in {_METRIC_FORMAT.text(0), _METRIC_FORMAT.text(0.0), _METRIC_FORMAT.text(-0.0)}:
        return "no change"
    sign = "+" if difference > 0 else ""
    return f"{sign}{text} ({difference / before:+,.1%})" if before else f"{sign}{text}"


def html_table(
    table: pd.DataFrame, *, rows: int = 20, headings: Mapping[str, str] | None = None
) -> IPython.display.HTML:
    """Return the first rows of a table as HTML, with a line that counts the other rows.

    Parameters
    ----------
    table
        The table. An index with data becomes columns.
    rows
        The number of rows to show.
    headings
        Headings of some columns, by the column's name.

    Returns
    -------
    IPython.display.HTML
        The table. The heading is made from the column's name, with the time zone if the column has one. Times are
        shown to the minute, and a missing value is a dash. A table with many columns has a smaller font. If it is still
        wider than a sheet of paper, it is split into parts, and each part begins with the first column.

    Examples
    --------
    >>> "&lt;b&gt;" in html_table(pd.DataFrame({"display_name": ["<b>"]})).data
    True
    >>> "Joined" in html_table(pd.DataFrame({"created_at": ["today"]}), headings={"created_at": "Joined"}).data
    True
    """
    columns, kinds = [], []
    for name, whole_column in columns_with_index(table.head(rows)):
        column = readable_column(whole_column)
        heading, kind = _heading(name, column.dtype, {**_HEADINGS, **(headings or {})})
        columns.append(ColumnText(heading, _CELL_FORMAT.texts(column), can_wrap=kind == "text"))
        kinds.append(kind)
    fit = fit_columns(columns)
    shown = "".join(
        f'<div class="report-table{fit.css_class}">{_table_part(part, columns, kinds, fit.widths)}</div>'
        for part in fit.parts
    )
    hidden = len(table) - rows
    note = f"… and {hidden:,} more." if hidden > 0 else "None." if table.empty else ""
    return _to_html(shown + (f'<p class="more">{note}</p>' if note else ""))


def show_tables_as_html() -> None:
    """Display each DataFrame of this process with ``html_table``, in IPython and in ``kn.view``.

    If a table has more rows than pandas' option ``display.max_rows``, only its first rows are shown.
    """

    def to_html(table: pd.DataFrame) -> str:
        longest = pd.get_option("display.max_rows") or len(table)
        rows = len(table) if len(table) <= longest else min(20, longest)
        return str(html_table(table, rows=rows).data)

    pd.DataFrame._repr_html_ = to_html  # type: ignore[attr-defined]


def _heading(name: object, dtype: Any, headings: Mapping[str, str]) -> tuple[str, str]:  # noqa: ANN401 - pandas' dtypes share no base class
    """Return the heading of a column and the CSS class of its cells."""
    parts = name if isinstance(name, tuple) else (name,)
    # The first level is the name of the column; the others are values, for example months.
    texts = [_words(parts[0], headings), *(heading_text(part) for part in parts[1:])]
    text = " · ".join(text for text in texts if text)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"{text} ({dtype.tz})", "time"
    is_number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    return text, "number" if is_number else "text"


def _words(name: object, headings: Mapping[str, str]) -> str:
    text = heading_text(name)
    if text in headings:
        return headings[text]
    words = [_ACRONYMS.get(word, word) for word in text.split("_")]
    words = words[words[0] == "is" and len(words) > 1 :]  # is_admin
    words = words[: len(words) - (words[-1] == "at" and len(words) > 1)]  # created_at
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _table_part(part: list[int], columns: list[ColumnText], kinds: list[str], widths: list[int]) -> str:
    """Return a table of the columns at these positions."""
    head, cells = "", []
    for n in part:
        width = f"min-width:{widths[n] * _CHARACTER_WIDTH:.1f}em"
        head += f'<th class="{kinds[n]}" style="{width}">{html.escape(columns[n].heading)}</th>'
        css_class = kinds[n] + (" broken" if columns[n].longest_word > widths[n] else "")
        cells.append([f'<td class="{css_class}">{html.escape(text)}</td>' for text in columns[n].cells])
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*cells, strict=True))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _to_html(text: str) -> IPython.display.HTML:
    from IPython.display import HTML  # noqa: PLC0415 - part of an extra

    return HTML(text)  # type: ignore[no-untyped-call]
