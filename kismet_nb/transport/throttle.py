"""Bound how many requests of a client are in flight, and how fast they start.

Until the server shows a sign of overload, only the number in flight is bounded. After a sign of overload, all requests
pause together, half as many may be in flight, and they start at the rate at which they succeeded before. Both limits
grow back slowly: additive increase, multiplicative decrease.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FetchCancelledError", "Throttle"]

POLL_SECONDS = 0.2  # between two checks whether a fetch was cancelled
IDLE_SECONDS = 2.0  # without a start: after that, earlier successes say nothing about the server's limit
MIN_SUCCESSES = 20  # needed for a rate: fewer may be chance
RATE_DECREASE = 0.9  # factor of the rate at each overload
RATE_INCREASE = 0.01  # fraction of the first rate that is added each second
MIN_RATE = 1 / 16  # fraction of the first rate
IN_FLIGHT_DECREASE = 0.5  # factor of the requests in flight at each overload
IN_FLIGHT_INCREASE = 0.5  # requests in flight that are added each second


class FetchCancelledError(Exception):
    """The fetch that a request belongs to has ended. It never reaches the user."""


class Throttle:
    """Bound the requests of a client over all its fetches.

    Parameters
    ----------
    max_in_flight
        How many requests may be in flight at most.
    """

    def __init__(self, max_in_flight: int) -> None:
        self.successes = 0  # in total
        self._overloads = 0  # since the last success
        self._last_overload = float("-inf")
        self._max_in_flight = max_in_flight
        # One at a time until one succeeds, so that wrong credentials or a proxy's wrong password are sent once.
        self._limit = 1.0
        self._in_flight = 0
        self._rate = self._first_rate = float("inf")  # starts per second
        self._resume_at = 0.0
        self._next_start = 0.0
        self._last_start = float("-inf")
        self._counted_from = 0.0  # time from which successes count for the rate
        self._counted = 0
        self._grown_at = 0.0
        self._released = threading.Condition()

    @contextlib.contextmanager
    def slot(self, cancelled: threading.Event) -> Iterator[None]:
        """Wait until one more request may start, and count it as in flight until the block ends.

        Raises
        ------
        FetchCancelledError
            The fetch was cancelled meanwhile.
        """
        self._enter(cancelled)
        try:
            while (seconds := self.seconds_until_start()) > 0:
                if cancelled.wait(seconds):
                    raise FetchCancelledError
            yield
        finally:
            with self._released:
                self._in_flight -= 1
                self._released.notify()

    def record_success(self) -> None:
        """Count a response without a sign of overload."""
        with self._released:
            if not self.successes:
                self._limit = float(self._max_in_flight)
                self._released.notify_all()
            self.successes += 1
            self._overloads = 0
            self._counted += 1

    def count_overload(self, sent_at: float) -> int:
        """Count a sign of overload, and return the number of overloads since the last success.

        Responses to requests that were sent before the last overload was known belong to that overload.
        """
        with self._released:
            if sent_at > self._last_overload or not self._overloads:
                self._overloads += 1
                self._last_overload = time.monotonic()
            return self._overloads

    def pause(self, seconds: float) -> bool:
        """Stop requests from starting for some seconds, after a sign of overload.

        Returns
        -------
        bool
            Whether this call began the pause. If a pause is under way, this call does not slow down any further.
        """
        with self._released:
            now = time.monotonic()
            begins = now >= self._resume_at
            if begins:
                self._slow_down(now, seconds)
            self._resume_at = max(self._resume_at, now + seconds)
            return begins

    def seconds_until_start(self) -> float:
        """Return 0 and record a start, or return the seconds to wait before the next call."""
        with self._released:
            now = time.monotonic()
            if now < self._resume_at:
                return self._resume_at - now
            if now < self._next_start:
                return self._next_start - now
            self._grow(now)
            if now - self._last_start > IDLE_SECONDS and now - self._resume_at > IDLE_SECONDS:
                self._counted_from, self._counted = now, 0
            self._last_start = now
            if self._rate < float("inf"):
                self._next_start = max(self._next_start, now - 1 / self._rate) + 1 / self._rate
            return 0.0

    def _enter(self, cancelled: threading.Event) -> None:
        with self._released:
            while self._in_flight >= max(1, int(self._limit)):
                self._released.wait(POLL_SECONDS)
                if cancelled.is_set():
                    raise FetchCancelledError
            self._in_flight += 1

    def _slow_down(self, now: float, seconds: float) -> None:
        self._limit = max(1.0, self._limit * IN_FLIGHT_DECREASE)
        self._grown_at = now + seconds
        # The server's limit may be per second or per minute, so the period includes the wait until it accepts
        # requests again. Retry-After is rounded up to whole seconds.
        elapsed = max(1.0, now - self._counted_from + max(0.0, seconds - 1))
        success_rate = self._counted / elapsed
        if self._rate < float("inf"):
            # Overload right after a pause shows that the pause was too short. It does not show the server's limit.
            known = now - self._counted_from >= 1
            slower = self._rate * (0.5 if known and success_rate < self._rate / 2 else RATE_DECREASE)
            self._rate = max(slower, self._first_rate * MIN_RATE)  # a server that was down recovers
        elif self._counted >= MIN_SUCCESSES:
            self._rate, self._first_rate = RATE_DECREASE * success_rate, success_rate
        else:
            return
        self._counted_from, self._counted = now + seconds, 0

    def _grow(self, now: float) -> None:
        seconds, self._grown_at = max(0.0, now - self._grown_at), now
        if self.successes:
            self._limit = min(float(self._max_in_flight), self._limit + IN_FLIGHT_INCREASE * seconds)
        if self._rate < float("inf"):
            self._rate += RATE_INCREASE * self._first_rate * seconds
