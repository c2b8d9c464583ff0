"""HTML for a report's notebook: metric cards and tables, with every cell as plain text."""

from __future__ import annotations

import datetime as dt
import html
from numbers import Integral
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    import IPython.display

__all__ = ["html_table", "metric_cards"]

MISSING = "–"


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
        f"<div><strong>{html.escape(_format_cell(value, thousands=True) or MISSING)}</strong> {html.escape(name)}</div>"
        for name, value in metrics.items()
    )
    return _to_html(f'<div class="metric-cards">{cards}</div>')


def html_table(table: pd.DataFrame, *, rows: int = 20) -> IPython.display.HTML:
    """Return the first rows of a table as HTML, with a line that counts the other rows.

    Parameters
    ----------
    table
        The table. Its index is not shown.
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
    headings = [_heading(str(name), dtype) for name, dtype in table.dtypes.items()]
    head = "".join(f'<th class="{kind}">{html.escape(text)}</th>' for text, kind in headings)
    kinds = [kind for _, kind in headings]
    body = "".join(_table_row(row, kinds) for row in table.head(rows).itertuples(index=False, name=None))
    hidden = len(table) - rows
    note = f"… and {hidden:,} more." if hidden > 0 else "None." if table.empty else ""
    note = f'<p class="more">{note}</p>' if note else ""
    return _to_html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}")


def _heading(name: str, dtype: Any) -> tuple[str, str]:  # noqa: ANN401 - pandas' dtypes share no base class
    """Return the heading of a column and the CSS class of its cells."""
    text = name.replace("_", " ").capitalize()
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"{text} ({dtype.tz})", "time"
    return text, "number" if pd.api.types.is_numeric_dtype(dtype) else "text"


def _table_row(values: tuple[Any, ...], kinds: list[str]) -> str:
    cells = (
        f'<td class="{kind}">{html.escape(_format_cell(value)) or MISSING}</td>'
        for value, kind in zip(values, kinds, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _format_cell(value: Any, *, thousands: bool = False) -> str:  # noqa: ANN401 - any cell
    """Return a cell as text: times to the minute, a missing value as no text. Ids get no separators."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if pd.isna(value):
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}" if value.tzinfo is None and value.time() == dt.time() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if thousands and isinstance(value, Integral) else str(value)


def _to_html(text: str) -> IPython.display.HTML:
    from IPython.display import HTML  # noqa: PLC0415 - part of an extra

    return HTML(text)  # type: ignore[no-untyped-call]
