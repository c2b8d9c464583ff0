"""The demo organization, held against a description of the API that was written without looking at it."""

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
        "allow-extra-parameters": False,  # whether unknown ones are refused is not documented
        "with-security-parameters": False,  # each request brings them
    },
    "phases": {"coverage": {"unexpected-methods": []}},  # the endpoints that write exist, but are not described
    "operations": [
        {
            "include-operation-id": "showCallMetrics",
            # Which ranges of dates are refused is not documented.
            "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 404]}},
        }
    ],
}
API = schemathesis.openapi.from_path(
    Path(__file__).with_name("openapi.yaml"), config=schemathesis.Config.from_dict(CONFIG)
)


@pytest.fixture(scope="module")
def access():
    """Run a small organization whose calls are the same on every day, and say how to reach it."""
    with kn.DemoOrganization(today=dt.date(2026, 11, 24), user_count=20) as demo, requests.Session() as session:
        yield {
            "base_url": demo.api_url + "/api/external",
            "headers": {"X-Client-ID": demo.client_id, "X-Client-Secret": demo.client_secret},
            "session": session,
        }


@API.parametrize()
def test_any_request_gets_a_described_answer(case, access):
    """Sensible requests are served, senseless ones refused, and those without credentials too."""
    case.call_and_validate(**access)


def test_lists_and_their_details_are_as_described(access):
    """Every endpoint answers 200 to keys that another one gave, with a body of the described form."""
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
