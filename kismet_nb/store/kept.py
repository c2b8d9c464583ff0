"""Yield rows of the previous version, for lists that were not read again or only from a later row on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kismet_nb.resources import RESOURCES
from kismet_nb.store.difference import shared_keys
from kismet_nb.store.memory import release_memory
from kismet_nb.store.schema import row_schema, stored_schema, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from kismet_nb.store.journal import JournaledList

__all__ = ["kept_rows", "rows_of_version"]

ROWS_PER_PIECE = 32_768


def kept_rows(version: Path | None, name: str, lists: Iterable[JournaledList]) -> Iterator[pa.Table]:
    """Yield the rows that lists keep from a version, some thousand at a time, with the columns of read rows."""
    kept = [entry for entry in lists if entry.kept]
    if version is None or not kept:
        return
    if name == "call_metrics":
        months = {json.loads(entry.labels)["first_day"][:7] for entry in kept}
        yield from rows_of_version(version, name, months=months)
        return
    keeps = _keeps_lists(kept) if name == "egresses" else _keeps_beginnings(name, kept)
    for rows in rows_of_version(version, name):
        yield rows.filter(keeps(rows))


def rows_of_version(
    version: Path, name: str, *, columns: Sequence[str] | None = None, months: set[str] | None = None
) -> Iterator[pa.Table]:
    """Yield rows of a table, some thousand at a time; by default the columns of read rows, and all months."""
    resource = RESOURCES[name]
    columns = columns or row_schema(resource).names
    for file in sorted((version / name).glob("*.parquet")):
        if months is not None and file.stem not in months:
            continue
        with pq.ParquetFile(file, page_checksum_verification=True) as opened:
            whole = opened.schema_arrow.equals(stored_schema(resource))
            for batch in opened.iter_batches(ROWS_PER_PIECE, columns=columns if whole else None, use_threads=False):
                rows = pa.Table.from_batches([batch])
                yield (rows if whole else upgrade(name, rows, stored_schema(resource))).select(columns)
                release_memory()


def _keeps_beginnings(name: str, lists: Sequence[JournaledList]) -> Callable[[pa.Table], pa.ChunkedArray]:
    """Return a filter for calls, or participants of calls, before the first call that was read of their list."""
    owners = pa.array([json.loads(entry.labels)["organization_user_id"] for entry in lists], pa.int64())
    firsts = pa.array([entry.first_key for entry in lists], pa.int64())
    column = "id" if name == "calls" else "call_id"

    def keeps(rows: pa.Table) -> pa.ChunkedArray:
        position = pc.index_in(rows["organization_user_id"], value_set=owners)
        return pc.less(rows[column], firsts.take(position.combine_chunks()))

    return keeps


def _keeps_lists(lists: Sequence[JournaledList]) -> Callable[[pa.Table], pa.Array]:
    """Return a filter for the recordings of calls with kept lists."""
    names = ["organization_user_id", "call_id"]
    labels = [json.loads(entry.labels) for entry in lists]
    calls = pa.table({name: pa.array([label[name] for label in labels], pa.int64()) for name in names})
    return lambda rows: pa.array(shared_keys(rows.select(names), calls)[0])
