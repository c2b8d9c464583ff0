"""A client counts and logs its requests by endpoint, without the ids of the lists."""

import json
import logging
import os
import threading

import pandas as pd
import pytest
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.fetching import client_of
from support.rows import call, page_of, user

import kismet_nb as kn

DTYPES = {
    "endpoint": "str",
    "requests": "Int64",
    "retries": "Int64",
    "refusals": "Int64",
    "bytes": "Int64",
    "seconds": "Float64",
}
CALLS = "/organization_users/{organization_user_id}/calls"


@pytest.fixture
def _short_waits(monkeypatch):
    monkeypatch.setattr("kismet_nb.transport.retry.WAITS", (0.01,))
    monkeypatch.setattr("kismet_nb.transport.retry.MAX_WAIT", 0.01)
    monkeypatch.setattr("kismet_nb.transport.retry.JITTER", 0.0)


def answer_calls(query, _count=0):
    """Return the users, or the call of a user."""
    if query.path.endswith("/calls"):
        return page_of([call(int(query.path.split("/")[2]))], query, envelope="calls")
    return page_of([user(number) for number in range(20)], query)


@pytest.mark.usefixtures("_short_waits")
@pytest.mark.parametrize(
    ("failure", "refusals"), [(429, 1), (502, 1), (503, 1), (504, 1), (500, 0), ("broken", 0), ("no JSON", 0)]
)
def test_a_failure_counts_as_a_retry_and_perhaps_as_a_refusal(failure, refusals):
    """Every sent request counts. A refusal is a response that refuses the credentials or shows overload."""
    failed = []

    def answer(query, count):
        if "/7/" in query.path and not failed:
            failed.append(True)
            return {"broken": b"", "no JSON": (200, {}, b"")}.get(failure, (failure, {}, b"refused"))
        return answer_calls(query, count)

    with client_of(answer) as client:
        kn.fetch_calls(range(20), client=client)
        [counts] = client.usage().to_dict("records")

    assert (CALLS, 21, 1, refusals) == tuple(counts[name] for name in ("endpoint", "requests", "retries", "refusals"))


def test_refused_credentials_are_a_refusal():
    """The one request of a refused client counts, and is not tried again."""
    with client_of(lambda *_: (401, {}, b"no")) as client:
        with pytest.raises(kn.AuthenticationError):
            kn.fetch_users(client=client)
        counts = client.usage().iloc[0]

    assert (1, 0, 1, 2) == tuple(counts[["requests", "retries", "refusals", "bytes"]])


def test_there_is_one_row_per_endpoint_for_all_ids():
    """The endpoint with the most requests is first. Bytes and seconds are those of the responses."""
    sent = {CALLS: 0, "/organization_users": 0}

    def answer(query, count):
        body = json.dumps(answer_calls(query, count)).encode()
        sent[CALLS if query.path.endswith("/calls") else query.path] += len(body)
        threading.Event().wait(0.02)
        return 200, {}, body

    with client_of(answer) as client:
        kn.fetch_calls(client=client)
        usage = client.usage()

    assert [CALLS, "/organization_users"] == usage["endpoint"].tolist()
    assert [20, 1] == usage["requests"].tolist()
    assert list(sent.values()) == usage["bytes"].tolist()
    assert (usage["seconds"] >= 0.02 * usage["requests"]).all()
    assert DTYPES == usage.dtypes.astype(str).to_dict()


def test_a_path_that_is_not_declared_is_not_shown():
    """A path of get() may contain an id, so only declared endpoints have their own row."""
    with client_of(lambda *_: {}) as client:
        for path in ("/waiting_rooms/ada-ferris/waiting_room_subs", "/organization_users/17", "/people/ada-ferris"):
            client.get(path)

        assert {"/waiting_rooms/{waiting_room_slug}/waiting_room_subs": 1, "other": 2} == dict(
            zip(client.usage()["endpoint"], client.usage()["requests"], strict=True)
        )


def test_before_the_first_request_the_table_has_its_columns():
    """Code that sums or plots the table then works without any requests."""
    with kn.KismetClient(CLIENT_ID, SECRET, api_url="https://api.example.org") as client:
        usage = client.usage()

    assert 0 == len(usage)
    assert DTYPES == usage.dtypes.astype(str).to_dict()


def test_no_count_is_lost_between_threads():
    """If fetches in several threads share a client, all their requests count."""
    with serving(answer_calls) as (url, visits), kn.KismetClient(CLIENT_ID, SECRET, api_url=url) as client:
        threads = [threading.Thread(target=kn.fetch_calls, args=(range(60),), kwargs={"client": client}) for _ in "123"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (180, 180) == (len(visits), client.usage()["requests"].sum())


def test_a_login_counts_from_its_first_request(demo, client):
    """The next login begins at zero. The client of the earlier login keeps its counts, also after logout()."""
    with pytest.raises(kn.CredentialsError, match="Nobody is logged in"):
        kn.usage()
    kn.login(client)
    kn.fetch_users()
    before = kn.usage()
    kn.use_demo()

    assert ["/organization_users"] == before["endpoint"].tolist()
    assert [1] == kn.usage()["requests"].tolist()
    kn.logout()
    client.close()
    pd.testing.assert_frame_equal(before, client.usage())


def test_a_forked_process_counts_its_own_requests(client):
    """The parent's requests are not counted twice."""
    kn.fetch_users(client=client)
    child = os.fork()
    if not child:
        os._exit(len(client.usage()))

    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 1 == len(client.usage())


@pytest.mark.usefixtures("_short_waits")
def test_the_log_has_endpoint_status_and_time_of_each_request(caplog):
    """At debug level, there is one line per try, without an id, a value of the query, or a header."""
    caplog.set_level(logging.DEBUG)
    with client_of(lambda query, count: b"" if count == 2 else answer_calls(query)) as client:
        kn.fetch_users(email="ada.ferris@example.org", client=client)
        kn.fetch_calls([4711], client=client)
    lines = [record.getMessage() for record in caplog.records if record.name == "kismet_nb"]
    users, broken, calls = [line.partition(" ms, ") for line in lines]

    assert ("GET /organization_users: 200, ", "try 1") == (users[0].rstrip("0123456789"), users[2])
    assert (f"GET {CALLS}: no complete response, ", "try 1") == (broken[0].rstrip("0123456789"), broken[2])
    assert (f"GET {CALLS}: 200, ", "try 2") == (calls[0].rstrip("0123456789"), calls[2])
    assert SECRET not in caplog.text  # nor in the lines of urllib3, which show the path and the query
    assert CLIENT_ID not in caplog.text


def test_no_request_is_logged_above_debug_level(caplog):
    """A notebook that shows other packages' messages at info level is not flooded."""
    caplog.set_level(logging.INFO)
    with client_of(answer_calls) as client:
        kn.fetch_users(client=client)

    assert "" == caplog.text
