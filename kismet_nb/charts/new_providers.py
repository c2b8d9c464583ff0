"""Chart of the days until new providers hold their first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb import summaries
from kismet_nb.charts.marks import DARK, LIGHT, horizontal_bars
from kismet_nb.charts.style import styled
from kismet_nb.charts.subtitles import count_of

if TYPE_CHECKING:
    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Day, Moment

__all__ = ["first_calls"]

_EDGES = {"the same day": 0, "1 to 6 days": 1, "7 to 29 days": 7, "30 days or more": 30}


def first_calls(
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    start: Day = None,
    end: Day = None,
    as_of: Moment = None,
    tz: str = "UTC",
) -> Chart:
    """Return a chart of the days until new providers held their first call: see ``summaries.first_calls``.

    Providers who may have held calls before the oldest known call are not drawn; the subtitle counts them.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": pd.to_datetime(["2026-02-05T09:00Z"])})
    >>> calls = pd.DataFrame({"organization_user_id": [11], "created_at": pd.to_datetime(["2026-02-17T15:00Z"])})
    >>> first_calls(users, calls, start="2026-02-01").save("first_calls.svg")
    """
    table = summaries.first_calls(users, calls, start=start, end=end, as_of=as_of, tz=tz)
    known = table[table["calls_known"]]
    edges = [*_EDGES.values(), float("inf")]
    days = known["days_to_first_call"].astype("float64")
    ranks = pd.cut(days, edges, right=False, labels=False).fillna(len(_EDGES))
    counts = ranks.value_counts().reindex(range(len(_EDGES) + 1), fill_value=0)
    bars = pd.DataFrame(
        {
            "label": [*_EDGES, "no call yet"],
            "n": counts.array,
            "number": [f"{n:,}" for n in counts],
            "colour": [LIGHT] * len(_EDGES) + [DARK],
        }
    )
    subtitle = f"Days from the account's creation to the first call, of {count_of(len(known), 'provider')}"
    if days.notna().any():
        subtitle += f"; the median is {count_of(round(days.median()), 'day')}"
    unknown = len(table) - len(known)
    if unknown:
        subtitle += f"; {unknown:,} created before the oldest known call are not shown"
    return styled(horizontal_bars(bars, "Providers"), "How soon do new providers hold their first call?", subtitle)
