"""A chart for each summary, in one style: titled with the question that it answers, with units and time zone.

A chart takes the tables that the summary of its name takes, and draws it. Each returns an Altair chart, and raises
``InvalidInputError`` where the summary does, where there are more periods than can be drawn, or where Altair is not
installed. Colours differ in lightness, so that a chart also
reads in black and white. ``chart.save("x.png")`` or ``"x.svg"`` works offline and without a browser.

Altair is loaded when the first chart is made. Its usual way of showing a chart loads scripts from the internet, so
charts show as SVG unless the notebook has chosen otherwise with ``altair.renderers.enable``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from kismet_nb import summaries
from kismet_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    import altair as alt

    from kismet_nb.summaries import Day, Moment, Period

    Chart = alt.Chart | alt.LayerChart | alt.VConcatChart

__all__ = [
    "admins_and_roles",
    "calls_per_week",
    "fail_rate",
    "idle_rooms",
    "invites_by_status",
    "providers_without_calls",
    "users_over_time",
    "users_without_waiting_room",
    "wait_and_duration",
]

WIDTH = 640
# Three steps of lightness that stay apart for colour-blind eyes, on paper and in grey.
DARK, MIDDLE, LIGHT = "#1b4f72", "#e69f00", "#cfe0ec"
_MOST_ROWS = 5000  # beyond that Altair refuses, and nobody could tell the marks apart
_MOST_LABELS = 8
_FEW_CALLS = 10
_NUMBERED_COLUMNS = 18  # in more columns than that there is no room for numbers
_FORMATS = {"day": "%-d %b %Y", "week": "%-d %b %Y", "month": "%b %Y", "year": "%Y"}


# Users ----------------------------------------------------------------------------------------------------------


def users_over_time(users: pd.DataFrame, *, by: Period = "month", tz: str = "UTC") -> Chart:
    """Draw how the number of users has grown: see ``summaries.users_over_time``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization() as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     users = kn.fetch_users(client=client)
    >>> users_over_time(users, tz="America/New_York").save("growth.svg")
    """
    table = summaries.users_over_time(users, by=by, tz=tz)
    table["before"] = table["users"] - table["new_users"]
    parts = {"before": ("already there", LIGHT), "new_users": (f"new in the {by}", DARK)}
    return _styled(
        _stacked(table, parts, by, _time_title(by, tz, "of creation"), "Users"),
        "How has the number of users grown?",
        f"{_count(len(users), 'user')}, by when they were created; those who have left are not among them"
        + _undated(table, by, "new_users"),
    )


def admins_and_roles(users: pd.DataFrame) -> Chart:
    """Draw how many users hold each right: see ``summaries.admins_and_roles``."""
    table = summaries.admins_and_roles(users)
    told = f"Of {_count(len(users), 'user')}"
    if "roles" in set(table["field"]):
        told += "; users with two roles are counted in both"
    if len(table) > 20:
        told += f"; {len(table) - 20} rarer roles are not shown"
        table = table.head(20)
    both = table["field"].nunique() > 1
    bars = pd.DataFrame(
        {
            "label": table["field"] + ": " + table["value"] if both else table["value"],
            "n": table["users"],
            "number": [f"{n:,} ({share:.0%})" for n, share in zip(table["users"], table["share"], strict=True)],
            "colour": DARK,
        }
    )
    return _styled(_bars(bars, "Users"), "How many users hold which rights?", told)


def users_without_waiting_room(users: pd.DataFrame, *, by: Period = "year", tz: str = "UTC") -> Chart:
    """Draw how many users have no waiting room, by when they were created.

    The list is ``summaries.users_without_waiting_room``.
    """
    without = summaries.users_without_waiting_room(users, tz=tz)
    table = summaries.users_over_time(users, by=by, tz=tz)
    counted = summaries.users_over_time(without, by=by, tz=tz).set_index(by)["new_users"]
    table["without"] = counted.reindex(table[by]).fillna(0).array
    table["with"] = table["new_users"] - table["without"]
    parts = {"without": ("no waiting room", DARK), "with": ("a waiting room", LIGHT)}
    return _styled(
        _stacked(table, parts, by, _time_title(by, tz, "of creation"), "Users"),
        "How many users have no waiting room?",
        f"{len(without):,} of {_count(len(users), 'user')}{_undated(table, by, 'new_users')}",
    )


# Calls ----------------------------------------------------------------------------------------------------------


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
    """Draw the calls of each provider in each week: see ``summaries.calls_per_week``.

    Above stand the calls of everybody; below, a row for each of the ``top`` busiest providers, and a last row for
    all others together, which is not shaded as it would outshine them.
    """
    if isinstance(top, bool) or not isinstance(top, int) or not 1 <= top <= 40:
        raise InvalidInputError("top must be a number from 1 to 40.")
    table = summaries.calls_per_week(calls, users, by=by, start=start, end=end, tz=tz)
    table["calls"] = table["calls"].astype("int64")
    undated = _undated(table, by, "calls")
    table = table.dropna(subset=[by])
    order = table.groupby("organization_user_id")["calls"].sum().sort_values(ascending=False, kind="stable").index
    rows = _names(table, order[:top])
    others = _count(len(order) - top, "other provider") if len(order) > top else None
    table["who"] = table["organization_user_id"].map(rows).astype("str").fillna(others or "")
    cells = table.groupby(["who", by])["calls"].sum().reset_index()
    cells["shade"] = cells["calls"].where(cells["who"] != others)
    total: pd.DataFrame = table.groupby(by, as_index=False).agg({"calls": "sum", "days": "first"})
    told = f"{_count(int(total['calls'].sum()), 'call')} of {_count(len(order), 'provider')}, by when they were created"
    if others and len(total) > _NUMBERED_COLUMNS:
        told += f"; {others} are in the sums only"
    return _styled(
        _heat(total, cells, [*rows.values(), *([others] if others else [])], by, tz),
        f"How many calls did each provider hold {'on' if by == 'day' else 'in'} each {by}?",
        told + undated + _cut(total, by),
    )


def providers_without_calls(
    users: pd.DataFrame, calls: pd.DataFrame, *, days: int = 30, as_of: Moment = None, tz: str = "UTC"
) -> Chart:
    """Draw how long ago each provider held the last call: see ``summaries.providers_without_calls``.

    Dark are those of at least ``days`` days ago (1 or more), and never; all others are drawn too.
    """
    table = summaries.providers_without_calls(users, calls, days=0, as_of=as_of, tz=tz)
    return _silence(table, days, "provider", "Providers", "How long ago did each provider hold a call?")


def idle_rooms(
    waiting_rooms: pd.DataFrame,
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    days: int = 30,
    as_of: Moment = None,
    tz: str = "UTC",
) -> Chart:
    """Draw how long the rooms that are open have stood idle: see ``summaries.idle_rooms``.

    Dark are those of at least ``days`` days ago (1 or more), and never; all others are drawn too.
    """
    table = summaries.idle_rooms(waiting_rooms, users, calls, days=0, as_of=as_of, tz=tz)
    question = "How long ago did the owner of each open room hold a call?"
    return _silence(table, days, "open room", "Open waiting rooms", question)


# Call metrics ---------------------------------------------------------------------------------------------------


def wait_and_duration(metrics: pd.DataFrame, *, by: Period = "day") -> Chart:
    """Draw how long people wait and how long calls are: see ``summaries.wait_and_duration``."""
    table = summaries.wait_and_duration(metrics, by=by)
    table["minutes"] = table["average_duration"] / 60
    panels = [
        _metric(table, "average_wait_time", "Mean wait (seconds)", by, last=False),
        _metric(table, "minutes", "Mean duration (minutes)", by, last=False),
        _metric(table, "total_calls", "Calls", by, last=True),
    ]
    return _styled(
        _altair().vconcat(*panels, spacing=14),
        "How long do people wait, and how long are calls?",
        f"Means weighted by calls; a {by} without a bar has no data{_cut(table, by, 'data of')}",
    )


def fail_rate(metrics: pd.DataFrame, *, unit: Literal["fraction", "percent"], by: Period = "day") -> Chart:
    """Draw how many calls in a hundred fail: see ``summaries.fail_rate``."""
    table = summaries.fail_rate(metrics, unit=unit, by=by)
    return _styled(
        _metric(table, "fail_rate_percent", "Failed calls (% of calls)", by, last=True, height=180),
        "How many calls in a hundred fail?",
        f"The API's call_fail_rate, read as a {'fraction' if unit == 'fraction' else 'percentage'}, weighted by calls; "
        f"a {by} without a bar has no data{_cut(table, by, 'data of')}",
    )


# Invites --------------------------------------------------------------------------------------------------------


def invites_by_status(invites: pd.DataFrame, *, by: Period = "month", as_of: Moment = None, tz: str = "UTC") -> Chart:
    """Draw what became of the invites: see ``summaries.invites_by_status``.

    The list of those that expired unused is ``summaries.invites_expired_unused``.
    """
    counted = summaries.invites_by_status(invites, by=by, as_of=as_of, tz=tz)
    table = counted.pivot_table(index=by, columns="status", values="invites", aggfunc="sum", dropna=False)
    parts = {"expired": ("expired unused", DARK), "open": ("open", MIDDLE), "used": ("used", LIGHT)}
    table = table.reindex(columns=list(parts)).astype("Int64").fillna(0).reset_index()
    table["invites"] = table[list(parts)].sum(axis=1)
    expired = counted.loc[counted["status"] == "expired", "invites"].sum()
    return _styled(
        _stacked(table, parts, by, _time_title(by, tz, "of the invite"), "Invites"),
        "What became of the invites?",
        f"{expired:,} of {_count(int(counted['invites'].sum()), 'invite')} expired unused"
        + _undated(table, by, "invites"),
    )


# Marks ----------------------------------------------------------------------------------------------------------


def _altair() -> ModuleType:
    """Load Altair, and see to it that charts show without the internet."""
    for module, name in (("altair", "Altair"), ("vl_convert", "vl-convert-python")):
        if find_spec(module) is None:
            raise InvalidInputError(f'Charts need {name}. Install it with: pip install "kismet-nb[charts]"')
    import altair as alt  # noqa: PLC0415 - takes a while, and only charts need it

    if alt.renderers.active == "default":
        alt.renderers.enable("svg")
    return alt


def _stacked(
    table: pd.DataFrame, parts: Mapping[str, tuple[str, str]], by: Period, x_title: str, y_title: str
) -> alt.Chart:
    """Draw a bar per period, made of named and coloured parts; the first part stands at the bottom."""
    alt = _altair()
    names, colours = zip(*parts.values(), strict=True)
    spans = _spans(table, by).astype(dict.fromkeys(parts, "int64"))
    tops = spans[list(parts)].cumsum(axis=1)
    pieces = [
        spans[["from", "to"]].assign(part=name, low=tops[part] - spans[part], high=tops[part])
        for part, (name, _) in parts.items()
    ]
    marks = alt.Chart(_limited(pd.concat(pieces)), width=WIDTH, height=240).mark_rect(**_outline(spans))
    return marks.encode(  # type: ignore[no-any-return]
        x=_time_axis(spans, by, x_title),
        x2="to",
        y=alt.Y("low:Q", title=y_title, axis=alt.Axis(tickMinStep=1, format=",d")),
        y2="high",
        color=alt.Color("part:N", title=None, scale=alt.Scale(domain=list(names), range=list(colours))),
    )


def _bars(table: pd.DataFrame, x_title: str) -> alt.LayerChart:
    """Draw a horizontal bar for each ``label``, ``n`` long, with its ``number`` beside it."""
    alt = _altair()
    order = list(table["label"])
    base = alt.Chart(_limited(table.astype({"n": "int64"})), width=WIDTH - 120, height=alt.Step(28)).encode(
        x=alt.X("n:Q", title=x_title, axis=alt.Axis(tickCount=6, tickMinStep=1, format=",d")),
        y=alt.Y("label:N", title=None, sort=order),
    )
    bars = base.mark_bar(stroke="black", strokeWidth=0.5).encode(color=alt.Color("colour:N", scale=None))
    return bars + base.mark_text(align="left", dx=5).encode(text="number:N")  # type: ignore[no-any-return]


def _silence(table: pd.DataFrame, days: int, noun: str, x_title: str, question: str) -> Chart:
    """Draw how many rows had their last call how long ago; those of at least ``days`` are dark."""
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise InvalidInputError("days must be a whole number of days, 1 or more.")
    edges = sorted({0, min(7, days), days, 3 * days})
    labels = [f"{low} to {high - 1} days ago" for low, high in itertools.pairwise(edges)]
    labels = [f"under {edges[1]} days ago", *labels[1:], f"{edges[-1]} days ago or more", "never"]
    ranks = pd.cut(table["days_since_call"].astype("float64"), [*edges, float("inf")], right=False, labels=False)
    counts = ranks.fillna(len(labels) - 1).value_counts().reindex(range(len(labels)), fill_value=0)
    silent = [low >= days for low in edges] + [True]
    bars = pd.DataFrame(
        {
            "label": labels,
            "n": counts.array,
            "number": [f"{n:,}" for n in counts],
            "colour": [DARK if dark else LIGHT for dark in silent],
        }
    )
    told = f"{counts[silent].sum():,} of {_count(len(table), noun)} (dark): no call in the last {days} days"
    return _styled(_bars(bars, x_title), question, told)


def _metric(
    table: pd.DataFrame, column: str, y_title: str, by: Period, *, last: bool, height: int = 110
) -> alt.LayerChart:
    """Draw a bar per period, a line on the axis for 0; periods with few calls are pale, as their means say little."""
    alt = _altair()
    spans = _spans(table, by)
    few, many = f"fewer than {_FEW_CALLS} calls", f"{_FEW_CALLS} calls or more"
    spans["basis"] = (spans["total_calls"].fillna(0) < _FEW_CALLS).map({True: few, False: many}).astype("str")
    x_title = _time_title(by, "as the API counts days; it tells no time zone") if last else None
    spans["zero"] = spans[column] == 0
    marks = alt.Chart(_limited(spans[["from", "to", "basis", "zero", column]]), width=WIDTH, height=height).encode(
        x=_time_axis(spans, by, x_title),
        x2="to",
        y=alt.Y(f"{column}:Q", title=y_title, axis=alt.Axis(tickCount=4, format=",~r")),
        color=alt.Color("basis:N", title=None, scale=alt.Scale(domain=[many, few], range=[DARK, LIGHT])),
    )
    zeros = marks.transform_filter("datum.zero").mark_rule(strokeWidth=4)
    return marks.mark_rect(**_outline(spans)).encode(y2=alt.datum(0)) + zeros  # type: ignore[no-any-return]


def _heat(total: pd.DataFrame, cells: pd.DataFrame, rows: Sequence[str], by: Period, tz: str) -> alt.VConcatChart:
    """Draw the sums of all above a field of shaded cells."""
    alt = _altair()
    sums, cells = _spans(total, by), _spans(cells, by)
    columns = len(sums)
    x, no_x = _time_axis(sums, by, _time_title(by, tz)), _time_axis(sums, by, None, labels=False)
    y = alt.Y("who:N", title=None, sort=list(rows))
    above = alt.Chart(_limited(sums[["from", "middle", "to", "calls"]]), width=WIDTH, height=90)
    field = alt.Chart(_limited(cells[["from", "middle", "to", "who", "calls", "shade"]]), width=WIDTH).properties(
        height=alt.Step(22)
    )
    bars = above.mark_rect(color=DARK, **_outline(sums)).encode(
        x=no_x,
        x2="to",
        y=alt.Y("calls:Q", title="Calls of all", axis=alt.Axis(tickCount=3, format=",d")),
        y2=alt.datum(0),
    )
    largest = cells["shade"].max() if cells["shade"].notna().any() else 1
    shades = (
        field.transform_filter("isValid(datum.shade)")
        .mark_rect(**_outline(sums))
        .encode(
            x=x,
            x2="to",
            y=y,
            color=alt.Color(
                "shade:Q",
                title=f"Calls of a provider in a {by}",
                scale=alt.Scale(domain=[0, largest], range=["#f4f8fb", DARK]),
                legend=None if columns <= _NUMBERED_COLUMNS else alt.Legend(tickMinStep=1),
            ),
        )
    )
    if columns > _NUMBERED_COLUMNS:
        return alt.vconcat(bars, shades, spacing=8)  # type: ignore[no-any-return]
    numbers = field.mark_text(fontSize=10).encode(
        x=alt.X("middle:T", scale=alt.Scale(type="utc")),
        y=y,
        text=alt.Text("calls:Q", format=","),
        color=alt.condition(f"datum.shade > {largest / 2}", alt.value("white"), alt.value("black")),
    )
    tops = above.mark_text(dy=-6, fontSize=10).encode(
        x=alt.X("middle:T", scale=alt.Scale(type="utc")), y="calls:Q", text=alt.Text("calls:Q", format=",")
    )
    return alt.vconcat(bars + tops, shades + numbers, spacing=8)  # type: ignore[no-any-return]


def _styled(chart: Any, question: str, told: str) -> Chart:  # noqa: ANN401 - Altair's three kinds
    """Give a chart its title and the style of all."""
    title = _altair().TitleParams(question, subtitle=_lines(told), anchor="start", frame="group", offset=12)
    axis = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "gridColor": "#e4e4e4"}
    return (  # type: ignore[no-any-return]
        chart.properties(title=title)
        .configure(font="sans-serif", background="white", padding=12)
        .configure_view(stroke=None)
        .configure_axis(**axis, domainColor="#888888", tickColor="#888888", labelLimit=230)
        .configure_title(fontSize=15, subtitleFontSize=12, subtitleColor="#555555", subtitlePadding=5)
        .configure_legend(orient="top", direction="horizontal", labelFontSize=11, titleFontSize=11, symbolType="square")
    )


# Times, words and limits ----------------------------------------------------------------------------------------


def _spans(table: pd.DataFrame, by: Period) -> pd.DataFrame:
    """Add when each period begins, where its middle is, and when it ends; periods that are not known are left out."""
    table = table.dropna(subset=[by])
    begin = table[by].dt.tz_localize("UTC")
    steps = {"day": pd.DateOffset(days=1), "week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}
    end = begin + steps.get(by, pd.DateOffset(years=1))
    return table.assign(**{"from": begin, "middle": begin + (end - begin) / 2, "to": end})


def _time_axis(spans: pd.DataFrame, by: Period, title: str | None, *, labels: bool = True) -> alt.X:
    alt = _altair()
    starts = spans["from"].drop_duplicates().sort_values()
    starts = starts.iloc[:: -(-len(starts) // _MOST_LABELS) or 1]
    axis = alt.Axis(
        values=[moment.timestamp() * 1000 for moment in starts],
        format=_FORMATS[by],
        grid=False,
        labels=labels and title is not None,
        labelFlush=False,
        ticks=title is not None,
    )
    return alt.X("from:T", title=title, axis=axis, scale=alt.Scale(type="utc", nice=False))  # type: ignore[no-any-return]


def _time_title(by: Period, zone: str, of: str = "") -> str:
    period = "Week, from Monday" if by == "week" else by.capitalize()
    return f"{period}{' ' * bool(of)}{of} ({zone})"


def _outline(spans: pd.DataFrame) -> dict[str, Any]:
    """Return the white line between neighbouring marks; where they are many it would cover them."""
    return {"stroke": "white", "strokeWidth": 1 if spans["from"].nunique() < WIDTH / 5 else 0}


def _limited(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) > _MOST_ROWS:
        raise InvalidInputError("These are too many periods for one chart. Choose longer ones, such as by='month'.")
    return table


def _names(table: pd.DataFrame, users: pd.Index[Any]) -> dict[int, str]:
    """Return what to call each of these users: their name, with the id where it is needed to tell them apart."""
    known = table.drop_duplicates("organization_user_id").set_index("organization_user_id")
    shown = known["display_name"].dropna().str.strip().to_dict() if "display_name" in known else {}
    taken = Counter(shown[user] for user in users if user in shown)
    names = {user: shown.get(user) or f"user {user}" for user in users}
    return {user: f"{name} ({user})" if taken[name] > 1 else name for user, name in names.items()}


def _lines(told: str) -> list[str]:
    """Break what is told between its parts, where it would be wider than the chart."""
    first, *parts = told.split("; ")
    lines = [first]
    for part in parts:
        lines[-1] += ";"
        if len(lines[-1]) + len(part) < 100:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _undated(table: pd.DataFrame, by: Period, column: str) -> str:
    """Say how many are not in the chart, as it is not known when they were."""
    undated = int(table.loc[table[by].isna(), column].sum())
    return f"; {undated:,} without a date are not shown" if undated else ""


def _cut(total: pd.DataFrame, by: Period, what: str = "") -> str:
    """Say which of the first and the last period has only some of its days, or data of them."""
    spans = _spans(total, by)
    whole = (spans["to"] - spans["from"]).dt.days
    ends = {"first": spans.index[:1], "last": spans.index[1:][-1:]}
    cut = [
        f"the {which} {by} has {what}{' ' * bool(what)}{spans['days'][row]} of its {whole[row]} days"
        for which, rows in ends.items()
        for row in rows
        if spans["days"][row] < whole[row]
    ]
    return "".join(f"; {words}" for words in cut)
