"""Charts of calls: per provider and period, and per hour of the week."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from kismet_nb import summaries
from kismet_nb.charts.marks import (
    DARK,
    INK,
    MAX_NUMBERED_PERIODS,
    WIDTH,
    add_spans,
    check_size,
    count_ticks,
    load_altair,
    outline,
    period_names,
    plot_width,
    time_axis,
    time_title,
    top_space,
)
from kismet_nb.charts.style import styled
from kismet_nb.charts.subtitles import count_of, incomplete_note, undated_note
from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.known_calls import known_days_per_period
from kismet_nb.summaries.periods import WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import altair as alt
    import pandas as pd

    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Day, Period

__all__ = ["calls_by_hour", "calls_per_period", "calls_per_week"]

_RENAMED = "charts.calls_per_week is deprecated. Use charts.calls_per_period, which takes the same arguments."
_FAINT, _CONTRAST = 0.06, 0.7  # opacity of a cell with 0; share of the largest value above which text is white


def calls_per_period(
    calls: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    by: Period = "week",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
    top: int = 12,
) -> Chart:
    """Return a chart of the calls of each provider in each period: see ``summaries.calls_per_period``.

    The bars at the top count the calls of all providers. Below, each of the ``top`` providers with the most calls has a
    row. The last row is the sum of all others; it is not shaded, because it would be darker than the other rows.
    """
    if isinstance(top, bool) or not isinstance(top, int) or not 1 <= top <= 40:
        raise InvalidInputError("top must be a number from 1 to 40.")
    table = summaries.calls_per_period(calls, users, by=by, start=start, end=end, tz=tz)
    days = known_days_per_period(calls, by=by, start=start, end=end, tz=tz)["days"]
    notes = undated_note(table, by, "calls") + _unknown_note(days, by)
    table = table.dropna(subset=[by, "calls"]).astype({"calls": "int64"})
    order = table.groupby("organization_user_id")["calls"].sum().sort_values(ascending=False, kind="stable").index
    names = _unique_names(table, order[:top])
    others = count_of(len(order) - top, "other provider") if len(order) > top else None
    table["who"] = table["organization_user_id"].map(names).astype("str").fillna(others or "")
    cells = table.groupby(["who", by])["calls"].sum().reset_index()
    cells["shade"] = cells["calls"].where(cells["who"] != others)
    total: pd.DataFrame = table.groupby(by, as_index=False).agg({"calls": "sum", "days": "first"})
    call_count, provider_count = count_of(int(total["calls"].sum()), "call"), count_of(len(order), "provider")
    subtitle = f"{call_count} of {provider_count}, by when they were created"
    if len(days) and not days.any():
        subtitle = "Calls of this time are not known"
    if others and len(total) > MAX_NUMBERED_PERIODS:
        subtitle += f"; {others} are only in the sums"
    return styled(
        _sums_and_cells(total, cells, [*names.values(), *([others] if others else [])], by, tz),
        f"How many calls did each provider hold {'on' if by == 'day' else 'in'} each {by}?",
        subtitle + notes + incomplete_note(total, by),
    )


def _unknown_note(days: pd.Series[Any], by: Period) -> str:
    """Return a note on periods that are not in the chart, because none of their days is known."""
    unknown = int((days == 0).sum())
    return f"; not shown: {count_of(unknown, by)} outside the known calls" if unknown else ""


def _unique_names(table: pd.DataFrame, users: pd.Index[Any]) -> dict[int, str]:
    """Return a label for each user: the name, followed by the id if two users have the same name."""
    known = table.drop_duplicates("organization_user_id").set_index("organization_user_id")
    shown = known["display_name"].dropna().str.strip().to_dict() if "display_name" in known else {}
    counts = Counter(shown[user] for user in users if user in shown)
    names = {user: shown.get(user) or f"user {user}" for user in users}
    return {user: f"{name} ({user})" if counts[name] > 1 else name for user, name in names.items()}


def _sums_and_cells(
    total: pd.DataFrame, cells: pd.DataFrame, rows: Sequence[str], by: Period, tz: str
) -> alt.VConcatChart:
    """Return a chart with bars of the sums above a heat map of providers and periods."""
    alt = load_altair()
    sums, cells = add_spans(total, by), add_spans(cells, by)
    sums["tip"] = _tips(sums, by, ["All providers"] * len(sums))
    cells["tip"] = _tips(cells, by, cells["who"])
    numbered, width = len(sums) <= MAX_NUMBERED_PERIODS, plot_width(sums)
    above = alt.Chart(check_size(sums[["from", "middle", "to", "calls", "tip"]]), width=width, height=90)
    bars = above.mark_rect(color=DARK, **outline(sums)).encode(
        x=time_axis(sums, by, None, labels=False),
        x2="to",
        y=alt.Y(
            "calls:Q",
            title="Calls of all",
            scale=top_space(sums["calls"], numbered=numbered),
            axis=alt.Axis(tickCount=min(3, count_ticks(sums["calls"].max())), format=",d"),
        ),
        y2=alt.datum(0),
        description="tip:N",
        tooltip="tip:N",
    )
    drawn = check_size(cells[["from", "middle", "to", "who", "calls", "shade", "tip"]])
    field = alt.Chart(drawn, width=width).properties(height=alt.Step(22))
    y = alt.Y("who:N", title=None, sort=list(rows))
    largest = cells["shade"].max() if cells["shade"].notna().any() else 1
    legend = None if numbered else alt.Legend(tickMinStep=1, values=_steps(largest), format=",d")
    opacity = alt.Opacity(
        "shade:Q",
        title=f"Calls of a provider in a {by}",
        scale=alt.Scale(domain=[0, largest], range=[_FAINT, 1]),
        legend=legend,
    )
    shades = (
        field.transform_filter("isValid(datum.shade)")
        .mark_rect(color=DARK, **outline(sums))
        .encode(
            x=time_axis(sums, by, time_title(by, tz)),
            x2="to",
            y=y,
            opacity=opacity,
            description="tip:N",
            tooltip="tip:N",
        )
    )
    if not numbered:
        return alt.vconcat(bars, shades, spacing=8)  # type: ignore[no-any-return]
    middle, number = alt.X("middle:T", scale=alt.Scale(type="utc")), alt.Text("calls:Q", format=",")
    color = alt.condition(f"datum.shade > {largest * _CONTRAST}", alt.value("white"), alt.value(INK))
    numbers = field.mark_text(fontSize=10, aria=False).encode(x=middle, y=y, text=number, color=color)
    tops = above.mark_text(dy=-6, fontSize=10, aria=False).encode(x=middle, y="calls:Q", text=number)
    return alt.vconcat(bars + tops, shades + numbers, spacing=8)  # type: ignore[no-any-return]


def _tips(spans: pd.DataFrame, by: Period, who: Iterable[str]) -> list[str]:
    periods = period_names(spans["from"], by)
    return [
        f"{name}\n{period}\n{count_of(n, 'call')}" for name, period, n in zip(who, periods, spans["calls"], strict=True)
    ]


def _steps(largest: int) -> list[int]:
    """Return up to five whole numbers from 0 to the largest, for a legend."""
    return sorted({round(largest * quarter / 4) for quarter in range(5)})


def calls_per_week(
    calls: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    by: Period = "week",
    start: Day = None,
    end: Day = None,
    tz: str = "UTC",
    top: int = 12,
) -> Chart:
    """Return what ``calls_per_period`` returns, under its old name.

    .. deprecated:: 0.1
        Use ``calls_per_period``, which takes the same arguments. This name raises a ``DeprecationWarning``.
    """
    warnings.warn(_RENAMED, DeprecationWarning, stacklevel=2)
    return calls_per_period(calls, users, by=by, start=start, end=end, tz=tz, top=top)


calls_per_week.__deprecated__ = _RENAMED  # type: ignore[attr-defined] # PEP 702: tools hide such a name


def calls_by_hour(calls: pd.DataFrame, *, start: Day = None, end: Day = None, tz: str = "UTC") -> Chart:
    """Return a chart of the mean number of calls in each hour of each weekday: see ``summaries.calls_by_hour``.

    A weekday without a known day has no cells.

    Examples
    --------
    >>> import pandas as pd
    >>> calls = pd.DataFrame({"created_at": pd.to_datetime(["2026-02-03T15:00Z", "2026-02-10T15:30Z"])})
    >>> calls_by_hour(calls, tz="America/Chicago").save("hours.svg")
    """
    alt = load_altair()
    table = summaries.calls_by_hour(calls, start=start, end=end, tz=tz)
    undated = table.loc[table["weekday"].isna(), "calls"].sum()
    table = table.dropna(subset=["weekday"])
    unknown = [day for day in WEEKDAYS if len(table) and not table.loc[table["weekday"] == day, "days"].any()]
    known = table.dropna(subset=["calls"]).astype({"hour": "int64", "days": "int64", "calls": "int64"})
    largest = known["calls_per_day"].max() if known["calls"].any() else 1
    texts = known["calls_per_day"].map(lambda mean: f"{mean:,.0f}" if largest >= 10 else f"{mean:,.1f}")
    known = known.assign(
        mean=known["calls_per_day"].astype("float64"),
        number=texts.where(known["calls"] > 0, "").astype("str"),
        tip=[
            f"{day} {hour}:00 to {hour + 1}:00\n{count_of(n, 'call')} on {count_of(days, 'day')} ({mean:,.1f} a day)"
            for day, hour, days, n, mean in known.itertuples(index=False, name=None)
        ],
    )
    drawn = known[["weekday", "hour", "mean", "number", "tip"]]
    x_axis = alt.Axis(labelExpr="datum.value % 3 ? '' : datum.value + ':00'", labelAngle=0, ticks=False)
    field = alt.Chart(drawn, width=WIDTH, height=alt.Step(26)).encode(
        x=alt.X(
            "hour:O", title=f"Hour of the call's creation ({tz})", axis=x_axis, scale=alt.Scale(domain=list(range(24)))
        ),
        y=alt.Y("weekday:N", title=None, scale=alt.Scale(domain=list(WEEKDAYS))),
    )
    opacity = alt.Opacity("mean:Q", scale=alt.Scale(domain=[0, largest], range=[_FAINT, 1]), legend=None)
    cells = field.mark_rect(color=DARK, stroke="white").encode(opacity=opacity, description="tip:N", tooltip="tip:N")
    color = alt.condition(f"datum.mean > {largest * _CONTRAST}", alt.value("white"), alt.value(INK))
    numbers = field.mark_text(fontSize=10, aria=False).encode(text="number:N", color=color)
    subtitle = f"Mean calls in an hour; {count_of(int(known['calls'].sum()), 'call')}, by when they were created"
    subtitle += f"; calls on {', '.join(unknown)} are not known" if unknown else ""
    subtitle += f"; {undated:,} without a date are not shown" if undated else ""
    return styled(cells + numbers, "On which weekdays and at which hours are calls held?", subtitle)
