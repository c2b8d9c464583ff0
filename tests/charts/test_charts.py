"""Charts: each is drawn offline, and has its question, units and time zone."""

import copy
import datetime as dt
import html
import re
import sys
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import charts
from kismet_nb.charts import marks

NEW_YORK = "America/New_York"


@pytest.fixture(scope="module")
def tables():
    """Fetch the tables of the charts from an organization with a fixed last day."""
    with (
        kn.DemoOrganization(today=dt.date(2026, 11, 27)) as demo,
        kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client,
    ):
        users = kn.fetch_users(client=client)
        return {
            "users": users,
            "calls": kn.fetch_calls(users, client=client),
            "metrics": kn.fetch_call_metrics("2026-01-01", "2026-12-31", client=client),
            "rooms": kn.fetch_waiting_rooms(client=client),
            "invites": kn.fetch_invites(client=client),
        }


def svg(chart, folder):
    """Return a chart as SVG."""
    chart.save(folder / "chart.svg")
    return (folder / "chart.svg").read_text()


CHARTS = {
    "users_over_time": (
        lambda t: charts.users_over_time(t["users"], tz=NEW_YORK),
        ["How has the number of users grown?", "Month of creation (America/New_York)"],
    ),
    "admins_and_roles": (lambda t: charts.admins_and_roles(t["users"]), ["How many users hold which rights?", "Users"]),
    "users_without_waiting_room": (
        lambda t: charts.users_without_waiting_room(t["users"]),
        ["How many users have no waiting room?", "Year of creation (UTC)"],
    ),
    "calls_by_hour": (
        lambda t: charts.calls_by_hour(t["calls"], tz="America/Chicago"),
        ["On which weekdays and at which hours are calls held?", "America/Chicago", "Sunday", "21:00", "Mean calls"],
    ),
    "compare_periods": (
        lambda t: charts.compare_periods(
            t["calls"], t["metrics"], t["users"], start="2026-10-26", end="2026-11-22", tz=NEW_YORK
        ),
        ["What has changed against the period before?", "(seconds)", "(minutes)", "28 Sep 2026 to 25 Oct 2026", "(%)"],
    ),
    "email_domains": (
        lambda t: charts.email_domains(t["users"]),
        ["At which domains are the users' addresses?", "example.org", "Users"],
    ),
    "first_calls": (
        lambda t: charts.first_calls(t["users"], t["calls"]),
        ["How soon do new providers hold their first call?", "7 to 29 days", "no call yet", "are not shown"],
    ),
    "invites_expiring": (
        lambda t: charts.invites_expiring(t["invites"], days=14, as_of="2026-11-28", tz=NEW_YORK),
        ["Which open invites expire soon?", "Day of expiry (America/New_York)", "within 14 days"],
    ),
    "calls_per_period": (
        lambda t: charts.calls_per_period(t["calls"], t["users"], tz=NEW_YORK),
        ["How many calls did each provider hold in each week?", "Week, from Monday (America/New_York)", "Calls of all"],
    ),
    "providers_without_calls": (
        lambda t: charts.providers_without_calls(t["users"], t["calls"]),
        ["How long ago did each provider hold a call?", "7 to 29 days ago"],
    ),
    "idle_rooms": (
        lambda t: charts.idle_rooms(t["rooms"], t["users"], t["calls"], days=14),
        ["How long ago did the owner of each open room hold a call?", "14 to 41 days ago"],
    ),
    "wait_and_duration": (
        lambda t: charts.wait_and_duration(t["metrics"]),
        ["How long do people wait, and how long are calls?", "(seconds)", "(minutes)", "its time zone is unknown"],
    ),
    "fail_rate": (
        lambda t: charts.fail_rate(t["metrics"], unit="fraction"),
        ["What percentage of calls fails?", "% of calls", "read as a fraction"],
    ),
    "invites_by_status": (
        lambda t: charts.invites_by_status(t["invites"]),
        ["What happened to the invites?", "expired unused", "Month of the invite (UTC)"],
    ),
}


def test_every_chart_is_tested_here():
    """A new chart needs a line in this file."""
    others = {"calls_per_week", "style"}  # a deprecated name, and a function that is no chart
    assert sorted({*charts.__all__} - others) == sorted(CHARTS)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_its_texts(name, tables, tmp_path):
    """It has its question, units and zone, and loads nothing from the internet; without rows it has its question."""
    draw, texts = CHARTS[name]
    full, empty = svg(draw(tables), tmp_path), svg(draw({n: t.iloc[:0] for n, t in tables.items()}), tmp_path)

    assert [] == [text for text in texts if text not in full]
    assert texts[0] in empty
    assert "<script" not in full
    assert "href" not in full.replace("xmlns:xlink", "")


