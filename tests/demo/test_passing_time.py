"""advance() of the demo organization: users join, leave and change, calls are added, other rows stay."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from witness import TODAY, Witness

import kismet_nb as kn

MONDAY = dt.date(2026, 11, 2)


def seen(demo: kn.DemoOrganization) -> dict[str, Any]:
    """Return all rows and metrics of the organization."""
    witness = Witness(demo)
    with witness.session:
        users = witness.users()
        rooms = witness.rows("/waiting_rooms", "waiting_rooms")
        return {
            "users": {user["id"]: user for user in users},
            "calls": {call["id"]: call for user in users for call in witness.calls(user["id"])},
            "rooms": {room["slug"]: room for room in rooms},
            "invites": {invite["id"]: invite for invite in witness.rows("/invites", "organization_invites")},
            "subs": {
                sub["id"]: sub
                for room in rooms
                for sub in witness.get(f"/waiting_rooms/{room['slug']}/waiting_room_subs")["waiting_room_subs"]
            },
            "metrics": witness.get("/call_metrics", date_start="2026-10-01", date_end="2026-11-30"),
        }


@pytest.fixture(scope="module")
def week() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of an organization on a Monday evening and a week later."""
    with kn.DemoOrganization(today=MONDAY) as demo:
        before = seen(demo)
        demo.advance(days=7)
        return before, seen(demo)


def changed(before: dict[Any, Any], after: dict[Any, Any]) -> list[Any]:
    """Return the keys of rows that are in both and differ."""
    return [key for key in before if key in after and before[key] != after[key]]


def test_in_a_week_one_user_joins_and_one_leaves(week):
    """The name or rights of at most five users change, with ``updated_at``. All other users stay as they were."""
    before, after = (state["users"] for state in week)
    [joined], [left] = after.keys() - before.keys(), before.keys() - after.keys()

    assert joined > max(before)
    assert "2026-11-09T" == after[joined]["created_at"][:11]
    assert len(after) == len({user["email"] for user in after.values()})
    assert 1 <= len(changed(before, after)) <= 5
    for key in changed(before, after):
        fields = {name for name in before[key] if before[key][name] != after[key][name]}
        assert {"updated_at"} < fields <= {"updated_at", "display_name", "is_admin"}
        assert before[key]["updated_at"] < "2026-11-03" < after[key]["updated_at"] < "2026-11-09T20"
    assert left not in {room["user_id"] for room in week[1]["rooms"].values()}


def test_a_week_adds_calls(week):
    """Ended calls stay as they were; only the calls of the user who left are removed."""
    before, after = week
    [left] = before["users"].keys() - after["users"].keys()
    with kn.DemoOrganization(today=MONDAY) as demo, Witness(demo).session:
        theirs = {call["id"] for call in Witness(demo).calls(left)}
    added = [after["calls"][key] for key in after["calls"].keys() - before["calls"].keys()]

    assert theirs == before["calls"].keys() - after["calls"].keys()
    assert [] == [key for key in changed(before["calls"], after["calls"]) if before["calls"][key]["is_ended"]]
    assert all("2026-11-02T20" <= call["created_at"] < "2026-11-09T20" for call in added)
    assert 0.5 < len(added) / (len(before["calls"]) / 52) < 2


def test_past_metrics_stay(week):
    """The calls of a former user count in the metrics of the organization."""
    before, after = (state["metrics"]["total_calls"] for state in week)

    assert [] == [day for day in before if day < "2026-11-02" and before[day] != after[day]]
    assert {"2026-11-03", "2026-11-06"} <= after.keys() - before.keys()


def test_rooms_invites_and_substitutions_follow(week):
    """The new user has a room and a used invite, old invites stay, and past substitutions are removed."""
    before, after = week
    [joined] = after["users"].keys() - before["users"].keys()
    [invite] = [after["invites"][key] for key in after["invites"].keys() - before["invites"].keys()]

    assert (invite["email"], invite["used_at"]) == tuple(after["users"][joined][key] for key in ("email", "created_at"))
    assert joined in {room["user_id"] for room in after["rooms"].values()}
    assert [] == changed(before["invites"], after["invites"]) + changed(before["subs"], after["subs"])
    assert not after["subs"].keys() - before["subs"].keys()
    assert all(sub["datetime_end"] > "2026-11-09T20" for sub in after["subs"].values())
    assert len(after["subs"]) < len(before["subs"])


def test_the_same_days_have_the_same_changes(week):
    """One step of a week equals seven steps of a day, in any organization of the same size."""
    with kn.DemoOrganization(today=MONDAY) as demo:
        for _ in range(7):
            demo.advance()

        assert week[1] == seen(demo)


def test_many_weeks_keep_ids_unique():
    """After a year of joining users, all ids of calls are unique."""
    with kn.DemoOrganization(today=dt.date(2025, 11, 24), user_count=20) as demo:
        demo.advance(days=365)
        witness = Witness(demo)
        with witness.session:
            users = witness.users()
            calls = [call for user in users for call in witness.calls(user["id"])]
    years = Counter(user["created_at"][:4] for user in users)

    assert len(calls) == len({call["id"] for call in calls})
    assert len(users) == 20
    assert years["2026"] > 10
    assert all(user["display_name"] is None or user["display_name"].strip() for user in users)


def test_a_small_organization_keeps_its_last_user():
    """The only user of an organization does not leave."""
    with kn.DemoOrganization(today=MONDAY, user_count=1) as demo:
        demo.advance(days=4)
        assert 1 == len(seen(demo)["users"])
    with kn.DemoOrganization(today=MONDAY, user_count=0) as demo:
        demo.advance(days=8)
        assert 1 == len(seen(demo)["users"])


@pytest.mark.parametrize("days", [0, -1, True, 1.5])
def test_days_must_be_a_positive_whole_number(days):
    """Other values raise ValueError."""
    with kn.DemoOrganization(today=TODAY, user_count=1) as demo, pytest.raises(ValueError, match="at least 1"):
        demo.advance(days=days)


def test_the_next_sync_counts_the_changes(week):
    """The counts of every table are exact."""
    before, after = week
    with (
        kn.DemoOrganization(today=MONDAY) as demo,
        kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client,
    ):
        kn.sync("store", client=client)
        demo.advance(days=7)
        report = kn.sync("store", client=client).set_index("table")
    for table, name in (("users", "users"), ("calls", "calls"), ("waiting_rooms", "rooms")):
        assert report.loc[table, ["added", "changed", "removed"]].tolist() == [
            len(after[name].keys() - before[name].keys()),
            len(changed(before[name], after[name])),
            len(before[name].keys() - after[name].keys()),
        ], table
    assert [1, 0, 0] == report.loc["invites", ["added", "changed", "removed"]].tolist()
    assert (0, 0) == tuple(report.loc["call_metrics", ["changed", "removed"]])
