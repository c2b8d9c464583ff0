"""The parts that several charts are drawn with: Altair itself, colours, bars, the time axis and the style."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import altair as alt

    from kismet_nb.summaries.periods import Period

    Chart = alt.Chart | alt.LayerChart | alt.VConcatChart

__all__ = [
    "DARK",
    "LIGHT",
    "MIDDLE",
    "WIDTH",
    "add_spans",
    "check_size",
    "horizontal_bars",
    "load_altair",
    "outline",
    "stacked_bars",
    "styled",
    "time_axis",
    "time_title",
]

WIDTH = 640  # pixels
# Three steps of lightness that stay apart for colour-blind eyes, on paper and in grey.
DARK, MIDDLE, LIGHT = "#1b4f72", "#e69f00", "#cfe0ec"

_MAX_ROWS = 5000  # Altair refuses more, and single marks could not be seen
_MAX_LABELS = 8
_MAX_SUBTITLE_CHARACTERS = 100  # a line as wide as the chart
_LABEL_FORMATS = {"day": "%-d %b %Y", "week": "%-d %b %Y", "month": "%b %Y", "year": "%Y"}


def load_altair() -> ModuleType:
    """Return Altair, with a renderer that works without the internet.

    Raises
    ------
    InvalidInputError
        Altair or vl-convert is not installed.
    """
    for module, name in (("altair", "Altair"), ("vl_convert", "vl-convert-python")):
        if find_spec(module) is None:
            raise InvalidInputError(f'Charts need {name}. Install it with: pip install "kismet-nb[charts]"')
    import altair as alt  # noqa: PLC0415 - an optional dependency that is slow to import

    if alt.renderers.active == "default":
        alt.renderers.enable("svg")
    return alt


# Bars -----------------------------------------------------------------------------------------------------------


def stacked_bars(
    table: pd.DataFrame, parts: Mapping[str, tuple[str, str]], by: Period, x_title: str, y_title: str
) -> alt.Chart:
    """Return a chart with a bar per period, stacked from named and coloured parts; the first part is at the bottom."""
    alt = load_altair()
    names, colours = zip(*parts.values(), strict=True)
    spans = add_spans(table, by).astype(dict.fromkeys(parts, "int64"))
    tops = spans[list(parts)].cumsum(axis=1)
    pieces = [
        spans[["from", "to"]].assign(part=name, low=tops[part] - spans[part], high=tops[part])
        for part, (name, _) in parts.items()
    ]
    marks = alt.Chart(check_size(pd.concat(pieces)), width=WIDTH, height=240).mark_rect(**outline(spans))
    return marks.encode(  # type: ignore[no-any-return]
        x=time_axis(spans, by, x_title),
        x2="to",
        y=alt.Y("low:Q", title=y_title, axis=alt.Axis(tickMinStep=1, format=",d")),
        y2="high",
        color=alt.Color("part:N", title=None, scale=alt.Scale(domain=list(names), range=list(colours))),
    )


def horizontal_bars(table: pd.DataFrame, x_title: str) -> alt.LayerChart:
    """Return a chart with a bar of length ``n`` for each ``label``, and its ``number`` beside it."""
    alt = load_altair()
    order = list(table["label"])
    base = alt.Chart(check_size(table.astype({"n": "int64"})), width=WIDTH - 120, height=alt.Step(28)).encode(
        x=alt.X("n:Q", title=x_title, axis=alt.Axis(tickCount=6, tickMinStep=1, format=",d")),
        y=alt.Y("label:N", title=None, sort=order),
    )
    bars = base.mark_bar(stroke="black", strokeWidth=0.5).encode(color=alt.Color("colour:N", scale=None))
    return bars + base.mark_text(align="left", dx=5).encode(text="number:N")  # type: ignore[no-any-return]


# Time -----------------------------------------------------------------------------------------------------------


def add_spans(table: pd.DataFrame, by: Period) -> pd.DataFrame:
    """Return the rows that have a period, with its begin (``from``), ``middle`` and end (``to``)."""
    table = table.dropna(subset=[by])
    begin = table[by].dt.tz_localize("UTC")
    steps = {"day": pd.DateOffset(days=1), "week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}
    end = begin + steps.get(by, pd.DateOffset(years=1))
    return table.assign(**{"from": begin, "middle": begin + (end - begin) / 2, "to": end})


def time_axis(spans: pd.DataFrame, by: Period, title: str | None, *, labels: bool = True) -> alt.X:
    """Return an axis of time with at most eight labels; without a title it has neither labels nor ticks."""
    alt = load_altair()
    starts = spans["from"].drop_duplicates().sort_values()
    step = -(-len(starts) // _MAX_LABELS) or 1
    axis = alt.Axis(
        values=[start.timestamp() * 1000 for start in starts.iloc[::step]],
        format=_LABEL_FORMATS[by],
        grid=False,
        labels=labels and title is not None,
        labelFlush=False,
        ticks=title is not None,
    )
    return alt.X("from:T", title=title, axis=axis, scale=alt.Scale(type="utc", nice=False))  # type: ignore[no-any-return]


def time_title(by: Period, zone: str, of: str = "") -> str:
    """Return the title of an axis of time, for example ``"Month of creation (UTC)"``."""
    period = "Week, from Monday" if by == "week" else by.capitalize()
    return f"{period} {of} ({zone})" if of else f"{period} ({zone})"


# Style ----------------------------------------------------------------------------------------------------------


def outline(spans: pd.DataFrame) -> dict[str, Any]:
    """Return the white line between neighbouring marks. It is left out if there are so many that it covers them."""
    return {"stroke": "white", "strokeWidth": 1 if spans["from"].nunique() < WIDTH / 5 else 0}


def styled(chart: Any, question: str, subtitle: str) -> Chart:  # noqa: ANN401 - Altair's three kinds of chart
    """Return a chart with its title and the style that all charts have."""
    title = load_altair().TitleParams(question, subtitle=_lines(subtitle), anchor="start", frame="group", offset=12)
    axis = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "gridColor": "#e4e4e4"}
    return (  # type: ignore[no-any-return]
        chart.properties(title=title)
        .configure(font="sans-serif", background="white", padding=12)
        .configure_view(stroke=None)
        .configure_axis(**axis, domainColor="#888888", tickColor="#888888", labelLimit=230)
        .configure_title(fontSize=15, subtitleFontSize=12, subtitleColor="#555555", subtitlePadding=5)
        .configure_legend(orient="top", direction="horizontal", labelFontSize=11, titleFontSize=11, symbolType="square")
    )


def _lines(subtitle: str) -> list[str]:
    """Return a subtitle as lines that fit the width of the chart, broken between its parts."""
    first, *parts = subtitle.split("; ")
    lines = [first]
    for part in parts:
        lines[-1] += ";"
        if len(lines[-1]) + len(part) < _MAX_SUBTITLE_CHARACTERS:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def check_size(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table if one chart can show its rows.

    Raises
    ------
    InvalidInputError
        It has too many rows.
    """
    if len(table) > _MAX_ROWS:
        raise InvalidInputError("These are too many periods for one chart. Choose longer ones, such as by='month'.")
    return table
