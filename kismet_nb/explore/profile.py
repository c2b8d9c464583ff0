"""Looking at a table: browse it as a whole, or see what is in each column."""

from __future__ import annotations

import functools
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kismet_nb.dates import time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.build import as_strings
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    import anywidget

    from kismet_nb.resources import Column

__all__ = ["profile", "view"]

NUMBERS = ("missing", "distinct")  # of the columns of a profile
MOST_ROWS = 200_000  # a browser holds that many and still answers at once
# A cell arrives with &, < and > escaped. Only a plain web address becomes a link, so nothing can break out of it. A
# long text is wrapped: one would push the columns behind it out of sight.
CELL = r"""function (data, type) {
  if (type !== "display") { return data; }
  const isLink = /^https?:\/\/[^\s"'`<>]+$/.test(data);
  const shown = isLink ? `<a href="${data}" target="_blank" rel="noopener noreferrer">${data}</a>` : data;
  const narrow = "max-width: 36ch; white-space: normal; overflow-wrap: anywhere";
  return data.length > 36 ? `<div style="${narrow}">${shown}</div>` : shown;
}"""


def view(df: pd.DataFrame, *, tz: str | None = None) -> anywidget.AnyWidget:
    """Browse a table: search, sort by a click on a heading, filter each column.

    Every row is there, up to 200,000; of a larger table the first 200,000, and the line below the table says so.
    Whole numbers are shown exactly, others to three decimals (small ones to three digits), times to the second.
    Cells are shown as text, whatever is in them; only web addresses become links. Rows go to the browser and are
    not saved in the notebook, unless JupyterLab's setting "Save Widget State Automatically" is on: after opening it
    again, run the cell again. Where a notebook is shown without its widgets, as on a code host or in a report,
    pandas' own display stands instead.

    Parameters
    ----------
    df
        Any table.
    tz
        The time zone in which times are shown, such as ``"America/New_York"``; by default each column's own. The
        heading says which.

    Returns
    -------
    AnyWidget
        Shown when it is the last line of a cell.

    Raises
    ------
    InvalidInputError
        This is no table, there is no such time zone, or itables is not installed.

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
    from itables import JavascriptFunction  # noqa: PLC0415 - part of an extra

    shown, heads = {}, []
    for position in range(df.shape[1]):
        column = df.iloc[:MOST_ROWS, position]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert(zone) if zone else column
            heads.append(f"{df.columns[position]} ({column.dt.tz})")
        else:
            heads.append(str(df.columns[position]))
        shown[position] = _texts(column)
    table = pd.DataFrame(shown, dtype=object).set_axis(heads, axis=1)
    cut = f" (the first of {len(df):,}: filter the table first)" if len(df) > MOST_ROWS else ""
    return _viewer_class()(
        df,
        table,
        language={"info": f"Rows _START_ to _END_ of _TOTAL_{cut}", "lengthMenu": "_MENU_ rows per page"},
        columnDefs=[{"targets": "_all", "render": JavascriptFunction(CELL)}],
        columnControl=["order", ["search"]],
        ordering={"indicators": False, "handler": True},
        lengthMenu=[10, 25, 100],
        scrollX=True,
        showIndex=False,
        maxBytes=0,
        maxColumns=0,
    )


def profile(df: pd.DataFrame) -> pd.DataFrame:
    """Summarize each column of a table.

    Parameters
    ----------
    df
        A table of a fetch, or one made from it. Meanings are known where ``attrs`` still says which table it is.

    Returns
    -------
    DataFrame
        One row per column, with ``column`` (str), ``dtype`` (str), ``missing`` and ``distinct`` (Int64), ``content``
        (str: from the lowest to the highest number or time, how often each code or truth value comes, or how long
        texts are; never a text itself), ``note`` (str: what differs from the API's documentation, such as a code that
        it does not show) and ``meaning`` (str). A notebook cuts long texts; ``.style.hide()`` shows them whole.

    Raises
    ------
    InvalidInputError
        This is no table.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11, 12]})
    >>> users.attrs["kismet"] = {"resource": "users"}
    >>> profile(users)[["column", "distinct", "content"]]
      column  distinct   content
    0     id         2  11 to 12
    """
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"profile takes a pandas DataFrame, not {type(df).__name__}.")
    resource = RESOURCES.get(str(provenance(df).get("resource")))
    declared = {column.name: column for column in resource.columns} if resource else {}
    rows = []
    for position, name in enumerate(df.columns):
        values, column = df.iloc[:, position].dropna(), declared.get(name)
        dtype = values.dtype
        if isinstance(dtype, pd.CategoricalDtype):  # what counts is what the categories are
            values = values.astype(dtype.categories.dtype)
        rows.append(
            {
                "column": str(name),
                "dtype": str(dtype),
                "missing": len(df) - len(values),
                "distinct": _countable(values).nunique(),
                "content": _content(values, column) if len(values) else "all missing" if len(df) else "no rows",
                "note": _note(values, column) if resource else "",
                "meaning": column.meaning if column else "",
            }
        )
    names = ["column", "dtype", "missing", "distinct", "content", "note", "meaning"]
    columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in names}
    return pd.DataFrame(
        {name: column.astype("Int64") if name in NUMBERS else as_strings(column) for name, column in columns.items()}
    )


# Texts ----------------------------------------------------------------------------------------------------------


def _texts(column: pd.Series[Any]) -> list[str]:
    """Write each value for a reader; a missing one is empty. Ids stay exact: as numbers a browser would round them."""
    kind = column.dtype.kind
    if kind == "M":
        return list(column.dt.strftime("%Y-%m-%d %H:%M:%S").fillna(""))
    if kind == "f":
        return ["" if pd.isna(value) else _rounded(value) for value in column]
    return [_text(value) for value in column.astype(object)]


def _rounded(value: float) -> str:
    return f"{value:.3g}" if 0 < abs(value) < 1 else f"{value:.3f}".rstrip("0").rstrip(".")


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "" if value is None or value is pd.NA or value is pd.NaT or value != value else str(value)  # noqa: PLR0124 - NaN


@functools.cache
def _viewer_class() -> type[anywidget.AnyWidget]:
    """Make the widget's class when the first table is viewed: importing itables and anywidget takes a while."""
    from itables.widget import ITable  # noqa: PLC0415 - as said

    class TableView(ITable):
        def __init__(self, df: pd.DataFrame, shown: pd.DataFrame, **options: Any) -> None:  # noqa: ANN401 - itables' own
            super().__init__(shown, **options)
            self._own = df

        def __repr__(self) -> str:
            return repr(self._own)

        def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - IPython's
            bundle = super()._repr_mimebundle_(**options)
            data = bundle[0] if isinstance(bundle, tuple) else bundle
            if data is not None:
                data["text/html"] = self._own._repr_html_()  # type: ignore[operator]
            return bundle

    return TableView


