"""Charts of invites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb import summaries
from kismet_nb.charts.marks import DARK, LIGHT, MAX_NUMBERED_PERIODS, MIDDLE, stacked_bars, time_title
from kismet_nb.charts.style import styled
from kismet_nb.charts.subtitles import count_of, undated_note
from kismet_nb.summaries.periods import period_starts, to_local_days

if TYPE_CHECKING:
    import pandas as pd

    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Moment, Period

__all__ = ["invites_by_status", "invites_expiring"]


def invites_by_status(invites: pd.DataFrame, *, by: Period = "month", as_of: Moment = None, tz: str = "UTC") -> Chart:
    """Return a chart of the numbers of used, open and expired invites: see ``summaries.invites_by_status``.

    ``summaries.invites_expired_unused`` lists the expired ones.
    """
    counts = summaries.invites_by_status(invites, by=by, as_of=as_of, tz=tz)
    table = counts.pivot_table(index=by, columns="status", values="invites", aggfunc="sum", dropna=False)
    parts = {"expired": ("expired unused", DARK), "open": ("open", MIDDLE), "used": ("used", LIGHT)}
    table = table.reindex(columns=list(parts)).astype("Int64").fillna(0).reset_index()
    table["invites"] = table[list(parts)].sum(axis=1)
    expired = counts.loc[counts["status"] == "expired", "invites"].sum()
    return styled(
        stacked_bars(table, parts, by, time_title(by, tz, "of the invite"), "Invites"),
        "What happened to the invites?",
        f"{expired:,} of {count_of(int(counts['invites'].sum()), 'invite')} expired unused"
        + undated_note(table, by, "invites"),
    )


def invites_expiring(invites: pd.DataFrame, *, days: int = 7, as_of: Moment = None, tz: str = "UTC") -> Chart:
    """Return a chart of the number of open invites that expire on each day: see ``summaries.invites_expiring``.

    If ``days`` is more than 18, each bar is a week.

    Examples
    --------
    >>> import pandas as pd
    >>> moments = pd.to_datetime(["2026-01-11T00:00Z", "2026-02-10T00:00Z", None])
    >>> invites = pd.DataFrame({"id": [1], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": moments[[0]], "expires_at": moments[[1]], "used_at": moments[[2]]})
    >>> invites_expiring(invites, as_of="2026-02-05").save("expiring.svg")
    """
    listed = summaries.invites_expiring(invites, days=days, as_of=as_of, tz=tz)
    by: Period = "day" if days <= MAX_NUMBERED_PERIODS else "week"
    expiry = period_starts(to_local_days(listed["expires_at"], tz), by)
    parts = {"invites": ("open invites", DARK)}
    table = expiry.value_counts().sort_index().rename("invites").rename_axis(by).reset_index()
    return styled(
        stacked_bars(table, parts, by, time_title(by, tz, "of expiry"), "Open invites", height=110),
        "Which open invites expire soon?",
        f"{count_of(len(listed), 'open invite')} will expire within {count_of(days, 'day')}",
    )
