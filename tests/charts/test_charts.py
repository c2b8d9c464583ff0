"""Charts: each is drawn offline, asks its question, and names its units and its time zone."""

import re
import sys

import altair as alt
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import charts
from kismet_nb.charts import marks

NEW_YORK = "America/New_York"


@pytest.fixture(scope="module")
def tables(demo):
    """Fetch what the charts draw."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
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
    "calls_per_week": (
        lambda t: charts.calls_per_week(t["calls"], t["users"], tz=NEW_YORK),
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
        ["How many calls in a hundred fail?", "% of calls", "read as a fraction"],
    ),
    "invites_by_status": (
        lambda t: charts.invites_by_status(t["invites"]),
        ["What became of the invites?", "expired unused", "Month of the invite (UTC)"],
    ),
}


def test_every_chart_is_tested_here():
    """A new chart needs a line in this file."""
    assert sorted(charts.__all__) == sorted(CHARTS)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_says_what_it_shows(name, tables, tmp_path):
    """It shows its question, units and zone, even without rows, and loads nothing from elsewhere."""
    draw, texts = CHARTS[name]
    full, empty = svg(draw(tables), tmp_path), svg(draw({n: t.iloc[:0] for n, t in tables.items()}), tmp_path)

    assert [] == [text for text in texts if text not in full]
    assert texts[0] in empty
    assert "<script" not in full
    assert "href" not in full.replace("xmlns:xlink", "")


def test_a_chart_is_saved_as_a_picture(tables, tmp_path):
    """PNG needs no browser and no internet, which the tests cut off."""
    charts.users_over_time(tables["users"]).save(tmp_path / "users.png")

    assert (tmp_path / "users.png").read_bytes().startswith(b"\x89PNG")


def test_a_chart_shows_without_the_internet(tables):
    """In a notebook it is an SVG, unless the notebook has chosen otherwise."""
    chart = charts.admins_and_roles(tables["users"])
    assert ["image/svg+xml"] == list(chart._repr_mimebundle_())
    with alt.renderers.enable("json"):
        charts.admins_and_roles(tables["users"])
        assert "json" == alt.renderers.active


def test_busy_providers_have_a_row_and_the_others_one_together(tables, tmp_path):
    """All providers are part of the sums, and people with the same name are distinguished by id."""
    chart = svg(charts.calls_per_week(tables["calls"], tables["users"], top=3), tmp_path)
    providers = tables["calls"]["organization_user_id"].nunique()
    twins = tables["users"].assign(display_name="Maria Garcia")

    assert f"{providers - 3} other providers" in chart
    assert f"{len(tables['calls']):,} calls of {providers} providers" in chart
    busiest = tables["calls"]["organization_user_id"].value_counts().index[0]
    assert f"Maria Garcia ({busiest})" in svg(charts.calls_per_week(tables["calls"], twins), tmp_path)


def test_what_is_unknown_is_not_drawn_as_zero(tables, tmp_path):
    """Weeks before the oldest call have no mark; a provider is not called silent when nothing is known."""
    oldest = tables["calls"]["created_at"].min()
    start, long_ago = oldest - pd.Timedelta(days=70), oldest - pd.Timedelta(days=1)
    weekly = charts.calls_per_week(tables["calls"], start=start.date(), end=oldest.date())
    silent = svg(charts.providers_without_calls(tables["users"], tables["calls"], as_of=long_ago), tmp_path)
    idle = svg(charts.idle_rooms(tables["rooms"], tables["users"], tables["calls"], as_of=long_ago), tmp_path)

    before = charts.calls_per_week(tables["calls"], start=start.date(), end=long_ago.date())

    assert "not shown: 10 weeks outside the known calls" in svg(weekly, tmp_path)
    assert re.search(r"Nothing is known of calls of this time; not shown: 1[01] weeks", svg(before, tmp_path))
    assert "0 calls" not in svg(before, tmp_path)
    for chart in (silent, idle):
        assert re.search(r"(\d+) of \1 (provider|open room)s have no known call; not all calls of the", chart)
        assert "(dark)" not in chart
        assert ">unknown<" in chart
        assert 4 == chart.count(">–<")
    assert ">no known call<" in svg(charts.providers_without_calls(tables["users"], tables["calls"]), tmp_path)


def test_a_name_is_drawn_as_text(tables, tmp_path):
    """Markup in a name does not become markup of the picture."""
    users = tables["users"].assign(display_name="<img src=x onerror=alert(1)>")
    chart = svg(charts.calls_per_week(tables["calls"], users), tmp_path)

    assert "&lt;img src=x" in chart
    assert "<img" not in chart


def test_the_number_of_rows_without_a_date_is_shown(tables, tmp_path):
    """A user without a date is in no bar, and the chart says how many there are."""
    users = tables["users"].copy()
    users.loc[:1, "created_at"] = pd.NaT

    assert "2 without a date are not shown" in svg(charts.users_over_time(users), tmp_path)


def test_a_week_with_missing_days_is_named(tmp_path):
    """From Thursday to Tuesday both weeks are incomplete, so the subtitle says how many days they have."""
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
        (lambda t: charts.calls_per_week(t["calls"], top=0), "top"),
        (lambda t: charts.providers_without_calls(t["users"], t["calls"], days=0), "days"),
        (lambda t: charts.wait_and_duration(t["metrics"], by="all"), "by must be"),
        (lambda t: charts.fail_rate(t["metrics"], unit="fraction", by="all"), "by must be"),
        (lambda t: charts.users_over_time(t["users"].assign(created_at=long_ago(t["users"])), by="day"), "longer ones"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, why, tables):
    """Options out of range and too many periods are refused with a hint."""
    with pytest.raises(kn.InvalidInputError, match=why):
        draw(tables)


def long_ago(users):
    """Return dates of which the first lies decades back."""
    return users["created_at"].mask(users.index == 0, pd.Timestamp("1990-01-01", tz="UTC"))


@pytest.mark.parametrize("module", ["altair", "vl_convert"])
def test_without_altair_the_extra_is_named(module, tables, monkeypatch):
    """If a library is not installed, the error says how to install it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[charts\]"):
        charts.admins_and_roles(tables["users"])
