"""The progress of a report, and its progress bar."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kismet_nb.frontend import marimo_mode

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Steps", "report_bar"]

_LOCK = threading.RLock()


@dataclass(slots=True)
class Steps:
    """The steps of a report, updated by the thread that runs the notebook.

    Attributes
    ----------
    total, done
        The number of steps, and the number of finished steps.
    doing
        A word for the current step.
    """

    total: int
    done: int = 0
    doing: str = "starting"

    def start_cell(self, cell: NotebookNode, cell_index: int) -> None:
        """Count the cells before this one as finished, and describe this one."""
        self.done = cell_index
        if cell.cell_type != "code":
            return
        fetched = re.search(r"\bfetch_(\w+)", cell.source)
        if fetched:
            self.doing = f"fetching {fetched[1].replace('_', ' ')}"
        elif self.doing.startswith("fetching"):
            self.doing = "drawing"
        elif self.doing == "starting" and cell_index:
            self.doing = "running"

    def start_writing(self) -> None:
        """Count all steps but the last one as finished."""
        self.done, self.doing = self.total - 1, "writing"

    def finish(self) -> None:
        """Count all steps as finished."""
        self.done, self.doing = self.total, "done"


def report_bar(steps: Steps, progress: bool | None) -> Any:  # noqa: ANN401, FBT001 - a class made here
    """Return a progress bar of the steps; None shows it only in a terminal or a notebook."""
    from tqdm.auto import tqdm  # noqa: PLC0415 - in a notebook, tqdm.auto loads ipywidgets, which is slow

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # without tqdm's monitor thread, which would continue after the report
        _lock = _LOCK

        def refresh(self, *_args: object, **_options: object) -> None:
            """Draw the bar, with a lock that is released if an interrupt comes meanwhile."""
            with _LOCK:
                super().refresh(nolock=True)

        def follow(self) -> None:
            if self.disable:
                return
            self.set_description_str(f"Report: {steps.doing}", refresh=False)
            self.n = steps.done
            self.refresh()

    disable = None if progress is None else not progress
    if progress is None and marimo_mode():  # Its output is no terminal, but it shows the bar of one.
        disable = False
    # tqdm reads this variable only if disable is not passed.
    if progress is None and os.environ.get("TQDM_DISABLE", "0") not in {"", "0"}:
        disable = True
    return Bar(
        desc="Report", total=steps.total, disable=disable, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}"
    )
