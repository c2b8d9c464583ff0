"""Fetching users: every row exactly once, typed, or an error that says what to do."""

import datetime as dt
import email.utils
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from contracts.public_api import DTYPES
from support.certificates import server_tls
from support.faulty_server import SECRET, serving
from support.fetching import Recorded, client_of, fetch_users_from
from support.interrupted_fetch import check_interrupt
from support.rows import page_of, user

import kismet_nb as kn


def fetch_error(expected, answer, **options):
    """Return the error of a fetch of users, and check that it holds no secret."""
    with pytest.raises(expected) as caught:
        fetch_users_from(answer, **options)
    assert SECRET not in str(caught.value)
    return caught.value


def test_all_users_of_the_demo_are_fetched_once_and_typed(client):
    """The demo's 131 users, on several pages, are in the server's order and have the declared dtypes."""
    users = kn.fetch_users(client=client)

    assert users.dtypes.astype(str).to_dict() == DTYPES["users"]
    assert len(users) == users["id"].nunique() == users.attrs["kismet"]["rows"] == 131
    assert users["id"].is_monotonic_increasing
    assert users.attrs["kismet"]["verdict"] == "complete"


def test_an_empty_result_keeps_columns_and_dtypes(client):
    """A filter that matches nobody gives an empty table with the same dtypes."""
    assert kn.fetch_users("nobody@example.org", client=client).dtypes.astype(str).to_dict() == DTYPES["users"]


def test_the_email_filter_is_percent_encoded(client):
    """An address with a plus sign finds its user."""
    users = kn.fetch_users(client=client)
    address = users["email"][users["email"].str.contains("+", regex=False)].iloc[0]

    assert [address] == kn.fetch_users(address, client=client)["email"].tolist()


@pytest.mark.parametrize("email", ["", "  ", 7, ["a@example.org"], "\ud800@example.org"])
def test_an_invalid_email_is_refused(client, email):
    """An invalid filter is refused before anything is sent."""
    with pytest.raises(kn.InvalidInputError, match="email"):
        kn.fetch_users(email, client=client)


