"""The progress bar of a fetch, and the count of pages behind it."""

from __future__ import annotations

import os
import threading
from typing import Any

from kismet_nb.frontend import marimo_mode

__all__ = ["PageCounter", "progress_bar"]


class PageCounter:
    """Pages read and pages known, counted by many threads.

    Attributes
    ----------
    read, known
        How many pages there are of each.
    """

    def __init__(self, known: int) -> None:
        self.read, self.known = 0, known
        self._lock = threading.Lock()

    def know(self, pages: int) -> None:
        """Count further pages that must be read."""
        with self._lock:
            self.known += pages

    def finish(self, pages: int) -> None:
        """Count pages that are read."""
        with self._lock:
            self.read += pages


def progress_bar(name: str, counter: PageCounter, progress: bool | None) -> Any:  # noqa: ANN401, FBT001 - a class made here
    """Return a bar that follows a counter; None shows one for long work in a terminal or a notebook."""
    from tqdm.auto import tqdm  # noqa: PLC0415 - tqdm.auto loads ipywidgets in a notebook, which takes its time

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no thread of tqdm's outlives a fetch

        def follow(self) -> None:
            self.total = counter.known
            if hasattr(self, "container"):  # in a notebook: a widget, which got its total when it was made
                self.container.children[1].max = counter.known
            self.update(counter.read - self.n)

    # disable=None means: not where the output is no terminal. The delay hides the bar from short work.
    disable, delay = None if progress is None else not progress, 0 if progress else 1.5
    if progress is None and marimo_mode():  # Its output is no terminal, but it shows the bar of one.
        disable = False
    # tqdm reads this variable too, but not if disable is passed.
    if progress is None and os.environ.get("TQDM_DISABLE", "0") not in {"", "0"}:
        disable = True
    return Bar(desc=name, total=counter.known, unit="page", disable=disable, delay=delay)
