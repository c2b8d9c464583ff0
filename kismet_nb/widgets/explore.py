"""``explore``: explore fetched tables with the mouse, and copy the code."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.frontend import install_command
from kismet_nb.tables.provenance import row_resource

if TYPE_CHECKING:
    import ipywidgets  # type: ignore[import-untyped]

__all__ = ["explore"]


def explore(*tables: pd.DataFrame) -> ipywidgets.VBox:
    """Explore fetched tables with the mouse: choose a question, filters, days and a time zone.

    The panel shows the answer as a table and a chart, and the lines of code that make both, to copy into a cell. A
    button exports the table, except in a page of Voila, which would write it on the server. The questions are the
    functions of ``kn.summaries`` that need only these tables, and the rows of each table. A filter on users also keeps
    only their calls and rooms.

    JupyterLab, Notebook, Voila and marimo's editor show the panel. A saved notebook contains no rows. After reopening
    it, run the cell again. Voila can serve ``notebooks/06_explore.ipynb`` as a page.

    Parameters
    ----------
    tables
        Fetched tables, one of each kind: ``kn.explore(calls, users)``. The code uses the names of their variables.

    Returns
    -------
    VBox
        Shown if it is the last line of a cell.

    Raises
    ------
    InvalidInputError
        There is no table, one was not fetched, two are of one kind, or itables is not installed.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.explore(kn.fetch_users())  # doctest: +SKIP
    """
    by_resource: dict[str, pd.DataFrame] = {}
    for table in tables:
        if not isinstance(table, pd.DataFrame):
            raise InvalidInputError(f"explore takes fetched tables, not {type(table).__name__}.")
        resource = row_resource(table)
        if resource is None:
            raise InvalidInputError("explore takes fetched tables. One of these does not record its resource.")
        if resource in by_resource:
            raise InvalidInputError(f"Two tables contain {resource.replace('_', ' ')}. Pass one of each kind.")
        by_resource[resource] = table
    if not by_resource:
        raise InvalidInputError("Pass the tables to explore: kn.explore(calls, users).")
    if find_spec("itables") is None:
        raise InvalidInputError(f"explore needs itables. Install it with: {install_command('view')}")
    from kismet_nb.widgets.explorer import Explorer  # noqa: PLC0415 - it imports ipywidgets, which is slow

    variables = sys._getframe(1).f_globals  # noqa: SLF001 - the only way to a notebook's variables
    names = {resource: _name_of(table, variables) or resource for resource, table in by_resource.items()}
    return Explorer(by_resource, names)


def _name_of(table: pd.DataFrame, variables: dict[str, Any]) -> str | None:
    """Return the name of a table's variable, or None. IPython's variables, for example ``_3``, are ignored."""
    return next((name for name, value in variables.items() if value is table and not name.startswith("_")), None)
