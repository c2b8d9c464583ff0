"""The threads of one fetch, and the retry loop of its requests.

The calling thread sends nothing. It waits for results and cuts overdue requests. So it handles an interrupt at once,
and its frames contain no header.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from kismet_nb.errors import KismetError, UnavailableError
from kismet_nb.transport.responses import Decoded, Response, judge
from kismet_nb.transport.retry import RetryPolicy, seconds_before_retry, should_retry
from kismet_nb.transport.threads import DaemonThreads
from kismet_nb.transport.throttle import FetchCancelledError, Throttle
from kismet_nb.transport.usage import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from kismet_nb.transport.connection import Connection, ConnectionPool, Params
    from kismet_nb.transport.usage import Usage

__all__ = ["Request", "Workers"]

POLL_SECONDS = 0.25  # between two checks for overdue requests
JOIN_SECONDS = 2.0  # for threads to end after a failure
MAX_SPARE_THREADS = 2  # beyond the requests in flight, so that a request can start while other threads parse pages
REFUSALS = {401, 403, 429, 502, 503, 504}  # statuses that refuse credentials or show overload
ITEMS_PER_THREAD = 2  # submitted items of a map, so that results do not pile up

Item = TypeVar("Item")
Result = TypeVar("Result")

_logger = logging.getLogger("kismet_nb")


@dataclass(frozen=True, slots=True)
class Request:
    """One GET below the API's prefix.

    Attributes
    ----------
    path, params
        The endpoint with its ids, and the query.
    endpoint
        The endpoint with names in place of ids, for usage tables and logs.
    resource, page
        The resource and the page that an error names.
    one_of_many
        Whether the request is for one list of many.
    """

    path: str
    params: Params
    endpoint: str = OTHER
    resource: str | None = None
    page: int | None = None
    one_of_many: bool = False


class Workers:
    """The threads of one fetch. Some read lists, others read the pages of these lists.

    Parameters
    ----------
    connections
        The connections for the requests.
    throttle
        Decides how many requests are in flight, and when each may start.
    policy
        Decides whether a request is tried again.
    max_in_flight
        How many requests may be in flight.
    usage
        Counts the requests.
    """

    def __init__(
        self, connections: ConnectionPool, throttle: Throttle, policy: RetryPolicy, max_in_flight: int, usage: Usage
    ) -> None:
        self._connections = connections
        self._throttle = throttle
        self._policy = policy
        self._usage = usage
        self._active: set[Connection] = set()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        threads = max_in_flight + min(MAX_SPARE_THREADS, max_in_flight // 2)
        self._list_threads, self._page_threads = DaemonThreads(threads), DaemonThreads(threads)

    def run(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[tuple[Item, Result] | None]:
        """Call a function for each item in threads; it may call ``get``, ``map`` and ``pause``.

        Yields
        ------
        tuple or None
            An item and its result, as soon as it is ready. None after ``POLL_SECONDS`` without a result.

        Raises
        ------
        BaseException
            The first error that the function raised. After the iteration, no thread continues.
        """
        results: queue.SimpleQueue[tuple[Item, Result | BaseException]] = queue.SimpleQueue()
        pending = 0

        def call(item: Item) -> None:
            if self._cancelled.is_set():
                return
            outcome = _outcome(function, item)
            results.put((item, outcome))
            if isinstance(outcome, BaseException):
                self._cancelled.set()  # so that no thread begins another list

        try:
            for item in items:
                self._list_threads.submit(functools.partial(call, item))
                pending += 1
            while pending:
                self._cut_overdue()
                try:
                    item, result = results.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(result, BaseException):
                    raise result
                pending -= 1
                yield item, result
        finally:
            self._close()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Call a function for each item in the page threads, and yield the results as soon as they are ready.

        When the iteration ends, items that no thread has begun are dropped.
        """
        remaining, ended = iter(items), threading.Event()
        results: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()

        def call(item: Item) -> None:
            if not ended.is_set():
                results.put(_outcome(function, item))

        def submit(count: int) -> int:
            batch = list(itertools.islice(remaining, count))
            for item in batch:
                self._page_threads.submit(functools.partial(call, item))
            return len(batch)

        pending = submit(ITEMS_PER_THREAD * self._page_threads.count)
        try:
            while pending:
                result = results.get()
                pending += submit(1) - 1
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            ended.set()

    def get(self, request: Request) -> Decoded:
        """Send a request until it succeeds or must not be tried again, and return the decoded JSON.

        Raises
        ------
        KismetError
            The request failed; the subclass depends on what to do next.
        FetchCancelledError
            The fetch has ended.
        """
        started, failures = 0.0, 0
        while True:
            with self._throttle.slot(self._cancelled):
                sent_at = time.monotonic()
                started = started or sent_at
                sent = self._send(request)
                self._record(request, sent, failures, time.monotonic() - sent_at)
            outcome: Decoded | BaseException
            if isinstance(sent, Response):
                outcome = judge(sent, self._connections.credentials, one_of_many=request.one_of_many)
                if sent.status not in REFUSALS:
                    self._throttle.record_success()
            else:
                outcome = sent
            if isinstance(outcome, Decoded):
                return outcome
            if self._cancelled.is_set():
                raise FetchCancelledError
            if not isinstance(outcome, KismetError):
                raise outcome
            failures += 1
            # All requests of a client count overloads together. While others succeed, only patience ends a request.
            tries = self._throttle.count_overload(sent_at) if _is_overload(outcome) else failures
            wait = seconds_before_retry(outcome, tries)
            elapsed = time.monotonic() - started
            if not should_retry(outcome, self._policy, tries=tries, elapsed=elapsed, wait=wait):
                outcome.resource, outcome.page = request.resource, request.page
                if failures > 1:
                    outcome.message += f" (Tried {failures} times.)"
                raise outcome
            self._wait(outcome, wait)

    def pause(self, seconds: float) -> None:
        """Wait. Raise FetchCancelledError if the fetch ends meanwhile."""
        if self._cancelled.wait(seconds):
            raise FetchCancelledError

    def _send(self, request: Request) -> Response | BaseException:
        with self._lock:
            if self._cancelled.is_set():
                raise FetchCancelledError
            connection = self._connections.borrow()
            self._active.add(connection)
        sent = connection.send(request.path, request.params)
        with self._lock:
            self._active.discard(connection)
        if self._cancelled.is_set():
            connection.close()
        else:
            self._connections.give_back(connection)
        return sent

    def _record(self, request: Request, sent: Response | BaseException, failures: int, seconds: float) -> None:
        """Count a request, and log it at debug level, without an id, a header or a value of the query."""
        response = sent if isinstance(sent, Response) else None
        self._usage.count(
            request.endpoint,
            retry=failures > 0,
            refused=response is not None and response.status in REFUSALS,
            received=len(response.body) if response else 0,
            seconds=seconds,
        )
        if _logger.isEnabledFor(logging.DEBUG):
            status = response.status if response else "no complete response"
            _logger.debug("GET %s: %s, %.0f ms, try %d", request.endpoint, status, 1000 * seconds, failures + 1)

    def _wait(self, error: KismetError, seconds: float) -> None:
        """Wait before a retry. If the server is overloaded, all requests wait.

        The wait is outside of the slot, so that other requests are sent before this one is retried.
        """
        begins = self._throttle.pause(seconds) if _is_overload(error) else True
        if begins and seconds > 1:
            # Without any logging setup, Python shows warnings on stderr, which is below the cell in a notebook.
            _logger.warning("waiting %.0f s before trying again: %s", seconds, error)
        self.pause(seconds)

    def _cut_overdue(self) -> None:
        with self._lock:
            for connection in self._active:
                connection.cut_if_overdue()

    def _close(self) -> None:
        """End all threads, and cut requests in flight, which are no longer needed."""
        self._cancelled.set()
        with self._lock:
            for connection in self._active:
                connection.cancel()
        self._list_threads.end()
        self._page_threads.end()  # lists wait for queued pages, which fail at once
        give_up_at = time.monotonic() + JOIN_SECONDS
        for thread in (*self._list_threads.started, *self._page_threads.started):
            with contextlib.suppress(RuntimeError):  # interrupted before the thread started
                thread.join(max(0.0, give_up_at - time.monotonic()))


def _is_overload(error: KismetError) -> bool:
    """Return whether an error is a sign of overload: 429, 502, 503, 504, a timeout, or no connection."""
    return isinstance(error, UnavailableError) and error.status in {None, 429, 502, 503, 504}


def _outcome(function: Callable[[Item], Result], item: Item) -> Result | BaseException:
    try:
        return function(item)
    except BaseException as error:  # noqa: BLE001 - it is raised where the caller waits
        return error
