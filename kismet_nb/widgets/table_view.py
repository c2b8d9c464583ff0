"""A table to browse in a notebook: search, sort and filter all rows."""

from __future__ import annotations

import functools
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.dates import time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.frontend import install_command, jupyter_kernel, marimo_mode
from kismet_nb.tables.cell_text import CellFormat, heading_text
from kismet_nb.tables.index_columns import columns_with_index
from kismet_nb.tables.plain_values import readable_column

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    import anywidget

__all__ = ["table_view", "view"]

MAX_ROWS = 200_000  # more rows make a browser slow
PAGE_ROWS = 10  # rows on the first page; a saved notebook contains no others
# Integers are sent as text, because a browser would round large numbers.
_CELL_FORMAT = CellFormat()
# itables escapes &, < and > in a cell. Only a plain web address becomes a link, so no other markup can be inserted.
# Long texts are wrapped, because they would push later columns out of view.
_RENDER_CELL = r"""function (data, type) {
  if (type !== "display") { return data; }
  const isLink = /^https?:\/\/[^\s"'`<>]+$/.test(data);
  const shown = isLink ? `<a href="${data}" target="_blank" rel="noopener noreferrer">${data}</a>` : data;
  const narrow = "max-width: 36ch; white-space: normal; overflow-wrap: anywhere";
  return data.length > 36 ? `<div style="${narrow}">${shown}</div>` : shown;
}"""


def view(df: pd.DataFrame, *, tz: str | None = None) -> anywidget.AnyWidget:
    """Browse a table: search, sort by a click on a heading, filter each column.

    The first 200,000 rows are shown. If a table has more, the line below it says so. Integers are shown exactly, other
    numbers with three decimals (small ones with three digits), times with seconds. All cells are shown as text; only
    web addresses become links.

    The browser requests the rows from the kernel. A saved or executed notebook contains at most the first page of ten
    rows. After reopening the notebook, run the cell again. A program that shows no widgets, for example a code host or
    a report, shows the first ten rows as pandas displays them.

    Parameters
    ----------
    df
        Any table. If its index contains data, the index is shown as columns.
    tz
        The time zone for times, for example ``"America/New_York"``. By default each column's own. The heading names it.

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
    return table_view(df, tz=tz, saved_rows=PAGE_ROWS)


def table_view(df: pd.DataFrame, *, tz: str | None = None, saved_rows: int) -> anywidget.AnyWidget:
    """Return the widget of ``view``. A saved notebook contains its first ``saved_rows`` rows."""
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"view shows a pandas DataFrame, not {type(df).__name__}.")
    if find_spec("itables") is None:
        raise InvalidInputError(f"view needs itables. Install it with: {install_command('view')}")
    texts, info, options = _parts(df, None if tz is None else time_zone(tz))
    return _table_view_class()(df, texts, saved_rows, info, **options)


def _parts(df: pd.DataFrame, zone: tzinfo | None) -> tuple[pd.DataFrame, str, dict[str, Any]]:
    """Return the cells as texts, the line below the table, and itables' options."""
    from itables import JavascriptFunction  # noqa: PLC0415 - an optional dependency

    texts, headings = {}, []
    for position, (name, whole_column) in enumerate(columns_with_index(df)):
        heading, column = heading_text(name), readable_column(whole_column.iloc[:MAX_ROWS])
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert(zone) if zone else column
            heading += f" ({column.dt.tz})"
        headings.append(heading)
        texts[position] = _CELL_FORMAT.texts(column)
    table = pd.DataFrame(texts, dtype=object).set_axis(headings, axis=1)
    cut = f" (the first of {len(df):,}: filter the table first)" if len(df) > MAX_ROWS else ""
    options = {
        "columnDefs": [{"targets": "_all", "render": JavascriptFunction(_RENDER_CELL)}],
        "columnControl": ["order", ["search"]],
        "ordering": {"indicators": False, "handler": True},
        "lengthMenu": [PAGE_ROWS, 25, 100],
        "text_in_header_can_be_selected": False,  # a click on a heading sorts
        "scrollX": True,
        "showIndex": False,
        "maxBytes": 0,
        "maxColumns": 0,
    }
    return table, f"Rows _START_ to _END_ of _TOTAL_{cut}", options


