"""The daily figures of calls."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

from kismet_nb.dates import parse_date
from kismet_nb.errors import InvalidInputError, RequestRefusedError
from kismet_nb.fetch.arguments import check_on_error, chosen_client, keys_in, parse_id
from kismet_nb.fetch.query import Query
from kismet_nb.fetch.table import fetch_table, read_lists
from kismet_nb.fetch.users import fetch_users
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from kismet_nb.fetch.pagination import OnError
    from kismet_nb.transport.client import KismetClient

__all__ = ["accepted_ranges", "fetch_call_metrics", "metrics_query"]


def fetch_call_metrics(
    start: dt.date | str,
    end: dt.date | str,
    *,
    user_id: pd.DataFrame | Iterable[int | str] | int | str | None = None,
    by_user: bool = False,
    resume: bool = False,
    on_error: OnError = "raise",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch the daily figures of calls (``/call_metrics``).

    Parameters
    ----------
    start, end
        The first and the last day, both included, as dates or as text such as ``"2026-02-01"``. If the server refuses
        the range as too wide, it is requested in parts.
    user_id
        The id of one user, several ids, or a table of users. By default, the figures are the whole organization's.
    by_user
        Fetch the figures of each user of the organization, with one request per user.
    resume
        As in ``fetch_calls``.
    on_error
        ``"skip"`` leaves out each user whose list cannot be read. An ``IncompleteWarning`` names the first five, and
        the verdict is ``"incomplete"``. By default, the fetch fails.
    client, progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per day, or one per user and day, in the order of days, with the columns

        ``user_id`` Int64 (the user asked for; missing if the figures are the whole organization's), ``date``
        datetime64[us] (a plain day: the API does not say in which time zone its days begin), ``total_calls`` Int64,
        ``average_duration`` Float64 (seconds), ``call_fail_rate`` Float64, ``average_wait_time`` Float64 (seconds).

        A day that the server does not mention has no row, and a figure that it leaves out is missing: neither is
        zero. **The unit of** ``call_fail_rate`` **is not certain**: the API's documentation says that it lies between
        0 and 100, and then reads 0.125 as 12.5 percent. It is returned as sent; a value above 1 rules out a fraction.
        Combine days with ``kismet_nb.summaries``, which weights by calls: a mean of daily means is wrong.

    Raises
    ------
    InvalidInputError
        ``start`` or ``end`` is not a date, ``end`` is before ``start``, or both ``user_id`` and ``by_user`` are given.
    NotFoundError
        None of these users exists.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, IncompleteWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization() as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     metrics = kn.fetch_call_metrics("2026-01-01", "2026-01-31", client=client)
    >>> metrics.columns.tolist()[:3]
    ['user_id', 'date', 'total_calls']
    """
    check_on_error(on_error)
    first, last = parse_date(start, "start"), parse_date(end, "end")
    if last < first:
        raise InvalidInputError(f"end ({last}) is before start ({first}).")
    if last == dt.date.max:
        raise InvalidInputError(f"end ({last}) is the latest possible date. Choose an earlier one.")
    if by_user and user_id is not None:
        raise InvalidInputError("Pass either user_id or by_user=True, not both.")
    if by_user:
        user_id = fetch_users(client=client, progress=progress)
    users = [None] if user_id is None else keys_in("user_id", user_id, "users", "id")
    chosen = chosen_client(client)
    # Whether date_end is included is not documented, so the day after is requested too.
    queries = [metrics_query(user, first, last, last + dt.timedelta(days=1)) for user in users]
    try:
        return fetch_table(chosen, "call_metrics", queries, progress, resume=resume, on_error=on_error)[0]
    except RequestRefusedError as error:
        if error.status in {403, 407}:  # not because of the days, and a wrong password must not be sent again
            raise
    ranges = accepted_ranges(chosen, users, first, last)
    queries = [metrics_query(user, *days) for user in users for days in ranges]
    return fetch_table(chosen, "call_metrics", queries, progress, resume=resume, on_error=on_error)[0]


def metrics_query(user: int | str | None, first: dt.date, last: dt.date, end: dt.date) -> Query:
    """Return the query for the figures of some days. The request ends with ``end``, which may be after ``last``."""
    user = None if user is None else parse_id(user)
    query = (("date_start", first.isoformat()), ("date_end", end.isoformat()))
    asked = () if user is None else (("user_id", str(user)),)
    days = (first.isoformat(), last.isoformat())
    return Query(RESOURCES["call_metrics"].path, (*query, *asked), (("user_id", user),), days)


def accepted_ranges(
    client: KismetClient, users: Sequence[int | str | None], first: dt.date, last: dt.date
) -> list[tuple[dt.date, dt.date, dt.date]]:
    """Split a refused range into accepted ones: their first day, last day, and the end to request.

    Raises
    ------
    RequestRefusedError
        The range was refused for another reason than its width or a future day.
    """
    one = dt.timedelta(days=1)

    def request(start: dt.date, end: dt.date) -> None:
        for user in users:
            query = metrics_query(user, start, end, end)
            [(_, result)] = read_lists(client, RESOURCES["call_metrics"], [query], lambda *_: None)
            if not result.missing:
                return

    def is_accepted(start: dt.date, end: dt.date) -> bool:
        with contextlib.suppress(RequestRefusedError):
            request(start, end)
            return True
        return False

    # The server's days may begin some hours before or after days in UTC.
    ahead = last + one >= dt.datetime.now(dt.UTC).date()
    end = last if ahead and not is_accepted(last, last + one) else last + one
    request(first, min(first + one, end))
    width = max(1, (end - first).days)
    while width > 1 and not is_accepted(first, first + width * one):
        width = -(-width // 2)
    ranges, start = [], first
    while start <= last:
        until = min(start + width * one, end)
        ranges.append((start, last if until == end else until - one, until))
        start = ranges[-1][1] + one
    return ranges
