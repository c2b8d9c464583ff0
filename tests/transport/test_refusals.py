"""Each refusal has its own error: by the server, for one list of many, or by a firewall or proxy."""

import email.utils
import json
import time

import pytest
from support.environment import set_environment
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.fetching import Recorded, client_of, fetch_users_from
from support.rows import call, page_of, user

import kismet_nb as kn
from kismet_nb.cli import main

ROWS = [user(number) for number in range(30)]
WEB_PAGE = b"\xef\xbb\xbf\n<!DOCTYPE html><html>Access denied</html>"


def error_of(expected, reply, **options):
    """Fetch users from a server that always sends ``reply``. Return the error and the number of requests."""
    answer = Recorded(lambda *_: reply)
    with pytest.raises(expected) as caught:
        fetch_users_from(answer, **options)
    assert SECRET not in str(caught.value)
    return caught.value, len(answer.queries)


@pytest.fixture
def _quick_retries(monkeypatch):
    """Shorten the waits before retries."""
    monkeypatch.setattr("kismet_nb.transport.retry.WAITS", (0.02,) * 5)
    monkeypatch.setattr("kismet_nb.transport.retry.JITTER", 0.0)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_named_with_the_status(status):
    """Somebody who asks for help can then quote the status."""
    error, requests = error_of(kn.AuthenticationError, (status, {}, b'{"error": "no"}'))

    assert f"users, page 1: The server refused the credentials ({status}" in str(error)
    assert 1 == requests


def test_a_web_page_with_403_is_not_a_wrong_secret():
    """The error names a firewall as the cause and not the credentials."""
    error, requests = error_of(kn.UnexpectedAnswerError, (403, {}, WEB_PAGE))

    assert "firewall" in str(error)
    assert "credentials" not in str(error)
    assert 1 == requests


def test_304_is_no_redirect():
    """It comes from a cache and has no target."""
    error, _ = error_of(kn.UnexpectedAnswerError, (304, {}, b""))

    assert "304" in str(error)
    assert "redirect" not in str(error)


@pytest.mark.parametrize("status", [503, 429, 500, 401, 403, 409])
def test_a_wait_beyond_patience_is_named(status):
    """If the server asks for a longer wait than the client's patience, the error says how long."""
    error, requests = error_of(kn.KismetError, (status, {"Retry-After": "3600"}, b"{}"))

    assert "asks to wait 3600 s" in str(error)
    assert 1 == requests


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("ahead", [-86_400, 86_400])
def test_a_retry_after_date_counts_from_the_date_of_the_response(status, ahead):
    """If the clocks of server and client differ by a day, the client still waits as long as requested."""
    times = []

    def answer(query, count):
        times.append(time.monotonic())
        now = time.time() + ahead
        date = {"Date": email.utils.formatdate(now, usegmt=True)}
        if count == 2:
            return status, {**date, "Retry-After": email.utils.formatdate(int(now) + 2, usegmt=True)}, b""
        return 200, date, json.dumps(page_of(ROWS, query)).encode()

    assert 30 == len(fetch_users_from(answer))
    assert 1.9 < times[2] - times[1] < 10


def answering_for_one_user(reply):
    """Return an answer function that sends ``reply`` for user 17, and a call for every other user."""

    def answer(query, _count):
        number = int(query.path.split("/")[2])
        return reply if number == 17 else page_of([call(number)], query, envelope="calls")

    return answer


@pytest.mark.usefixtures("_quick_retries")
@pytest.mark.parametrize(
    ("reply", "expected", "says"),
    [
        ((403, {}, b'{"error": "Forbidden"}'), kn.RequestRefusedError, "403"),
        ((500, {}, b""), kn.UnavailableError, "500"),
        ((422, {}, b"{}"), kn.RequestRefusedError, "422"),
        ((200, {}, b'{"calls": ['), kn.UnexpectedAnswerError, "not valid JSON"),
        ((200, {}, b'{"calls": 7}'), kn.UnexpectedAnswerError, "no list"),
    ],
    ids=["403", "500", "422", "cut JSON", "other JSON"],
)
def test_a_fault_of_one_list_of_many_names_the_list(reply, expected, says):
    """The error names the user. It does not call the credentials wrong, because all other lists were read with them."""
    with (
        client_of(answering_for_one_user(reply), retries=1) as client,
        pytest.raises(expected, match=r"^calls of user 17, page 1: ") as caught,
    ):
        kn.fetch_calls(range(1, 40), client=client)

    assert says in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert not isinstance(caught.value, kn.AuthenticationError)