@functools.cache
def _table_view_class() -> type[anywidget.AnyWidget]:
    """Return the widget's class. It is created on first use, because itables and anywidget are slow to import."""
    import traitlets  # noqa: PLC0415 - slow to import
    from itables.javascript import get_itables_extension_arguments  # noqa: PLC0415 - an optional dependency
    from itables.widget import ITable  # noqa: PLC0415 - an optional dependency

    itables_source = str(ITable._esm)  # noqa: SLF001 - anywidget's name for the script of a widget
    own_source, own_css = (Path(__file__).with_suffix(kind).read_text(encoding="utf-8") for kind in (".js", ".css"))

    class TableView(ITable):
        _esm = f"const ITABLES = {json.dumps(itables_source)};\n{own_source}"  # type: ignore[assignment] # anywidget takes a text too
        _css = f"{ITable._css}\n{own_css}"  # type: ignore[assignment] # noqa: SLF001 - both as above
        _has_more = traitlets.Bool(default_value=False).tag(sync=True)

        def __init__(
            self,
            df: pd.DataFrame,
            texts: pd.DataFrame,
            saved_rows: int,
            info: str,
            **options: Any,  # noqa: ANN401 - itables' own
        ) -> None:
            first_info = info
            if len(texts) > saved_rows:
                first_info = (
                    f"The first {saved_rows} of {len(texts):,} rows. The others appear as soon as the kernel is idle. "
                    "In a reopened notebook, run this cell again."
                )
            options["language"] = {"info": first_info, "lengthMenu": "_MENU_ rows per page"}
            super().__init__(texts.head(saved_rows), **options)
            whole, _ = get_itables_extension_arguments(texts, **options)
            self._original, self._info, self._rows = df, info, whole["data_json"].encode()
            self._dt_args = {**whole, "data_json": self._dt_args["data_json"]}
            self._has_more = len(texts) > saved_rows
            self.on_msg(self._receive)

        @traitlets.validate("_dt_args")
        def _to_plain_texts(self, proposal: dict[str, Any]) -> Any:  # noqa: ANN401 - traitlets'
            """Replace JavascriptFunction with a text, because marimo does not send it as one."""
            return json.loads(json.dumps(proposal["value"]))

        def _receive(self, _widget: object, content: dict[str, Any], _buffers: list[memoryview]) -> None:
            if content.get("kind") == "rows":
                self.send({"info": self._info}, [self._rows])

        def replace(self, df: pd.DataFrame) -> None:
            """Show another table in this widget. In marimo, no widget can be created after the cell has ended."""
            texts, info, options = _parts(df, None)
            options["language"] = {"info": info, "lengthMenu": "_MENU_ rows per page"}
            whole, _ = get_itables_extension_arguments(texts, **options)
            self._original, self._info, self._rows = df, info, whole["data_json"].encode()
            self._dt_args, self._has_more = {**whole, "data_json": "[]"}, True
            self.send({"options": self._dt_args, "info": info}, [self._rows])

        def __repr__(self) -> str:
            advice = "\n\nTo search and filter all rows, use a notebook: kismet-nb lab" if _in_a_terminal() else ""
            return _first_page(self._original, repr, "\n\n[{} rows x {} columns]") + advice

        def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - IPython's
            bundle = super()._repr_mimebundle_(**options)
            data = bundle[0] if isinstance(bundle, tuple) else bundle
            if data is not None:
                to_html = pd.DataFrame._repr_html_  # type: ignore[attr-defined] # not in pandas-stubs
                data["text/html"] = _first_page(self._original, to_html, "<p>{} rows × {} columns</p>")
            return bundle

    return TableView


def _in_a_terminal() -> bool:
    return jupyter_kernel() is None and marimo_mode() is None and sys.stdout is not None and sys.stdout.isatty()


def _first_page(df: pd.DataFrame, display: Callable[[pd.DataFrame], str], size: str) -> str:
    """Return pandas' display of the first rows, and the size of the table if it has more."""
    if len(df) <= PAGE_ROWS:
        return display(df)
    with pd.option_context({"display.show_dimensions": False}):
        return display(df.head(PAGE_ROWS)) + size.format(*df.shape)