@pytest.mark.parametrize("in_flight", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 70, 90, 100, 131])
def test_every_page_is_read_once_and_a_few_again(count, in_flight):
    """A list of any length is complete, with at most three requests more than pages."""
    rows = [user(number) for number in range(1, count + 1)]
    answer = Recorded(lambda query, _: page_of(rows, query))
    users = fetch_users_from(answer, max_in_flight=in_flight)

    assert [row["id"] for row in rows] == users["id"].tolist()
    assert len(answer.queries) <= max(1, -(-count // 10)) + 3


def test_the_servers_page_size_is_used():
    """A server that returns 7 rows per page instead of 500 is read to the end."""
    rows = [user(number) for number in range(100)]

    assert 100 == len(fetch_users_from(lambda query, _: page_of(rows, {**query, "per_page": 7}), page_size=500))


def test_a_refused_page_size_is_reduced():
    """If a server refuses large pages with 422, smaller ones are requested."""
    rows = [user(number) for number in range(60)]

    def answer(query, _):
        return page_of(rows, query) if "per_page" not in query else (422, {}, b"")

    assert 60 == len(fetch_users_from(answer, page_size=500))


def test_an_unsorted_list_is_read_twice():
    """If ids are not sorted, every page is read twice."""
    rows = [user(number * 37 % 101) for number in range(101)]
    answer = Recorded(lambda query, _: page_of(rows, query))
    users = fetch_users_from(answer, page_size=5, max_in_flight=1)

    assert [row["id"] for row in rows] == users["id"].tolist()
    assert 2 * 21 == len(answer.queries)


def test_a_forked_process_uses_its_own_connection():
    """The child's requests use another connection than the parent's."""
    with client_of(lambda query, _: page_of([user(query.port)], query), max_in_flight=1) as client:
        before = kn.fetch_users(client=client)["id"][0]
        child = os.fork()
        port = 0
        try:
            port = kn.fetch_users(client=client, progress=False)["id"][0]
        finally:
            if not child:
                os._exit(port in {0, before})
        _, status = os.waitpid(child, 0)

    assert (before, 0) == (port, status)


def test_a_list_that_changes_once_is_read_again():
    """After a deletion between two pages there is another attempt, and the table is the list as it then is."""
    rows = [user(number) for number in range(60)]

    def answer(query, count):
        if count == 3:
            del rows[2]
        return page_of(rows, query)

    users = fetch_users_from(answer)

    assert [row["id"] for row in rows] == users["id"].tolist()
    assert users.attrs["kismet"]["walks"] > 1


def test_rows_are_in_the_servers_order():
    """Pages arrive in any order. The rows are in the server's order, without those of an earlier attempt."""
    rows = [user(number) for number in range(2300)]

    def answer(query, count):
        if count == 4:
            del rows[1500:]
        return page_of(rows, query)

    before = fetch_users_from(lambda query, _: page_of(rows, query), page_size=500)
    after = fetch_users_from(answer, page_size=500, max_in_flight=1)

    assert list(range(2300)) == before["id"].tolist()
    assert list(range(1500)) == after["id"].tolist()


@pytest.mark.parametrize(("moment", "in_flight"), [(2, 1), (2, 8), (5, 1), (12, 8)])
def test_a_deletion_together_with_an_insertion_is_detected(moment, in_flight):
    """A deletion and an insertion between two responses leave the total as it was, and are detected."""
    rows = [user(number) for number in range(200)]

    def answer(query, count):
        if count == moment:
            del rows[2]
            rows.append(user(999))
        return page_of(rows, query)

    users = fetch_users_from(answer, max_in_flight=in_flight)

    assert [row["id"] for row in rows] == users["id"].tolist()


@pytest.mark.parametrize("behind", ["empty", "last", "other", 404, 500])
def test_a_list_that_got_shorter_since_the_last_fetch_is_complete(behind):
    """If an earlier fetch saw more pages than there are now, the table is complete."""
    rows = [user(number) for number in range(199)]

    def answer(query, _):
        last = -(-len(rows) // 10)
        if int(query["page"]) <= last or behind == "empty":
            return page_of(rows, query)
        last_again = page_of(rows, {**query, "page": last})
        return last_again if behind == "last" else {} if behind == "other" else (behind, {}, b"")

    with client_of(answer, page_size=10, retries=0) as client:
        kn.fetch_users(client=client)
        for left in (69, 45, 5):
            del rows[left:]
            assert list(range(left)) == kn.fetch_users(client=client)["id"].tolist()


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("count", [12, 30])
def test_a_duplicate_id_is_an_error(count):
    """A list with a duplicate id, on one page or on two, is an error although its total is right."""
    rows = [user(number) for number in [*range(count - 1), 4]]

    assert "duplicates" in str(fetch_error(kn.IncompleteError, lambda query, _: page_of(rows, query), page_size=15))


@pytest.mark.usefixtures("_no_pauses")
def test_a_page_of_the_wrong_length_is_an_error_that_names_it():
    """A page with a missing row is an error even if the next page has an extra one."""
    rows = [user(number) for number in range(30)]

    def answer(query, _):
        body = page_of(rows, query)
        body["organization_users"] = {"1": rows[:10], "2": rows[10:19], "3": rows[19:]}.get(query["page"], [])
        return body

    assert "page 3 has 11 rows" in str(fetch_error(kn.IncompleteError, answer, max_in_flight=1))


@pytest.mark.usefixtures("_no_pauses")
def test_a_total_that_differs_on_one_page_is_an_error():
    """Responses with different totals belong to different states of the list."""
    rows = [user(number) for number in range(35)]

    def answer(query, _):
        return page_of(rows, query, **({"total_count": 36} if query["page"] == "3" else {}))

    assert "total_count was 35" in str(fetch_error(kn.IncompleteError, answer))


def test_a_changing_list_gets_few_requests():
    """An attempt that ends early sends no further requests, and there is a pause before the next attempt."""
    rows, visits = [user(number) for number in range(2000)], []

    def answer(query, count):
        visits.append(count)
        del rows[0]
        return page_of(rows, query)

    started = time.monotonic()
    fetch_error(kn.IncompleteError, answer)

    assert len(visits) <= 5 * (1 + 8 + 8)
    assert time.monotonic() - started > 0.8 * (0.2 + 0.4 + 0.8 + 1.6)


@pytest.mark.usefixtures("_no_pauses")
def test_a_list_that_keeps_changing_is_an_error():
    """With a deletion at each response there is an IncompleteError with the rows that were read, and no table."""
    rows = [user(number) for number in range(2000)]

    def answer(query, _):
        del rows[0]
        return page_of(rows, query)

    error = fetch_error(kn.IncompleteError, answer, max_in_flight=1)

    assert "total_count" in str(error)
    assert error.retryable
    assert "incomplete" == error.partial.attrs["kismet"]["verdict"]
    assert list(range(9, 19)) == error.partial["id"].tolist()  # page 1 of the fifth attempt, after nine deletions


@pytest.mark.parametrize(
    ("pagination", "named"),
    [
        ({"total_count": None}, "total_count"),
        ({"total_count": 3}, "total_pages"),
        ({"per_page": 0}, "per_page"),
        ({"current_page": 1}, "was requested, but page 1 was returned"),
        ({"per_page": 1, "total_pages": 10**9, "total_count": 10**9}, "taken for a mistake"),
    ],
)
def test_wrong_pagination_is_an_error_that_names_it(pagination, named):
    """Counts that are missing or contradict each other are an error."""
    rows = [user(number) for number in range(30)]

    assert named in str(fetch_error(kn.UnexpectedAnswerError, lambda query, _: page_of(rows, query, **pagination)))


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("pagination", [{"total_count": 35, "total_pages": 4}, {"total_count": 20, "total_pages": 2}])
def test_a_wrong_total_is_an_error(pagination):
    """A total that the pages never agree with is an error, whether too large or too small."""
    rows = [user(number) for number in range(30)]
    error = fetch_error(kn.IncompleteError, lambda query, _: page_of(rows, query, **pagination))

    assert "page" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Log in</html>",
        b'{"organization_users": [',
        b"[" * 100_000,
        json.dumps(page_of([user(1, display_name=float("nan"))], {})).encode(),
    ],
    ids=["nothing", "HTML", "cut", "deep", "NaN"],
)
def test_a_body_that_is_not_json_is_retried_and_then_an_error(body):
    """HTML, an empty body, or broken JSON with status 200 never becomes an empty table."""
    error = fetch_error(kn.UnexpectedAnswerError, lambda *_: (200, {}, body), retries=1)

    assert ("users", 1, 200) == (error.resource, error.page, error.status)


@pytest.mark.parametrize("body", [{}, [], {"users": []}, {"organization_users": [1]}, {"organization_users": []}])
def test_json_in_another_format_is_an_error(body):
    """A missing envelope or pagination block is an error that names the endpoint."""
    assert "/organization_users" in str(fetch_error(kn.UnexpectedAnswerError, lambda *_: body))


@pytest.mark.parametrize(
    "blip",
    [
        (500, {}, b"oops"),
        (500, {}, json.dumps(page_of([user(99)], {})).encode()),
        (502, {}, b"<html>"),
        (503, {"Retry-After": "0"}, b""),
        (429, {"Retry-After": "0.1"}, b""),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b""),
        (429, {"Retry-After": "soon"}, b""),
        (200, {}, b"<html>"),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
    ],
)
def test_a_temporary_failure_is_retried(blip):
    """After one failed response the table is complete."""
    rows = [user(number) for number in range(30)]
    users = fetch_users_from(lambda query, count: blip if count == 2 else page_of(rows, query))

    assert list(range(30)) == users["id"].tolist()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, kn.RequestRefusedError),
        (401, kn.AuthenticationError),
        (403, kn.AuthenticationError),
        (404, kn.NotFoundError),
        (206, kn.UnexpectedAnswerError),
        (302, kn.UnexpectedAnswerError),
    ],
)
def test_a_final_status_is_not_retried(status, expected):
    """Each final status has its error, whatever the body says, even with the documented invalid JSON of a 401."""
    headers = {"Location": "https://elsewhere.example.org/"} if status == 302 else {}
    rows = [user(number) for number in range(30)]
    seen = []

    def answer(query, count):
        seen.append(query)
        # After page 1, a 404 means that the list got shorter.
        well = count == 1 and status != 404
        return page_of(rows, query) if well else (status, headers, b'{ "error": "Unauthorized", }')

    error = fetch_error(expected, answer, max_in_flight=1)

    assert (status, 1 if status == 404 else 2) == (error.status, len(seen))


