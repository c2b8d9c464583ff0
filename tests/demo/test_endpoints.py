"""Pages of lists, and requests that are refused."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import pytest
import requests
from witness import Witness

from kismet_nb.demo.organization import DemoOrganization

LISTS = {
    "organization_users": "/organization_users",
    "waiting_rooms": "/waiting_rooms",
    "organization_invites": "/invites",
    "roles": "/roles",
}


class TestPages:
    """Lists and their pagination block."""

    @pytest.mark.parametrize(("envelope", "path"), LISTS.items())
    def test_defaults(self, api: Witness, envelope: str, path: str) -> None:
        """Without a query, a response has the first 25 rows and a correct pagination block."""
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
        """Concatenated pages of any size are the whole list in order, without duplicates."""
        ids = [
            user["id"]
            for page in range(1, -(-131 // per_page) + 1)
            for user in api.get("/organization_users", page=page, per_page=per_page)["organization_users"]
        ]

        assert sorted(set(ids)) == ids
        assert 131 == len(ids)

    def test_per_page_is_at_most_100(self, api: Witness) -> None:
        """A larger page size becomes 100, also in the pagination block: 131 users are two pages."""
        body = api.get("/organization_users", per_page=500)

        assert 100 == len(body["organization_users"])
        assert {"current_page": 1, "per_page": 100, "total_pages": 2, "total_count": 131} == body["pagination"]

    @pytest.mark.parametrize("page", [9, 10**29])
    def test_past_the_end(self, api: Witness, page: int) -> None:
        """A page past the end has its number and no rows, and is no error."""
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
    def test_invalid_numbers(self, api: Witness, name: str, value: str) -> None:
        """A value that is not a positive integer gets status 400."""
        response = api.send("/invites", **{name: value})

        assert 400 == response.status_code
        assert {"error": f"{name} must be a positive integer"} == response.json()

    def test_unknown_parameters_are_ignored(self, api: Witness) -> None:
        """An undocumented parameter changes nothing, even if it has the name of a part of a path."""
        assert api.get("/roles") == api.get("/roles", colour="blue", user="1")


class TestRefusals:
    """Requests that are refused."""

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"])
    def test_only_get(self, api: Witness, method: str) -> None:
        """Every other method gets status 405, and its body is not parsed as a request."""
        response = api.session.request(method, api.url + "/invites", json={"email": "x"}, timeout=10)

        assert 405 == response.status_code
        assert (b"" if method == "HEAD" else b'{"error": "Method not allowed"}') == response.content

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
        """Unknown paths and ids get status 404, including transcripts and notes, which the demo does not have."""
        user = next(user for user, of_user in calls.items() if of_user)
        response = api.send(path.format(user=user, call=calls[user][0]["id"]))

        assert 404 == response.status_code
        assert {"error": "Not found"} == response.json()

    def test_malformed_request_is_silent(self, demo: DemoOrganization, capfd: pytest.CaptureFixture[str]) -> None:
        """A request that is not HTTP gets an error as JSON, and nothing is printed."""
        with socket.create_connection(("127.0.0.1", int(demo.api_url.rpartition(":")[2])), timeout=10) as wire:
            wire.sendall(b"GET / spaces everywhere HTTP/1.1\r\n\r\n")
            response = b"".join(iter(lambda: wire.recv(4096), b""))

        assert b" 400 " in response
        assert b'{"error": ' in response
        assert ("", "") == capfd.readouterr()

    def test_client_that_disconnects(self, capfd: pytest.CaptureFixture[str]) -> None:
        """If a client closes its connection before the response, others are served and nothing is printed."""
        with DemoOrganization(user_count=100, latency=0.05) as slow:
            wire = socket.create_connection(("127.0.0.1", int(slow.api_url.rpartition(":")[2])), timeout=10)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            wire.sendall(b"GET /api/external/roles HTTP/1.1\r\n\r\n" * 3)
            wire.close()
            time.sleep(0.2)

            assert 401 == requests.get(slow.api_url, timeout=10).status_code
        assert ("", "") == capfd.readouterr()
