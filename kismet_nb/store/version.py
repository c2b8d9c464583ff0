"""Write a new version of a store in a hidden folder, and rename the folder when all tables are complete."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kismet_nb.errors import IN_A_NOTEBOOK, ExportError, KismetError
from kismet_nb.fetch.invites import invite_status
from kismet_nb.resources import RESOURCES
from kismet_nb.store.files import finish_file, flush_names, flush_tree, link_file, open_parquet, remove_tree
from kismet_nb.store.history import HistoryWriter, keep_history
from kismet_nb.store.kept import kept_rows
from kismet_nb.store.layout import HISTORY, LISTS, read_version, version_name
from kismet_nb.store.partition import partition
from kismet_nb.store.schema import LISTS_SCHEMA, TIME, upgrade_lists
from kismet_nb.store.table import TableWriter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from kismet_nb.resources import Resource
    from kismet_nb.store.journal import Journal, JournaledList
    from kismet_nb.store.layout import OrganizationFolder

__all__ = ["NewVersion", "TableReport", "remove_old_versions"]

MAX_REMOVED_ROWS = 20  # so many may be removed even if that is most of a small table


@dataclass(slots=True)
class TableReport:
    """The result of a sync for one table."""

    table: str
    rows: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    requests: int = 0
    seconds: float = 0.0


class NewVersion:
    """A version that is being written; readers see it only after ``commit``.

    Parameters
    ----------
    store
        The organization's folder.
    journal
        The journal with the lists that were read.
    moment
        The version's moment.
    host
        The API's host.
    accept_removals
        Whether most of a table may be removed.

    Attributes
    ----------
    name
        The version's name.
    drift
        A sentence for each table whose rows differ from the declaration.
    """

    def __init__(
        self, store: OrganizationFolder, journal: Journal, moment: dt.datetime, host: str, *, accept_removals: bool
    ) -> None:
        self.name = version_name(moment)
        self.drift: list[str] = []
        self._store, self._journal, self._moment, self._host = store, journal, moment, host
        self._accept_removals = accept_removals
        self._folder = store.work / "next"
        self._parts = store.work / "parts"
        self._before = store.newest()
        self._recorded: dict[str, Any] = read_version(self._before)["tables"] if self._before else {}
        self._tables: dict[str, Any] = {}
        self._lists: list[pa.Table] = []
        remove_tree(self._folder)
        remove_tree(self._parts)
        self._folder.mkdir(mode=0o700)
        self._parts.mkdir(mode=0o700)

    def add_table(self, report: TableReport, lists: list[JournaledList]) -> None:
        """Write a table from the lists that were read, and its history; complete its report.

        Raises
        ------
        KismetError
            Most of the table would be removed.
        ExportError
            The journal lost rows.
        """
        started = time.monotonic()
        name, resource = report.table, RESOURCES[report.table]
        kept = kept_rows(self._before, name, lists)
        rows: Iterator[pa.Table] = itertools.chain(kept, self._journal.rows(name, lists))
        rows = self._with_status(rows) if name == "invites" else rows
        before = {file.stem: file for file in self._files_before(name)}
        parts = partition(resource, rows, self._parts / name, before)
        if self._before:
            keep_history(resource, self._before / f"{name}{HISTORY}", self._folder / f"{name}{HISTORY}")
        history = HistoryWriter(resource, self._folder / f"{name}{HISTORY}", self.name, self._moment)
        writer = TableWriter(resource, self._store.name, self._moment, history, first=name not in self._recorded)
        (self._folder / name).mkdir(mode=0o700)
        for stem in sorted(parts):
            writer.write_file(parts[stem], before.get(stem), self._folder / name / f"{stem}.parquet")
            parts[stem].remove()
        writer.finish()
        history.close()
        self._check_rows(resource, writer.rows, lists)
        report.rows, report.added, report.changed, report.removed = (
            writer.rows,
            writer.added,
            writer.changed,
            writer.removed,
        )
        self._check_removals(report)
        self._describe_drift(writer)
        self._record(report)
        self._add_lists(name, lists)
        report.seconds += time.monotonic() - started

    def commit(self) -> None:
        """Link the tables that were not read, rename the folder, and empty the journal."""
        for name in self._recorded.keys() - self._tables.keys():
            self._keep_table(name)
        self._write_lists()
        about = {
            "host": self._host,
            "organization": self._store.name,
            "kismet_nb": installed_version("kismet-nb"),
            "tables": self._tables,
        }
        file = self._folder / "version.json"
        file.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        finish_file(file)
        remove_tree(self._parts)
        flush_tree(self._folder)
        self._journal.begin_commit(self.name)
        os.rename(self._folder, self._store.path / self.name)  # noqa: PTH104 - Path.replace could replace another version
        flush_names(self._store.path)
        self._journal.empty()

    def discard(self) -> None:
        """Remove the files that were written, unless they are committed."""
        remove_tree(self._folder)
        remove_tree(self._parts)

    def _files_before(self, name: str) -> list[Path]:
        return sorted((self._before / name).glob("*.parquet")) if self._before else []

    def _with_status(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Fill in the status of invites, which the API does not send."""
        moment = pd.Timestamp(self._moment)
        for table in tables:
            if table["status"].null_count < table.num_rows:
                yield table
                continue
            times = table.select(["expires_at", "used_at"]).to_pandas()
            status = invite_status(times["expires_at"], times["used_at"], moment)
            texts = pa.array(status.astype(object), pa.large_string(), from_pandas=True)
            yield table.set_column(table.column_names.index("status"), "status", texts)

    def _check_rows(self, resource: Resource, rows: int, lists: list[JournaledList]) -> None:
        """Raise ExportError if the journal lost rows of the lists that it records."""
        due = sum(entry.rows for entry in lists)
        # Days outside of a list's range were dropped; participants are rows within rows.
        if rows == due or resource.layout not in {"pages", "list"}:
            return
        self._journal.empty()
        raise ExportError(
            f"The journal of {self._store.name} is damaged: it has {rows} of {due} {resource.name}. It was emptied. "
            "Sync again; that sync reads all lists again."
        )

    def _check_removals(self, report: TableReport) -> None:
        rows = self._recorded.get(report.table, {}).get("rows", 0)
        if self._accept_removals or report.removed <= max(MAX_REMOVED_ROWS, rows / 2):
            return
        self._journal.empty()  # so that the next sync reads the suspect lists again
        raise KismetError(
            f"This sync would remove {report.removed} of {rows} {report.table}. Either the credentials belong to "
            f"another organization than {self._store.name}, or the server lost rows. Nothing was changed. If the "
            f"removals are correct, sync again with --accept-removals.{IN_A_NOTEBOOK}pass accept_removals=True."
        )

    def _describe_drift(self, writer: TableWriter) -> None:
        declared = {column.name: column for column in writer.resource.columns}
        counts = Counter(name for texts in writer.rest for text in texts.to_pylist() for name in json.loads(text))
        notes = [
            f"{name} has {count} values that are not {declared[name].dtype}, and are kept in rest"
            if name in declared
            else f"{name} is new in {count} rows, and kept in rest"
            for name, count in counts.items()
        ]
        notes += [
            f"{column.name} is missing in every row"
            for column in declared.values()
            if writer.rows and column.expected and not column.nullable and column.name not in writer.columns
        ]
        if notes:
            text = f"{writer.resource.name}: {'; '.join(notes)}."
            self.drift.append("".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text))

    def _record(self, report: TableReport) -> None:
        since = self._recorded.get(report.table, {}).get("since", self.name)
        self._tables[report.table] = {
            "rows": report.rows,
            "added": report.added,
            "changed": report.changed,
            "removed": report.removed,
            "since": since,
            "synced": self.name,
        }

    def _add_lists(self, name: str, lists: list[JournaledList]) -> None:
        if not lists or name == "participants":  # participants come with the lists of calls
            return
        count = len(lists)
        columns: dict[str, Any] = {
            "organization": [self._store.name] * count,
            "resource": [name] * count,
            "key": [entry.labels for entry in lists],
            "read_at": pa.array([entry.read_at for entry in lists]).cast(TIME),
            "rows": [entry.rows for entry in lists],
            "pages": [entry.pages for entry in lists],
            "attempts": [entry.attempts for entry in lists],
            "proof": [entry.proof for entry in lists],
            "missing": [entry.missing for entry in lists],
            "read_from": [entry.kept + 1 for entry in lists],
            "whole_at": pa.array([entry.whole_at for entry in lists]).cast(TIME),
            "per_page": [entry.per_page for entry in lists],
            "rising": [entry.rising for entry in lists],
        }
        self._lists.append(pa.table(columns).cast(LISTS_SCHEMA).sort_by("key"))

    def _keep_table(self, name: str) -> None:
        """Link the files of a table that was not read."""
        before = self._before
        if before is None:
            return
        for table in (name, f"{name}{HISTORY}"):
            files = sorted((before / table).glob("*.parquet"))
            if files or table == name:
                (self._folder / table).mkdir(mode=0o700)
            for file in files:
                link_file(file, self._folder / table / file.name)
        self._tables[name] = self._recorded[name] | {"added": 0, "changed": 0, "removed": 0}

    def _write_lists(self) -> None:
        read = [table["resource"][0].as_py() for table in self._lists]
        for file in self._files_before(LISTS):
            table = pq.read_table(file, page_checksum_verification=True)
            kept = [name not in read for name in table["resource"].to_pylist()]
            self._lists.append(upgrade_lists(table.filter(pa.array(kept, pa.bool_()))))
        (self._folder / LISTS).mkdir(mode=0o700)
        target = self._folder / LISTS / "all.parquet"
        with open_parquet(target, LISTS_SCHEMA) as writer:
            writer.write_table(pa.concat_tables(self._lists))
        finish_file(target)


def remove_old_versions(store: OrganizationFolder, keep: int) -> None:
    """Remove all versions but the newest ``keep``, and the leftovers of an earlier removal.

    Windows cannot rename a folder while one of its files is open. Such a version stays until a later sync removes it.
    """
    for version in store.versions()[:-keep]:
        with contextlib.suppress(PermissionError):
            version.rename(store.work / f"old-{version.name}")  # so that no reader finds a partly removed version
    for leftover in store.work.glob("old-*"):
        remove_tree(leftover)