def test_a_chart_is_saved_as_a_picture(tables, tmp_path):
    """PNG needs no browser and no internet, which the tests block."""
    charts.users_over_time(tables["users"]).save(tmp_path / "users.png")

    assert (tmp_path / "users.png").read_bytes().startswith(b"\x89PNG")


def test_a_chart_is_displayed_without_the_internet(tables):
    """A notebook displays it, and Altair's renderer does not change; a renderer that the notebook enabled is used."""
    chart = charts.admins_and_roles(tables["users"])
    shown = chart._repr_mimebundle_()

    assert ["text/html", "image/svg+xml"] == list(shown)
    assert {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"} == set(
        re.findall(r"https?://[\w./]+", shown["text/html"])
    )
    assert "default" == alt.renderers.active
    with alt.renderers.enable("json"):
        data, _ = chart._repr_mimebundle_()
        assert "application/json" in data


def test_a_changed_chart_keeps_its_display(tables):
    """Altair's methods and a copy keep the class of the chart."""
    chart = charts.users_over_time(tables["users"])

    for changed in (chart.properties(width=300), chart.configure_axis(labelFontSize=20), copy.deepcopy(chart)):
        assert "text/html" in changed._repr_mimebundle_()
    assert isinstance(chart, alt.Chart)


def labels(chart, folder):
    """Return the descriptions of a chart's marks, which are its tooltips."""
    return [html.unescape(label) for label in re.findall(r'<path aria-label="([^"]*)"', svg(chart, folder))]


@pytest.mark.parametrize(
    ("name", "tip"),
    [
        ("users_over_time", r"Oct 2026\nalready there: \d+"),
        ("admins_and_roles", r"not an admin\n\d+ \(\d+%\)"),
        ("calls_per_period", r"All providers\nWeek from 2 Nov 2026\n\d+ calls"),
        ("wait_and_duration", r"\d+ Nov 2026\nMean wait \(seconds\): \d+\nCalls: \d+"),
        ("wait_and_duration", r"\d+ Nov 2026\nCalls: \d+"),
        ("calls_by_hour", r"Tuesday 9:00 to 10:00\n\d+ calls on \d+ days \([\d.]+ a day\)"),
        ("compare_periods", r"Calls\n\d+ → \d+ \([+−][\d.]+%\)"),
    ],
)
def test_a_mark_has_its_numbers_as_a_tooltip(name, tip, tables, tmp_path):
    """The tooltip has the period or the group, and the counted noun."""
    draw, _ = CHARTS[name]

    assert [] != [label for label in labels(draw(tables), tmp_path) if re.fullmatch(tip, label)]


def widths(drawn):
    """Return the widths of the dark bars of a drawn chart."""
    return [float(width) for width in re.findall(rf'd="M[^"h]*h([\d.]+)[^"]*" fill="{marks.DARK}"', drawn)]


@pytest.mark.parametrize(("first", "bars"), [("2026-09-01", 3), ("2026-11-01", 1), ("2026-01-01", 11)])
def test_the_width_of_a_bar_is_limited(first, bars, tables, tmp_path):
    """A chart of three months is narrower than one of eleven."""
    metrics = tables["metrics"][tables["metrics"]["date"] >= first]
    drawn = widths(svg(charts.fail_rate(metrics, unit="fraction", by="month"), tmp_path))

    assert bars == len(drawn)
    assert max(drawn) < 90


@pytest.mark.parametrize(("by", "label"), [("month", "Oct 2026"), ("week", "12 Oct 2026"), ("day", "14 Oct 2026")])
def test_a_label_is_under_the_middle_of_its_bar(by, label, tmp_path):
    """The label of a week is its Monday, but its position is the middle of the week."""
    metrics = days_of_metrics("2026-10-12", 3)
    drawn = svg(charts.fail_rate(metrics, by=by, unit="fraction"), tmp_path)
    bars = re.findall(rf'd="M([\d.]+),[^"h]*h([\d.]+)[^"]*" fill="{marks.DARK}"', drawn)
    place = float(re.search(rf'translate\(([\d.]+),[\d.]+\)"[^>]*>{label}<', drawn)[1])
    start, width = map(float, bars[-1])

    assert abs(start + width / 2 - place) < 2


def days_of_metrics(first, count):
    """Return metrics of the whole organization for some days."""
    days = {"user_id": pd.array([None] * count, "Int64"), "date": pd.date_range(first, periods=count)}
    figures = {"total_calls": 20, "average_duration": 600.0, "call_fail_rate": 0.1, "average_wait_time": 17.0}
    return pd.DataFrame(days | figures)


