"""Decide which rows of the newest version a sync need not read again.

Calls are read from a later page on, see ``kismet_nb.fetch.known_rows``. Recordings are read again if their call is new
or changed, or could still change when they were read. Daily figures are read again for the last weeks. After some
days, every list is read whole; this finds the changes that a partial reading misses.
"""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kismet_nb.fetch.known_rows import KnownRows
from kismet_nb.resources import RESOURCES
from kismet_nb.store.difference import compare_rows
from kismet_nb.store.journal import JournaledList
from kismet_nb.store.kept import rows_of_version
from kismet_nb.store.layout import LISTS, read_version
from kismet_nb.store.lists import asked_for_egresses, key_of, labels_of
from kismet_nb.store.schema import upgrade_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kismet_nb.fetch.query import Query

    Recorded = dict[str, Any]  # a row of the table of lists

__all__ = ["KnownTables"]

OPEN_DAYS = 7  # days after its creation in which an ended call may still change
METRICS_DAYS = 35  # days before today whose figures may still change
MIN_RISING_ROWS = 8  # the keys of fewer rows may rise by chance


class KnownTables:
    """The tables of the newest version whose lists need not be read whole.

    Parameters
    ----------
    version
        The newest version, or None before the first sync has finished.
    recheck_days
        After how many days each list is read whole; 0 means always.
    participants
        Whether the participants of calls are read too.

    Attributes
    ----------
    version
        The newest version, or None if every list must be read whole.
    """

    def __init__(self, version: Path | None, recheck_days: int, *, participants: bool) -> None:
        self.version: Path | None = None
        self._recheck_days = recheck_days
        self._now = dt.datetime.now(dt.UTC)
        self._tables: set[str] = set()
        if version is None or recheck_days == 0:
            return
        about = read_version(version)
        if about["kismet_nb"] != installed_version("kismet-nb"):  # it may have converted rows in another way
            return
        self.version = version
        self._tables = {"calls", "egresses", "call_metrics"} & about["tables"].keys()
        synced = {name: table["synced"] for name, table in about["tables"].items()}
        if participants and synced.get("participants") != synced.get("calls"):
            self._tables.discard("calls")
        if synced.get("egresses") != synced.get("calls"):  # calls may have changed since, in a sync without egresses
            self._tables.discard("egresses")

    def beginnings(self, name: str, queries: Sequence[Query]) -> dict[str, tuple[KnownRows, str]]:
        """Return the known rows of lists that need not be read from their first page on.

        Returns
        -------
        dict
            Maps keys of lists to their known rows and the time when they were last read whole.
        """
        recorded = self._recorded(name) if name == "calls" else {}
        found = {
            _owner(query): (query, row)
            for query in queries
            if (row := recorded.get(labels_of(query)))
            and row["rising"]
            and row["rows"] >= MIN_RISING_ROWS
            and not self._is_due(row, _owner(query))
        }
        if self.version is None or not found:
            return {}
        known = _known_calls(self.version, {owner: row for owner, (_, row) in found.items()})
        return {
            key_of(query): (known[owner], row["whole_at"].isoformat())
            for owner, (query, row) in found.items()
            if owner in known
        }

    def kept_lists(self, name: str, queries: Sequence[Query], calls: Iterator[pa.Table]) -> dict[str, JournaledList]:
        """Return lists that need not be read again, by their keys; ``calls`` yields the rows of all calls."""
        recorded = self._recorded(name) if name in {"egresses", "call_metrics"} else {}
        found = [(query, row) for query in queries if (row := recorded.get(labels_of(query)))]
        if name == "egresses" and found:
            created = self._unchanged_calls(calls)
            found = [
                (query, row)
                for query, row in found
                if (at := created.get(tuple(value for _, value in query.labels))) and _is_final(at, row["read_at"])
            ]
        if name == "call_metrics":
            first = (self._now - dt.timedelta(days=METRICS_DAYS)).date().isoformat()
            found = [(query, row) for query, row in found if query.days and query.days[1] < first]
        return {
            key_of(query): self._as_kept(key_of(query), row)
            for query, row in found
            if not self._is_due(row, _owner(query))
        }

    def _recorded(self, name: str) -> dict[str, Recorded]:
        """Return the rows of a table's lists in the version's table of lists, by their labels."""
        if name not in self._tables or self.version is None:
            return {}
        with pq.ParquetFile(self.version / LISTS / "all.parquet", page_checksum_verification=True) as file:
            lists = upgrade_lists(file.read()).filter(pc.field("resource") == name)
        return {row["key"]: row for row in lists.to_pylist() if not row["missing"] and row["whole_at"]}

    def _is_due(self, row: Recorded, owner: int) -> bool:
        """Return whether a list must be read whole: some lists are due each day, and all after ``recheck_days``."""
        turn = (self._now.toordinal() - owner) % self._recheck_days == 0
        age = self._now - row["whole_at"]
        return age >= dt.timedelta(days=self._recheck_days) or (turn and row["whole_at"].date() < self._now.date())

    def _as_kept(self, key: str, row: Recorded) -> JournaledList:
        same = {name: row[name] for name in ("rows", "pages", "attempts", "proof", "missing")}
        times = {name: row[name].isoformat() for name in ("read_at", "whole_at")}
        base = self.version.name if self.version else ""
        return JournaledList(key=key, labels=row["key"], chunks=(), kept=row["rows"], base=base, **same, **times)

    def _unchanged_calls(self, calls: Iterator[pa.Table]) -> dict[tuple[int, int], dt.datetime]:
        """Return the creation times of calls that have ended and did not change since the version."""
        resource, pieces = RESOURCES["calls"], [asked_for_egresses(table) for table in calls]
        if self.version is None or "calls" not in self._tables or not pieces:
            return {}
        asked = pa.concat_tables(pieces)
        unchanged = np.zeros(asked.num_rows, dtype=bool)
        for old in rows_of_version(self.version, "calls"):
            unchanged |= compare_rows(resource, asked, old).old_position >= 0
        ended = asked.filter(pc.and_(pa.array(unchanged), pc.fill_null(asked["is_ended"], False)))  # noqa: FBT003 - a value
        columns = [ended[name].to_pylist() for name in ("organization_user_id", "id", "created_at")]
        return {(owner, call): created for owner, call, created in zip(*columns, strict=True) if created}


