"""The demo organization conforms to an OpenAPI description that was written independently of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import requests
import schemathesis

import kismet_nb as kn

CONFIG = {
    "seed": 1,
    "generation": {
        "max-examples": 10,
        "deterministic": True,
        "database": "none",
        "allow-extra-parameters": False,  # the API does not document whether it refuses unknown parameters
        "with-security-parameters": False,  # each request has the headers already
    },
    "phases": {"coverage": {"unexpected-methods": []}},  # the API has methods that write, which are not described
    "operations": [
        {
            "include-operation-id": "showCallMetrics",
            # The API does not document which ranges of dates it refuses.
            "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 404]}},
        }
    ],
}
API = schemathesis.openapi.from_path(
    Path(__file__).with_name("openapi.yaml"), config=schemathesis.Config.from_dict(CONFIG)
)


@pytest.fixture(scope="module")
def access():
    """Run a small organization with a fixed last day, and return its URL and headers."""
    with kn.DemoOrganization(today=dt.date(2026, 11, 24), user_count=20) as demo, requests.Session() as session:
        yield {
            "base_url": demo.api_url + "/api/external",
            "headers": {"X-Client-ID": demo.client_id, "X-Client-Secret": demo.client_secret},
            "session": session,
        }


@API.parametrize()
def test_any_request_gets_a_described_answer(case, access):
    """Valid requests are served; invalid ones, and those without credentials, are refused as described."""
    case.call_and_validate(**access)


def test_lists_and_their_details_are_as_described(access):
    """Every endpoint responds with 200 to keys from another endpoint, and the body has the described form."""
    reached = set()

    def ask(operation_id, *, query=None, **path):
        case = API.find_operation_by_id(operation_id).Case(path_parameters=path, query=query or {})
        answer = case.call_and_validate(**access)
        assert 200 == answer.status_code, case.path
        reached.add(case.operation.path)
        return answer.json()

    everything = {"per_page": 100}
    for user in ask("listUsers", query=everything)["organization_users"]:
        ask("showUser", id=user["id"])
        ask("showCallMetrics", query={"user_id": str(user["id"])})
        for call in ask("listCalls", query=everything, organization_user_id=user["id"])["calls"][-6:]:
            keys = {"organization_user_id": user["id"], "call_id": call["id"]}
            ask("showCall", organization_user_id=user["id"], id=str(call["id"]))
            for egress in ask("listEgresses", **keys)["egresses"]:
                ask("showEgress", **keys, id=egress["id"])
    for room in ask("listWaitingRooms", query=everything)["waiting_rooms"]:
        ask("showWaitingRoom", slug=room["slug"])
        ask("listWaitingRoomSubs", waiting_room_slug=room["slug"])
    for invite in ask("listInvites", query=everything)["organization_invites"]:
        ask("showInvite", id=invite["id"])
    ask("listRoles")

    described = {result.ok().path for result in API.get_all_operations()}
    assert reached == {path for path in described if not path.endswith(("/transcript", "/soap_note"))}
