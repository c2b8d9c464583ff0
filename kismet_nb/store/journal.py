"""The journal of a sync: the lists that were read, so that the next sync can continue after a failure or a kill.

Rows are saved as they are read. They count only after their list is proved complete.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import sqlite3
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import ExportError
from kismet_nb.store.database import open_database
from kismet_nb.store.memory import READ_OPTIONS, WRITE_OPTIONS, release_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Journal", "JournaledList"]

MAX_DELAY_SECONDS = 0.25  # between the end of a list and its transaction
MAX_DELAY_ROWS = 2000  # with this many waiting rows, the transaction starts immediately
MAX_WAITING_ROWS = 20_000  # with this many, the threads that read lists wait for the disk
CHUNK = "_chunk"  # column with the number of a row's chunk


@dataclasses.dataclass(frozen=True, slots=True)
class JournaledList:
    """A list that was read whole.

    Attributes
    ----------
    key
        Text that identifies the list among the lists of its table.
    labels
        The labels of its query as JSON.
    read_at
        When it was read, as ISO 8601 text in UTC.
    rows, pages, attempts, proof, missing
        As in ``ListResult``. ``rows`` includes the kept rows.
    chunks
        The numbers of the chunks with its rows.
    whole_at
        When it was last read whole.
    per_page, rising, kept
        As in ``ListResult``. The kept rows are in the previous version.
    first_key
        The key of the first row that was read; None if no row or every row is kept.
    base
        The version with the kept rows.
    """

    key: str
    labels: str
    read_at: str
    rows: int
    pages: int
    attempts: int
    proof: str
    missing: bool
    chunks: tuple[int, ...]
    whole_at: str = ""
    per_page: int = 0
    rising: bool = False
    kept: int = 0
    first_key: int | None = None
    base: str = ""


class Journal:
    """The open journal of one organization, with an exclusive lock.

    Raises
    ------
    ExportError
        Another sync of this organization is under way, or the file cannot be used.
    """

    def __init__(self, file: Path, organization: str) -> None:
        self._file = file
        self._database = open_database(file, organization)
        last = self._database.execute("SELECT max(last_chunk) FROM saved").fetchone()[0] or 0
        self._numbers = itertools.count(last + 1)
        self._waiting: list[tuple[int, Mapping[str, pa.RecordBatch]] | tuple[str, JournaledList]] = []
        self._waiting_rows = 0
        self._saving = False
        self._urgent = False
        self._closing = False
        self._failure = ""
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._write, name="kismet_nb journal", daemon=True)
        self._writer.start()

    # ---- Write

    def add_rows(self, batches: Mapping[str, pa.RecordBatch]) -> int:
        """Queue rows by resource for the next transaction, and return the number of their chunk."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting_rows < MAX_WAITING_ROWS or self._failure or self._closing)
            self._check()
            number = next(self._numbers)
            self._waiting.append((number, batches))
            self._waiting_rows += sum(batch.num_rows for batch in batches.values())
            self._changed.notify_all()
        return number

    def add_list(self, task: str, read: JournaledList) -> None:
        """Queue a list that was read completely for the next transaction."""
        with self._changed:
            self._check()
            self._waiting.append((task, read))
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all queued rows and lists are saved."""
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._failure or not (self._waiting or self._saving))
            self._urgent = False
            self._check()

    def _check(self) -> None:
        if self._failure:
            raise ExportError(self._failure)

    def _write(self) -> None:
        """Save queued rows and lists in transactions; runs in the writer's thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                self._changed.wait_for(
                    lambda: self._waiting_rows >= MAX_DELAY_ROWS or self._urgent or self._closing,
                    timeout=MAX_DELAY_SECONDS,
                )
                waiting, self._waiting, self._waiting_rows, self._saving = self._waiting, [], 0, True
            problem = ""
            try:
                self._save(waiting)
                release_memory()
            except (sqlite3.Error, OSError, MemoryError, pa.ArrowException) as error:
                reason = str(error) or type(error).__name__
                problem = f"{self._file} could not be written: {reason}. The finished versions are untouched."
            with self._changed:
                self._saving, self._failure = False, problem
                self._changed.notify_all()
            if problem:
                return

    def _save(self, waiting: list[tuple[int, Mapping[str, pa.RecordBatch]] | tuple[str, JournaledList]]) -> None:
        rows: defaultdict[str, list[pa.RecordBatch]] = defaultdict(list)
        lists, last = [], 0
        for name, item in waiting:
            if isinstance(item, JournaledList):
                lists.append((name, item))
                continue
            last = int(name)
            for resource, batch in item.items():
                if batch.num_rows:
                    number = pa.repeat(pa.scalar(last, pa.int64()), batch.num_rows)
                    rows[resource].append(batch.append_column(CHUNK, number))
        packed = [(resource, last, _pack(batches)) for resource, batches in rows.items()]
        self._database.execute("BEGIN")
        try:
            self._database.executemany("INSERT INTO saved (resource, last_chunk, rows) VALUES (?, ?, ?)", packed)
            self._database.executemany(
                "INSERT OR REPLACE INTO lists VALUES (?, ?, ?, ?)",
                [(task, entry.key, entry.read_at, json.dumps(dataclasses.asdict(entry))) for task, entry in lists],
            )
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise

    # ---- Read what this process or an earlier one saved

    def lists(self, task: str) -> dict[str, JournaledList]:
        """Return the finished lists of a task by their keys."""
        self.flush()
        found = {}
        for key, text in self._database.execute("SELECT key, list FROM lists WHERE task = ?", (task,)):
            fields = json.loads(text)
            found[key] = JournaledList(**fields | {"chunks": tuple(fields["chunks"])})
        return found

    def rows(self, resource: str, lists: Iterable[JournaledList]) -> Iterator[pa.Table]:
        """Yield the rows of lists, some thousand at a time, in the order in which they were saved."""
        self.flush()
        counted = pa.array(sorted({number for entry in lists for number in entry.chunks}), pa.int64())
        cursor = self._database.execute("SELECT rows FROM saved WHERE resource = ? ORDER BY id", (resource,))
        for (packed,) in cursor:
            table = pa.ipc.open_stream(packed, options=READ_OPTIONS).read_all()
            counts = pc.is_in(table[CHUNK], value_set=counted)
            if not pc.all(counts).as_py():
                table = table.filter(counts)
            if table.num_rows:
                yield table.drop_columns([CHUNK])

    # ---- The commit

    @property
    def committing(self) -> str | None:
        """The version whose commit began last, if the journal was not emptied after it."""
        found = self._database.execute("SELECT version FROM committing").fetchone()
        return found[0] if found else None

    def begin_commit(self, version: str) -> None:
        """Record that a version is complete and will now be renamed."""
        self.flush()
        self._run(("DELETE FROM committing", ()), ("INSERT INTO committing VALUES (?)", (version,)))

    def empty(self) -> None:
        """Delete everything, including the deleted rows in the file."""
        self.flush()
        self._run(("DELETE FROM lists", ()), ("DELETE FROM saved", ()), ("DELETE FROM committing", ()))
        with contextlib.suppress(sqlite3.Error):  # deleted pages may stay in the file until the next sync
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _run(self, *statements: tuple[str, tuple[str, ...]]) -> None:
        problem = ""
        try:
            with contextlib.closing(self._database.cursor()) as cursor:
                cursor.execute("BEGIN")
                for statement, values in statements:
                    cursor.execute(statement, values)
                cursor.execute("COMMIT")
        except sqlite3.Error as error:
            problem = f"{self._file} could not be written: {error}. The finished versions are untouched."
        if problem:
            raise ExportError(problem)

    def close(self) -> None:
        """Save queued rows and lists, and release the lock."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pack(batches: list[pa.RecordBatch]) -> bytes:
    table = pa.Table.from_batches(batches).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=WRITE_OPTIONS) as stream:
        stream.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed
