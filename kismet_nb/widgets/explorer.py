"""The panel of ``explore``: controls for the question, filters and options; the answer; and its code.

The controls are ipywidgets; in marimo, ``explorer_controls`` draws them. The answer is the result of the shown code.
Rows are sent to the browser in messages and never in a trait, because a front-end saves the traits in the notebook.

This module imports ipywidgets and anywidget, which are slow to import, so import it when the first panel is shown.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import pandas as pd

from kismet_nb.dates import parse_date, time_zone
from kismet_nb.errors import InvalidInputError, KismetError
from kismet_nb.files.export import export
from kismet_nb.frontend import is_published, marimo_mode
from kismet_nb.widgets.explorer_controls import Controls
from kismet_nb.widgets.questions import OPERATORS, Choice, Filter, code_lines, filter_columns, find_questions
from kismet_nb.widgets.table_view import table_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Explorer"]

ZONES = ("UTC", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/Berlin")
PERIODS = ("day", "week", "month", "year")
WIDE, NARROW = {"width": "320px"}, {"width": "180px"}  # each control makes its own layout from it


class Answer(anywidget.AnyWidget):
    """The chart, a message, and the code with a button that copies it."""

    _esm: ClassVar[Path] = Path(__file__).with_name("explorer.js")
    _css: ClassVar[Path] = Path(__file__).with_name("explorer.css")

    def __init__(self) -> None:
        super().__init__()
        self._content = {"message": "", "code": "", "chart": ""}
        self.on_msg(lambda *_: self.send(self._content))  # sent when the widget is drawn, also after a reload

    def show(self, **content: str) -> None:
        """Show some of ``message``, ``code`` and ``chart`` (a figure as HTML)."""
        self._content |= content
        self.send(self._content)


class Explorer(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """The panel.

    Parameters
    ----------
    tables
        The tables by resource.
    names
        The names of the tables in the code, by resource.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> None:
        self._tables, self._names = dict(tables), dict(names)
        self._questions = {question.title: question for question in find_questions(tables)}
        self._columns = {f"{resource}: {column}": (resource, column) for resource, column in filter_columns(tables)}
        self._table = pd.DataFrame()
        titles = list(self._questions)
        first = next((title for title in titles if self._questions[title].has_chart), titles[0])
        self._question = ipywidgets.Dropdown(options=titles, value=first, description="Question", layout=WIDE)
        self._options = {
            "by": ipywidgets.Dropdown(options=PERIODS, value="month", description="By", layout=NARROW),
            "start": _text(description="From", placeholder="2026-10-01", layout=NARROW),
            "end": _text(description="To", placeholder="2026-10-31", layout=NARROW),
            "days": ipywidgets.BoundedIntText(value=30, min=1, max=3650, description="Days", layout=NARROW),
            "tz": ipywidgets.Combobox(
                value="UTC", options=ZONES, description="Time zone", layout=WIDE, continuous_update=False
            ),
        }
        self._filters = ipywidgets.VBox([])
        self._file = ipywidgets.Text(value="exports/answer.xlsx", description="File", layout=WIDE)
        self._answer, self._rows = Answer(), ipywidgets.VBox([])
        buttons = [_button("Add a filter", self._add_filter)]
        if not is_published():  # The readers of a page must not write files on its server.
            buttons += [self._file, _button("Export", self._export)]
        super().__init__(
            [_line(self._question, *self._options.values()), self._filters, _line(*buttons), self._answer, self._rows]
        )
        for control in (self._question, *self._options.values()):
            control.observe(lambda _: self._refresh(), "value")
        self._refresh()

    def __repr__(self) -> str:
        return (
            f"Panel to explore {', '.join(self._names.values())}. Only a notebook shows it: run kismet-nb lab in a "
            "terminal. Without a notebook, kn.summaries and kn.charts answer the same questions."
        )

    def _add_filter(self) -> None:
        column = ipywidgets.Dropdown(options=list(self._columns), description="Only where", layout=WIDE)
        operator = ipywidgets.Dropdown(options=OPERATORS, layout=ipywidgets.Layout(width="120px"))
        value = _text(placeholder="several: 11, 12")

        def remove() -> None:
            self._filters.children = tuple(other for other in self._filters.children if other is not row)
            self._refresh()

        row = _line(column, operator, value, _button("Remove", remove))
        for control in (column, operator, value):
            control.observe(lambda _: self._refresh(), "value")
        self._filters.children = (*self._filters.children, row)

    def _choice(self) -> Choice:
        """Return the values of the controls.

        Raises
        ------
        InvalidInputError
            A day or a time zone is invalid.
        """
        filters = []
        for row in self._filters.children:
            column, operator, value = (control.value for control in row.children[:3])
            if value.strip() or operator == "is missing":
                filters.append(Filter(*self._columns[column], operator, value))
        question = self._questions[self._question.value]
        options = {name: self._options[name].value for name in question.options}
        for name in ("start", "end"):
            if text := str(options.get(name, "")).strip():
                options[name] = parse_date(text, name)
        if "tz" in options:
            time_zone(options["tz"])
        return Choice(question, tuple(filters), options)

    def _refresh(self) -> None:
        """Run the code of the current choice, and show its result or its error."""
        for name, control in self._options.items():
            control.layout.display = "" if name in self._questions[self._question.value].options else "none"
        lines: list[str] = []
        try:
            lines = code_lines(self._choice(), self._tables, self._names)
            table, chart = self._run(lines)
        except KismetError as error:
            self._answer.show(message=str(error), code="\n".join(lines), chart="")
            if not marimo_mode():  # marimo shows these rows until others replace them
                self._rows.children = ()
            return
        self._table = table
        self._answer.show(message="", code="\n".join(lines), chart=chart)
        if marimo_mode() and self._rows.children:
            self._rows.children[0].replace(table)
        else:
            self._rows.children = (table_view(table, saved_rows=0),)

    def control_lines(self) -> list[list[Any]]:
        """Return the controls, line by line."""
        options, filters, buttons = self.children[:3]
        return [list(line.children) for line in (options, *filters.children, buttons)]

    def _display_(self) -> Any:  # noqa: ANN401 - marimo's
        """Return the panel for marimo, which shows only widgets of anywidget."""
        return sys.modules["marimo"].vstack([Controls(self.control_lines), self._answer, *self._rows.children])

    def _run(self, lines: list[str]) -> tuple[pd.DataFrame, str]:
        """Run the lines. Return the table, and the chart as HTML or an empty text if it cannot be drawn."""
        namespace: dict[str, Any] = {"kn": importlib.import_module("kismet_nb")}
        namespace |= {self._names[resource]: df for resource, df in self._tables.items()}
        *making, shown = lines
        chart_line = making.pop() if shown == "chart" else ""
        exec("\n".join(making), namespace)  # noqa: S102 - code_lines quotes typed values
        figure = ""
        if chart_line:
            with contextlib.suppress(InvalidInputError):  # for example, Altair is not installed
                exec(chart_line, namespace)  # noqa: S102 - as above
                from kismet_nb.charts.inline import chart_figure  # noqa: PLC0415 - it imports Altair

                figure = chart_figure(namespace["chart"])
        return namespace["answer"], figure

    def _export(self) -> None:
        try:
            written = export(self._table, self._file.value)
        except KismetError as error:
            self._answer.show(message=str(error))
        else:
            self._answer.show(message=f"Wrote {len(self._table):,} rows to {written}")


def _text(**options: Any) -> Any:  # noqa: ANN401 - ipywidgets has no types
    """Return a text field that reports its value when it loses the focus or Enter is pressed."""
    return ipywidgets.Text(continuous_update=False, **options)


def _button(text: str, action: Callable[[], None]) -> Any:  # noqa: ANN401 - as above
    button = ipywidgets.Button(description=text)
    button.on_click(lambda _: action())
    return button


def _line(*controls: Any) -> Any:  # noqa: ANN401 - as above
    """Return controls side by side, wrapped if there is no room."""
    return ipywidgets.HBox(controls, layout=ipywidgets.Layout(flex_flow="row wrap"))
