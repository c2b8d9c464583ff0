"""Read the lists of a table into the journal of a sync, except for lists that are known already."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from kismet_nb.errors import GoneWarning, IncompleteError, NotFoundError, RequestRefusedError
from kismet_nb.fetch.call_metrics import accepted_ranges, metrics_query
from kismet_nb.fetch.rows import add_labels, keep_days, participants_of
from kismet_nb.fetch.table import callers_level, read_lists
from kismet_nb.resources import RESOURCES
from kismet_nb.store.journal import JournaledList
from kismet_nb.store.kept import kept_rows
from kismet_nb.store.lists import key_of, labels_of, metrics_start, queries_of
from kismet_nb.store.schema import rows_to_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from kismet_nb.fetch.pages import Record
    from kismet_nb.fetch.query import ListResult, Query
    from kismet_nb.store.journal import Journal
    from kismet_nb.store.known import KnownTables
    from kismet_nb.store.version import TableReport
    from kismet_nb.transport.client import KismetClient

__all__ = ["TableReader"]


class TableReader:
    """Reads tables one after the other; the rows of a table can determine the lists of the next.

    Parameters
    ----------
    client
        Sends the requests.
    journal
        Stores the lists that are read; may have lists that an earlier process read.
    known
        The tables of the newest version whose lists need not be read whole.
    participants
        Whether the participants of calls are stored too.
    metrics_since
        The first day with figures of calls in a version, if there is one.
    progress
        Whether to show progress bars.

    Attributes
    ----------
    lists
        The lists of each table that was read, by its name.
    """

    def __init__(
        self,
        client: KismetClient,
        journal: Journal,
        known: KnownTables,
        *,
        participants: bool,
        metrics_since: dt.date | None,
        progress: bool | None,
    ) -> None:
        self.lists: dict[str, list[JournaledList]] = {}
        self._client, self._journal, self._known = client, journal, known
        self._participants, self._metrics_since, self._progress = participants, metrics_since, progress

    def read(self, report: TableReport) -> None:
        """Read a table; add requests and seconds to its report.

        Raises
        ------
        KismetError
            As in a fetch. Lists that were read stay in the journal.
        """
        started, answered = time.monotonic(), self._client.answered
        name = report.table
        start = metrics_start(self._rows, self._metrics_since) if name == "call_metrics" else dt.date.min
        queries = queries_of(name, self._rows, start)
        try:
            self.lists[name] = self._read_lists(name, queries)
        except NotFoundError as error:
            if not any(query.labels for query in queries):
                error.message += f" To sync without {name}, pass the names of the other tables."
            raise
        except RequestRefusedError as error:
            if name != "call_metrics" or error.status in {403, 407}:  # the days are not the reason
                raise
            # The server may refuse the range of a month, or a day in the future.
            ranges = accepted_ranges(self._client, [None], start, dt.datetime.now(dt.UTC).date())
            self.lists[name] = self._read_lists(name, [metrics_query(None, *days) for days in ranges])
        if name == "calls" and self._participants:
            self.lists["participants"] = self.lists[name]
        report.requests = self._client.answered - answered
        report.seconds += time.monotonic() - started

    def _rows(self, name: str) -> Iterator[pa.Table]:
        lists = self.lists[name]
        return itertools.chain(kept_rows(self._known.version, name, lists), self._journal.rows(name, lists))

    def _read_lists(self, name: str, queries: Sequence[Query]) -> list[JournaledList]:
        resource = RESOURCES[name]
        with_participants = name == "calls" and self._participants
        task = f"{name} with participants" if with_participants else name

        def convert(query: Query, records: list[Record]) -> int:
            rows = keep_days(records, resource.key[-1], query.days)
            if query.labels:
                labels = dict(query.labels)
                rows = [add_labels(labels, row) for row in rows]
            batches = {name: rows_to_batch(resource, rows)}
            if with_participants:
                people = participants_of(rows, names=False)
                batches["participants"] = rows_to_batch(RESOURCES["participants"], people)
            return self._journal.add_rows(batches)

        kept = self._known.kept_lists(name, queries, self._rows("calls") if name == "egresses" else iter(()))
        kept |= self._journaled_lists(task)
        todo = [query for query in queries if key_of(query) not in kept]
        beginnings = self._known.beginnings(name, todo)
        todo = [replace(query, known=beginnings.get(key_of(query), (None,))[0]) for query in todo]
        lists = read_lists(self._client, resource, todo, convert, progress=self._progress)
        with contextlib.closing(lists) as finished:
            for query, result in finished:
                _check_unchanged(name, result)
                read = _journaled(query, result)
                if query.known and result.kept:
                    _, whole_at = beginnings[read.key]
                    base = self._known.version.name if self._known.version else ""
                    read = replace(read, first_key=query.known.first_key, whole_at=whole_at, base=base)
                self._journal.add_list(task, read)
        kept |= self._journaled_lists(task)
        found = [kept[key_of(query)] for query in queries]
        self._report_missing(name, found)
        return found

    def _journaled_lists(self, task: str) -> dict[str, JournaledList]:
        """Return the finished lists, except those with kept rows in a version that is not the newest."""
        newest = self._known.version.name if self._known.version else ""
        return {key: entry for key, entry in self._journal.lists(task).items() if entry.base in {"", newest}}

    def _report_missing(self, name: str, lists: Sequence[JournaledList]) -> None:
        """Warn about missing lists; raise if the client is strict or all lists are missing."""
        missing = sum(entry.missing for entry in lists)
        if not missing:
            return
        text = f"{name}: the server no longer has {missing} of {len(lists)} lists (404)."
        if self._client.strict or missing == len(lists):
            raise NotFoundError(f"{text} Sync again to look up which lists there are.", status=404)
        text += " The column missing of the table lists marks them."
        warnings.warn(text, GoneWarning, stacklevel=callers_level())


def _journaled(query: Query, result: ListResult[int]) -> JournaledList:
    now = dt.datetime.now(dt.UTC).isoformat()
    return JournaledList(
        key=key_of(query),
        labels=labels_of(query),
        read_at=now,
        rows=result.kept + result.rows,
        pages=result.pages,
        attempts=result.attempts,
        proof=result.proof,
        missing=result.missing,
        chunks=tuple(result.chunks),
        whole_at=now,
        per_page=result.per_page,
        rising=result.rising,
        kept=result.kept,
    )


def _check_unchanged(name: str, result: ListResult[int]) -> None:
    if not result.change:
        return
    if result.unordered:
        text = f"The server's list has no unique order: {result.change}, for the same rows in two attempts. Report it."
    else:
        text = (
            f"The list changed during each of {result.attempts} attempts to read it, or the server's total is wrong. "
            f"In the last, {result.change}. Sync again later; that sync does not read the finished lists again."
        )
    raise IncompleteError(text, resource=name)