def _owner(query: Query) -> int:
    """Return the number that determines the day on which a list is read whole."""
    if query.days:
        year, month, _ = query.days[0].split("-")
        return int(year) * 12 + int(month)
    return int(query.labels[0][1])


def _is_final(created: dt.datetime, read_at: dt.datetime) -> bool:
    return created <= read_at - dt.timedelta(days=OPEN_DAYS)


def _known_calls(version: Path, recorded: dict[int, Recorded]) -> dict[int, KnownRows]:
    """Return the known rows of each user's list of calls: all before the page with the first call that may change."""
    users = pa.array(list(recorded), pa.int64())
    final_until = pa.array(
        [row["read_at"] - dt.timedelta(days=OPEN_DAYS) for row in recorded.values()], pa.timestamp("us", tz="UTC")
    )
    pieces = []
    columns = ["organization_user_id", "id", "created_at", "is_ended"]
    for rows in rows_of_version(version, "calls", columns=columns):
        user = pc.index_in(rows["organization_user_id"], value_set=users).combine_chunks()
        final = pc.and_(rows["is_ended"], pc.less_equal(rows["created_at"], final_until.take(user)))
        piece = pa.table({"user": user, "id": rows["id"], "final": pc.fill_null(final, False)})  # noqa: FBT003 - a value
        pieces.append(piece.filter(user.is_valid()))
    if not pieces:
        return {}
    calls = pa.concat_tables(pieces).sort_by([("user", "ascending"), ("id", "ascending")])
    user, keys, final = (calls[name].to_numpy() for name in ("user", "id", "final"))
    bounds = np.searchsorted(user, np.arange(len(users) + 1))
    known = {}
    for number, (owner, row) in enumerate(recorded.items()):
        start, end = bounds[number], bounds[number + 1]
        changing = np.flatnonzero(~final[start:end])
        first = int(changing[0]) if len(changing) else int(end - start) - 1
        per_page = row["per_page"]
        pages = first // per_page
        if pages > 0:
            begin = start + pages * per_page
            known[owner] = KnownRows(pages, per_page, int(end - begin), int(keys[begin]), int(keys[end - 1]))
    return known
