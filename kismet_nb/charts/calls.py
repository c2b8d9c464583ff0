"""Charts of calls: per provider and week, and how long ago providers and rooms had the last one."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb import summaries
from kismet_nb.charts.marks import (
    DARK,
    LIGHT,
    WIDTH,
    add_spans,
    check_size,
    horizontal_bars,
    load_altair,
    outline,
    styled,
    time_axis,
    time_title,
)
from kismet_nb.charts.subtitles import count_of, incomplete_note, undated_note
from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.known_calls import known_days_per_period

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Day, Moment, Period

__all__ = ["calls_per_week", "idle_rooms", "providers_without_calls"]

_MAX_NUMBERED_PERIODS = 18  # with more periods the cells are too narrow for numbers


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
    """Return a chart of the calls of each provider in each week: see ``summaries.calls_per_week``.

    The bars at the top are the calls of all providers. Below, each of the ``top`` busiest providers has a row. The last
    row is the sum of all others; it is not shaded, because it would be darker than any provider's row.
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
        subtitle = "Nothing is known of calls of this time"
    if others and len(total) > _MAX_NUMBERED_PERIODS:
        subtitle += f"; {others} are in the sums only"
    return styled(
        _sums_and_cells(total, cells, [*names.values(), *([others] if others else [])], by, tz),
        f"How many calls did each provider hold {'on' if by == 'day' else 'in'} each {by}?",
        subtitle + notes + incomplete_note(total, by),
    )


def _unknown_note(days: pd.Series[Any], by: Period) -> str:
    """Return how many periods are not in the chart, because none of their days is known."""
    unknown = int((days == 0).sum())
    return f"; not shown: {count_of(unknown, by)} outside the known calls" if unknown else ""


def _unique_names(table: pd.DataFrame, users: pd.Index[Any]) -> dict[int, str]:
    """Return a label for each of these users: the name, followed by the id if two have the same name."""
    known = table.drop_duplicates("organization_user_id").set_index("organization_user_id")
    shown = known["display_name"].dropna().str.strip().to_dict() if "display_name" in known else {}
    counts = Counter(shown[user] for user in users if user in shown)
    names = {user: shown.get(user) or f"user {user}" for user in users}
    return {user: f"{name} ({user})" if counts[name] > 1 else name for user, name in names.items()}


def _sums_and_cells(
    total: pd.DataFrame, cells: pd.DataFrame, rows: Sequence[str], by: Period, tz: str
) -> alt.VConcatChart:
    """Return a chart of the sums of all providers above a field of shaded cells."""
    alt = load_altair()
    sums, cells = add_spans(total, by), add_spans(cells, by)
    numbered = len(sums) <= _MAX_NUMBERED_PERIODS
    above = alt.Chart(check_size(sums[["from", "middle", "to", "calls"]]), width=WIDTH, height=90)
    bars = above.mark_rect(color=DARK, **outline(sums)).encode(
        x=time_axis(sums, by, None, labels=False),
        x2="to",
        y=alt.Y("calls:Q", title="Calls of all", axis=alt.Axis(tickCount=3, format=",d")),
        y2=alt.datum(0),
    )
    field = alt.Chart(check_size(cells[["from", "middle", "to", "who", "calls", "shade"]]), width=WIDTH).properties(
        height=alt.Step(22)
    )
    y = alt.Y("who:N", title=None, sort=list(rows))
    largest = cells["shade"].max() if cells["shade"].notna().any() else 1
    color = alt.Color(
        "shade:Q",
        title=f"Calls of a provider in a {by}",
        scale=alt.Scale(domain=[0, largest], range=["#f4f8fb", DARK]),
        legend=None if numbered else alt.Legend(tickMinStep=1),
    )
    shades = (
        field.transform_filter("isValid(datum.shade)")
        .mark_rect(**outline(sums))
        .encode(x=time_axis(sums, by, time_title(by, tz)), x2="to", y=y, color=color)
    )
    if not numbered:
        return alt.vconcat(bars, shades, spacing=8)  # type: ignore[no-any-return]
    middle, number = alt.X("middle:T", scale=alt.Scale(type="utc")), alt.Text("calls:Q", format=",")
    on_dark = alt.condition(f"datum.shade > {largest / 2}", alt.value("white"), alt.value("black"))
    numbers = field.mark_text(fontSize=10).encode(x=middle, y=y, text=number, color=on_dark)
    tops = above.mark_text(dy=-6, fontSize=10).encode(x=middle, y="calls:Q", text=number)
    return alt.vconcat(bars + tops, shades + numbers, spacing=8)  # type: ignore[no-any-return]


