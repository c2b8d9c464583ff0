"""A client of the demo organization that shares no code with ours."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from kismet_nb import DemoOrganization

TODAY = dt.date(2026, 11, 24)  # a Tuesday


class Witness:
    """A client that uses only `requests`, so that no code of the package is between test and server."""

    def __init__(self, demo: DemoOrganization) -> None:
        self.url = demo.api_url + "/api/external"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"X-Client-ID": demo.client_id, "X-Client-Secret": demo.client_secret})

    def send(self, path: str, **query: Any) -> requests.Response:
        """Send one request and return the response of any status."""
        return self.session.get(self.url + path, params=query, timeout=10)

    def get(self, path: str, **query: Any) -> Any:
        """Send one request and return the decoded body; raise if it fails."""
        response = self.send(path, **query)
        response.raise_for_status()
        return response.json()

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