@pytest.mark.parametrize(("count", "numbered"), [(18, True), (19, False)])
def test_bars_have_their_values_if_there_is_space(count, numbered, tmp_path):
    """There is space for 18 numbers."""
    drawn = svg(charts.wait_and_duration(days_of_metrics("2026-10-12", count)), tmp_path)

    assert (count if numbered else 0) == drawn.count(">17<")
    assert (count if numbered else 0) == drawn.count(">10.0<")


def test_a_legend_names_only_parts_that_are_drawn(tables, tmp_path):
    """Without a used invite the legend has no "used", and without pale bars there is no legend."""
    invites = tables["invites"]
    unused = svg(charts.invites_by_status(invites[invites["used_at"].isna()]), tmp_path)
    all_days = svg(charts.wait_and_duration(days_of_metrics("2026-10-12", 3)), tmp_path)
    few = days_of_metrics("2026-10-12", 3).assign(total_calls=[20, 9, 20])

    assert ">open<" in unused
    assert ">used<" not in unused
    assert "calls or more" not in all_days
    assert ">fewer than 10 calls<" in svg(charts.wait_and_duration(few), tmp_path)


def test_an_hour_of_an_unknown_weekday_is_not_drawn(tables, tmp_path):
    """The subtitle names the weekdays without known calls."""
    chart = charts.calls_by_hour(tables["calls"], start="2026-11-24", end="2026-11-26")  # Tuesday to Thursday
    drawn = svg(chart, tmp_path)

    assert "calls on Monday, Friday, Saturday, Sunday are not known" in drawn
    assert {"Tuesday", "Wednesday", "Thursday"} == {label.split()[0] for label in labels(chart, tmp_path)}


def test_an_unknown_change_has_no_bar(tables, tmp_path):
    """The label of the number before is "unknown"."""
    chart = charts.compare_periods(tables["calls"], start="2025-12-10", end="2026-01-22")

    assert 2 == svg(chart, tmp_path).count(">unknown →")
    assert [] == labels(chart, tmp_path)


def test_a_chart_of_your_own_gets_the_style(tables, tmp_path):
    """It is displayed without the internet, keeps its own configuration, and changes no other chart."""
    plain = alt.Chart(tables["users"][["is_admin"]]).mark_bar().encode(x="is_admin:N", y="count()")
    own = charts.style(plain.configure_axis(labelFontSize=23))
    both = charts.style(plain | plain)
    drawn = svg(own, tmp_path)

    assert f'fill="{marks.DARK}"' in drawn
    assert 'font-size="23px"' in drawn
    for chart in (own, both):
        assert "text/html" in chart._repr_mimebundle_()
    assert marks.DARK not in svg(plain, tmp_path)
    assert ("default", "default") == (alt.renderers.active, alt.theme.active)
    with pytest.raises(kn.InvalidInputError, match="chart must be an Altair chart, not DataFrame"):
        charts.style(tables["users"])


def test_the_style_sheet_replaces_the_colours_of_the_charts(tables):
    """Each colour that inline.css replaces is in a drawn chart."""
    css = Path(charts.__file__).with_name("inline.css").read_text()
    drawn = charts.users_over_time(tables["users"])._repr_mimebundle_()["image/svg+xml"]
    replaced = set(re.findall(r'\[(?:fill|stroke)="([^"]*)"\]', css))

    assert {marks.DARK, marks.LIGHT, marks.INK, "white"} <= replaced
    assert [] == [colour for colour in replaced if f'="{colour}"' not in drawn]


def test_the_providers_with_the_most_calls_have_a_row(tables, tmp_path):
    """All others share a row. The sums include all providers, and ids distinguish users with the same name."""
    chart = svg(charts.calls_per_period(tables["calls"], tables["users"], top=3), tmp_path)
    providers = tables["calls"]["organization_user_id"].nunique()
    twins = tables["users"].assign(display_name="Maria Garcia")

    assert f"{providers - 3} other providers" in chart
    assert f"{len(tables['calls']):,} calls of {providers} providers" in chart
    busiest = tables["calls"]["organization_user_id"].value_counts().index[0]
    assert f"Maria Garcia ({busiest})" in svg(charts.calls_per_period(tables["calls"], twins), tmp_path)


