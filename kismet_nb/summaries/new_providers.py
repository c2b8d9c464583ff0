"""first_calls(): the first call of each new provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.summaries.arguments import check_coarse_times, check_table, resolve_as_of
from kismet_nb.summaries.columns import comparable_ids, sort_newest_first
from kismet_nb.summaries.known_calls import check_all_calls, date_range
from kismet_nb.summaries.periods import to_local_days, to_local_times
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Day, Moment

__all__ = ["first_calls"]


def first_calls(
    users: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    start: Day = None,
    end: Day = None,
    as_of: Moment = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return the first call of each new provider, and the number of days from the account's creation to it.

    Parameters
    ----------
    users
        A table of ``fetch_users``. Every user in it counts as a provider, so filter it first if some are not.
    calls
        A table of ``fetch_calls``, of all these users.
    start, end
        First and last day of creation of the users to list, both included; all by default.
    as_of
        A time, or a day (its first moment in ``tz``), up to which calls count; by default the time of the fetch of
        the calls. Users and calls created later are left out.
    tz
        The time zone of the days and times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name``, ``email``, ``created_at`` and ``first_call`` (both datetime64[us] in ``tz``),
        ``days_to_first_call`` (Int64, whole days; 0 if the call is not later than the account) and ``calls_known``
        (boolean); the newest provider first.

        ``first_call`` and ``days_to_first_call`` are missing if there is no call yet, or if ``calls_known`` is false:
        the provider was created before the oldest call in the table, or at an unknown time, and may have held earlier
        calls.

    Raises
    ------
    InvalidInputError
        A table is of another resource or lacks a column, ``calls`` has not all calls of these users, or ``start``,
        ``end``, ``as_of`` or ``tz`` is invalid.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11, 12], "display_name": ["Ada Ferris", "Dee Park"],
    ...     "email": ["ada.ferris@example.org", "dee.park@example.org"],
    ...     "created_at": pd.to_datetime(["2026-02-05T09:00Z", "2026-01-05T09:00Z"])})
    >>> calls = pd.DataFrame({"organization_user_id": [12, 11],
    ...     "created_at": pd.to_datetime(["2026-02-03T15:00Z", "2026-02-17T15:00Z"])})
    >>> first_calls(users, calls)[["display_name", "days_to_first_call", "calls_known"]]
      display_name  days_to_first_call  calls_known
    0   Ada Ferris                  12         True
    1     Dee Park                <NA>        False
    """
    users = check_table(users, "users", "id", "display_name", "email", "created_at")
    calls = check_table(calls, "calls", "organization_user_id", "created_at")
    for table in (users, calls):
        check_coarse_times(table, table["created_at"], "day")
    moment = resolve_as_of(as_of, calls, tz)
    created = to_local_times(users["created_at"], tz)
    listed = ~(created > moment)
    if start is not None or end is not None:
        days = to_local_days(users["created_at"], tz)
        listed &= days.between(*date_range(days, start, end))
    table = users.loc[listed, ["id", "display_name", "email"]].assign(created_at=created[listed])
    check_all_calls(calls, table["id"].nunique(), default=len(table))

    times = to_local_times(calls["created_at"], tz)
    wanted, callers = comparable_ids(table["id"], calls["organization_user_id"])
    first = times[times <= moment].groupby(callers).min()
    known = (table["created_at"] >= times.min()).astype("boolean")
    table["first_call"] = pd.Series(first.reindex(wanted).array, table.index).where(known)
    waited = (table["first_call"] - table["created_at"]).dt.days.clip(lower=0)
    table["days_to_first_call"] = waited.astype("Int64")
    table["calls_known"] = known
    return set_sources(sort_newest_first(table, "created_at"), users, calls)
