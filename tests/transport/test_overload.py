"""Servers that are overloaded or down: all requests wait together, and the table is complete."""

import contextlib
import json
import socket
import threading
import time

import pytest
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.fetching import client_of, fetch_users_from
from support.rows import call, page_of, user

import kismet_nb as kn
from kismet_nb.transport import retry

ROWS = [user(number) for number in range(450)]


@pytest.fixture
def waits(monkeypatch):
    """Return a function that sets the waits before retries, and their jitter, in seconds."""

    def set_waits(*seconds, jitter=0.0):
        monkeypatch.setattr("kismet_nb.transport.retry.WAITS", seconds)
        monkeypatch.setattr("kismet_nb.transport.retry.MAX_WAIT", seconds[-1])
        monkeypatch.setattr("kismet_nb.transport.retry.JITTER", jitter)

    return set_waits


class BusyServer:
    """A server that delays each response and fails for some requests.

    Parameters
    ----------
    fails
        A function of the query and the number of the request that returns whether it fails.
    failure
        A status, "silence" until the client's timeout, or "broken": no response at all.
    body
        A function of the query that returns the other responses.
    """

    def __init__(self, fails, failure, body=lambda query: page_of(ROWS, query), seconds=0.05):
        self.fails, self.failure, self.body, self.seconds = fails, failure, body, seconds
        self.lock = threading.Lock()
        self.active = 0
        self.seen = []  # moment, requests in flight
        self.seconds_after_failure = seconds

    def __call__(self, query, count):
        """Respond to a request, in parallel to others."""
        return self.respond(query, self.fails(query, count))

    def respond(self, query, failing):
        """Yield the bytes of a response."""
        with self.lock:
            self.active += 1
            self.seen.append((time.time(), self.active))
            self.seconds = self.seconds_after_failure if failing else self.seconds
        time.sleep(self.seconds)
        with self.lock:
            self.active -= 1
        if failing and self.failure in {"silence", "broken"}:
            time.sleep(5 if self.failure == "silence" else 0)
            return
        status, body = (self.failure, b"") if failing else (200, json.dumps(self.body(query)).encode())
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
        yield b"HTTP/1.1 %d Status\r\nDate: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (
            status,
            date,
            len(body),
        )
        yield body


@pytest.mark.slow
@pytest.mark.parametrize("failure", [429, 502, 503, 504, "silence", "broken"])
def test_a_sign_of_overload_makes_all_requests_wait_and_halves_them(failure, waits, caplog):
    """For each sign, there is one pause without any request and one log line; then half as many are in flight."""
    waits(2.1)  # longer than a busy machine delays earlier requests
    server = BusyServer(lambda _, count: count in {12, 13, 14}, failure)
    silent = failure == "silence"
    # Slow enough that the number in flight is the limit and not the rate, and far below the timeout.
    server.seconds_after_failure = 0.5 if silent else 0.15
    users = fetch_users_from(server, timeout=2 if silent else 10)

    assert list(range(450)) == users["id"].tolist()
    assert 1 == len(caplog.records)
    began = caplog.records[0].created
    before = [active for moment, active in server.seen if moment < began]
    after = [active for moment, active in server.seen if began + 2 < moment < began + 3]
    assert 4 < max(before) <= 8  # on a busy machine, fewer than 8 may be in flight
    assert [] == [moment for moment, _ in server.seen if began + 1.2 < moment < began + 2]
    assert max(after) <= 4


def answer_calls(query):
    """Return a call of the requested user."""
    return page_of([call(int(query.path.split("/")[2]))], query, envelope="calls")


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [2, 8])
def test_tries_are_not_used_up_while_others_succeed(in_flight, waits):
    """If a busy server refuses one request repeatedly while others succeed, only patience limits its tries."""
    waits(0.02)
    refused = []

    def refuses(query, _count):
        due = "/7/" in query.path and len(refused) < 4
        refused.extend([1] if due else [])
        return due

    server = BusyServer(refuses, 503, answer_calls, seconds=0.01)
    with client_of(server, retries=1, max_in_flight=in_flight) as client:
        calls = kn.fetch_calls(range(1, 600), client=client)  # enough even if a busy machine delays a thread

    assert 599 == len(calls)
    assert 4 == len(refused)


