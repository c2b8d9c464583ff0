"""Write one table of a new version: compare the rows that were read with those of the previous version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from kismet_nb.store.difference import compare_rows, key_table, shared_keys
from kismet_nb.store.files import PARQUET_FORMAT, finish_file, link_file, open_parquet
from kismet_nb.store.memory import release_memory
from kismet_nb.store.partition import Part, Slice, sort_columns
from kismet_nb.store.schema import REST, TIME, row_schema, stored_schema, upgrade

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from kismet_nb.resources import Resource
    from kismet_nb.store.history import HistoryWriter

__all__ = ["TableWriter"]


@dataclass
class TableWriter:
    """Writes a table of a new version, file by file.

    Parameters
    ----------
    resource
        The resource of the table.
    organization
        The value of the column ``organization``.
    moment
        The moment of the new version.
    history
        Stores the earlier states of changed and removed rows.
    first
        Whether there is no older version of the table.

    Attributes
    ----------
    rows, added, changed, removed
        Numbers of rows, final after ``finish``.
    rest
        The values of ``rest`` that are not missing.
    columns
        The columns that have a value in at least one row.
    """

    resource: Resource
    organization: str
    moment: dt.datetime
    history: HistoryWriter
    first: bool
    rows: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    rest: list[pa.Array] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    _added_keys: list[pa.Table] = field(default_factory=list)
    _missing: list[pa.Table] = field(default_factory=list)  # old rows whose key is missing in the new file

    def write_file(self, part: Part, before: Path | None, target: Path) -> None:
        """Write a file of the new version, or link the file of the previous version if no row differs.

        Parameters
        ----------
        part
            The rows that were read.
        before
            The file of the previous version, if there is one.
        target
            The file to write.
        """
        schema, column = stored_schema(self.resource), sort_columns(self.resource)[0]
        old_schema = pq.read_schema(before) if before else None
        differs = before is None or not schema.equals(old_schema)
        with open_parquet(target, schema) as writer:
            for piece, rows in part.slices(column):
                new = self._read_new(rows)
                rows.remove()
                old = self._read_old(before, piece, column)
                current, same = self._compare(new, old)
                differs |= not same
                writer.write_table(current)
                del new, old, current
                release_memory()
        if before and not differs:
            target.unlink()
            link_file(before, target)
        elif part.rows or part.path.name == "all":
            finish_file(target)
        else:
            target.unlink()  # all rows of this month were removed or are in another month now

    def finish(self) -> None:
        """Write missing rows to the history after all files: a row in another month is changed, not removed."""
        if not self._missing:
            return
        missing = pa.concat_tables(self._missing)
        elsewhere = np.zeros(missing.num_rows, dtype=bool)
        if self._added_keys:
            elsewhere, _ = shared_keys(key_table(self.resource, missing), pa.concat_tables(self._added_keys))
        self.history.add(missing, elsewhere)
        moved = int(elsewhere.sum())
        self.changed += moved
        self.added -= moved
        self.removed = missing.num_rows - moved

    def _read_new(self, part: Part) -> pa.Table:
        new = part.read().combine_chunks()
        names = sort_columns(self.resource)
        return new.take(pc.sort_indices(new, [(name, "ascending") for name in names]))

    def _read_old(self, before: Path | None, piece: Slice, column: str) -> pa.Table:
        schema = stored_schema(self.resource)
        if before is None:
            return schema.empty_table()
        rows = ds.dataset(before, format=PARQUET_FORMAT)
        table = rows.to_table(filter=piece.condition(column), use_threads=False)
        return upgrade(self.resource.name, table, schema)

    def _compare(self, new: pa.Table, old: pa.Table) -> tuple[pa.Table, bool]:
        """Return the rows of the new version, and whether they equal those of the previous version."""
        names = row_schema(self.resource).names
        self.rows += new.num_rows
        self._collect_columns(new)
        if new.num_rows == old.num_rows and new.equals(old.select(names)):
            return old, True
        if not old.num_rows:
            self.added += new.num_rows
            if new.num_rows and not self.first:
                self._added_keys.append(key_table(self.resource, new))
            return self._stored(new, pa.repeat(pa.scalar(self.moment, TIME), new.num_rows)), False
        found = compare_rows(self.resource, new, old)
        self.added += len(found.added)
        self.changed += len(found.changed)
        if len(found.added):
            self._added_keys.append(key_table(self.resource, new.take(pa.array(found.added))))
        if len(found.removed):
            self._missing.append(old.take(pa.array(found.removed)))
        self.history.add(old.take(pa.array(found.changed)), np.ones(len(found.changed), dtype=bool))
        positions = pa.array(found.old_position, mask=found.old_position < 0)
        seen_from = pc.fill_null(old["seen_from"].take(positions), pa.scalar(self.moment, TIME))
        return self._stored(new, seen_from), False

    def _stored(self, new: pa.Table, seen_from: pa.Array) -> pa.Table:
        organization = pa.repeat(pa.scalar(self.organization, pa.large_string()), new.num_rows)
        stored = new.add_column(0, "organization", organization).append_column("seen_from", seen_from)
        return stored.cast(stored_schema(self.resource))

    def _collect_columns(self, new: pa.Table) -> None:
        if new[REST].null_count < new.num_rows:
            self.rest.append(new[REST].drop_null())
        self.columns |= {name for name in new.column_names if new[name].null_count < new.num_rows}
