"""The threads of one fetch: however it ends, no thread is left."""

import threading
import time

import pytest
from support.fetching import client_of
from support.rows import call, page_of, user

import kismet_nb as kn
from kismet_nb.fetch import pagination
from kismet_nb.transport.threads import DaemonThreads


def threads_left():
    """Return the threads of fetches that are still running."""
    return [thread for thread in threading.enumerate() if thread.name == "kismet_nb"]


@pytest.mark.usefixtures("_no_pauses")
def test_a_list_that_continues_after_another_failed_leaves_no_thread(monkeypatch):
    """If a list needs more pages after the fetch has failed, its thread ends and does not wait for them."""
    failed, ended = threading.Event(), []

    def answer(query, _):
        if query.path == "/organization_users/2/calls":
            return 400, {}, b""
        return page_of([call(number) for number in (3, 1, 2, 6, 5, 4)], query, envelope="calls")

    def read_page(resource, number, response):
        result = parse_page(resource, number, response)
        assert failed.wait(10)
        return result

    def end(threads):
        original_end(threads)
        ended.append(threads)
        if len(ended) == 2:  # the threads for lists, and those for pages
            failed.set()

    parse_page = pagination.parse_page
    original_end = DaemonThreads.end
    monkeypatch.setattr("kismet_nb.fetch.pagination.parse_page", read_page)
    monkeypatch.setattr(DaemonThreads, "end", end)
    with client_of(answer, page_size=3, retries=0) as client, pytest.raises(kn.RequestRefusedError, match="user 2"):
        kn.fetch_calls([1, 2], client=client)

    assert not threads_left()


@pytest.mark.usefixtures("_no_pauses")
def test_a_page_that_is_no_longer_needed_is_cut():
    """If a list changes while one of its pages is still awaited, the second attempt does not wait for that page."""
    rows, seen = [user(number) for number in range(1, 61)], set()

    def slowly():
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        for _ in range(300):
            time.sleep(0.1)
            yield b" "

    def answer(query, _):
        first_time = query["page"] not in seen
        seen.add(query["page"])
        if query["page"] == "3" and first_time:
            return slowly()
        return page_of(rows, query, **({"total_count": 59} if query["page"] == "2" and first_time else {}))

    with client_of(answer, page_size=10, timeout=60) as client:
        client.get("/organization_users", {"page": 1, "per_page": 10})
        started = time.monotonic()

        assert 60 == len(kn.fetch_users(client=client))
        assert time.monotonic() - started < 15  # the page takes 30 s
    assert not threads_left()


def test_an_interrupt_while_the_first_thread_starts_ends_the_request(monkeypatch):
    """The request that was just sent is cut."""
    start = threading.Thread.start

    def interrupted_start(thread):
        start(thread)
        if thread.name == "kismet_nb":
            time.sleep(0.3)  # until the request is in flight
            raise KeyboardInterrupt

    with client_of(lambda *_: time.sleep(20), timeout=60) as client:
        monkeypatch.setattr(threading.Thread, "start", interrupted_start)
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            client.get("/organization_users")

        assert time.monotonic() - started < 10
    assert not threads_left()
