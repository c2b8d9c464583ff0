"""Charts of call metrics: wait time, duration and failure rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from kismet_nb import summaries
from kismet_nb.charts.marks import (
    DARK,
    LIGHT,
    MAX_NUMBERED_PERIODS,
    add_spans,
    check_size,
    load_altair,
    outline,
    period_names,
    plot_width,
    time_axis,
    time_title,
    top_space,
)
from kismet_nb.charts.style import styled
from kismet_nb.charts.subtitles import incomplete_note
from kismet_nb.summaries.periods import check_period

if TYPE_CHECKING:
    import altair as alt

    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Period

__all__ = ["fail_rate", "wait_and_duration"]

_FEW_CALLS = 10


def wait_and_duration(metrics: pd.DataFrame, *, by: Period = "day") -> Chart:
    """Return a chart of mean wait time, mean duration and number of calls: see ``summaries.wait_and_duration``."""
    check_period(by)
    table = summaries.wait_and_duration(metrics, by=by)
    table["minutes"] = table["average_duration"] / 60
    panels = [
        _bars(table, "average_wait_time", "Mean wait (seconds)", by, number=",.0f", last=False),
        _bars(table, "minutes", "Mean duration (minutes)", by, number=",.1f", last=False),
        _bars(table, "total_calls", "Calls", by, number=",", last=True),
    ]
    return styled(
        load_altair().vconcat(*panels, spacing=14),
        "How long do people wait, and how long are calls?",
        f"Means weighted by calls; a {by} without a bar has no data{incomplete_note(table, by, 'data of')}",
    )


def fail_rate(metrics: pd.DataFrame, *, unit: Literal["fraction", "percent"], by: Period = "day") -> Chart:
    """Return a chart of the call failure rate in percent: see ``summaries.fail_rate``."""
    check_period(by)
    table = summaries.fail_rate(metrics, unit=unit, by=by)
    return styled(
        _bars(table, "fail_rate_percent", "Failed calls (% of calls)", by, number=",.1f", last=True, height=180),
        "What percentage of calls fails?",
        f"The API's call_fail_rate, read as a {'fraction' if unit == 'fraction' else 'percentage'}, weighted by calls; "
        f"a {by} without a bar has no data{incomplete_note(table, by, 'data of')}",
    )


def _bars(
    table: pd.DataFrame, column: str, y_title: str, by: Period, *, number: str, last: bool, height: int = 110
) -> alt.LayerChart:
    """Return a chart with a bar per period, or a line on the axis for 0; the ``last`` panel has the time axis.

    Periods with few calls are pale, because their means are not reliable. If there is space, bars have their values.
    """
    alt = load_altair()
    spans = add_spans(table, by)
    few, many = f"fewer than {_FEW_CALLS} calls", f"{_FEW_CALLS} calls or more"
    is_few = spans["total_calls"].fillna(0) < _FEW_CALLS
    spans["basis"] = is_few.map({True: few, False: many}).astype("str")
    spans["zero"] = spans[column] == 0
    spans["tip"] = [
        f"{period}\n{y_title}: {'no data' if pd.isna(value) else format(value, number)}"
        for period, value in zip(period_names(spans["from"], by), spans[column], strict=True)
    ]
    if column != "total_calls":
        spans["tip"] += [f"\nCalls: {calls}" for calls in spans["total_calls"]]
    x_title = time_title(by, "as the API counts days; its time zone is unknown") if last else None
    # A legend is needed only if there are pale bars.
    legend = alt.Legend() if is_few.any() else None
    drawn = check_size(spans[["from", "middle", "to", "basis", "zero", "tip", column]])
    base = alt.Chart(drawn, width=plot_width(spans), height=height)
    numbered = len(spans) <= MAX_NUMBERED_PERIODS
    scale = top_space(spans[column], numbered=numbered)
    y = alt.Y(f"{column}:Q", title=y_title, axis=alt.Axis(tickCount=4, format=",~r"), scale=scale)
    marks = base.encode(
        x=time_axis(spans, by, x_title),
        x2="to",
        y=y,
        color=alt.Color("basis:N", title=None, scale=alt.Scale(domain=[many, few], range=[DARK, LIGHT]), legend=legend),
        description="tip:N",
        tooltip="tip:N",
    )
    zeros = marks.transform_filter("datum.zero").mark_rule(strokeWidth=4)
    bars = marks.mark_rect(**outline(spans)).encode(y2=alt.datum(0)) + zeros
    if not numbered:
        return bars  # type: ignore[no-any-return]
    middle = alt.X("middle:T", scale=alt.Scale(type="utc"))
    numbers = base.mark_text(dy=-7, fontSize=10, aria=False).encode(
        x=middle, y=y, text=alt.Text(f"{column}:Q", format=number)
    )
    return bars + numbers  # type: ignore[no-any-return]
