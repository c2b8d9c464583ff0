"""``--stats``: write the requests of a command by endpoint, at its end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kismet_nb.cli.output import write_stats_line
from kismet_nb.reports.sigterm import clean_up_on_sigterm
from kismet_nb.transport.usage import start_recording, stop_recording, usage_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["request_stats"]


@contextlib.contextmanager
def request_stats() -> Iterator[None]:
    """Write the requests of all clients made in this block, also if it fails, is interrupted or is terminated."""
    with clean_up_on_sigterm():
        usages = start_recording()
        try:
            yield
        finally:
            stop_recording()
            for line in _format(usage_table(usages)):
                write_stats_line(line)


def _format(table: pd.DataFrame) -> list[str]:
    """Return a table of requests as aligned lines, with a total if it has several rows."""
    if table.empty:
        return ["No requests were counted."]
    rows = [tuple(row) for row in table.itertuples(index=False)]
    if len(rows) > 1:
        rows.append(("total", *(table[name].sum() for name in table.columns[1:])))
    texts = [list(table.columns)]
    texts += [[endpoint, *(f"{count:,}" for count in counts), f"{seconds:,.1f}"] for endpoint, *counts, seconds in rows]
    first, *others = (max(len(text) for text in column) for column in zip(*texts, strict=True))
    return [
        f"{endpoint:{first}}" + "".join(f"  {text:>{width}}" for text, width in zip(numbers, others, strict=True))
        for endpoint, *numbers in texts
    ]
