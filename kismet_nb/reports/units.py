"""Find the unit of failure rates from the numbers themselves."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal, get_args

from kismet_nb import summaries
from kismet_nb.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FailRateUnit", "find_fail_rate_unit"]

FailRateUnit = Literal["fraction", "percent"]


def find_fail_rate_unit(metrics: pd.DataFrame) -> FailRateUnit | None:
    """Return the unit of ``call_fail_rate`` if the numbers do not fit the other one.

    A rate above 1 cannot be a fraction. If each rate times the number of calls is a whole number, the rates are
    fractions: see ``summaries.fail_rate``.

    Parameters
    ----------
    metrics
        A table of ``fetch_call_metrics``.

    Returns
    -------
    str or None
        ``"fraction"`` or ``"percent"``; None if the numbers fit both units, or neither. If no call failed, both units
        are equal, and the result is ``"fraction"``.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> metrics = pd.DataFrame({"user_id": pd.array([None], "Int64"), "date": pd.to_datetime(["2026-02-02"]),
    ...     "total_calls": [8], "average_duration": [600.0], "call_fail_rate": [12.5], "average_wait_time": [10.0]})
    >>> find_fail_rate_unit(metrics)
    'percent'
    """
    summaries.combine_days(metrics)  # raises if the table is of another resource
    percentages: dict[FailRateUnit, float | None] = {}
    for unit in get_args(FailRateUnit):
        with contextlib.suppress(InvalidInputError):
            rates = summaries.fail_rate(metrics, unit=unit)["fail_rate_percent"]
            percentages[unit] = None if rates.isna().all() else float(rates.max())
    none_failed = list(percentages.values()) == [0, 0]
    return next(iter(percentages)) if len(percentages) == 1 or none_failed else None
