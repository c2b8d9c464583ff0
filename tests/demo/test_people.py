"""The invented people, waiting rooms, invites and roles against the documentation of the API."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from witness import TODAY, Witness

from kismet_nb.demo.organization import DemoOrganization


class TestUsers:
    """Users."""

    def test_same_people_every_time(self, api: Witness) -> None:
        """The users are the same in another process and on another day."""
        with DemoOrganization(today=dt.date(2025, 1, 1)) as other, Witness(other).session:
            assert api.users() == Witness(other).users()

    @pytest.mark.parametrize("user_count", [0, 1, 2, 1000])
    def test_any_number(self, user_count: int) -> None:
        """The clinic can have any number of users, and their addresses are unique."""
        with DemoOrganization(user_count=user_count) as other:
            witness = Witness(other)
            with witness.session:
                emails = {user["email"].lower() for user in witness.users()}

        assert user_count == len(emails)

    def test_documented_fields(self, api: Witness) -> None:
        """A row has the documented fields and types; only the room's link may be missing."""
        for user in api.users():
            assert {"id", "email", "is_admin", "display_name", "created_at", "updated_at"} == set(user) - {
                "waiting_room_url"
            }
            assert [int, str, bool] == [type(user[key]) for key in ("id", "email", "is_admin")]
            assert "2023-01-01" < user["created_at"] <= user["updated_at"] < "2026-11-01"

    def test_three_ways_without_a_room(self, api: Witness) -> None:
        """A missing waiting room is null, an empty string or a missing field; together about 25 users have none."""
        ways = Counter(user.get("waiting_room_url", "absent") for user in api.users())

        assert 25 == ways[None] + ways[""] + ways["absent"]
        assert min(ways[None], ways[""], ways["absent"]) >= 8

    def test_difficult_names(self, api: Witness) -> None:
        """Some users have difficult names: formulas, duplicates, quotes, many scripts, missing names."""
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
        """`email` finds the user with the whole address, in any case and with any character."""
        for user in api.users():
            body = api.get("/organization_users", email=user["email"].upper())

            assert [user] == body["organization_users"]
            assert 1 == body["pagination"]["total_count"]

    @pytest.mark.parametrize("email", ["nobody@example.org", "maria", "", "%"])
    def test_filter_without_match(self, api: Witness, email: str) -> None:
        """An unknown address, or a part of an address, matches no user."""
        assert [] == api.get("/organization_users", email=email)["organization_users"]

    def test_detail(self, api: Witness) -> None:
        """The response for one user is the row of the list and a summary of the waiting room, without an envelope."""
        for user in api.users()[:30]:
            detail = api.get(f"/organization_users/{user['id']}")
            room = detail.pop("waiting_room")

            assert user == detail
            assert bool(user.get("waiting_room_url")) == bool(room)


class TestWaitingRooms:
    """Rooms and substitutions."""

    def test_agree_with_users(self, api: Witness) -> None:
        """Each user with a link has one room, with the slug at the end of the link."""
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
        """The response for a room's slug is its row of the list."""
        for room in api.rows("/waiting_rooms", "waiting_rooms"):
            assert room == api.get(f"/waiting_rooms/{room['slug']}")

    def test_subs(self, api: Witness) -> None:
        """Substitutions are in the future; a substitute has another room, and an open one has no room."""
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
    """Invites and roles."""

    @pytest.mark.parametrize("today", [dt.date(2024, 2, 29), TODAY])
    def test_open_used_and_expired(self, today: dt.date) -> None:
        """On any day some invites are open, some were used in time, and some have expired."""
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
        """No user has the address of an invite, and the addresses of invites are unique."""
        emails = [invite["email"] for invite in api.rows("/invites", "organization_invites")]

        assert len(emails) == len(set(emails) - {user["email"] for user in api.users()})

    def test_roles_are_known(self, api: Witness) -> None:
        """Invites have `roles`, including an empty list, with only roles from the list of roles."""
        granted = [invite["roles"] for invite in api.rows("/invites", "organization_invites")]

        assert [] in granted
        assert {name for names in granted for name in names} <= {role["name"] for role in api.get("/roles")["roles"]}

    def test_detail(self, api: Witness) -> None:
        """The response for one invite is its row of the list, without an envelope."""
        for invite in api.rows("/invites", "organization_invites"):
            assert invite == api.get(f"/invites/{invite['id']}")
