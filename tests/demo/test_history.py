"""A year of calls up to now: no row is in the future, and no part of a chart is empty."""

import datetime as dt

import pandas as pd
import pytest
from witness import TODAY, Witness

import kismet_nb as kn
from kismet_nb.demo.endpoints import DemoData


@pytest.fixture(scope="module", params=[TODAY, dt.date(2026, 8, 1), dt.date(2027, 3, 15)], ids=str)
def history(request):
    """Return the tables of the demo organization on a day, and the evening of that day."""
    with (
        kn.DemoOrganization(today=request.param) as demo,
        kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client,
    ):
        users = kn.fetch_users(client=client)
        return {
            "users": users,
            "calls": kn.fetch_calls(users, client=client),
            "rooms": kn.fetch_waiting_rooms(client=client),
            "invites": kn.fetch_invites(client=client),
            "metrics": kn.fetch_call_metrics(request.param - dt.timedelta(days=84), request.param, client=client),
            "evening": pd.Timestamp(request.param, tz="UTC") + pd.Timedelta(hours=20),
        }


def rows_of(chart):
    """Return the rows of all datasets of a chart."""
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


def test_calls_go_back_a_year(history):
    """Each month of the last year has calls, and no call is older."""
    months = history["calls"]["created_at"].dt.strftime("%Y-%m").value_counts()

    assert 12 <= len(months) <= 13
    assert history["calls"]["created_at"].min() > history["evening"] - pd.Timedelta(days=366)


def test_no_row_is_later_than_the_evening(history):
    """No call and no invite was created, changed or used after 20:00 on the last day."""
    for table in (history["calls"], history["invites"]):
        for column in {"created_at", "updated_at", "used_at"} & set(table):
            assert not (table[column] > history["evening"]).any(), column


def test_no_row_is_in_the_future():
    """An organization that starts now has no call or invite in the future."""
    before = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    with kn.DemoOrganization() as demo:
        witness = Witness(demo)
        with witness.session:
            calls = [call for user in witness.users() for call in witness.calls(user["id"])]
            invites = witness.rows("/invites", "organization_invites")
    times = [row[column] for row in calls + invites for column in ("created_at", "updated_at")]
    times += [invite["used_at"] for invite in invites if invite["used_at"]]

    assert before >= max(times)


@pytest.mark.parametrize("clock", [dt.time(0, 5), dt.time(13), dt.time(16, 30), dt.time(20)])
def test_no_row_is_later_than_a_moment_within_the_day(clock):
    """A call that has not ended is active and has no duration; all recordings have ended."""
    moment = dt.datetime.combine(TODAY, clock, tzinfo=dt.UTC)
    data = DemoData(moment, 131)
    calls = [call for user_id in data.users for call in data.calls(user_id).values()]
    rows = [call.record for call in calls] + [row for call in calls for row in call.egresses.values()]
    rows += data.invites.values()
    latest = f"{moment:%Y-%m-%dT%H:%M:%SZ}"

    assert latest >= max(
        value for row in rows for key, value in row.items() if key[-3:] == "_at" and value and key != "expires_at"
    )
    assert all((call.duration is None) == (call.failed or not call.record["is_ended"]) for call in calls)
    assert {"ended"} == {call.record["state"] for call in calls if call.day < TODAY}


def test_every_bar_of_last_calls_has_providers_and_rooms(history):
    """Some have a last call this week, this month, this quarter, earlier, or none."""
    users, calls, evening = history["users"], history["calls"], history["evening"]
    for chart in (
        kn.charts.providers_without_calls(users, calls, as_of=evening),
        kn.charts.idle_rooms(history["rooms"], users, calls, as_of=evening),
    ):
        counts = {row["label"]: row["n"] for row in rows_of(chart)}

        assert 5 == len(counts)
        assert min(counts.values()) > 0, counts


def test_every_part_of_the_other_charts_is_drawn(history):
    """There are days with few and many calls, invites of every status, both rights, and users without a room."""
    metrics = rows_of(kn.charts.wait_and_duration(history["metrics"]))
    assert {"fewer than 10 calls", "10 calls or more"} == {row["basis"] for row in metrics}
    assert any(row["fail_rate_percent"] for row in rows_of(kn.charts.fail_rate(history["metrics"], unit="fraction")))
    assert {True, False} == set(history["users"]["is_admin"])

    for chart in (
        kn.charts.invites_by_status(history["invites"], as_of=history["evening"]),
        kn.charts.users_without_waiting_room(history["users"]),
        kn.charts.users_over_time(history["users"]),
    ):
        heights = {}
        for row in rows_of(chart):
            heights[row["part"]] = heights.get(row["part"], 0) + row["high"] - row["low"]

        assert len(heights) >= 2
        assert min(heights.values()) > 0, heights


def test_a_user_list_does_not_wait_for_the_calls(monkeypatch):
    """Calls are invented when they are requested, so an organization with many users starts quickly."""
    invented = []
    monkeypatch.setattr("kismet_nb.demo.endpoints.invent_calls", lambda user, *_: invented.append(user["id"]) or [])
    with kn.DemoOrganization(user_count=30) as demo, Witness(demo).session:
        users = Witness(demo).users()
        assert [] == invented
        Witness(demo).calls(users[0]["id"])

    assert [users[0]["id"]] == invented


@pytest.mark.parametrize("moment", ["2026-11-17T17:50:00Z", "2026-11-24T20:00:00Z"])
def test_an_ended_call_stays_as_it_is(moment):
    """An organization that starts a week later has the same calls and recordings, except for the oldest week."""
    start = dt.datetime.fromisoformat(moment)
    now, later = DemoData(start, 131), DemoData(start + dt.timedelta(days=7), 131)
    oldest = start.date() - dt.timedelta(days=357)
    for user_id in now.users:
        calls = {key: call for key, call in now.calls(user_id).items() if call.day >= oldest}
        same = {key: call for key, call in later.calls(user_id).items() if call.record["created_at"] <= moment}

        assert list(calls) == list(same)
        assert [] == [key for key, call in calls.items() if call.record["is_ended"] and call != same[key]]
