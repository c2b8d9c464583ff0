"""The progress bar of a fetch, and its count of pages."""

from __future__ import annotations

import os
import threading
from typing import Any

from kismet_nb.frontend import marimo_mode

__all__ = ["PageCounter", "progress_bar"]

_LOCK = threading.RLock()


class PageCounter:
    """Counts pages for a progress bar, from many threads.

    Attributes
    ----------
    read, known
        The number of pages read, and the number of pages to read as far as it is known.
    """

    def __init__(self, known: int) -> None:
        self.read, self.known = 0, known
        self._lock = threading.Lock()

    def add_known(self, pages: int) -> None:
        """Add to the number of pages to read."""
        with self._lock:
            self.known += pages

    def add_read(self, pages: int) -> None:
        """Add to the number of pages read."""
        with self._lock:
            self.read += pages


def progress_bar(name: str, counter: PageCounter, progress: bool | None) -> Any:  # noqa: ANN401, FBT001 - a class made here
    """Return the bar of a counter. With ``progress=None``, it appears for long work in a terminal or notebook."""
    from tqdm.auto import tqdm  # noqa: PLC0415 - it loads ipywidgets in a notebook, which is slow

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # tqdm starts no thread that would outlive the fetch
        _lock = _LOCK

        def refresh(self, *_args: object, **_options: object) -> None:
            """Draw the bar. tqdm itself would keep its lock if an interrupt comes meanwhile, and threads would hang."""
            with _LOCK:
                super().refresh(nolock=True)

        def follow(self) -> None:
            self.total = counter.known
            if hasattr(self, "container"):  # in a notebook, the widget has a maximum of its own
                self.container.children[1].max = counter.known
            self.update(counter.read - self.n)

    # disable=None hides the bar if stderr is not a terminal. The delay hides it for short work.
    disable, delay = None if progress is None else not progress, 0 if progress else 1.5
    if progress is None and marimo_mode():  # Its output is no terminal, but it shows the bar of one.
        disable = False
    # tqdm reads this variable too, but not if disable is passed.
    if progress is None and os.environ.get("TQDM_DISABLE", "0") not in {"", "0"}:
        disable = True
    return Bar(desc=name, total=counter.known, unit="page", disable=disable, delay=delay)
