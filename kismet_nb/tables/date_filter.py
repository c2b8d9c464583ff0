"""Filter a table by the day of creation."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from kismet_nb.errors import KismetError
from kismet_nb.tables.provenance import provenance, set_provenance

__all__ = ["created_between"]


def created_between(frame: pd.DataFrame, first: dt.date | None, last: dt.date | None) -> pd.DataFrame:
    """Return the rows that were created from the first to the last day (UTC), both included.

    The days are recorded in ``attrs`` as a filter, so that ``compare`` refuses tables of different days.

    Parameters
    ----------
    frame
        A fetched table with the column ``created_at``.
    first, last
        The days. None means no limit.

    Raises
    ------
    KismetError
        ``created_at`` is missing in some rows, or holds values that are not times.
    """
    if not isinstance(frame["created_at"].dtype, pd.DatetimeTZDtype) or frame["created_at"].isna().any():
        raise KismetError(
            "created_at is missing in some rows, or is not a time, so rows cannot be filtered by day. "
            "Leave out the first and the last day."
        )
    day = frame["created_at"].dt.date
    kept: pd.DataFrame = frame[(day >= (first or dt.date.min)) & (day <= (last or dt.date.max))]
    recorded = provenance(frame)
    days = "created_at" + (f" from {first}" if first else "") + (f" to {last}" if last else "") + " UTC"
    set_provenance(kept, {**recorded, "filters": [*recorded["filters"], days], "rows": len(kept)})
    return kept
