"""Split the rows of a table by the month of their file, and into slices that fit into memory."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.store.memory import READ_OPTIONS, WRITE_OPTIONS, release_memory
from kismet_nb.store.schema import row_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from kismet_nb.resources import Resource

__all__ = ["Part", "Slice", "partition", "sort_columns"]

MAX_SLICE_ROWS = 65_536  # rows compared at a time, so that memory does not grow with the table
MAX_SAMPLE_ROWS = 131_072  # rows sampled for the bounds of slices
MAX_HELD_ROWS = 32_768  # rows joined before they are split, because many small pieces are slow
_NO_TIME = np.iinfo(np.int64).min
_MONTHS_OF = {"calls": "created_at", "egresses": "created_at", "call_metrics": "date"}


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of the rows of a file.

    Attributes
    ----------
    first, last
        The bounds of the column that sorts the file; ``first`` is inclusive, ``last`` exclusive. None means no bound.
    """

    first: pa.Scalar | None = None
    last: pa.Scalar | None = None

    def condition(self, column: str) -> pc.Expression | None:
        """Return the filter for the rows of the slice, or None if it has no bounds."""
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
    """The rows of one file, in a temporary file until they are compared.

    Attributes
    ----------
    path
        The temporary file.
    schema
        The columns of the rows.
    rows
        The number of rows.
    """

    path: Path
    schema: pa.Schema
    rows: int = 0
    _writer: pa.ipc.RecordBatchStreamWriter | None = field(default=None, repr=False)

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self.path), self.schema, options=WRITE_OPTIONS)
        self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> None:
        """Close the file, so that it can be read."""
        if self._writer is not None:
            self._writer.close()

    def read(self) -> pa.Table:
        """Return the rows."""
        return pa.Table.from_batches(self._batches(), schema=self.schema)

    def remove(self) -> None:
        """Remove the temporary file."""
        self.path.unlink(missing_ok=True)

    def slices(self, column: str) -> list[tuple[Slice, Part]]:
        """Return ranges of about ``MAX_SLICE_ROWS`` rows, and the rows of each."""
        if self.rows <= MAX_SLICE_ROWS:
            return [(Slice(), self)]
        step = max(1, self.rows // MAX_SAMPLE_ROWS)
        values = pa.chunked_array([batch.column(column)[::step] for batch in self._batches()])
        size = max(1, MAX_SLICE_ROWS // step)
        starts = pa.array(range(size, len(values), size), pa.int64())
        cuts = pc.unique(values.take(pc.sort_indices(values).take(starts))).drop_null()
        bounds = [None, *cuts, None]
        parts = [
            Part(self.path.with_name(f"{self.path.name}.{number}"), self.schema) for number in range(len(cuts) + 1)
        ]
        edges = (
            cuts.cast(pa.int64()).to_numpy() if pa.types.is_temporal(cuts.type) else cuts.to_numpy(zero_copy_only=False)
        )
        tables = (pa.Table.from_batches([batch]) for batch in self._batches())
        for table in _some_at_a_time(tables):
            found = table[column]
            found = found.cast(pa.int64()) if pa.types.is_temporal(found.type) else found
            numbers = np.searchsorted(edges, found.to_numpy(), side="right")
            for number, rows in _groups(table, numbers):
                parts[number].add(rows)
        for part in parts:
            part.close()
        return [(Slice(*pair), part) for pair, part in zip(itertools.pairwise(bounds), parts, strict=True)]

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._writer is not None:
            # With a path, Arrow would map the file, and the mapped pages would count as memory of the process.
            with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file, options=READ_OPTIONS) as stream:
                yield from stream


def partition(resource: Resource, tables: Iterable[pa.Table], folder: Path, known: Iterable[str]) -> dict[str, Part]:
    """Split the rows of a table by the names of their files, such as ``2026-11`` or ``all``.

    Each name in ``known``, the names of the previous version, gets a part even if it has no rows now.
    """
    folder.mkdir()
    names = [*known, *([] if resource.name in _MONTHS_OF else ["all"])]  # an empty table has a file too
    parts = {name: Part(folder / name, row_schema(resource)) for name in names}
    for table in _some_at_a_time(tables):
        for name, rows in _by_month(resource, table):
            if name not in parts:
                parts[name] = Part(folder / name, row_schema(resource))
            parts[name].add(rows)
    for part in parts.values():
        part.close()
    return parts


def sort_columns(resource: Resource) -> list[str]:
    """Return the columns that sort the rows of each file."""
    by_time = [_MONTHS_OF[resource.name]] if resource.name in _MONTHS_OF else []
    return list(dict.fromkeys([*by_time, *resource.key]))


def _some_at_a_time(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join small tables into larger ones, because many small pieces are slow."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(rows.num_rows for rows in held) >= MAX_HELD_ROWS:
            yield pa.concat_tables(held).combine_chunks()
            held = []
            release_memory()
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _by_month(resource: Resource, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    column = _MONTHS_OF.get(resource.name)
    if column is None:
        yield "all", table
        return
    months = pc.floor_temporal(table[column], unit="month").cast(pa.timestamp("us"))
    numbers = months.cast(pa.int64()).fill_null(_NO_TIME).to_numpy()
    for number, rows in _groups(table, numbers):
        name = "unknown" if number == _NO_TIME else f"{pa.scalar(number, pa.timestamp('us')).as_py():%Y-%m}"
        yield name, rows


def _groups(table: pa.Table, numbers: NDArray[np.int64]) -> Iterator[tuple[int, pa.Table]]:
    """Yield each number with its rows."""
    order = np.argsort(numbers, kind="stable")
    numbers, table = numbers[order], table.take(pa.array(order))
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(numbers)]
    for start, end in itertools.pairwise(starts):
        if end > start:
            yield int(numbers[start]), table.slice(start, end - start)
