"""Choose the lists to read for the tables of a store, and their order."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import InvalidInputError
from kismet_nb.fetch.arguments import nested_list, whole_list
from kismet_nb.fetch.call_metrics import metrics_query
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kismet_nb.fetch.query import Query

    Rows = Callable[[str], Iterator[pa.Table]]

__all__ = [
    "DEFAULT_TABLES",
    "asked_for_egresses",
    "checked_tables",
    "key_of",
    "labels_of",
    "metrics_start",
    "queries_of",
]

DEFAULT_TABLES = ("users", "calls", "waiting_rooms", "invites", "roles", "call_metrics")
# Maps a table to the table whose rows determine the lists to read.
_NEEDS = {"calls": "users", "egresses": "calls", "waiting_room_subs": "waiting_rooms", "call_metrics": "users"}
_ORDER = tuple(name for name in RESOURCES if name != "participants")


def checked_tables(tables: str | Iterable[str] | None, *, participants: bool) -> list[str]:
    """Return the tables to read in order, including the tables that determine their lists.

    Raises
    ------
    InvalidInputError
        A table does not exist, or participants are requested without calls.
    """
    if tables is None:
        tables = DEFAULT_TABLES
    if not isinstance(tables, Iterable):
        raise InvalidInputError(f"tables must be names of tables, not {type(tables).__name__}.")
    names = [tables] if isinstance(tables, str) else list(tables)
    for name in names:
        if name == "participants":
            raise InvalidInputError("Participants come with the calls: pass participants=True.")
        if name not in _ORDER:
            raise InvalidInputError(f"There is no table {name!r}. The tables are: {', '.join(_ORDER)}.")
    if not names:
        raise InvalidInputError(f"tables must name at least one table: {', '.join(_ORDER)}.")
    for name in names:
        if name in _NEEDS and _NEEDS[name] not in names:
            names.append(_NEEDS[name])  # the loop reaches this name too
    if participants and "calls" not in names:
        raise InvalidInputError("Participants come with the calls: add calls to tables.")
    return [name for name in _ORDER if name in names]


def key_of(query: Query) -> str:
    """Return the text that distinguishes a list from the others of its table."""
    return json.dumps([query.path, query.params, query.days])


def labels_of(query: Query) -> str:
    """Return the labels of a list as JSON, with the range of days if it has one."""
    return json.dumps(
        dict(query.labels) | ({"first_day": query.days[0], "last_day": query.days[1]} if query.days else {})
    )


def asked_for_egresses(calls: pa.Table) -> pa.Table:
    """Return the calls that may have recordings: those with ``has_egresses`` true or missing."""
    return calls.filter(pc.fill_null(calls["has_egresses"], True))  # noqa: FBT003 - the value for missing ones


def queries_of(name: str, rows: Rows, start: dt.date) -> list[Query]:
    """Return the lists to read for a table; ``rows`` yields the rows of tables that are read already."""
    if name == "calls":
        return [nested_list(name, user) for user in _values(rows("users"), "id")]
    if name == "egresses":
        pairs: list[tuple[int, int]] = []
        for calls in rows("calls"):
            asked = asked_for_egresses(calls)
            pairs += zip(asked["organization_user_id"].to_pylist(), asked["id"].to_pylist(), strict=True)
        return [nested_list(name, *pair) for pair in pairs]
    if name == "waiting_room_subs":
        return [nested_list(name, slug) for slug in _values(rows("waiting_rooms"), "slug")]
    if name == "call_metrics":
        return _metrics_by_month(start, dt.datetime.now(dt.UTC).date())
    return whole_list(name)


def metrics_start(rows: Rows, known: dt.date | None) -> dt.date:
    """Return the first day that may have figures: the earliest user's creation, the first known day, or today."""
    firsts: list[dt.date] = [first.date() for users in rows("users") if (first := pc.min(users["created_at"]).as_py())]
    candidates = [*firsts, *([known] if known else []), dt.datetime.now(dt.UTC).date()]
    return min(candidates)


def _metrics_by_month(start: dt.date, today: dt.date) -> list[Query]:
    """Return a list for each month; its request includes the day after, because the end may be exclusive."""
    queries, first = [], start.replace(day=1)
    while first <= today:
        following = (first + dt.timedelta(days=31)).replace(day=1)
        last = min(following - dt.timedelta(days=1), today)
        queries.append(metrics_query(None, first, last, last + dt.timedelta(days=1)))
        first = following
    return queries


def _values(tables: Iterator[pa.Table], column: str) -> list[int | str]:
    values = [value for table in tables for value in table[column].to_pylist() if value is not None]
    return list(dict.fromkeys(values))
