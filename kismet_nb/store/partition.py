"""The rows of a table, cut into the files of a version: by month, in slices that fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.store.schema import row_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kismet_nb.resources import Resource

__all__ = ["Part", "Slice", "partition", "sort_columns"]

MAX_SLICE_ROWS = 500_000  # compared at a time
MAX_HELD_ROWS = 50_000  # before they are cut by month
_MONTHS_OF = {"calls": "created_at", "egresses": "created_at", "call_metrics": "date"}


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of the rows of a file.

    Attributes
    ----------
    first, last
        The bounds of the column that the file is sorted by: the first is included, the last is not. None is no bound.
    """

    first: pa.Scalar | None = None
    last: pa.Scalar | None = None

    def condition(self, column: str) -> pc.Expression | None:
        """Return the condition that its rows fulfil, or None if all do."""
        bounds = []
        if self.first is not None:
            bounds.append(pc.field(column) >= self.first)
        if self.last is not None:
            bounds.append(pc.field(column) < self.last)
        if len(bounds) == 2:
            return bounds[0] & bounds[1]
        return bounds[0] if bounds else None


@dataclass(slots=True)
class Part:
    """The rows that go into one file, on the disk until they are compared.

    Attributes
    ----------
    path
        The temporary file.
    rows
        How many there are.
    """

    path: Path
    schema: pa.Schema
    rows: int = 0
    _writer: pa.ipc.RecordBatchStreamWriter | None = field(default=None, repr=False)

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_stream(str(self.path), self.schema, options=options)
        self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> None:
        """End the file, after which it can be read."""
        if self._writer is not None:
            self._writer.close()

    def slices(self, column: str) -> list[Slice]:
        """Return ranges of about ``MAX_SLICE_ROWS`` rows."""
        if self.rows <= MAX_SLICE_ROWS:
            return [Slice()]
        values = pa.chunked_array([batch.column(column) for batch in self._batches()])
        order = pc.sort_indices(values)
        starts = range(MAX_SLICE_ROWS, self.rows, MAX_SLICE_ROWS)
        cuts = [cut for cut in pc.unique(values.take(order.take(pa.array(starts)))) if cut.is_valid]
        return [Slice(*bounds) for bounds in zip([None, *cuts], [*cuts, None], strict=True)]

    def read(self, piece: Slice, column: str) -> pa.Table:
        """Return the rows of a slice."""
        condition = piece.condition(column)
        batches = [batch if condition is None else batch.filter(condition) for batch in self._batches()]
        return pa.Table.from_batches(batches, schema=self.schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._writer is not None:
            with pa.ipc.open_stream(str(self.path)) as stream:
                yield from stream


def partition(resource: Resource, tables: Iterable[pa.Table], folder: Path, known: Iterable[str]) -> dict[str, Part]:
    """Cut the rows of a table by the names of their files, such as ``2026-11`` or ``all``.

    There is a part for each name that is ``known`` from the version before, even if it has no rows now.
    """
    folder.mkdir()
    names = [*known, *([] if resource.name in _MONTHS_OF else ["all"])]  # an empty table has a file too
    parts = {name: Part(folder / name, row_schema(resource)) for name in names}

    def cut(held: list[pa.Table]) -> None:
        for name, rows in _by_month(resource, pa.concat_tables(held)):
            if name not in parts:
                parts[name] = Part(folder / name, row_schema(resource))
            parts[name].add(rows)

    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(rows.num_rows for rows in held) >= MAX_HELD_ROWS:
            cut(held)
            held = []
    if held:
        cut(held)
    for part in parts.values():
        part.close()
    return parts


def sort_columns(resource: Resource) -> list[str]:
    """Return the columns that the rows of each file are sorted by."""
    by_time = [_MONTHS_OF[resource.name]] if resource.name in _MONTHS_OF else []
    return list(dict.fromkeys([*by_time, *resource.key]))


def _by_month(resource: Resource, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    column = _MONTHS_OF.get(resource.name)
    if column is None:
        yield "all", table
        return
    months = pc.floor_temporal(table[column], unit="month")
    for month in pc.unique(months):
        if month.is_valid:
            yield f"{month.as_py():%Y-%m}", table.filter(pc.fill_null(pc.equal(months, month), False))  # noqa: FBT003
        else:
            yield "unknown", table.filter(pc.is_null(months))
