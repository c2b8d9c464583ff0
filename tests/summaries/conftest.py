"""Tables of the demo organization that several modules summarize."""

import pytest

import kismet_nb as kn


@pytest.fixture(scope="module")
def tables(demo):
    """Fetch the tables to summarize."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        users = kn.fetch_users(client=client)
        return {
            "users": users,
            "calls": kn.fetch_calls(users, client=client),
            "call_metrics": kn.fetch_call_metrics("2026-09-01", "2026-10-31", client=client),
            "waiting_rooms": kn.fetch_waiting_rooms(client=client),
            "invites": kn.fetch_invites(client=client),
        }
