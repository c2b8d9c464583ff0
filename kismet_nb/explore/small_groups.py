"""Find combinations of values that few people share, because they could identify a person."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import ORGANIZATION
from kismet_nb.tables.build import as_strings
from kismet_nb.tables.plain_values import readable_column
from kismet_nb.tables.provenance import set_sources

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["small_groups"]

_PEOPLE, _ROWS = "people", "rows"  # columns of the result
_OWNERS = ("organization_user_id", "user_id")  # columns that name a user in tables of other resources


def small_groups(df: pd.DataFrame, columns: str | Iterable[str], *, k: int = 5, of: str | None = None) -> pd.DataFrame:
    """Return the combinations of values that fewer than ``k`` people share.

    Use it before you give a table away: if only one person has a certain role and month of joining, a code does not
    hide who it is. Name all columns that someone else may know. If the result is empty, at least ``k`` people share
    each combination of these columns, and of some of them.

    Parameters
    ----------
    df
        A table, for example one of ``pseudonymize``.
    columns
        The columns to combine. A missing value counts as a value. Lists of roles in different orders are different.
    k
        How many people a group must have, 2 or more.
    of
        The column that identifies a person. By default ``organization_user_id`` or ``user_id`` if the table has one,
        for example a table of calls; otherwise ``id``, as in users and invites. Without these, each row is a person.

    Returns
    -------
    DataFrame
        One row per combination, the smallest group first: ``columns`` in their dtypes, ``people`` (Int64) and ``rows``
        (Int64). All rows without a person count as one person. In a store of several organizations, the same id in two
        organizations means two people.

    Raises
    ------
    InvalidInputError
        ``df`` is not a DataFrame, has no such column or duplicate column names, no column is named, or ``k`` is not
        a whole number of 2 or more.

    Examples
    --------
    >>> users = pd.DataFrame({"is_admin": [True, False, False, None], "theme": ["forest", "ocean", "ocean", "ocean"]})
    >>> small_groups(users, ["is_admin", "theme"], k=2)
      is_admin   theme  people  rows
    0     True  forest       1     1
    1     None   ocean       1     1

    Calls count their people, not their rows:

    >>> calls = pd.DataFrame({"organization_user_id": [11, 11, 11], "state": ["ended", "ended", "ended"]})
    >>> small_groups(calls, "state", k=2)
       state  people  rows
    0  ended       1     3
    """
    named = _check(df, columns, k, of)
    # An id may have several rows, for example in the history of a store.
    person = of or next((name for name in (*_OWNERS, "id") if name in df.columns), None)
    groups = pd.Series(_numbered(df, named))
    who = (
        range(len(df)) if person is None else _numbered(df, [ORGANIZATION, person] if ORGANIZATION in df else [person])
    )
    members = pd.DataFrame({"group": groups, "who": who})
    first = groups.drop_duplicates().index
    table = df[named].iloc[first].reset_index(drop=True)
    table[_PEOPLE] = members.groupby("group", sort=False)["who"].nunique().array.astype("Int64")
    table[_ROWS] = members.groupby("group", sort=False).size().array.astype("Int64")
    small = table[table[_PEOPLE] < k].sort_values([_PEOPLE, _ROWS], kind="stable", ignore_index=True)
    return set_sources(small, df)


def _check(df: object, columns: object, k: object, of: object) -> list[str]:
    """Return the names of the columns to combine."""
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"small_groups takes a pandas DataFrame, not {type(df).__name__}.")
    if df.columns.has_duplicates or df.columns.nlevels > 1:
        raise InvalidInputError("Column names must be unique and have one level. Rename them first.")
    if isinstance(k, bool) or not isinstance(k, int) or k < 2:
        raise InvalidInputError("k must be a whole number of 2 or more.")
    try:
        named = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))  # type: ignore[call-overload]
    except TypeError:
        named = []
    if not named:
        raise InvalidInputError("columns must be the name of a column, or several names.")
    if not isinstance(of, Hashable):
        raise InvalidInputError("of must be the name of a column.")
    absent = [str(name) for name in [*named, *([] if of is None else [of])] if name not in df.columns]
    if absent:
        raise InvalidInputError(f"The table has no column {', '.join(absent)}. If it is the index, call reset_index().")
    if taken := {_PEOPLE, _ROWS} & set(named):
        raise InvalidInputError(f"The result has its own column {min(taken)}. Rename that column first.")
    return named


def _numbered(df: pd.DataFrame, columns: list[str]) -> Any:  # noqa: ANN401 - an array of integers
    """Return the number of each row's combination of values. Rows with equal or both missing values share a number."""
    codes = {position: pd.factorize(_hashable(df[name]))[0] for position, name in enumerate(columns)}
    return pd.DataFrame(codes).groupby(list(codes), sort=False).ngroup().to_numpy()


def _hashable(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return hashable values: objects, which may be lists, become text."""
    readable = readable_column(column)
    return as_strings(readable) if readable.dtype == object else readable
