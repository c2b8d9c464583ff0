"""Threads that run tasks in order."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from kismet_nb.transport.throttle import FetchCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DaemonThreads"]


class DaemonThreads:
    """At most ``count`` threads that run tasks in order. They are started when tasks are submitted.

    Unlike the threads of ``concurrent.futures`` they are daemons: a process can end while one waits for a name server.

    Attributes
    ----------
    count
        The most threads.
    started
        The threads that were started.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.started: list[threading.Thread] = []
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._ended = False
        self._lock = threading.Lock()

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task as soon as a thread is free.

        Raises
        ------
        FetchCancelledError
            ``end`` was called before, so no thread would run the task.
        """
        with self._lock:
            if self._ended:
                raise FetchCancelledError
            self._unfinished += 1
            self._tasks.put(task)
            if len(self.started) < min(self.count, self._unfinished):
                thread = threading.Thread(target=self._work, daemon=True, name="kismet_nb")
                self.started.append(thread)
                thread.start()

    def end(self) -> None:
        """Let each thread end after the queued tasks, and accept no more tasks."""
        with self._lock:
            self._ended = True
            for _ in self.started:
                self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            with self._lock:
                self._unfinished -= 1
