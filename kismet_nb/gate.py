"""How many requests may be under way, and how fast they may start, over all fetches of one client."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FetchEndedError", "Gate"]


class FetchEndedError(Exception):
    """The fetch that a request belongs to has ended; it never reaches the user."""


class Gate:
    """The one way from a client to its server.

    Until the server says 429 only the number is bounded. After that, starts are also spaced: at first by what
    the server granted since the gate last opened, then a little faster each second, and more carefully near
    the rate that was once too fast.
    """

    def __init__(self, max_in_flight: int) -> None:
        self._places = threading.BoundedSemaphore(max_in_flight)
        self._lock = threading.Lock()
        self._opens_at = 0.0
        self._next_start = 0.0
        self._rate = float("inf")
        self._too_fast = float("inf")
        self._granted = 0
        self._rated_at = 0.0

    @contextlib.contextmanager
    def passage(self, cancelled: threading.Event) -> Iterator[None]:
        """Wait for a place and for the time to start; give the place back at the end."""
        while not self._places.acquire(timeout=0.2):
            if cancelled.is_set():
                raise FetchEndedError
        try:
            while (seconds := self._seconds_until_start()) > 0:
                if cancelled.wait(seconds):
                    raise FetchEndedError
            if cancelled.is_set():
                raise FetchEndedError
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
                self._slow_down(now - self._opens_at, seconds)
            self._opens_at = max(self._opens_at, now + seconds)
            return was_open

    def _slow_down(self, open_for: float, closed_for: float) -> None:
        if self._rate < float("inf") and open_for > 2:
            self._too_fast = self._rate
            self._rate *= 0.93
        else:
            since_first = min(open_for, time.monotonic() - self._rated_at) if self._rated_at else open_for
            self._rate = min(self._rate * 0.93, max(self._granted, 1) / (since_first + closed_for))
        self._granted = 0

    def _seconds_until_start(self) -> float:
        """Return 0 and book a start, or how long to wait before asking again."""
        with self._lock:
            now = time.monotonic()
            if now < self._opens_at:
                return self._opens_at - now
            if now < self._next_start:
                return self._next_start - now
            if self._rate < float("inf"):
                self._speed_up(now)
                self._next_start = max(self._next_start, now - 1 / self._rate) + 1 / self._rate
            elif not self._rated_at:
                self._rated_at = now
            return 0.0

    def _speed_up(self, now: float) -> None:
        if now - self._rated_at >= 1:
            self._rate *= 1.05 if self._rate * 1.05 < 0.97 * self._too_fast else 1.002
            self._rated_at = now
