"""The invented calls and their metrics against the documentation of the API."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from witness import TODAY, Witness

from kismet_nb.demo.organization import DemoOrganization


class TestCalls:
    """Calls and their egresses."""

    def test_ids(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A call's id is a unique integer in the organization, and ids rise within a user's list."""
        ids = [[call["id"] for call in of_user] for of_user in calls.values()]

        assert all(sorted(of_user) == of_user for of_user in ids)
        assert sum(map(len, ids)) == len(set().union(*ids))

    def test_spread(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """Some users have no calls, and a few have more than a page."""
        counts = sorted(map(len, calls.values()))

        assert 30 < counts.count(0) < 60
        assert 3 <= sum(count > 100 for count in counts) < 20

    def test_dates(self, calls: dict[int, list[dict[str, Any]]], api: Witness) -> None:
        """Calls fill the last year: few on weekends, none on the holiday, none before their user was created."""
        since = {user["id"]: user["created_at"] for user in api.users()}
        pairs = [(user, call["created_at"]) for user, of_user in calls.items() for call in of_user]
        days = Counter(created[:10] for _, created in pairs)
        weekends = sum(count for day, count in days.items() if dt.date.fromisoformat(day).weekday() >= 5)

        assert all(since[user] < created for user, created in pairs)
        assert (TODAY - dt.timedelta(days=365)).isoformat() < min(days) < "2025-12-01"
        assert TODAY.isoformat() == max(days)
        assert 0 < weekends < sum(days.values()) / 20
        assert "2026-11-02" not in days

    def test_state(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A call is active or ended, as its flags say. Only today's calls are active."""
        every = [call for of_user in calls.values() for call in of_user]
        active = [call for call in every if call["state"] == "active"]

        assert {"active", "ended"} == {call["state"] for call in every}
        assert all(call["is_ended"] == (call["state"] == "ended") for call in every)
        assert {TODAY.isoformat()} == {call["created_at"][:10] for call in active}

    def test_participants(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A call has up to three participants, the first of them a Recipient, and each has the documented fields."""
        groups = [call["participants"] for of_user in calls.values() for call in of_user]

        assert {0, 1, 2, 3} == set(map(len, groups))
        assert {"Recipient"} == {group[0]["participant_type"] for group in groups if group}
        assert {("id", "participant_type", "name")} == {tuple(person) for group in groups for person in group}

    def test_past_days_stay(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A demo that starts a week later has the same calls on the days before."""
        user, of_user = max(calls.items(), key=lambda item: len(item[1]))
        with DemoOrganization(today=TODAY + dt.timedelta(days=7)) as later:
            witness = Witness(later)
            with witness.session:
                ids = {call["id"] for call in witness.calls(user)}

        assert {call["id"] for call in of_user if call["created_at"] > "2025-12-02"} <= ids

    def test_detail(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """The response for one call is its row of the list, without an envelope."""
        user, of_user = next(item for item in calls.items() if item[1])

        assert of_user[0] == api.get(f"/organization_users/{user}/calls/{of_user[0]['id']}")

    def test_egresses(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """`has_egresses` is true for the calls with recordings: about a tenth, all ended, one or more with an error."""
        pairs = [(user, call) for user, of_user in calls.items() for call in of_user]
        recorded = [pair for pair in pairs if pair[1]["has_egresses"]]
        silent = next(pair for pair in pairs if not pair[1]["has_egresses"])
        found = {
            call["id"]: api.get(f"/organization_users/{user}/calls/{call['id']}/egresses")["egresses"]
            for user, call in [*recorded, silent]
        }

        assert [] == found.pop(silent[1]["id"])
        assert all(found.values())
        assert 0.05 < len(recorded) / len(pairs) < 0.15
        assert all(call["is_ended"] for _, call in recorded)
        assert {str, type(None)} == {type(egress["error"]) for egresses in found.values() for egress in egresses}

    def test_egress_detail(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """The response for one egress is its row of the list and a link, which does not exist."""
        user, call = next((u, call) for u, of_user in calls.items() for call in of_user if call["has_egresses"])
        path = f"/organization_users/{user}/calls/{call['id']}/egresses"
        egress = api.get(path)["egresses"][0]
        detail = api.get(f"{path}/{egress['id']}")

        assert detail.pop("url").startswith("https://recordings.example.org/")
        assert egress == detail


class TestMetrics:
    """The daily metrics of the same calls."""

    def test_agree_with_calls(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """`total_calls` counts the calls of each day; the maps have no entry for a day without calls."""
        days = Counter(call["created_at"][:10] for of_user in calls.values() for call in of_user)
        body = api.get("/call_metrics", date_start="2025-11-25", date_end="2026-11-24")

        assert ["total_calls", "average_duration", "call_fail_rate", "average_wait_time"] == list(body)
        assert days == body["total_calls"]
        assert all(set(days) == set(values) for values in body.values())

    def test_of_one_user(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """`user_id` limits the metrics to one user's calls; a user without calls has four empty maps."""
        dates = {"date_start": "2025-11-25", "date_end": "2026-11-24"}
        for user in list(calls)[:40]:
            total = api.get("/call_metrics", user_id=user, **dates)["total_calls"]

            assert Counter(call["created_at"][:10] for call in calls[user]) == total

    def test_fail_rate_is_a_fraction(self, api: Witness) -> None:
        """The rate times the calls of a day is a whole number of failed calls."""
        body = api.get("/call_metrics", date_start="2025-11-25", date_end="2026-11-24")
        failed = [rate * body["total_calls"][day] for day, rate in body["call_fail_rate"].items()]

        assert [round(number) for number in failed] == pytest.approx(failed)
        assert 0 < sum(failed) < sum(body["total_calls"].values()) / 10

    def test_day_of_failures(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """If every call of a day failed, the averages are null."""
        rates, averages = [], []
        for user in list(calls)[:40]:
            body = api.get("/call_metrics", user_id=user, date_start="2025-11-25", date_end="2026-11-24")
            rates += body["call_fail_rate"].values()
            averages += body["average_wait_time"].values()

        assert [rate == 1 for rate in rates] == [average is None for average in averages]
        assert None in averages

    def test_default_range(self, api: Witness) -> None:
        """Without dates, the response has the last 30 days, both ends included and the newest first."""
        body = api.get("/call_metrics")

        assert body == api.get("/call_metrics", date_start="2026-10-26", date_end="2026-11-24")
        assert sorted(body["total_calls"], reverse=True) == list(body["total_calls"])
        assert ("2026-11-24", "2026-10-26") == (max(body["total_calls"]), min(body["total_calls"]))

    @pytest.mark.parametrize(
        "dates",
        [
            {"date_start": "yesterday"},
            {"date_start": "20261101"},
            {"date_end": "2026-02-30"},
            {"date_end": ""},
            {"date_end": "0001-01-01"},
            {"date_start": "2026-11-02", "date_end": "2026-11-01"},
            {"date_start": "2025-01-01", "date_end": "2026-01-02"},
        ],
    )
    def test_invalid_dates(self, api: Witness, dates: dict[str, str]) -> None:
        """Invalid dates, dates in the wrong order and ranges above 366 days get status 400."""
        response = api.send("/call_metrics", **dates)

        assert 400 == response.status_code
        assert ["error"] == list(response.json())

    def test_longest_range(self, api: Witness) -> None:
        """A range of 366 days, a leap year, is accepted."""
        assert 200 == api.send("/call_metrics", date_start="2024-01-01", date_end="2024-12-31").status_code

    def test_unknown_user(self, api: Witness) -> None:
        """Metrics of an unknown user get status 404."""
        assert 404 == api.send("/call_metrics", user_id="1").status_code
