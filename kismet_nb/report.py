"""Old names of the functions that a report's notebook imports. The new ones are in ``kismet_nb.reports``."""

from __future__ import annotations

import warnings
from typing import Any

from kismet_nb.reports import html_table, metric_cards, report_period
from kismet_nb.reports.report import report

__all__ = ["listing", "numbers", "period", "report"]  # noqa: F822 - __getattr__ returns three of them

RENAMED = {"listing": html_table, "numbers": metric_cards, "period": report_period}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - one of three functions
    """Return the function that replaces an old name, and warn that the old name is deprecated."""
    if name not in RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = RENAMED[name]
    warnings.warn(
        f"kismet_nb.report.{name} is deprecated. Use: from kismet_nb.reports import {new.__name__}",
        DeprecationWarning,
        stacklevel=2,
    )
    return new