@pytest.mark.parametrize("wait", ["3600", "a date"])
def test_a_wait_of_an_hour_is_an_error_at_once(wait):
    """A Retry-After beyond the client's patience, in seconds or as a date, is an error at once."""
    wait = email.utils.formatdate(time.time() + 3600, usegmt=True) if wait == "a date" else wait
    answer = Recorded(lambda *_: (429, {"Retry-After": wait}, b""))
    error = fetch_error(kn.UnavailableError, answer)

    assert (429, pytest.approx(3600, abs=30)) == (error.status, error.retry_after)
    assert 1 == len(answer.queries)


def drip(start):
    """Send ``start``, then one byte every 0.1 s for twenty seconds."""
    yield start
    for _ in range(200):
        time.sleep(0.1)
        yield b" "


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow:", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
)
def test_a_slowly_sending_server_times_out(start):
    """A byte now and then, in the headers or in the body, does not extend the timeout of a request."""
    started = time.monotonic()

    assert "0.5 s" in str(fetch_error(kn.UnavailableError, lambda *_: drip(start), timeout=0.5, retries=0))
    assert time.monotonic() - started < 10


def test_a_silent_server_times_out():
    """A server that sends nothing does not block longer than the timeout."""

    def silence(*_):
        time.sleep(0.6)
        return page_of([], {})

    assert "0.3 s" in str(fetch_error(kn.UnavailableError, silence, timeout=0.3, retries=0))


