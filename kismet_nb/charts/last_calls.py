"""Charts of the time since the last call of providers and waiting rooms."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb import summaries
from kismet_nb.charts.marks import DARK, LIGHT, horizontal_bars
from kismet_nb.charts.style import styled
from kismet_nb.charts.subtitles import count_of
from kismet_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Moment

__all__ = ["idle_rooms", "providers_without_calls"]


def providers_without_calls(
    users: pd.DataFrame, calls: pd.DataFrame, *, days: int = 30, as_of: Moment = None, tz: str = "UTC"
) -> Chart:
    """Return a chart of the days since each provider's last call: see ``summaries.providers_without_calls``.

    Providers without a known call in the last ``days`` days (1 or more) have a strong colour. All others are drawn too.
    """
    _check_days(days)
    table = summaries.providers_without_calls(users, calls, days=0, as_of=as_of, tz=tz)
    without = summaries.providers_without_calls(users, calls, days=days, as_of=as_of, tz=tz)
    question = "How long ago did each provider hold a call?"
    return _last_calls(table, without, days, "provider", "Providers", question)


def idle_rooms(
    waiting_rooms: pd.DataFrame,
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    days: int = 30,
    as_of: Moment = None,
    tz: str = "UTC",
) -> Chart:
    """Return a chart of the days since the last call of each open room's owner: see ``summaries.idle_rooms``.

    Rooms of owners without a known call in the last ``days`` days (1 or more) have a strong colour. All others are
    drawn too.
    """
    _check_days(days)
    table = summaries.idle_rooms(waiting_rooms, users, calls, days=0, as_of=as_of, tz=tz)
    idle = summaries.idle_rooms(waiting_rooms, users, calls, days=days, as_of=as_of, tz=tz)
    question = "How long ago did the owner of each open room hold a call?"
    return _last_calls(table, idle, days, "open room", "Open waiting rooms", question)


def _check_days(days: int) -> None:
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise InvalidInputError("days must be a whole number of days, 1 or more.")


def _last_calls(table: pd.DataFrame, without: pd.DataFrame, days: int, noun: str, x_title: str, question: str) -> Chart:
    """Return a chart of the rows by the days since their last call.

    Rows without a call in the last ``days`` days have a strong colour. If not all calls of these days are known, rows
    without a known call are pale.
    """
    unknown = int((~without["calls_known"]).sum())
    edges = sorted({0, min(7, days), days, 3 * days})
    labels = [f"{low} to {high - 1} days ago" for low, high in itertools.pairwise(edges)]
    last_label = "unknown" if unknown else "no known call"
    labels = [f"under {edges[1]} days ago", *labels[1:], f"{edges[-1]} days ago or more", last_label]
    ranks = pd.cut(table["days_since_call"].astype("float64"), [*edges, float("inf")], right=False, labels=False)
    counts = ranks.fillna(len(labels) - 1).value_counts().reindex(range(len(labels)), fill_value=0)
    is_dark = [low >= days for low in edges] + [not unknown]
    bars = pd.DataFrame(
        {
            "label": labels,
            "n": counts.array,
            # If some rows are unknown, a 0 would be wrong.
            "number": [f"{n:,}" if n or not unknown else "–" for n in counts],
            "colour": [DARK if dark else LIGHT for dark in is_dark],
        }
    )
    total = count_of(len(table), noun)
    if unknown:
        subtitle = f"{unknown:,} of {total} have no known call; not all calls of the last {days} days are known"
    else:
        subtitle = f"{counts[is_dark].sum():,} of {total} (strong colour): no call in the last {days} days"
    return styled(horizontal_bars(bars, x_title), question, subtitle)