# Columns --------------------------------------------------------------------------------------------------------


def _countable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the values, lists among them as texts: only what can be hashed can be counted."""
    return as_strings(values) if values.dtype == object else values


def _codes(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the single codes, those in lists too."""
    if values.dtype != object:
        return values
    each = (value if isinstance(value, list | tuple | np.ndarray) else [value] for value in values)
    return pd.Series([code for codes in each for code in codes], dtype=object).dropna()


def _content(values: pd.Series[Any], column: Column | None) -> str:
    if column is not None and column.codes:
        counts = Counter(map(str, _codes(values)))  # pandas cannot count half a surrogate pair
        rest = f", {len(counts) - 8} more" if len(counts) > 8 else ""
        return ", ".join(f"{code} {count:,}" for code, count in counts.most_common(8)) + rest
    kind = values.dtype.kind
    if kind == "b":
        return f"true {values.sum():,}, false {(~values.astype(bool)).sum():,}"
    if kind == "M":
        zone = f" ({values.dt.tz})" if values.dt.tz else ""
        return f"{values.min():%Y-%m-%d} to {values.max():%Y-%m-%d}{zone}"
    if kind in "iuf":
        return f"{values.min():.10g} to {values.max():.10g}" if kind == "f" else f"{values.min()} to {values.max()}"
    lengths = [len(value) if isinstance(value, str | list) else len(str(value)) for value in values]
    unit = "entries" if all(isinstance(value, list) for value in values) else "characters"
    return f"{min(lengths):,} to {max(lengths):,} {unit}"


def _note(values: pd.Series[Any], column: Column | None) -> str:
    if column is None:
        return "not documented"
    if values.dtype == object and column.dtype != "object" and not values.empty:
        return f"has values that are not {column.dtype}"
    if column.codes:
        new = sorted(set(map(str, _codes(values))) - set(column.codes))
        if new:
            return f"not in the documentation: {', '.join(new)}"
    return ""
