"""Count the requests of a report's kernel for the process that writes the report.

The kernel writes its counts to a file in the private folder after each cell, so they exist even if a cell fails. An
interrupt ends the kernel immediately, so the requests of the running cell are not counted.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.transport.usage import Usage, is_recording, start_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["usage_of_kernel", "write_usage_after_each_cell"]


@contextlib.contextmanager
def usage_of_kernel(folder: Path) -> Iterator[str | None]:
    """Yield the file for the counts of a kernel, and record them at the end; yield None if nothing is recorded."""
    if not is_recording():
        yield None
        return
    file = folder / "usage.json"
    try:
        yield str(file)
    finally:
        with contextlib.suppress(OSError):  # the kernel ended before the first cell
            for counts in json.loads(file.read_text(encoding="utf-8")):
                Usage().set_counts(counts)


def write_usage_after_each_cell(file: str) -> None:
    """Write the counts of all clients of this kernel to a file, now and after each cell."""
    from IPython.core.getipython import get_ipython  # noqa: PLC0415 - only a kernel has it

    usages = start_recording()

    def write(_result: object) -> None:
        unfinished = Path(f"{file}.new")
        unfinished.write_text(json.dumps([usage.by_endpoint() for usage in usages]), encoding="utf-8")
        unfinished.replace(file)

    get_ipython().events.register("post_run_cell", write)  # type: ignore[union-attr]
