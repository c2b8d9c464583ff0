"""Charts of invites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb import summaries
from kismet_nb.charts.marks import DARK, LIGHT, MIDDLE, stacked_bars, styled, time_title
from kismet_nb.charts.subtitles import count_of, undated_note

if TYPE_CHECKING:
    import pandas as pd

    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Moment, Period

__all__ = ["invites_by_status"]


def invites_by_status(invites: pd.DataFrame, *, by: Period = "month", as_of: Moment = None, tz: str = "UTC") -> Chart:
    """Return a chart of how many invites were used, are open, or expired: see ``summaries.invites_by_status``.

    The list of invites that expired unused is ``summaries.invites_expired_unused``.
    """
    counts = summaries.invites_by_status(invites, by=by, as_of=as_of, tz=tz)
    table = counts.pivot_table(index=by, columns="status", values="invites", aggfunc="sum", dropna=False)
    parts = {"expired": ("expired unused", DARK), "open": ("open", MIDDLE), "used": ("used", LIGHT)}
    table = table.reindex(columns=list(parts)).astype("Int64").fillna(0).reset_index()
    table["invites"] = table[list(parts)].sum(axis=1)
    expired = counts.loc[counts["status"] == "expired", "invites"].sum()
    return styled(
        stacked_bars(table, parts, by, time_title(by, tz, "of the invite"), "Invites"),
        "What became of the invites?",
        f"{expired:,} of {count_of(int(counts['invites'].sum()), 'invite')} expired unused"
        + undated_note(table, by, "invites"),
    )