def test_nothing_is_sent_to_an_untrusted_certificate(monkeypatch, tmp_path):
    """An unknown certificate is an error. With its authority in the environment, all rows are fetched."""
    tls, authority = server_tls(tmp_path)
    rows = [user(number) for number in range(60)]
    with serving(lambda query, _: page_of(rows, query), tls=tls) as (url, visits):
        with pytest.raises(kn.UnexpectedAnswerError, match="TLS"), kn.KismetClient("id", SECRET, api_url=url) as client:
            kn.fetch_users(client=client)
        assert [] == visits
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        with kn.KismetClient("id", SECRET, api_url=url, page_size=10) as client:
            assert 60 == len(kn.fetch_users(client=client))


def test_after_a_429_all_requests_wait_and_slow_down():
    """At 20 allowed requests a second, all rows are fetched with few refusals."""
    rows, window, refused = [user(number) for number in range(900)], [0, 0], []

    def answer(query, count):
        if window[0] != int(time.time()):
            window[:] = [int(time.time()), 0]
        window[1] += 1
        if window[1] > 20:  # few enough for a busy machine to exceed it
            refused.append(count)
            return 429, {"Retry-After": "1"}, b""
        return page_of(rows, query)

    users = fetch_users_from(answer, patience=30)

    assert 900 == len(users)
    assert 0 < len(refused) <= 12


@pytest.mark.slow
def test_an_interrupt_ends_a_fetch_at_once():
    """Ctrl-C while the server is silent for 20 s ends the fetch and leaves no thread."""
    check_interrupt(
        "demo = kn.DemoOrganization(latency=20)\n"
        "client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)"
    )


def test_an_oversized_body_is_an_error():
    """A body beyond the size limit is an error."""
    assert "larger" in str(fetch_error(kn.UnexpectedAnswerError, lambda *_: (200, {}, b" " * (65 * 2**20)), timeout=20))


def test_no_thread_is_left_after_a_failure():
    """When a fetch has failed, none of its threads is left."""
    rows = [user(number) for number in range(500)]
    fetch_error(kn.RequestRefusedError, lambda query, count: (400, {}, b"") if count == 4 else page_of(rows, query))

    assert not [thread for thread in threading.enumerate() if thread.name == "kismet_nb"]


