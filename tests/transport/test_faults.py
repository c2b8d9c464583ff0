"""Faults of servers and networks: a fetch returns the exact table or raises the exact error."""

import email.utils
import gc
import gzip
import json
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from support.certificates import server_tls
from support.faulty_server import SECRET, serving
from support.fetching import client_of, fetch_users_from
from support.interrupted_fetch import check_interrupt
from support.rows import page_of, user

import kismet_nb as kn

ROWS = [user(number) for number in range(30)]


def fetch_with(**fields):
    """Return a table of three users, the second with other fields."""
    rows = [ROWS[1], user(2) | fields, ROWS[3]]
    return fetch_users_from(lambda query, _: page_of(rows, query))


def whole(body, *, keep_alive=False, **headers):
    """Return the bytes of a response before a closed connection. With ``keep_alive``, the close is not announced."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [] if keep_alive else ["Connection: close"]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode() + body


def body_of(query):
    """Return a page of the users as JSON."""
    return json.dumps(page_of(ROWS, query)).encode()


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_permanent_failure_is_an_error_that_names_it(status):
    """If every try fails, the error names status, resource, page and the number of tries."""
    with pytest.raises(kn.UnavailableError, match=r"users, page 2: .*Tried 3 times") as caught:
        fetch_users_from(
            lambda query, _: page_of(ROWS, query) if query["page"] == "1" else (status, {"Retry-After": "0"}, b""),
            max_in_flight=1,
            page_size=20,
        )

    assert (status, "users", 2) == (caught.value.status, caught.value.resource, caught.value.page)


@pytest.mark.slow
@pytest.mark.parametrize("wait", ["0", "0.3", "a date that has passed", None, "-5", "1e3", "nan"])
def test_a_429_in_the_middle_is_waited_out(wait):
    """If Retry-After is short, missing or invalid, the client still waits until a server accepts requests again."""
    wait = email.utils.formatdate(time.time() - 3600, usegmt=True) if wait == "a date that has passed" else wait
    headers, refusing_until = {} if wait is None else {"Retry-After": wait}, []

    def answer(query, count):
        if count == 3:
            refusing_until.append(time.monotonic() + 1)
        if refusing_until and time.monotonic() < refusing_until[0]:
            return 429, headers, b""
        return page_of(ROWS, query)

    assert 30 == len(fetch_users_from(answer, retries=3))
    assert time.monotonic() - refusing_until[0] < 10


def test_credentials_that_are_revoked_during_a_fetch_are_an_error():
    """A 401 on page 3 is an AuthenticationError that names the page."""
    with pytest.raises(kn.AuthenticationError) as caught:
        fetch_users_from(lambda query, _: (401, {}, b"") if query["page"] == "3" else page_of(ROWS, query))

    assert (401, "users", 3) == (caught.value.status, caught.value.resource, caught.value.page)


def test_a_closed_keep_alive_connection_loses_no_row():
    """If a server closes the connection after each response without announcing it, the client opens new ones."""

    def answer(query, _):
        body = body_of(query)
        return whole(body, keep_alive=True, Content_Length=len(body))

    assert list(range(30)) == fetch_users_from(answer, max_in_flight=1)["id"].tolist()


@pytest.mark.parametrize(
    "shape", ["shorter than announced", "cut chunk", "no last chunk", "no length, cut", "gzip cut"]
)
def test_a_truncated_body_is_requested_again(shape):
    """However a body is truncated, its rows are requested again."""

    def answer(query, count):
        body = body_of(query)
        half = body[: len(body) // 2]
        return (
            {
                "shorter than announced": whole(half, Content_Length=len(body)),
                "cut chunk": whole(b"%x\r\n" % len(body) + half, Transfer_Encoding="chunked"),
                "no last chunk": whole(b"%x\r\n%b\r\n" % (len(half), half), Transfer_Encoding="chunked"),
                "no length, cut": whole(half),
                "gzip cut": whole(b"\x1f\x8b\x08\x00", Content_Encoding="gzip"),
            }[shape]
            if count == 2
            else page_of(ROWS, query)
        )

    assert list(range(30)) == fetch_users_from(answer)["id"].tolist()


def test_a_compressed_body_is_read():
    """A gzip body is decoded."""

    def answer(query, _):
        body = gzip.compress(body_of(query))
        return whole(body, Content_Encoding="gzip", Content_Length=len(body))

    assert list(range(30)) == fetch_users_from(answer, retries=0)["id"].tolist()


def test_a_body_that_is_always_truncated_is_an_error():
    """A body that is always shorter than announced is an error, even if it is valid JSON."""

    def answer(query, _):
        body = body_of(query)
        return whole(body, Content_Length=len(body) + 1)

    with pytest.raises(kn.UnavailableError, match="broke"):
        fetch_users_from(answer)


@pytest.mark.slow
def test_an_interrupt_during_a_wait_returns_at_once():
    """Ctrl-C during a Retry-After of a minute ends the fetch and leaves no thread."""
    check_interrupt("client = client_of(lambda *_: (429, {'Retry-After': '60'}, b'')).__enter__()")


def test_a_long_wait_is_logged_once(caplog):
    """A wait of more than a second is logged once, with the reason."""
    fetch_users_from(lambda query, count: (503, {"Retry-After": "1.1"}, b"") if count == 3 else page_of(ROWS, query))

    assert 1 == len(caplog.messages)
    assert "503" in caplog.messages[0]


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("says", ["page 1", "what was asked for"])
def test_a_server_that_ignores_the_page_is_an_error(says):
    """The same rows for every page are an error, whichever page number the response contains."""

    def answer(query, _):
        body = page_of(ROWS, {**query, "page": 1})
        if says == "what was asked for":
            body["pagination"]["current_page"] = int(query["page"])
        return body

    expected = kn.UnexpectedAnswerError if says == "page 1" else kn.IncompleteError
    with pytest.raises(expected, match="page 1 was returned" if says == "page 1" else "duplicates"):
        fetch_users_from(answer)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(("page", "rows", "named"), [("2", [], "page 2 has 0 rows"), ("2", ROWS[:10], "duplicates")])
def test_an_empty_or_repeated_page_in_the_middle_is_an_error(page, rows, named):
    """If a page has no rows or the rows of another page in every attempt, it is an error."""

    def answer(query, _):
        body = page_of(ROWS, query)
        return {**body, "organization_users": rows} if query["page"] == page else body

    with pytest.raises(kn.IncompleteError, match=named) as caught:
        fetch_users_from(answer)
    assert "incomplete" == caught.value.partial.attrs["kismet"]["verdict"]


def test_a_page_that_is_empty_once_is_read_again():
    """If a page is empty in the first attempt only, the table is complete."""

    def answer(query, count):
        body = page_of(ROWS, query)
        return {**body, "organization_users": []} if count == 3 else body

    assert list(range(30)) == fetch_users_from(answer)["id"].tolist()


def test_a_name_of_5_mb_and_deep_nesting_are_kept():
    """Long and deeply nested values stay as sent."""
    deep = []
    for _ in range(200):
        deep = [deep]
    name = "Ada \U0001f98a" * 1_000_000
    with pytest.warns(kn.SchemaDriftWarning, match="profile is new"):
        users = fetch_with(display_name=name, profile=deep)

    assert name == users["display_name"][1]
    assert deep == users["profile"][1]


def test_a_lone_surrogate_is_kept():
    """Text that cannot be encoded is kept, in a documented column and in an unknown one."""
    with pytest.warns(kn.SchemaDriftWarning) as caught:
        users = fetch_with(email="\udcff", nickname="\ud83e")

    assert ("\udcff", "\ud83e") == (users["email"][1], users["nickname"][1])
    assert "email has 1 values" in str(caught[0].message)


@pytest.mark.parametrize("rows", [[None], ["x"], [[1]], [1.5]])
def test_rows_that_are_not_objects_are_an_error(rows):
    """A row of another type is never skipped."""
    with pytest.raises(kn.UnexpectedAnswerError, match="other than objects"):
        fetch_users_from(lambda query, _: page_of([user(1), *rows], query))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1e400", "1e400"),
        ("1e-400", "1e-400"),
        ("9007199254740993.0", "9007199254740993.0"),
        ("2.0", 2.0),
        ("-0", 0),
        ("-0.0", -0.0),
        ("true", True),
        ("9" * 30, int("9" * 30)),
    ],
)
def test_unusual_numbers_as_ids_are_kept(sent, kept):
    """A number that is not a 64-bit integer stays as sent, beside ordinary ids."""
    body = json.dumps(page_of([user(5), user("HERE"), user(7)], {})).replace('"HERE"', sent).encode()
    if sent == "-0":
        users = fetch_users_from(lambda *_: (200, {}, body))
    else:
        with pytest.warns(kn.SchemaDriftWarning, match="id has 1 values"):
            users = fetch_users_from(lambda *_: (200, {}, body))

    assert repr(kept) == repr(users["id"].tolist()[1])
    assert [5, 7] == [users["id"][0], users["id"][2]]


def test_a_field_name_with_a_lone_surrogate_is_kept():
    """A field whose name cannot be encoded is a column, and its warning can be printed."""
    with pytest.warns(kn.SchemaDriftWarning, match=r"x\\ud800 is new") as caught:
        users = fetch_with(**{"x\ud800": 7})

    assert 7 == users["x\ud800"][1]
    assert str(caught[0].message).encode()


def test_a_huge_total_is_a_kismet_error():
    """If a ``total_count`` beyond 64 bits contradicts ``total_pages``, the error says so."""
    with pytest.raises(kn.UnexpectedAnswerError, match="total_pages is 1"):
        fetch_users_from(lambda query, _: page_of([user(1)], query, total_count=10**400, total_pages=1))


def test_login_works_for_an_organization_with_many_users():
    """A login requests a page of one row. There may be any number of such pages."""
    counts = {"per_page": 1, "total_pages": 2_000_000, "total_count": 2_000_000}
    with client_of(lambda query, _: page_of([user(1)], query, **counts)) as client:
        assert 2_000_000 == kn.login(client).users


def test_ids_beyond_63_bits_do_not_change_ids_of_other_pages():
    """Small ids on one page and large ones on the next are all exact."""
    ids = [*range(10), *(2**63 + number for number in range(10))]
    with pytest.warns(kn.SchemaDriftWarning, match="id has 10 values"):
        users = fetch_users_from(lambda query, _: page_of([user(number) for number in ids], query))

    assert ids == users["id"].tolist()


def test_a_duplicate_name_in_an_object_is_an_error():
    """One of the two values would be lost."""
    body = json.dumps(page_of([user(1)], {})).replace('"id": 1,', '"id": 1, "id": 2,').encode()
    with pytest.raises(kn.UnexpectedAnswerError):
        fetch_users_from(lambda *_: (200, {}, body))


def test_all_requests_wait_after_a_429(caplog):
    """During the wait that a 429 asks for, no request is sent, and the wait is logged once."""
    times, refused_at = [], []

    def answer(query, count):
        times.append(time.monotonic())
        time.sleep(0.02)
        if count in {14, 15}:  # while pages are read that do not wait for each other
            refused_at.append(time.monotonic())
            return 429, {"Retry-After": "2.6"}, b""
        return page_of([user(number) for number in range(300)], query)

    fetch_users_from(answer)

    # Requests that were sent before the 429 arrived may reach a busy server late.
    assert [] == [moment for moment in times if 1.5 < moment - refused_at[0] < 2.55]
    assert 1 == len(caplog.messages)


def test_missing_fields_are_missing_values():
    """A row without a field has a missing value there, in a column of the declared dtype."""
    bare = {"id": 2}
    users = fetch_users_from(lambda query, _: page_of([user(1), bare, user(3)], query))

    assert [2] == users["id"][users["email"].isna()].tolist()
    assert pd.isna(users["created_at"][1])
    assert "datetime64[us, UTC]" == str(users["created_at"].dtype)


@pytest.fixture
def tls(monkeypatch, tmp_path):
    """Return the TLS settings of a server whose certificate is trusted."""
    tls, authority = server_tls(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    return tls


class HangsUpOnce:
    """TLS of a server that closes the first connection before the handshake."""

    def __init__(self, tls):
        self.tls = tls
        self.dropped = False

    def wrap_socket(self, connection, **options):
        """Wrap a connection, except the first."""
        if not self.dropped:
            self.dropped = True
            connection.close()
            raise ConnectionAbortedError
        return self.tls.wrap_socket(connection, **options)


def test_an_aborted_tls_handshake_is_retried(tls):
    """A connection closed during the handshake does not count as an untrusted certificate."""
    with client_of(lambda query, _: page_of(ROWS, query), tls=HangsUpOnce(tls)) as client:
        assert 30 == len(kn.fetch_users(client=client))


class DelaysLaterConnections:
    """TLS of a server that delays every handshake except the first, until ``go_on`` is set."""

    def __init__(self, tls):
        self.tls, self.count = tls, 0
        self.waiting, self.go_on = threading.Event(), threading.Event()

    def wrap_socket(self, connection, **options):
        """Wrap a connection."""
        self.count += 1
        if self.count > 1:
            self.waiting.set()
            assert self.go_on.wait(20)
        return self.tls.wrap_socket(connection, **options)


def test_after_a_failure_nothing_is_sent_over_a_new_connection(tls):
    """If a list is refused while other requests wait for a TLS handshake, these are never sent."""
    delays = DelaysLaterConnections(tls)

    def answer(query, count):
        if count == 1:
            return page_of(ROWS, query)  # after the first success, requests are sent in parallel
        assert delays.waiting.wait(20)
        return 403, {}, b"{}"

    with serving(answer, tls=delays) as (url, visits), kn.KismetClient("id", SECRET, api_url=url) as client:
        client.get("/organization_users")
        with pytest.raises(kn.RequestRefusedError):
            kn.fetch_calls(range(1, 9), client=client)
        left = [thread for thread in threading.enumerate() if thread.name == "kismet_nb"]
        delays.go_on.set()
        time.sleep(0.5)  # for a request that is sent by mistake

        assert [] == left
        assert 2 == len(visits)


def test_an_unreferenced_client_leaves_no_connection():
    """Clients that are replaced without being closed, for example by a second login(), release their sockets."""
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        gc.collect()
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(10):
            kn.fetch_users(client=kn.KismetClient("client-id", SECRET, api_url=url))
        gc.collect()
        for _ in range(100):  # until the server has closed its side
            left = len(list(Path("/proc/self/fd").iterdir())) - before
            if left < 3:
                break
            time.sleep(0.1)

        assert left < 3


def test_a_refused_connection_is_named_in_the_error():
    """A refused connection is not reported as a timeout."""
    with serving(lambda *_: b"") as (url, _):
        pass
    with (
        kn.KismetClient("client-id", SECRET, api_url=url, retries=0) as client,
        pytest.raises(kn.UnavailableError, match="cannot be reached"),
    ):
        kn.fetch_users(client=client)


@pytest.mark.parametrize("setting", ["timeout", "retries", "max_in_flight", "page_size"])
def test_an_infinite_setting_is_refused(setting):
    """An infinite number is an InvalidInputError before anything is sent."""
    with pytest.raises(kn.InvalidInputError, match=setting):
        kn.KismetClient("client-id", SECRET, **{setting: float("inf")})


def test_a_slowly_sending_server_does_not_delay_a_single_request():
    """A single request ends at its timeout, like the requests of a fetch."""

    def drip():
        yield b"HTTP/1.1 200 OK\r\nX-Slow:"
        for _ in range(200):
            time.sleep(0.1)
            yield b" "

    started = time.monotonic()
    with (
        client_of(lambda *_: drip(), timeout=0.5, retries=0) as client,
        pytest.raises(kn.UnavailableError, match=r"0\.5 s"),
    ):
        client.get("/organization_users")

    assert time.monotonic() - started < 10


@pytest.mark.parametrize("time", ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00"])
def test_a_year_out_of_range_is_kept_as_text(time):
    """Python's times have no years 0 and 10,000: the column stays as sent."""
    with pytest.warns(kn.SchemaDriftWarning, match="created_at has 1 values"):
        users = fetch_with(created_at=time)

    assert time == users["created_at"][1]
