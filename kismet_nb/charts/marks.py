"""Parts of several charts: Altair itself, colours, bars and the time axis."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.frontend import install_command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import altair as alt

    from kismet_nb.summaries.periods import Period

    Chart = alt.Chart | alt.LayerChart | alt.VConcatChart

__all__ = [
    "DARK",
    "INK",
    "LIGHT",
    "MAX_NUMBERED_PERIODS",
    "MIDDLE",
    "WIDTH",
    "add_spans",
    "check_size",
    "count_ticks",
    "horizontal_bars",
    "load_altair",
    "outline",
    "period_names",
    "plot_width",
    "stacked_bars",
    "time_axis",
    "time_title",
    "top_space",
]

WIDTH = 640  # pixels
# Three colours that differ in lightness, so that they can be distinguished in grey and with colour blindness.
DARK, MIDDLE, LIGHT = "#1b4f72", "#e69f00", "#cfe0ec"
INK = "#222222"  # colour of text
MAX_NUMBERED_PERIODS = 18  # with more periods the bars are too narrow for numbers

_MAX_ROWS = 5000  # Altair's limit; with more, single marks would not be visible
_MAX_LABELS = 8
_MAX_BAR_WIDTH = 80  # pixels; enough for the label of a week
_LABEL_FORMATS = {"day": "%-d %b %Y", "week": "%-d %b %Y", "month": "%b %Y", "year": "%Y"}


def load_altair() -> ModuleType:
    """Import Altair with the first chart, and return it; its settings do not change.

    Raises
    ------
    InvalidInputError
        Altair or vl-convert is not installed.
    """
    for module, name in (("altair", "Altair"), ("vl_convert", "vl-convert-python")):
        if find_spec(module) is None:
            raise InvalidInputError(f"Charts need {name}. Install it with: {install_command('charts')}")
    import altair as alt  # noqa: PLC0415 - an optional dependency that is slow to import

    return alt


# Bars -----------------------------------------------------------------------------------------------------------


def stacked_bars(
    table: pd.DataFrame,
    parts: Mapping[str, tuple[str, str]],
    by: Period,
    x_title: str,
    y_title: str,
    *,
    height: int = 240,
) -> alt.Chart:
    """Return a chart with a stacked bar per period; ``parts`` maps columns to name and colour, from the bottom up.

    The legend names the parts that are drawn.
    """
    alt = load_altair()
    spans = add_spans(table, by).astype(dict.fromkeys(parts, "int64"))
    tops = spans[list(parts)].cumsum(axis=1)
    periods = period_names(spans["from"], by)
    pieces = [
        spans[["from", "to"]].assign(
            part=name,
            low=tops[part] - spans[part],
            high=tops[part],
            tip=[f"{period}\n{name}: {number:,}" for period, number in zip(periods, spans[part], strict=True)],
        )[spans[part] > 0]
        for part, (name, _) in parts.items()
    ]
    drawn = [parts[part] for part in parts if spans[part].any()]
    scale = alt.Scale(domain=[name for name, _ in drawn], range=[colour for _, colour in drawn])
    marks = alt.Chart(check_size(pd.concat(pieces)), width=plot_width(spans), height=height)
    return marks.mark_rect(**outline(spans)).encode(  # type: ignore[no-any-return]
        x=time_axis(spans, by, x_title),
        x2="to",
        y=alt.Y("low:Q", title=y_title, axis=alt.Axis(tickCount=count_ticks(tops.max().max()), format=",d")),
        y2="high",
        color=alt.Color("part:N", title=None, scale=scale, legend=alt.Legend() if len(parts) > 1 and drawn else None),
        description="tip:N",
        tooltip="tip:N",
    )


def horizontal_bars(table: pd.DataFrame, x_title: str) -> alt.LayerChart:
    """Return a chart with a bar of length ``n`` for each ``label``, and its ``number`` beside it."""
    alt = load_altair()
    order = list(table["label"])
    tips = [f"{label}\n{number}" for label, number in zip(table["label"], table["number"], strict=True)]
    table = table.astype({"n": "int64"}).assign(tip=tips)
    base = alt.Chart(check_size(table), width=WIDTH - 120, height=alt.Step(28)).encode(
        x=alt.X("n:Q", title=x_title, axis=alt.Axis(tickCount=count_ticks(table["n"].max()), format=",d")),
        y=alt.Y("label:N", title=None, sort=order),
    )
    bars = base.mark_bar(stroke="black", strokeWidth=0.5).encode(
        color=alt.Color("colour:N", scale=None), description="tip:N", tooltip="tip:N"
    )
    return bars + base.mark_text(align="left", dx=5, aria=False).encode(text="number:N")  # type: ignore[no-any-return]


def count_ticks(largest: int) -> int:
    """Return the number of ticks of an axis of counts, so that every tick is a whole number."""
    return 1 if pd.isna(largest) else max(1, min(6, int(largest)))


def top_space(numbers: pd.Series[Any], *, numbered: bool) -> alt.Scale:
    """Return the scale of an axis from 0, with space above the highest bar if bars have numbers."""
    alt = load_altair()
    largest = numbers.max()
    if not numbered or pd.isna(largest) or not largest:
        return alt.Scale()  # type: ignore[no-any-return]
    return alt.Scale(domainMax=float(largest) * 1.12)  # type: ignore[no-any-return]


# Time -----------------------------------------------------------------------------------------------------------


def add_spans(table: pd.DataFrame, by: Period) -> pd.DataFrame:
    """Return the rows with a period, with its start (``from``), ``middle`` and end (``to``)."""
    table = table.dropna(subset=[by])
    begin = table[by].dt.tz_localize("UTC")
    steps = {"day": pd.DateOffset(days=1), "week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}
    end = begin + steps.get(by, pd.DateOffset(years=1))
    return table.assign(**{"from": begin, "middle": begin + (end - begin) / 2, "to": end})


def period_names(starts: pd.Series[Any], by: Period) -> list[str]:
    """Return the name of each period for a tooltip, for example ``"Aug 2026"``."""
    formats = {
        "day": "{0.day} {0:%b %Y}",
        "week": "Week from {0.day} {0:%b %Y}",
        "month": "{0:%b %Y}",
        "year": "{0:%Y}",
    }
    return [formats[by].format(start) for start in starts]


def plot_width(spans: pd.DataFrame) -> int:
    """Return the width of a plot in pixels, which limits the width of a bar if there are few periods."""
    if spans.empty:
        return WIDTH
    bars = (spans["to"].max() - spans["from"].min()) / (spans["to"] - spans["from"]).max()
    return int(min(WIDTH, _MAX_BAR_WIDTH * round(max(bars, 1))))


def time_axis(spans: pd.DataFrame, by: Period, title: str | None, *, labels: bool = True) -> alt.X:
    """Return a time axis with at most eight labels, each under the middle of its period.

    Without a title, it has no labels and no ticks.
    """
    alt = load_altair()
    periods = spans[["from", "middle"]].drop_duplicates().sort_values("from")
    step = -(-len(periods) // _MAX_LABELS) or 1
    # The label of a day or week is its start, which is half a period before the middle.
    offset = {"day": 12 * 3600 * 1000, "week": 84 * 3600 * 1000}.get(by, 0)
    axis = alt.Axis(
        values=[middle.timestamp() * 1000 for middle in periods["middle"].iloc[::step]],
        labelExpr=f"utcFormat(datum.value - {offset}, '{_LABEL_FORMATS[by]}')",
        grid=False,
        labels=labels and title is not None,
        labelFlush=False,
        labelOverlap=False,
        ticks=title is not None,
    )
    return alt.X("from:T", title=title, axis=axis, scale=alt.Scale(type="utc", nice=False))  # type: ignore[no-any-return]


def time_title(by: Period, zone: str, of: str = "") -> str:
    """Return the title of a time axis, for example ``"Month of creation (UTC)"``."""
    period = "Week, from Monday" if by == "week" else by.capitalize()
    return f"{period} {of} ({zone})" if of else f"{period} ({zone})"


def outline(spans: pd.DataFrame) -> dict[str, Any]:
    """Return the white line between marks; its width is 0 if there are so many marks that it would cover them."""
    return {"stroke": "white", "strokeWidth": 1 if spans["from"].nunique() < WIDTH / 5 else 0}


def check_size(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table if it is small enough for one chart.

    Raises
    ------
    InvalidInputError
        It has too many rows.
    """
    if len(table) > _MAX_ROWS:
        raise InvalidInputError("There are too many periods for one chart. Choose longer ones, such as by='month'.")
    return table