def test_unknown_numbers_are_not_drawn_as_zero(tables, tmp_path):
    """Weeks before the oldest call have no mark; a provider is not counted as idle if the calls are not known."""
    oldest = tables["calls"]["created_at"].min()
    start, long_ago = oldest - pd.Timedelta(days=70), oldest - pd.Timedelta(days=1)
    weekly = charts.calls_per_period(tables["calls"], start=start.date(), end=oldest.date())
    silent = svg(charts.providers_without_calls(tables["users"], tables["calls"], as_of=long_ago), tmp_path)
    idle = svg(charts.idle_rooms(tables["rooms"], tables["users"], tables["calls"], as_of=long_ago), tmp_path)

    before = charts.calls_per_period(tables["calls"], start=start.date(), end=long_ago.date())

    assert "not shown: 10 weeks outside the known calls" in svg(weekly, tmp_path)
    assert re.search(r"Calls of this time are not known; not shown: 1[01] weeks", svg(before, tmp_path))
    assert "0 calls" not in svg(before, tmp_path)
    for chart in (silent, idle):
        assert re.search(r"(\d+) of \1 (provider|open room)s have no known call; not all calls of the", chart)
        assert "(strong colour)" not in chart
        assert ">unknown<" in chart
        assert 4 == chart.count(">–<")
    assert ">no known call<" in svg(charts.providers_without_calls(tables["users"], tables["calls"]), tmp_path)


def test_a_name_is_drawn_as_text(tables, tmp_path):
    """Markup in a name is escaped."""
    users = tables["users"].assign(display_name="<img src=x onerror=alert(1)>")
    chart = svg(charts.calls_per_period(tables["calls"], users), tmp_path)

    assert "&lt;img src=x" in chart
    assert "<img" not in chart


def test_the_number_of_rows_without_a_date_is_shown(tables, tmp_path):
    """A user without a date is in no bar, and the subtitle counts such users."""
    users = tables["users"].copy()
    users.loc[:1, "created_at"] = pd.NaT

    assert "2 without a date are not shown" in svg(charts.users_over_time(users), tmp_path)


def test_a_week_with_missing_days_is_named(tmp_path):
    """From Thursday to Tuesday both weeks are incomplete, so the subtitle has the number of their days."""
    days = {"user_id": pd.array([None] * 6, "Int64"), "date": pd.date_range("2026-02-05", periods=6)}
    figures = {"total_calls": 9, "average_duration": 600.0, "call_fail_rate": 0.1, "average_wait_time": 10.0}
    metrics = pd.DataFrame(days | figures)

    for chart in (
        charts.wait_and_duration(metrics, by="week"),
        charts.fail_rate(metrics, by="week", unit="fraction"),
    ):
        drawn = svg(chart, tmp_path)
        assert "the first week has data of 4 of its 7 days" in drawn
        assert "the last week has data of 2 of its 7 days" in drawn


def test_colours_read_in_grey():
    """The three colours are far apart in lightness."""
    greys = []
    for colour in (marks.DARK, marks.MIDDLE, marks.LIGHT):
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        greys.append(0.299 * red + 0.587 * green + 0.114 * blue)

    assert min(greys[1] - greys[0], greys[2] - greys[1]) > 45


@pytest.mark.parametrize(
    ("draw", "why"),
    [
        (lambda t: charts.calls_per_period(t["calls"], top=0), "top"),
        (lambda t: charts.providers_without_calls(t["users"], t["calls"], days=0), "days"),
        (lambda t: charts.wait_and_duration(t["metrics"], by="all"), "by must be"),
        (lambda t: charts.fail_rate(t["metrics"], unit="fraction", by="all"), "by must be"),
        (lambda t: charts.users_over_time(t["users"].assign(created_at=long_ago(t["users"])), by="day"), "longer ones"),
    ],
)
def test_invalid_options_are_refused(draw, why, tables):
    """Options out of range and too many periods are errors that name the option."""
    with pytest.raises(kn.InvalidInputError, match=why):
        draw(tables)


def long_ago(users):
    """Return creation dates, the first of them decades ago."""
    return users["created_at"].mask(users.index == 0, pd.Timestamp("1990-01-01", tz="UTC"))


@pytest.mark.parametrize("module", ["altair", "vl_convert"])
def test_without_altair_the_extra_is_named(module, tables, monkeypatch):
    """The error has the command that installs the library."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[charts\]"):
        charts.admins_and_roles(tables["users"])


def test_in_marimo_marks_have_titles():
    """marimo runs no script of a chart, so the SVG itself shows a mark's numbers under the mouse."""
    weeks = pd.DataFrame({"created_at": pd.to_datetime(["2026-01-05T09:00Z", "2026-01-13T09:00Z"])})
    weeks["organization_user_id"] = pd.array([11, 12], "Int64")
    shown = kn.charts.calls_per_period(weeks)._display_()._repr_html_()

    assert "<script" not in shown
    assert "<img" not in shown
    assert re.search(r"<path[^>]*><title>[^<]*1 call", shown)
