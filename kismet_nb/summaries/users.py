"""Summaries of users: growth, rights, domains of addresses, and users without a waiting room."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import ORGANIZATION
from kismet_nb.summaries.arguments import check_coarse_times, check_table
from kismet_nb.summaries.columns import sort_newest_first, to_boolean, typed_frame
from kismet_nb.summaries.periods import DAY_DTYPE, period_range, period_starts, to_local_days, to_local_times
from kismet_nb.tables.build import as_strings
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    from kismet_nb.summaries.periods import Period

__all__ = ["admins_and_roles", "email_domains", "users_over_time", "users_without_waiting_room"]

UNKNOWN = "unknown"


def users_over_time(users: pd.DataFrame, *, by: Period = "month", tz: str = "UTC") -> pd.DataFrame:
    """Return the number of new users and of all users in each period.

    Users are counted on the day of their creation. Removed users are not in the table, so no count includes them.

    Parameters
    ----------
    users
        A table of ``fetch_users``.
    by
        ``"day"``, ``"week"``, ``"month"`` or ``"year"``.
    tz
        The time zone of the days, for example ``"America/New_York"``.

    Returns
    -------
    DataFrame
        One row per period, from the first to the last with a new user, with ``day``, ``week``, ``month`` or ``year``
        (datetime64[us], its first day), ``new_users`` (Int64) and ``users`` (Int64, all up to its end).

    Raises
    ------
    InvalidInputError
        The table is of another resource or has no ``created_at``, or there is no such period or time zone.

    Examples
    --------
    >>> users = pd.DataFrame({"created_at": pd.to_datetime(["2026-01-05", "2026-03-01T02:00Z"], utc=True,
    ...     format="ISO8601")})
    >>> users_over_time(users, tz="America/New_York")
           month  new_users  users
    0 2026-01-01          1      1
    1 2026-02-01          1      2
    """
    users = check_table(users, "users", "created_at")
    check_coarse_times(users, users["created_at"], by, tz)
    days = to_local_days(users["created_at"], tz)
    counts = period_starts(days, by).value_counts().reindex(period_range(days.min(), days.max(), by), fill_value=0)
    starts, new = list(counts.index), list(counts)
    undated = int(days.isna().sum())
    if undated:
        starts, new = [*starts, pd.NaT], [*new, undated]
    new_users = pd.Series(new, dtype="Int64")
    table = typed_frame(
        {by: (starts, DAY_DTYPE), "new_users": (new_users, "Int64"), "users": (new_users.cumsum(), "Int64")}
    )
    return set_sources(table, users)


def admins_and_roles(users: pd.DataFrame, *, by_organization: bool = False) -> pd.DataFrame:
    """Return the number of users with each right.

    Older servers send ``is_admin``, newer ones ``roles``. A field is counted if it has a value in the table. A user
    with two roles counts in both, so the shares of ``roles`` may add up to more than 1.

    Parameters
    ----------
    users
        A table of ``fetch_users``.
    by_organization
        Count each organization of a store by itself, for a table of ``read_store``.

    Returns
    -------
    DataFrame
        ``field`` (str, ``"is_admin"`` or ``"roles"``), ``value`` (str: ``"admin"``, ``"not an admin"``, a role's
        name, ``"no role"``, or ``"unknown"`` if it is missing), ``users`` (Int64) and ``share`` (Float64, of
        all users, 0 to 1); the most frequent first. With ``by_organization``, the first column is ``organization``
        (str, in the order of names), and the shares are of the users of that organization.

    Raises
    ------
    InvalidInputError
        The table is of another resource, has neither ``is_admin`` nor ``roles``, or is of several organizations without
        ``by_organization``; with it, the table has no column ``organization``.

    Examples
    --------
    >>> users = pd.DataFrame({"is_admin": [True, False, None], "roles": [None, None, None]})
    >>> admins_and_roles(users.astype({"is_admin": "boolean"}))
          field         value  users     share
    0  is_admin         admin      1  0.333333
    1  is_admin  not an admin      1  0.333333
    2  is_admin       unknown      1  0.333333
    """
    if by_organization:
        return _for_each_organization(users)
    users = check_table(users, "users")
    if not {"is_admin", "roles"} & set(users.columns):
        raise InvalidInputError("This summary needs a table of users with a column is_admin or roles, but got neither.")
    rows: list[tuple[str, str, int]] = []
    for field, rights_of in (("is_admin", _admin_right), ("roles", _roles)):
        if field in users and users[field].notna().any():
            counts = Counter(right for value in users[field].astype(object) for right in rights_of(value))
            # The most frequent first, unknown values last.
            ordered = sorted(counts.items(), key=lambda item: (item[0] == UNKNOWN, -item[1], item[0]))
            rows += [(field, right, count) for right, count in ordered]
    table = typed_frame(
        {
            "field": ([field for field, _, _ in rows], "str"),
            "value": ([right for _, right, _ in rows], "str"),
            "users": ([count for _, _, count in rows], "Int64"),
            "share": ([count / len(users) for _, _, count in rows], "Float64"),
        }
    )
    return set_sources(table, users)


def _for_each_organization(users: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(users, pd.DataFrame) or ORGANIZATION not in users.columns:
        check_table(users, "users", ORGANIZATION)  # raises
    parts = [(name, admins_and_roles(part)) for name, part in users.groupby(ORGANIZATION, dropna=False, observed=True)]
    names = [name for name, part in parts for _ in range(len(part))]
    rows = pd.concat([part for _, part in parts] or [admins_and_roles(users)], ignore_index=True)
    rows.insert(0, ORGANIZATION, as_strings(names))
    return set_sources(rows, users)


def _admin_right(value: Any) -> set[str]:  # noqa: ANN401 - any cell
    is_admin = to_boolean(value)
    if is_admin is None:
        return _roles(value)
    return {"admin" if is_admin else "not an admin"}


def _roles(value: Any) -> set[str]:  # noqa: ANN401 - any cell
    if isinstance(value, list | tuple | np.ndarray):  # pandas reads lists from Parquet as arrays
        return {str(role) for role in value} or {"no role"}
    return {UNKNOWN} if pd.isna(value) else {str(value)}


def email_domains(users: pd.DataFrame) -> pd.DataFrame:
    """Return the number of users with an email address at each domain.

    Parameters
    ----------
    users
        A table of ``fetch_users``.

    Returns
    -------
    DataFrame
        ``domain`` (str, the part after ``@`` in lower case), ``users`` (Int64) and ``share`` (Float64, of all users,
        0 to 1); the most frequent first. Users with a missing address, or one without a domain, are counted in a last
        row with a missing domain.

    Raises
    ------
    InvalidInputError
        The table is of another resource or has no ``email``.

    Examples
    --------
    >>> users = pd.DataFrame({"email": ["ada@example.org", "dee@Example.org", "cy@example.net", None]})
    >>> email_domains(users)
            domain  users  share
    0  example.org      2    0.5
    1  example.net      1   0.25
    2          NaN      1   0.25
    """
    users = check_table(users, "users", "email")
    counts = Counter(_domain(value) for value in users["email"].astype(object))
    # The most frequent first, missing domains last.
    ordered = sorted(counts.items(), key=lambda item: (item[0] is None, -item[1], item[0] or ""))
    table = typed_frame(
        {
            "domain": ([domain for domain, _ in ordered], "str"),
            "users": ([count for _, count in ordered], "Int64"),
            "share": ([count / len(users) for _, count in ordered], "Float64"),
        }
    )
    return set_sources(table, users)


def _domain(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value.rpartition("@")[2].strip().lower() or None if "@" in value else None


def users_without_waiting_room(users: pd.DataFrame, *, tz: str = "UTC") -> pd.DataFrame:
    """Return the users who have no waiting room.

    Parameters
    ----------
    users
        A table of ``fetch_users``.
    tz
        The time zone of the times.

    Returns
    -------
    DataFrame
        ``id``, ``display_name`` and ``email`` in the dtypes of the table, and ``created_at`` (datetime64[us] in
        ``tz``) of the users with a missing ``waiting_room_url``, the newest first.

    Raises
    ------
    InvalidInputError
        The table is of another resource or lacks one of these columns, or there is no such time zone.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization() as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     len(users_without_waiting_room(kn.fetch_users(client=client)))
    25
    """
    users = check_table(users, "users", "id", "display_name", "email", "waiting_room_url", "created_at")
    without = users.loc[users["waiting_room_url"].isna(), ["id", "display_name", "email", "created_at"]]
    table = sort_newest_first(without.assign(created_at=to_local_times(without["created_at"], tz)), "created_at")
    return set_sources(table, users)