def test_a_fault_of_one_room_does_not_name_its_owner():
    """A room's slug is a person's name, so no error shows it."""
    with (
        client_of(lambda *_: (403, {}, b"{}")) as client,
        pytest.raises(kn.RequestRefusedError, match=r"^waiting_room_subs of waiting room, page 1: ") as caught,
    ):
        kn.fetch_waiting_room_subs(["ada-ferris"], client=client)

    assert "ada" not in str(caught.value)


def test_interim_responses_are_skipped():
    """103 Early Hints arrive before the response itself."""

    def answer(query, _count):
        body = json.dumps(page_of(ROWS, query)).encode()
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
        return hints * 2 + b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    assert 30 == len(fetch_users_from(answer, retries=0))


def test_a_byte_order_mark_is_skipped():
    """Some servers send one before the JSON."""
    users = fetch_users_from(
        lambda query, _: (200, {}, b"\xef\xbb\xbf" + json.dumps(page_of(ROWS, query)).encode()), retries=0
    )

    assert 30 == len(users)


def test_a_web_page_instead_of_data_is_requested_twice():
    """A gateway may have failed briefly. More tries would only delay the error."""
    answer = Recorded(lambda *_: (200, {}, WEB_PAGE))
    with client_of(answer) as client, pytest.raises(kn.UnexpectedAnswerError, match="The response is a web page"):
        kn.login(client)

    assert 2 == len(answer.queries)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        json.dumps(page_of([user(1)], {})).replace('"id": 1', '"id": 2, "id": 1').encode(),
    ],
    ids=["deep nesting", "duplicate name"],
)
def test_a_lasting_fault_of_the_json_is_not_retried(body):
    """The server would send the same JSON again."""
    assert 1 == error_of(kn.UnexpectedAnswerError, (200, {}, body))[1]


@pytest.mark.usefixtures("_no_pauses")
def test_pages_that_overlap_the_same_way_twice_have_no_unique_order():
    """If a list does not change and its pages still overlap, it is not read five times."""
    answer = Recorded(
        lambda query, _: page_of([*ROWS[:9], ROWS[20], *ROWS[10:]] if query["page"] == "1" else ROWS, query)
    )
    with pytest.raises(kn.IncompleteError, match=r"no unique order.* in two attempts\. Report it") as caught:
        fetch_users_from(answer)

    assert 2 == caught.value.partial.attrs["kismet"]["walks"]
    assert len(answer.queries) <= 2 * 5


@pytest.mark.usefixtures("_no_pauses")
def test_pages_that_overlap_in_another_way_each_time_belong_to_a_changing_list():
    """Different duplicates in each attempt show that the list changes."""
    seen = []

    def answer(query, _count):
        seen.extend([1] if query["page"] == "1" else [])  # twice in each attempt
        return page_of(
            [*ROWS[:9], ROWS[10 + (len(seen) - 1) // 2], *ROWS[10:]] if query["page"] == "1" else ROWS, query
        )

    with pytest.raises(kn.IncompleteError, match="changed during each of 5 attempts"):
        fetch_users_from(answer)


@pytest.mark.parametrize("fetch", [kn.fetch_users, kn.fetch_waiting_rooms, kn.fetch_invites, kn.fetch_roles])
def test_an_organization_wide_list_that_is_absent_points_at_the_address(fetch):
    """Every organization has these lists, so a 404 means that the address is wrong."""
    with (
        client_of(lambda *_: (404, {}, b"")) as client,
        pytest.raises(kn.NotFoundError, match=r"404 for /.*the API's address is wrong"),
    ):
        fetch(client=client)


def test_the_command_line_points_at_the_address_too(monkeypatch, capsys):
    """A scheduled run with a wrong address prints that in one line."""
    with serving(lambda *_: (404, {}, b"")) as (url, _):
        set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url=f"{url}/v2")

        assert 1 == main(["export", "users", "users.csv"])
    said = capsys.readouterr().err
    assert "the API's address is wrong" in said
    assert 1 == said.count("\n")
