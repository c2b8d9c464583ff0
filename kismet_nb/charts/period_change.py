"""Chart of the change between a period and the period before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb import summaries
from kismet_nb.charts.marks import DARK, WIDTH, check_size, load_altair
from kismet_nb.charts.style import styled
from kismet_nb.dates import parse_date

if TYPE_CHECKING:
    import altair as alt

    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Day

__all__ = ["compare_periods"]

_LABELS = {
    "calls": ("Calls", 1, ",.0f"),
    "providers": ("Providers who held calls", 1, ",.0f"),
    "average_wait_time": ("Mean wait (seconds)", 1, ",.0f"),
    "average_duration": ("Mean duration (minutes)", 60, ",.1f"),
    "new_users": ("New users", 1, ",.0f"),
}


def compare_periods(
    calls: pd.DataFrame,
    metrics: pd.DataFrame | None = None,
    users: pd.DataFrame | None = None,
    *,
    start: Day,
    end: Day,
    tz: str = "UTC",
) -> Chart:
    """Return a chart of the change since the period before, in percent: see ``summaries.compare_periods``.

    The number before, the current number and the change are beside each bar. An unknown change has no bar.

    Examples
    --------
    >>> calls = pd.DataFrame({"organization_user_id": pd.array([11, 11, 12], "Int64"),
    ...     "created_at": pd.to_datetime(["2026-02-02T15:00Z", "2026-02-10T15:00Z", "2026-02-15T15:00Z"])})
    >>> compare_periods(calls, start="2026-02-09", end="2026-02-15").save("change.svg")
    """
    table = summaries.compare_periods(calls, metrics, users, start=start, end=end, tz=tz)
    drawn = pd.DataFrame(
        {
            "label": [_LABELS[measure][0] for measure in table["measure"]],
            "percent": table["change_percent"].astype("float64"),
            "number": [
                f"{_number(measure, before)} \N{RIGHTWARDS ARROW} {_number(measure, current)}{_percent(change)}"
                for measure, before, current, change in zip(
                    table["measure"], table["before"], table["current"], table["change_percent"], strict=True
                )
            ],
        }
    )
    drawn["tip"] = drawn["label"] + "\n" + drawn["number"]
    first, last = (pd.Timestamp(parse_date(day, name)) for day, name in ((start, "start"), (end, "end")))
    before_first, before_last = first - (last - first) - pd.Timedelta(days=1), first - pd.Timedelta(days=1)
    subtitle = f"{_day(first)} to {_day(last)} against {_day(before_first)} to {_day(before_last)} ({tz})"
    if table["change"].isna().any():
        subtitle += "; a change is shown only if all days of both periods are known"
    return styled(_change_bars(drawn), "What has changed against the period before?", subtitle)


def _number(measure: str, value: Any) -> str:  # noqa: ANN401 - a number or NA
    _, divisor, form = _LABELS[measure]
    return "unknown" if pd.isna(value) else format(value / divisor, form)


def _percent(change: Any) -> str:  # noqa: ANN401 - a number or NA
    return "" if pd.isna(change) else f" ({change:+.1f}%)".replace("-", "\N{MINUS SIGN}")


def _day(day: pd.Timestamp) -> str:
    return f"{day.day} {day:%b %Y}"


def _change_bars(table: pd.DataFrame) -> alt.LayerChart:
    """Return a chart with a bar from 0 to each ``percent``, and a column of ``number`` at the right."""
    alt = load_altair()
    width = WIDTH - 320  # space for labels on the left and numbers on the right
    base = alt.Chart(check_size(table), width=width, height=alt.Step(28)).encode(
        y=alt.Y("label:N", title=None, sort=list(table["label"]), axis=alt.Axis(ticks=False, domain=False))
    )
    largest = max(10.0, float(table["percent"].abs().max())) if table["percent"].notna().any() else 10.0
    x = alt.X(
        "percent:Q",
        title="Change (%)",
        scale=alt.Scale(domain=[-largest, largest]),
        axis=alt.Axis(tickCount=5, format="+,.0f"),
    )
    bars = base.mark_bar(color=DARK, invalid="filter").encode(x=x, description="tip:N", tooltip="tip:N")
    zero = alt.Chart(width=width).mark_rule(color="#888888").encode(x=alt.datum(0))
    numbers = base.mark_text(align="left", aria=False).encode(x=alt.value(width + 12), text="number:N")
    return bars + zero + numbers  # type: ignore[no-any-return]