def providers_without_calls(
    users: pd.DataFrame, calls: pd.DataFrame, *, days: int = 30, as_of: Moment = None, tz: str = "UTC"
) -> Chart:
    """Return a chart of how long ago each provider held the last call: see ``summaries.providers_without_calls``.

    Providers whose last call was at least ``days`` days ago (1 or more), or of whom no call is known, are dark. All
    others are drawn too.
    """
    _check_days(days)
    table = summaries.providers_without_calls(users, calls, days=0, as_of=as_of, tz=tz)
    without = summaries.providers_without_calls(users, calls, days=days, as_of=as_of, tz=tz)
    question = "How long ago did each provider hold a call?"
    return _last_calls(table, without, days, "provider", "Providers", question)


def idle_rooms(
    waiting_rooms: pd.DataFrame,
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    days: int = 30,
    as_of: Moment = None,
    tz: str = "UTC",
) -> Chart:
    """Return a chart of how long open rooms have been idle: see ``summaries.idle_rooms``.

    Rooms whose owner held the last call at least ``days`` days ago (1 or more), or of whom no call is known, are dark.
    All others are drawn too.
    """
    _check_days(days)
    table = summaries.idle_rooms(waiting_rooms, users, calls, days=0, as_of=as_of, tz=tz)
    idle = summaries.idle_rooms(waiting_rooms, users, calls, days=days, as_of=as_of, tz=tz)
    question = "How long ago did the owner of each open room hold a call?"
    return _last_calls(table, idle, days, "open room", "Open waiting rooms", question)


def _check_days(days: int) -> None:
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise InvalidInputError("days must be a whole number of days, 1 or more.")


def _last_calls(table: pd.DataFrame, without: pd.DataFrame, days: int, noun: str, x_title: str, question: str) -> Chart:
    """Return a chart of the rows by how long ago their last call was.

    Those of at least ``days`` days are dark. If not all calls of these days are known, a row without a known call is
    not dark.
    """
    unknown = int((~without["calls_known"]).sum())
    edges = sorted({0, min(7, days), days, 3 * days})
    labels = [f"{low} to {high - 1} days ago" for low, high in itertools.pairwise(edges)]
    last_label = "unknown" if unknown else "no known call"
    labels = [f"under {edges[1]} days ago", *labels[1:], f"{edges[-1]} days ago or more", last_label]
    ranks = pd.cut(table["days_since_call"].astype("float64"), [*edges, float("inf")], right=False, labels=False)
    counts = ranks.fillna(len(labels) - 1).value_counts().reindex(range(len(labels)), fill_value=0)
    is_dark = [low >= days for low in edges] + [not unknown]
    bars = pd.DataFrame(
        {
            "label": labels,
            "n": counts.array,
            # Nothing is known of the rows that may be missing here.
            "number": [f"{n:,}" if n or not unknown else "–" for n in counts],
            "colour": [DARK if dark else LIGHT for dark in is_dark],
        }
    )
    total = count_of(len(table), noun)
    if unknown:
        subtitle = f"{unknown:,} of {total} have no known call; not all calls of the last {days} days are known"
    else:
        subtitle = f"{counts[is_dark].sum():,} of {total} (dark): no call in the last {days} days"
    return styled(horizontal_bars(bars, x_title), question, subtitle)
