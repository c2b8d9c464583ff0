"""How many requests may be under way, and how fast they may start, over all fetches of one client."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FetchEndedError", "Gate"]

LULL = 2.0  # seconds without a start, after which what was granted before says nothing about the server's limit
ISOLATED = 5.0  # seconds without a refusal, after which one says little about the rate: others may use the server too
# What a refusal, and the time without one, do to the rate:
SLOWER = 0.93  # times what it was, at a refusal
SLOWEST_STEP = 0.88  # times what it was, though less was granted: the time between two refusals may be short
FASTER = 1.05  # times what it was, each second,
NEARLY = 0.92  # up to so much of what was too fast,
AND_BEYOND = 0.0005  # and from there by this much each second, for each second since the refusal


class FetchEndedError(Exception):
    """The fetch that a request belongs to has ended; it never reaches the user."""


class Gate:
    """The one way from a client to its server.

    Until the server says 429 only the number is bounded. After that, starts are also spaced: at first by what the
    server granted until then, then a little faster each second, up to near the rate that was once too fast; the longer
    nothing is refused, the sooner beyond it.
    """

    def __init__(self, max_in_flight: int) -> None:
        self._places = threading.BoundedSemaphore(max_in_flight)
        self._lock = threading.Lock()
        self._opens_at = 0.0
        self._next_start = 0.0
        self._last_start = self._busy_since = float("-inf")
        self._granted = 0  # since the gate last opened, and since the last pause of ours
        self._rate = self._too_fast = float("inf")
        self._slowed_at = self._rated_at = 0.0

    @contextlib.contextmanager
    def passage(self, pause: Callable[[float], None]) -> Iterator[None]:
        """Wait for a place and for the time to start, with ``pause``; give the place back at the end."""
        while not self._places.acquire(timeout=0.2):
            pause(0)
        try:
            while (seconds := self._seconds_until_start()) > 0:
                pause(seconds)
            yield
        finally:
            self._places.release()

    def granted(self) -> None:
        """Count an answer that was no refusal."""
        with self._lock:
            self._granted += 1

    def hold(self, seconds: float) -> bool:
        """Let nobody start for ``seconds``; tell whether the gate was open until now."""
        with self._lock:
            now = time.monotonic()
            was_open = now >= self._opens_at
            if was_open:
                self._slow_down(now - max(self._busy_since, self._opens_at), seconds)
            self._opens_at = max(self._opens_at, now + seconds)
            return was_open

    def _slow_down(self, busy_for: float, closed_for: float) -> None:
        # A server that counts by the second, or by the minute, granted this for the time until it will grant again.
        granted = max(self._granted, 1) / (busy_for + closed_for)
        if self._rate < float("inf"):
            if busy_for < ISOLATED or self._too_fast == float("inf"):
                self._too_fast = min(self._rate, self._too_fast)
            granted = max(granted, self._rate * SLOWEST_STEP)
        self._rate = min(self._rate * SLOWER, granted)
        self._granted = 0
        self._slowed_at = self._rated_at = time.monotonic() + closed_for

    def _seconds_until_start(self) -> float:
        """Return 0 and book a start, or how long to wait before asking again."""
        with self._lock:
            now = time.monotonic()
            if now < self._opens_at:
                return self._opens_at - now
            if now < self._next_start:
                return self._next_start - now
            if now - self._last_start > LULL and now - self._opens_at > LULL:
                self._busy_since, self._granted = now, 0
            self._last_start = now
            if self._rate < float("inf"):
                self._speed_up(now)
                self._next_start = max(self._next_start, now - 1 / self._rate) + 1 / self._rate
            return 0.0

    def _speed_up(self, now: float) -> None:
        seconds = min(now - self._rated_at, 60.0)  # starts may be rarer than that
        if seconds >= 1:
            faster = self._rate * FASTER**seconds
            beyond = self._rate * (1 + AND_BEYOND * (now - self._slowed_at)) ** seconds
            near = max(beyond, self._too_fast * NEARLY)
            self._rate, self._rated_at = min(faster, near), now
