"""A table to browse in a notebook: search, sort and filter all rows."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.dates import time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.tables.cell_text import CellFormat
from kismet_nb.tables.index_columns import columns_with_index

if TYPE_CHECKING:
    import anywidget

__all__ = ["view"]

MAX_ROWS = 200_000  # more than that makes a browser slow
# Integers stay exact as text; a browser would round large ids if they were numbers.
_CELL_FORMAT = CellFormat()
# itables escapes &, < and > in a cell. Only a plain web address becomes a link, so no other markup can be inserted. A
# long text is wrapped, because it would push the columns after it out of view.
_RENDER_CELL = r"""function (data, type) {
  if (type !== "display") { return data; }
  const isLink = /^https?:\/\/[^\s"'`<>]+$/.test(data);
  const shown = isLink ? `<a href="${data}" target="_blank" rel="noopener noreferrer">${data}</a>` : data;
  const narrow = "max-width: 36ch; white-space: normal; overflow-wrap: anywhere";
  return data.length > 36 ? `<div style="${narrow}">${shown}</div>` : shown;
}"""


def view(df: pd.DataFrame, *, tz: str | None = None) -> anywidget.AnyWidget:
    """Browse a table: search, sort by a click on a heading, filter each column.

    All rows are shown, up to 200,000. Of a larger table the first 200,000 are shown, and the line below the table says
    so. Integers are shown exactly, other numbers to three decimals (small ones to three digits), times to the second.
    All cells are shown as text; only web addresses become links.

    Rows are sent to the browser. They are not saved in the notebook, unless JupyterLab's setting "Save Widget State
    Automatically" is on. After reopening the notebook, run the cell again. A place that shows a notebook without its
    widgets, for example a code host or a report, shows the table as pandas displays it.

    Parameters
    ----------
    df
        Any table. An index that holds data is shown as columns.
    tz
        The time zone in which times are shown, for example ``"America/New_York"``; by default each column's own. The
        heading names it.

    Returns
    -------
    AnyWidget
        Shown if it is the last line of a cell.

    Raises
    ------
    InvalidInputError
        ``df`` is not a DataFrame, there is no such time zone, or itables is not installed.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.view(kn.fetch_users())  # doctest: +SKIP
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"view shows a pandas DataFrame, not {type(df).__name__}.")
    zone = None if tz is None else time_zone(tz)
    if find_spec("itables") is None:
        raise InvalidInputError('view needs itables. Install it with: pip install "kismet-nb[view]"')
    from itables import JavascriptFunction  # noqa: PLC0415 - an optional dependency

    texts, headings = {}, []
    for position, (name, whole_column) in enumerate(columns_with_index(df)):
        heading, column = str(name), whole_column.iloc[:MAX_ROWS]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert(zone) if zone else column
            heading += f" ({column.dt.tz})"
        headings.append(heading)
        texts[position] = _CELL_FORMAT.texts(column)
    table = pd.DataFrame(texts, dtype=object).set_axis(headings, axis=1)
    cut = f" (the first of {len(df):,}: filter the table first)" if len(df) > MAX_ROWS else ""
    return _table_view_class()(
        df,
        table,
        language={"info": f"Rows _START_ to _END_ of _TOTAL_{cut}", "lengthMenu": "_MENU_ rows per page"},
        columnDefs=[{"targets": "_all", "render": JavascriptFunction(_RENDER_CELL)}],
        columnControl=["order", ["search"]],
        ordering={"indicators": False, "handler": True},
        lengthMenu=[10, 25, 100],
        scrollX=True,
        showIndex=False,
        maxBytes=0,
        maxColumns=0,
    )


@functools.cache
def _table_view_class() -> type[anywidget.AnyWidget]:
    """Return the widget's class. It is made on first use, because itables and anywidget are slow to import."""
    from itables.widget import ITable  # noqa: PLC0415 - an optional dependency

    class TableView(ITable):
        def __init__(self, df: pd.DataFrame, texts: pd.DataFrame, **options: Any) -> None:  # noqa: ANN401 - itables' own
            super().__init__(texts, **options)
            self._original = df

        def __repr__(self) -> str:
            return repr(self._original)

        def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - IPython's
            bundle = super()._repr_mimebundle_(**options)
            data = bundle[0] if isinstance(bundle, tuple) else bundle
            if data is not None:
                data["text/html"] = self._original._repr_html_()  # type: ignore[operator]
            return bundle

    return TableView
