"""Summaries of invites: used, open, about to expire and expired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.summaries.arguments import check_coarse_times, check_table, resolve_as_of
from kismet_nb.summaries.columns import sort_newest_first
from kismet_nb.summaries.periods import DAY_DTYPE, period_starts, to_local_days, to_local_times, to_utc
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Moment, Period

__all__ = ["invites_by_status", "invites_expired_unused", "invites_expiring"]


def invites_by_status(
    invites: pd.DataFrame, *, by: Period = "month", as_of: Moment = None, tz: str = "UTC"
) -> pd.DataFrame:
    """Return the numbers of used, open and expired invites.

    The API lists only active invites, in its own definition. So used and expired invites may be missing in the table.

    Parameters
    ----------
    invites
        A table of ``fetch_invites``.
    by
        The period of creation: ``"day"``, ``"week"``, ``"month"`` or ``"year"``.
    as_of
        The time of the status, or a day (its first moment in ``tz``); by default the time of the fetch. An invite
        created later is left out. An invite used later counts as open or expired.
    tz
        The time zone of the days.

    Returns
    -------
    DataFrame
        ``month`` (or the period of ``by``; datetime64[us], its first day), ``status`` (str: ``"used"``, ``"open"`` or
        ``"expired"`` unused) and ``invites`` (Int64). Combinations without an invite have no row.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks a column, or there is no such period, time or time zone.

    Examples
    --------
    >>> moments = pd.to_datetime(["2026-01-11T00:00Z", "2026-02-10T00:00Z", None])
    >>> invites = pd.DataFrame({"created_at": moments[[0]], "expires_at": moments[[1]], "used_at": moments[[2]]})
    >>> invites_by_status(invites, as_of="2026-03-01")
           month   status  invites
    0 2026-01-01  expired        1
    """
    invites = check_table(invites, "invites", "created_at", "expires_at", "used_at")
    created, status = _status_at(resolve_as_of(as_of, invites, tz), invites)
    starts = period_starts(to_local_days(created["created_at"], tz), by).rename(by)
    counts = status.groupby([starts, status], dropna=False).size().rename("invites").reset_index()
    return set_sources(counts.astype({by: DAY_DTYPE, "status": "str", "invites": "Int64"}), invites)


def invites_expired_unused(invites: pd.DataFrame, *, as_of: Moment = None, tz: str = "UTC") -> pd.DataFrame:
    """Return the invites that expired unused.

    Parameters
    ----------
    invites, as_of, tz
        As in ``invites_by_status``.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at``, ``expires_at`` (both datetime64[us] in ``tz``) and
        ``days_since_expiry`` (Int64, whole days); the latest first.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks a column, or there is no such time or time zone.

    Examples
    --------
    >>> moments = pd.to_datetime(["2026-01-11T00:00Z", "2026-02-10T00:00Z", None])
    >>> invites = pd.DataFrame({"id": [1], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": moments[[0]], "expires_at": moments[[1]], "used_at": moments[[2]]})
    >>> invites_expired_unused(invites, as_of="2026-03-01")["days_since_expiry"].tolist()
    [19]
    """
    invites = check_table(invites, "invites", "id", "display_name", "email", "created_at", "expires_at", "used_at")
    moment = resolve_as_of(as_of, invites, tz)
    created, status = _status_at(moment, invites)
    expired = created[status == "expired"]
    table = expired[["id", "display_name", "email"]].assign(
        created_at=to_local_times(expired["created_at"], tz), expires_at=to_local_times(expired["expires_at"], tz)
    )
    table["days_since_expiry"] = (moment - table["expires_at"]).dt.days.astype("Int64")
    return set_sources(sort_newest_first(table, "expires_at"), invites)


def invites_expiring(invites: pd.DataFrame, *, days: int = 7, as_of: Moment = None, tz: str = "UTC") -> pd.DataFrame:
    """Return the open invites that expire within the next days.

    Parameters
    ----------
    invites
        A table of ``fetch_invites``.
    days
        The number of days, 1 or more.
    as_of
        The time from which the days count, or a day (its first moment in ``tz``); by default the time of the fetch. An
        invite created later is left out. An invite used later counts as open.
    tz
        The time zone of the times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at``, ``expires_at`` (both datetime64[us] in ``tz``) and
        ``days_left`` (Int64, whole days); the first to expire first.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks a column, or ``days``, ``as_of`` or ``tz`` is invalid.

    Examples
    --------
    >>> moments = pd.to_datetime(["2026-01-11T00:00Z", "2026-02-10T00:00Z", None])
    >>> invites = pd.DataFrame({"id": [1], "display_name": ["Ada Ferris"], "email": ["ada.ferris@example.org"],
    ...     "created_at": moments[[0]], "expires_at": moments[[1]], "used_at": moments[[2]]})
    >>> invites_expiring(invites, as_of="2026-02-05")["days_left"].tolist()
    [5]
    """
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise InvalidInputError("days must be a whole number of days, 1 or more.")
    invites = check_table(invites, "invites", "id", "display_name", "email", "created_at", "expires_at", "used_at")
    moment = resolve_as_of(as_of, invites, tz)
    created, status = _status_at(moment, invites)
    soon = created[(status == "open") & (to_utc(created["expires_at"]) <= moment + pd.Timedelta(days=days))]
    table = soon[["id", "display_name", "email"]].assign(
        created_at=to_local_times(soon["created_at"], tz), expires_at=to_local_times(soon["expires_at"], tz)
    )
    table["days_left"] = (table["expires_at"] - moment).dt.days.astype("Int64")
    return set_sources(table.sort_values("expires_at", kind="stable", ignore_index=True), invites)


def _status_at(moment: pd.Timestamp, invites: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Return the invites created by ``moment`` and their status then; the column ``status`` is as of the fetch."""
    check_coarse_times(invites, invites["expires_at"], "day")
    invites = invites[~(to_utc(invites["created_at"]) > moment)]
    used, expired = (to_utc(invites[name]) <= moment for name in ("used_at", "expires_at"))
    status = pd.Series("open", index=invites.index, dtype="str", name="status")
    return invites, status.mask(expired, "expired").mask(used, "used")
