"""The demo organization, held against the API's documentation over real HTTP."""

from __future__ import annotations

import datetime as dt
import http.client
import socket
import struct
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

from kismet_nb.demo.organization import DemoOrganization

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = dt.date(2026, 11, 24)  # a Tuesday
LISTS = {
    "organization_users": "/organization_users",
    "waiting_rooms": "/waiting_rooms",
    "organization_invites": "/invites",
    "roles": "/roles",
}


class Witness:
    """A client with nothing but `requests`, so that nothing of ours stands between test and server."""

    def __init__(self, demo: DemoOrganization) -> None:
        self.url = demo.api_url + "/api/external"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"X-Client-ID": demo.client_id, "X-Client-Secret": demo.client_secret})

    def ask(self, path: str, **query: Any) -> requests.Response:
        """Send one request and return the answer, whatever its status."""
        return self.session.get(self.url + path, params=query, timeout=10)

    def get(self, path: str, **query: Any) -> Any:
        """Return the decoded body of a request that succeeds."""
        answer = self.ask(path, **query)
        answer.raise_for_status()
        return answer.json()

    def rows(self, path: str, envelope: str) -> list[dict[str, Any]]:
        """Return the rows of every page."""
        found, page, pages = [], 0, 1
        while page < pages:
            page += 1
            body = self.get(path, page=page, per_page=100)
            found += body[envelope]
            pages = body["pagination"]["total_pages"]
        return found

    def users(self) -> list[dict[str, Any]]:
        """Return all users."""
        return self.rows("/organization_users", "organization_users")

    def calls(self, user_id: int) -> list[dict[str, Any]]:
        """Return all calls of a user."""
        return self.rows(f"/organization_users/{user_id}/calls", "calls")


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoOrganization]:
    """Return the organization that most tests share."""
    with DemoOrganization(today=TODAY) as organization:
        yield organization


@pytest.fixture(scope="module")
def api(demo: DemoOrganization) -> Iterator[Witness]:
    """Return a witness with the right credentials."""
    witness = Witness(demo)
    with witness.session:
        yield witness


@pytest.fixture(scope="module")
def calls(api: Witness) -> dict[int, list[dict[str, Any]]]:
    """Return every user's calls, by the user's id."""
    return {user["id"]: api.calls(user["id"]) for user in api.users()}


class TestCredentials:
    """Who is let in."""

    @pytest.mark.parametrize("header", ["X-Client-ID", "X-Client-Secret"])
    @pytest.mark.parametrize("value", [None, "", "wrong", "wröng"])
    def test_refused(self, api: Witness, header: str, value: str | None) -> None:
        """A missing or wrong header is answered with 401 and the documented body, invalid JSON that it is."""
        headers = {header: value and value.encode()}
        answer = api.session.get(api.url + "/organization_users", headers=headers, timeout=10)

        assert 401 == answer.status_code
        assert b'{ "error": "Unauthorized", }' == answer.content
        with pytest.raises(requests.JSONDecodeError):
            answer.json()

    def test_asked_for_before_anything_else(self, demo: DemoOrganization) -> None:
        """Without credentials an unknown path is not told from a known one."""
        answer = requests.get(f"{demo.api_url}/api/external/nothing", timeout=10)

        assert 401 == answer.status_code

    def test_secret_is_not_in_repr(self, demo: DemoOrganization) -> None:
        """The repr names the address and the number of users, never the secret."""
        assert f"DemoOrganization(api_url='{demo.api_url}', users=131)" == repr(demo)

    def test_secret_is_new_each_time(self, demo: DemoOrganization) -> None:
        """Two organizations do not accept each other's secret."""
        with DemoOrganization(user_count=1) as other:
            assert demo.client_secret != other.client_secret


