"""HTML for a report's notebook: metric cards and tables, with every cell as plain text."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.tables.cell_text import CellFormat, heading_text
from kismet_nb.tables.index_columns import columns_with_index
from kismet_nb.tables.plain_values import readable_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import IPython.display

__all__ = ["html_table", "metric_cards"]

# Times are shown to the minute. Ids get no separators, but metrics do.
_CELL_FORMAT = CellFormat(missing="–", true="yes", false="no", floats=",.1f", times="%Y-%m-%d %H:%M")
_METRIC_FORMAT = replace(_CELL_FORMAT, integers=",d")


def metric_cards(metrics: Mapping[str, object]) -> IPython.display.HTML:
    """Return a card for each metric: its value in large type, and its name.

    Parameters
    ----------
    metrics
        The values by name. Whole numbers get separators for thousands; a missing value is shown as a dash.

    Returns
    -------
    IPython.display.HTML
        The cards, in the order of ``metrics``.

    Examples
    --------
    >>> "1,204" in metric_cards({"calls": 1204}).data
    True
    """
    cards = "".join(
        f"<div><strong>{html.escape(_METRIC_FORMAT.text(value))}</strong> {html.escape(name)}</div>"
        for name, value in metrics.items()
    )
    return _to_html(f'<div class="metric-cards">{cards}</div>')


def html_table(table: pd.DataFrame, *, rows: int = 20) -> IPython.display.HTML:
    """Return the first rows of a table as HTML, with a line that counts the other rows.

    Parameters
    ----------
    table
        The table. An index that holds data is shown as columns.
    rows
        How many rows to show.

    Returns
    -------
    IPython.display.HTML
        The table. A column's name becomes its heading, with the time zone if the column has one. Times are shown to
        the minute, and a missing value as a dash.

    Examples
    --------
    >>> "&lt;b&gt;" in html_table(pd.DataFrame({"display_name": ["<b>"]})).data
    True
    """
    named = columns_with_index(table.head(rows))
    columns = [(name, readable_column(column)) for name, column in named]
    headings = [_heading(name, column.dtype) for name, column in columns]
    head = "".join(f'<th class="{kind}">{html.escape(text)}</th>' for text, kind in headings)
    kinds = [kind for _, kind in headings]
    texts = [_CELL_FORMAT.texts(column) for _, column in columns]
    body = "".join(_table_row(row, kinds) for row in zip(*texts, strict=True))
    hidden = len(table) - rows
    note = f"… and {hidden:,} more." if hidden > 0 else "None." if table.empty else ""
    note = f'<p class="more">{note}</p>' if note else ""
    return _to_html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}")


def _heading(name: object, dtype: Any) -> tuple[str, str]:  # noqa: ANN401 - pandas' dtypes share no base class
    """Return the heading of a column and the CSS class of its cells."""
    text = heading_text(name).replace("_", " ")
    text = text[:1].upper() + text[1:]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"{text} ({dtype.tz})", "time"
    is_number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    return text, "number" if is_number else "text"


def _table_row(texts: tuple[str, ...], kinds: list[str]) -> str:
    cells = (f'<td class="{kind}">{html.escape(text)}</td>' for text, kind in zip(texts, kinds, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _to_html(text: str) -> IPython.display.HTML:
    from IPython.display import HTML  # noqa: PLC0415 - part of an extra

    return HTML(text)  # type: ignore[no-untyped-call]