def test_patience_ends_a_request_that_is_refused_while_others_succeed(waits):
    """If one list is always refused, the fetch ends after the client's patience. The error names the list."""
    waits(0.05)
    server = BusyServer(lambda query, _: "/7/" in query.path, 503, answer_calls, seconds=0.01)
    started = time.monotonic()
    with (
        client_of(server, retries=1000, patience=3) as client,  # longer than a busy machine delays a thread
        pytest.raises(kn.UnavailableError, match=r"calls of user 7, page 1: .*503.*Tried [0-9]+ times"),
    ):
        kn.fetch_calls(range(1, 20), client=client)

    assert time.monotonic() - started < 15  # 3 s of patience, and waits for a slot


def test_other_failures_use_up_the_tries_of_a_request(waits):
    """A 500 is a fault of one request and not a sign of overload, so ``retries`` limits its tries."""
    waits(0.02)
    server = BusyServer(lambda query, _: "/7/" in query.path, 500, answer_calls, seconds=0.01)
    with (
        client_of(server, retries=2) as client,
        pytest.raises(kn.UnavailableError, match=r"calls of user 7.*Tried 3 times"),
    ):
        kn.fetch_calls(range(1, 100), client=client)


@contextlib.contextmanager
def starting_later(answer, seconds):
    """Yield the address of a server that refuses connections for some seconds."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    over = threading.Event()

    def serve():
        time.sleep(seconds)
        with serving(answer, port=port):
            over.wait(60)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        over.set()
        thread.join()


@pytest.fixture
def faster(waits):
    """Return a function that makes the default waits before retries shorter by a factor."""

    def divide_waits(by):
        waits(*(seconds / by for seconds in retry.WAITS), jitter=retry.JITTER / by)

    return divide_waits


def test_a_server_that_refuses_connections_for_20_seconds_is_survived(faster):
    """With the client's defaults, a fetch outlasts the restart of a server. 20 s need all five retries."""
    faster(by=8)
    with (
        starting_later(lambda query, _: page_of(ROWS, query), 20 / 8) as url,
        kn.KismetClient(CLIENT_ID, SECRET, api_url=url) as client,
    ):
        assert 450 == len(kn.fetch_users(client=client))


@pytest.mark.parametrize("failure", [502, 503, "broken"])
def test_a_server_that_fails_for_30_seconds_while_lists_are_read_is_survived(failure, faster):
    """With the client's defaults, every list is read although no request succeeds for so long."""
    faster(by=20)
    away = []

    def fails(_query, count):
        if count == 8:
            away.append(time.monotonic())
        return bool(away) and time.monotonic() - away[0] < 30 / 20

    with client_of(BusyServer(fails, failure, answer_calls)) as client:
        assert 24 == len(kn.fetch_calls(range(1, 25), client=client))


@pytest.mark.slow
def test_a_server_that_is_down_for_29_seconds_is_survived_without_scaling():
    """The default waits are 30 s in total. The server of this test may need a second to start."""
    assert 30 <= sum(retry.WAITS)
    with (
        starting_later(lambda query, _: page_of(ROWS, query), 29) as url,
        kn.KismetClient(CLIENT_ID, SECRET, api_url=url) as client,
    ):
        assert 450 == len(kn.fetch_users(client=client))


def test_credentials_that_are_refused_are_sent_once():
    """Until one request has succeeded, there is one at a time, because many tries could lock an account."""
    server = BusyServer(lambda *_: True, 401)
    with client_of(server) as client, pytest.raises(kn.AuthenticationError):
        kn.fetch_calls(range(1, 300), client=client)

    assert 1 == len(server.seen)


class Bucket:
    """A rate limit like nginx's limit_req, with a rate per second and a burst."""

    def __init__(self, rate, burst):
        self.rate, self.burst = rate, burst
        self.excess, self.last = 0.0, 0.0
        self.refused = 0

    def refuses(self, *_):
        """Return whether a request is beyond the limit."""
        now = time.monotonic()
        excess = max(0.0, self.excess - (now - self.last) * self.rate)
        self.last = now
        if excess > self.burst:
            self.excess = excess
            self.refused += 1
            return True
        self.excess = excess + 1
        return False


@pytest.mark.slow
def test_a_limit_of_5_requests_per_second_with_503_is_respected():
    """120 lists take at most 1.6 times the minimum time, and at most a quarter of the requests is refused."""
    bucket = Bucket(5, 4)
    server = BusyServer(bucket.refuses, 503, answer_calls)
    started = time.monotonic()
    with client_of(server) as client:
        calls = kn.fetch_calls(range(1, 121), client=client)

    assert list(range(1, 121)) == calls["id"].tolist()
    assert time.monotonic() - started < 1.6 * (120 - 4) / 5
    assert bucket.refused <= len(server.seen) / 4