class TestPages:
    """Lists and their pagination block."""

    @pytest.mark.parametrize(("envelope", "path"), LISTS.items())
    def test_defaults(self, api: Witness, envelope: str, path: str) -> None:
        """Without a query, a list shows the first 25 rows beside an accurate pagination block."""
        body = api.get(path)
        total = len(api.rows(path, envelope))

        assert {envelope, "pagination"} == set(body)
        assert min(25, total) == len(body[envelope])
        assert {
            "current_page": 1,
            "per_page": 25,
            "total_pages": -(-total // 25),
            "total_count": total,
        } == body["pagination"]

    @pytest.mark.parametrize("per_page", [1, 7, 100])
    def test_pages_make_up_the_list(self, api: Witness, per_page: int) -> None:
        """Pages of any size put together are the whole list in order, each row once."""
        ids = [
            user["id"]
            for page in range(1, -(-131 // per_page) + 1)
            for user in api.get("/organization_users", page=page, per_page=per_page)["organization_users"]
        ]

        assert sorted(set(ids)) == ids
        assert 131 == len(ids)

    def test_per_page_is_cut_to_100(self, api: Witness) -> None:
        """A larger page than 100 is cut, and the answer says so: 131 users are two pages."""
        body = api.get("/organization_users", per_page=500)

        assert 100 == len(body["organization_users"])
        assert {"current_page": 1, "per_page": 100, "total_pages": 2, "total_count": 131} == body["pagination"]

    @pytest.mark.parametrize("page", [9, 10**29])
    def test_past_the_end(self, api: Witness, page: int) -> None:
        """A page past the end, however far, is empty, not an error, and keeps its number."""
        body = api.get("/organization_users", page=page)

        assert [] == body["organization_users"]
        assert {"current_page": page, "per_page": 25, "total_pages": 6, "total_count": 131} == body["pagination"]

    def test_empty_list(self) -> None:
        """A list without rows has one page."""
        with DemoOrganization(user_count=0) as empty, Witness(empty).session as session:
            body = session.get(f"{empty.api_url}/api/external/organization_users", timeout=10).json()

        assert {"current_page": 1, "per_page": 25, "total_pages": 1, "total_count": 0} == body["pagination"]

    @pytest.mark.parametrize("name", ["page", "per_page"])
    @pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "", "²", "9" * 5000])
    def test_nonsense(self, api: Witness, name: str, value: str) -> None:
        """Whatever is no positive integer is answered with 400."""
        answer = api.ask("/invites", **{name: value})

        assert 400 == answer.status_code
        assert {"error": f"{name} must be a positive integer"} == answer.json()

    def test_unknown_parameters_are_ignored(self, api: Witness) -> None:
        """A parameter that the API doesn't know changes nothing, not even if it is called like a part of a path."""
        assert api.get("/roles") == api.get("/roles", colour="blue", user="1")


class TestRefusals:
    """What is not answered."""

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"])
    def test_only_get(self, api: Witness, method: str) -> None:
        """Nothing can be written: every other verb is answered with 405, and its body is not taken for a request."""
        answer = api.session.request(method, api.url + "/invites", json={"email": "x"}, timeout=10)

        assert 405 == answer.status_code
        assert (b"" if method == "HEAD" else b'{"error": "Method not allowed"}') == answer.content

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/nothing",
            "/invites/",
            "/organization_users/1",
            "/organization_users/one",
            "/organization_users/1/calls",
            "/organization_users/{user}/calls/1",
            "/organization_users/{user}/calls/{call}/egresses/1",
            "/organization_users/{user}/calls/{call}/transcript",
            "/organization_users/{user}/calls/{call}/soap_note",
            "/waiting_rooms/nobody",
            "/waiting_rooms/nobody/waiting_room_subs",
            "/invites/1",
        ],
    )
    def test_not_found(self, api: Witness, calls: dict[int, list[dict[str, Any]]], path: str) -> None:
        """Unknown paths and ids are answered with 404; so are transcripts and notes, which the demo has none of."""
        user = next(user for user, of_user in calls.items() if of_user)
        answer = api.ask(path.format(user=user, call=calls[user][0]["id"]))

        assert 404 == answer.status_code
        assert {"error": "Not found"} == answer.json()

    def test_malformed_request_is_silent(self, demo: DemoOrganization, capfd: pytest.CaptureFixture[str]) -> None:
        """A request that is no HTTP is refused in JSON, and nothing is printed."""
        with socket.create_connection(("127.0.0.1", int(demo.api_url.rpartition(":")[2])), timeout=10) as wire:
            wire.sendall(b"GET / spaces everywhere HTTP/1.1\r\n\r\n")
            answer = b"".join(iter(lambda: wire.recv(4096), b""))

        assert b" 400 " in answer
        assert b'{"error": ' in answer
        assert ("", "") == capfd.readouterr()

    def test_client_that_hangs_up_is_no_event(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A client that leaves while it is being answered disturbs nobody, and nothing is printed."""
        with DemoOrganization(user_count=100, latency=0.05) as slow:
            wire = socket.create_connection(("127.0.0.1", int(slow.api_url.rpartition(":")[2])), timeout=10)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            wire.sendall(b"GET /api/external/roles HTTP/1.1\r\n\r\n" * 3)
            wire.close()
            time.sleep(0.2)

            assert 401 == requests.get(slow.api_url, timeout=10).status_code
        assert ("", "") == capfd.readouterr()


class TestHttp:
    """How answers travel."""

    def test_headers(self, api: Witness) -> None:
        """Answers are UTF-8 JSON of a stated length."""
        answer = api.ask("/organization_users", per_page=100)

        assert "application/json; charset=utf-8" == answer.headers["Content-Type"]
        assert len(answer.content) == int(answer.headers["Content-Length"])

    def test_connection_is_kept(self, demo: DemoOrganization) -> None:
        """Many requests, even with a body or refused, go through one connection."""
        connection = http.client.HTTPConnection(demo.api_url.removeprefix("http://"), timeout=10)
        connection.connect()
        wire = connection.sock
        for _ in range(3):
            connection.request("GET", "/api/external/roles", body=b"GET / HTTP/1.1\r\n\r\n")
            assert b'{ "error": "Unauthorized", }' == connection.getresponse().read()
        assert wire is connection.sock
        connection.close()

    def test_latency(self) -> None:
        """Every answer waits as long as asked."""
        with DemoOrganization(user_count=1, latency=0.1) as slow:
            start = time.perf_counter()
            requests.get(slow.api_url, timeout=10)

        assert 0.1 <= time.perf_counter() - start


class TestStop:
    """How it ends."""

    def test_frees_port_and_threads(self) -> None:
        """After stop() nothing listens, no thread is left, and connections that were kept open are closed."""
        before = set(threading.enumerate())
        demo = DemoOrganization(user_count=5)
        with Witness(demo).session as session:
            session.get(demo.api_url, timeout=10)
            demo.stop()

            assert set(threading.enumerate()) <= before
            with pytest.raises(requests.ConnectionError):
                session.get(demo.api_url, timeout=10)

    def test_twice(self) -> None:
        """Stopping again, also at the end of a `with` block, does no harm."""
        with DemoOrganization(user_count=5) as demo:
            demo.stop()
            demo.stop()

    def test_does_not_wait_for_slow_answers(self) -> None:
        """An answer that is being held back does not hold back stop()."""
        demo = DemoOrganization(user_count=5, latency=60)
        with socket.create_connection(("127.0.0.1", int(demo.api_url.rpartition(":")[2])), timeout=10) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\n\r\n")
            start = time.perf_counter()
            demo.stop()

        assert time.perf_counter() - start < 10

    def test_address_is_loopback(self, demo: DemoOrganization) -> None:
        """It listens on this machine only."""
        assert demo.api_url.startswith("http://127.0.0.1:")


class TestUsers:
    """The staff."""

    def test_same_people_every_time(self, api: Witness) -> None:
        """Another process on another day meets the same staff."""
        with DemoOrganization(today=dt.date(2025, 1, 1)) as other, Witness(other).session:
            assert api.users() == Witness(other).users()

    @pytest.mark.parametrize("user_count", [0, 1, 2, 1000])
    def test_any_number(self, user_count: int) -> None:
        """The clinic can be of any size, and its addresses stay unique."""
        with DemoOrganization(user_count=user_count) as other:
            witness = Witness(other)
            with witness.session:
                emails = {user["email"].lower() for user in witness.users()}

        assert user_count == len(emails)

    def test_documented_fields(self, api: Witness) -> None:
        """A row has the documented fields, in their types; only the room's link may be absent."""
        for user in api.users():
            assert {"id", "email", "is_admin", "display_name", "created_at", "updated_at"} == set(user) - {
                "waiting_room_url"
            }
            assert [int, str, bool] == [type(user[key]) for key in ("id", "email", "is_admin")]
            assert "2023-01-01" < user["created_at"] <= user["updated_at"] < "2026-11-01"

    def test_three_ways_without_a_room(self, api: Witness) -> None:
        """No waiting room is null, an empty text or an absent key; together about 25 users have none."""
        ways = Counter(user.get("waiting_room_url", "absent") for user in api.users())

        assert 25 == ways[None] + ways[""] + ways["absent"]
        assert min(ways[None], ways[""], ways["absent"]) >= 8

    def test_difficult_names(self, api: Witness) -> None:
        """The staff has the names that break software: formulas, twins, quotes, many scripts, none at all."""
        users = api.users()
        names = Counter(user["display_name"] for user in users)
        text = " ".join(name for name in names if name)

        assert 1 == names[None]
        assert names["Maria Garcia"] >= 2
        assert {"=", "-"} <= {name[0] for name in names if name}
        assert all(sample in text for sample in ("O'", '"', ",", "🌻", "佐", "م", "Ш", "अ", "Ε", "כ", "é", "e\u0308"))
        assert {"+", "'"} <= set("".join(user["email"] for user in users))
        assert all(user["email"].isascii() for user in users)

    def test_filter_by_email(self, api: Witness) -> None:
        """`email` finds the one whole address, in any case and with any sign in it."""
        for user in api.users():
            body = api.get("/organization_users", email=user["email"].upper())

            assert [user] == body["organization_users"]
            assert 1 == body["pagination"]["total_count"]

    @pytest.mark.parametrize("email", ["nobody@example.org", "maria", "", "%"])
    def test_filter_without_match(self, api: Witness, email: str) -> None:
        """An address that nobody has, or a part of one, finds nobody."""
        assert [] == api.get("/organization_users", email=email)["organization_users"]

    def test_detail(self, api: Witness) -> None:
        """A single user is the row of the list, bare, and more about the waiting room."""
        for user in api.users()[:30]:
            detail = api.get(f"/organization_users/{user['id']}")
            room = detail.pop("waiting_room")

            assert user == detail
            assert bool(user.get("waiting_room_url")) == bool(room)


class TestCalls:
    """Calls and their egresses."""

    def test_ids(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A call's id is an integer of its own in the organization, and rises within a user's list."""
        ids = [[call["id"] for call in of_user] for of_user in calls.values()]

        assert all(sorted(of_user) == of_user for of_user in ids)
        assert sum(map(len, ids)) == len(set().union(*ids))

    def test_spread(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """Some people never call and a few call more than a page can hold."""
        counts = sorted(map(len, calls.values()))

        assert 30 < counts.count(0) < 60
        assert 3 <= sum(count > 100 for count in counts) < 20

    def test_dates(self, calls: dict[int, list[dict[str, Any]]], api: Witness) -> None:
        """Calls fill the last 16 weeks: few on weekends, none on the holiday, none before their user was there."""
        since = {user["id"]: user["created_at"] for user in api.users()}
        pairs = [(user, call["created_at"]) for user, of_user in calls.items() for call in of_user]
        days = Counter(created[:10] for _, created in pairs)
        weekends = sum(count for day, count in days.items() if dt.date.fromisoformat(day).weekday() >= 5)

        assert all(since[user] < created for user, created in pairs)
        assert (TODAY - dt.timedelta(days=112)).isoformat() < min(days) < max(days) == TODAY.isoformat()
        assert 0 < weekends < sum(days.values()) / 20
        assert "2026-11-02" not in days

    def test_state(self, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A call is active or ended, as its flags say; only today's are active."""
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
        """A demo started a week later still has the calls of the days before."""
        user, of_user = max(calls.items(), key=lambda item: len(item[1]))
        with DemoOrganization(today=TODAY + dt.timedelta(days=7)) as later:
            witness = Witness(later)
            with witness.session:
                ids = {call["id"] for call in witness.calls(user)}

        assert {call["id"] for call in of_user if call["created_at"] > "2026-08-20"} <= ids

    def test_detail(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """A single call is the row of the list, bare."""
        user, of_user = next(item for item in calls.items() if item[1])

        assert of_user[0] == api.get(f"/organization_users/{user}/calls/{of_user[0]['id']}")

    def test_egresses(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """`has_egresses` tells which calls have recordings: about a tenth, all ended, one or more with an error."""
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
        """A single egress is the row of the list and a link that leads nowhere."""
        user, call = next((u, call) for u, of_user in calls.items() for call in of_user if call["has_egresses"])
        path = f"/organization_users/{user}/calls/{call['id']}/egresses"
        egress = api.get(path)["egresses"][0]
        detail = api.get(f"{path}/{egress['id']}")

        assert detail.pop("url").startswith("https://recordings.example.org/")
        assert egress == detail


class TestMetrics:
    """Sums over the same calls."""

    def test_agree_with_calls(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """`total_calls` counts the calls of each day; a day without calls is in none of the maps."""
        days = Counter(call["created_at"][:10] for of_user in calls.values() for call in of_user)
        body = api.get("/call_metrics", date_start="2026-08-01", date_end="2026-11-24")

        assert ["total_calls", "average_duration", "call_fail_rate", "average_wait_time"] == list(body)
        assert days == body["total_calls"]
        assert all(set(days) == set(values) for values in body.values())

    def test_of_one_user(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """`user_id` leaves one user's calls, and users who never call have four empty maps."""
        dates = {"date_start": "2026-08-01", "date_end": "2026-11-24"}
        for user in list(calls)[:40]:
            total = api.get("/call_metrics", user_id=user, **dates)["total_calls"]

            assert Counter(call["created_at"][:10] for call in calls[user]) == total

    def test_fail_rate_is_a_fraction(self, api: Witness) -> None:
        """The rate times the calls of a day is a whole number of failed calls."""
        body = api.get("/call_metrics", date_start="2026-08-01", date_end="2026-11-24")
        failed = [rate * body["total_calls"][day] for day, rate in body["call_fail_rate"].items()]

        assert [round(number) for number in failed] == pytest.approx(failed)
        assert 0 < sum(failed) < sum(body["total_calls"].values()) / 10

    def test_day_of_failures(self, api: Witness, calls: dict[int, list[dict[str, Any]]]) -> None:
        """Where every call of a day failed, the averages are null."""
        rates, averages = [], []
        for user in list(calls)[:40]:
            body = api.get("/call_metrics", user_id=user, date_start="2026-08-01", date_end="2026-11-24")
            rates += body["call_fail_rate"].values()
            averages += body["average_wait_time"].values()

        assert [rate == 1 for rate in rates] == [average is None for average in averages]
        assert None in averages

    def test_default_range(self, api: Witness) -> None:
        """Without dates, the last 30 days are shown, both ends included and the newest first."""
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
    def test_nonsense_dates(self, api: Witness, dates: dict[str, str]) -> None:
        """Dates that are none, in the wrong order, or more than 366 days apart are answered with 400."""
        answer = api.ask("/call_metrics", **dates)

        assert 400 == answer.status_code
        assert ["error"] == list(answer.json())

    def test_longest_range(self, api: Witness) -> None:
        """366 days, a whole leap year, can be asked for."""
        assert 200 == api.ask("/call_metrics", date_start="2024-01-01", date_end="2024-12-31").status_code

    def test_unknown_user(self, api: Witness) -> None:
        """Metrics of nobody are answered with 404."""
        assert 404 == api.ask("/call_metrics", user_id="1").status_code


class TestWaitingRooms:
    """Rooms and substitutions."""

    def test_agree_with_users(self, api: Witness) -> None:
        """There is one room for each user with a link, under the slug at the link's end."""
        urls = {
            user["id"]: (user["waiting_room_url"], user["display_name"])
            for user in api.users()
            if user.get("waiting_room_url")
        }
        rooms = api.rows("/waiting_rooms", "waiting_rooms")

        assert urls == {
            room["user_id"]: (f"https://app.example.org/meet/{room['slug']}", room["user"]["display_name"])
            for room in rooms
        }
        assert len(rooms) == len({room["slug"] for room in rooms})
        assert 5 <= sum(not room["is_active"] for room in rooms) <= 15

    def test_detail(self, api: Witness) -> None:
        """A room is found by its slug and shown as in the list."""
        for room in api.rows("/waiting_rooms", "waiting_rooms"):
            assert room == api.get(f"/waiting_rooms/{room['slug']}")

    def test_subs(self, api: Witness) -> None:
        """Substitutions lie in the future; a taken one names another user's room, an open one names none."""
        rooms = {room["slug"]: room for room in api.rows("/waiting_rooms", "waiting_rooms")}
        subs = [
            sub for slug in rooms for sub in api.get(f"/waiting_rooms/{slug}/waiting_room_subs")["waiting_room_subs"]
        ]
        taken = [sub for sub in subs if sub["user_id"] is not None]

        assert 0 < len(taken) < len(subs)
        assert all(f"{TODAY}T23:59" < sub["datetime_start"] < sub["datetime_end"] for sub in subs)
        assert {room["id"] for room in rooms.values()} >= {sub["waiting_room_id"] for sub in subs}
        assert all(sub["user_id"] == rooms[sub["sub_waiting_room_slug"]]["user_id"] for sub in taken)
        assert len(subs) == len({sub["id"] for sub in subs})


class TestInvitesAndRoles:
    """Who is about to join, and as what."""

    @pytest.mark.parametrize("today", [dt.date(2024, 2, 29), TODAY])
    def test_open_used_and_expired(self, today: dt.date) -> None:
        """On any day some invites are open, some used while they could be, and some have expired."""
        with DemoOrganization(today=today, user_count=5) as other:
            witness = Witness(other)
            with witness.session:
                invites = witness.rows("/invites", "organization_invites")
        used = [invite for invite in invites if invite["used_at"]]
        expired = [invite["expires_at"] < f"{today}T23" for invite in invites if not invite["used_at"]]

        assert len(used) >= 3
        assert expired.count(True) >= 3
        assert expired.count(False) >= 3
        assert all(i["created_at"] <= i["used_at"] <= min(i["expires_at"], f"{today}T23") for i in used)

    def test_invited_are_no_users(self, api: Witness) -> None:
        """Invited addresses are nobody's yet, and each is invited once."""
        emails = [invite["email"] for invite in api.rows("/invites", "organization_invites")]

        assert len(emails) == len(set(emails) - {user["email"] for user in api.users()})

    def test_roles_are_known(self, api: Witness) -> None:
        """Invites carry the newer `roles`, among them an empty list, and grant only roles of the roles list."""
        granted = [invite["roles"] for invite in api.rows("/invites", "organization_invites")]

        assert [] in granted
        assert {name for names in granted for name in names} <= {role["name"] for role in api.get("/roles")["roles"]}

    def test_detail(self, api: Witness) -> None:
        """A single invite is the row of the list, bare."""
        for invite in api.rows("/invites", "organization_invites"):
            assert invite == api.get(f"/invites/{invite['id']}")