def test_at_most_max_in_flight_requests_are_in_flight():
    """The limit of a client holds for two fetches at the same time."""
    rows, lock, active = [user(number) for number in range(200)], threading.Lock(), [0, 0]

    def slowly(body):
        with lock:
            active[0] += 1
            active[1] = max(active)
        time.sleep(0.02)
        with lock:
            active[0] -= 1
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)

    def answer(query, _):
        return slowly(json.dumps(page_of(rows, query)).encode())

    with (
        client_of(answer, page_size=10, max_in_flight=3) as client,
        ThreadPoolExecutor(2) as people,
    ):
        tables = list(people.map(lambda _: kn.fetch_users(client=client), range(2)))

    assert [200, 200] == [len(table) for table in tables]
    assert 3 == active[1]


def test_values_are_typed_or_kept_as_sent():
    """Large ids stay exact, offsets become UTC, and a column with a value that does not fit stays as sent."""
    rows = [
        user(2**53 + 1, created_at="2026-01-05T09:00:00.2500000+02:00", display_name="Zoë \u202eX\n\x00🦊"),
        user(2**53 + 3, created_at="9999-12-31T23:59:59Z", updated_at="yesterday", nickname="Z", waiting_room_url=""),
    ]
    with pytest.warns(kn.SchemaDriftWarning) as caught:
        users = fetch_users_from(lambda query, _: page_of(rows, query))

    assert [2**53 + 1, 2**53 + 3] == users["id"].tolist()
    assert pd.Timestamp("2026-01-05 07:00:00.25", tz="UTC") == users["created_at"][0]
    assert ["2026-02-01T09:30:00Z", "yesterday"] == users["updated_at"].tolist()
    assert "Zoë \u202eX\n\x00🦊" == users["display_name"][0]
    assert users["waiting_room_url"].isna().all()
    assert "nickname" == users.columns[-1]
    message = str(caught[0].message)
    assert "nickname is new" in message
    assert "updated_at has 1 values" in message
    assert "yesterday" not in message


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", 2**63),
        ("id", "12"),
        ("id", None),
        ("is_admin", "true"),
        ("display_name", "\ud800"),
        ("email", {"a": [1]}),
    ],
)
def test_a_value_of_another_type_is_kept(column, value):
    """A value of another type or size stays exactly as the server sent it."""
    rows = [user(1), user(2, **{column: value}), user(3)]
    if value is None:
        users = fetch_users_from(lambda query, _: page_of(rows, query))
        assert pd.isna(users[column][1])
        return
    with pytest.warns(kn.SchemaDriftWarning, match=column):
        users = fetch_users_from(lambda query, _: page_of(rows, query))

    assert value == users[column][1]
    assert type(value) is type(users[column][1])
    assert rows[0][column] == users[column][0]


def test_roles_instead_of_is_admin():
    """A newer server sends lists of roles, and there is a warning that ``is_admin`` is missing."""
    newer = user(1, roles=["provider", "organization_admin"])
    del newer["is_admin"]
    with pytest.warns(kn.SchemaDriftWarning, match="is_admin is no longer sent"):
        users = fetch_users_from(lambda query, _: page_of([newer], query))

    assert [["provider", "organization_admin"]] == users["roles"].tolist()
    assert "boolean" == str(users["is_admin"].dtype)


def test_without_a_login_the_error_names_login():
    """A fetch before ``kn.login()`` is an error that names it."""
    with pytest.raises(kn.CredentialsError, match=r"kn\.login"):
        kn.fetch_users()


def test_provenance_holds_no_personal_data(client):
    """``attrs`` record where the table came from, in JSON's types, without the requested address."""
    about = kn.fetch_users("nobody@example.org", client=client).attrs["kismet"]

    assert ["email"] == about["filters"]
    assert "nobody" not in repr(about)
    assert dt.datetime.fromisoformat(about["fetched_at"]).tzinfo == dt.UTC


@pytest.mark.parametrize("past_the_end", ["empty", "absent", "refused", "last"])
def test_any_response_past_the_last_page_means_the_end(past_the_end):
    """Past a full last page, an empty page, a 404, a 400 or the last page again all mean the end."""
    rows = [user(number) for number in range(40)]

    def answer(query, _):
        if int(query["page"]) <= 4 or past_the_end == "empty":
            return page_of(rows, query)
        return {"absent": (404, {}, b""), "refused": (400, {}, b""), "last": page_of(rows, {**query, "page": 4})}[
            past_the_end
        ]

    assert 40 == len(fetch_users_from(answer))
