"""Write the history of a table: the earlier states of rows that a sync found changed or removed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kismet_nb.store.files import finish_file, link_file, open_parquet
from kismet_nb.store.schema import TIME, history_schema, upgrade

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from numpy.typing import NDArray

    from kismet_nb.resources import Resource

__all__ = ["HistoryWriter", "keep_history"]

MAX_FILES = 50  # with more, the files of each year are merged


class HistoryWriter:
    """Writes the rows that one sync found changed or removed to a file, which is created with the first row.

    Parameters
    ----------
    resource
        The resource of the table.
    folder
        The folder of the history in the new version.
    name
        The version's name.
    moment
        The version's moment, stored as ``seen_until``.
    """

    def __init__(self, resource: Resource, folder: Path, name: str, moment: dt.datetime) -> None:
        self._schema = history_schema(resource)
        self._file = folder / f"{name}.parquet"
        self._moment = pa.scalar(moment, TIME)
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table, changed: NDArray[np.bool_]) -> None:
        """Write earlier states of rows; ``changed`` is false for rows that were removed."""
        if not rows.num_rows:
            return
        ended = pa.array(np.where(changed, "changed", "removed")).cast(pa.large_string())
        rows = rows.append_column("seen_until", pa.repeat(self._moment, rows.num_rows)).append_column("ended", ended)
        if self._writer is None:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            self._writer = open_parquet(self._file, self._schema)
        self._writer.write_table(rows.select(self._schema.names).cast(self._schema))

    def close(self) -> None:
        """Close the file, if it was created."""
        if self._writer is not None:
            self._writer.close()
            finish_file(self._file)


def keep_history(resource: Resource, before: Path, folder: Path) -> None:
    """Bring the history of an older version into a new one; many files become one for each year.

    Parameters
    ----------
    resource
        Whose history.
    before, folder
        The folder of the history in the older and in the new version. The older need not exist.
    """
    files = sorted(before.glob("*.parquet"))
    if not files:
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    schema = history_schema(resource)
    merge = len(files) > MAX_FILES or any(not pq.read_schema(file).equals(schema) for file in files)
    if not merge:
        for file in files:
            link_file(file, folder / file.name)
        return
    for year, group in itertools.groupby(files, key=lambda file: file.name[:4]):
        target = folder / f"{year}.parquet"
        with open_parquet(target, schema) as writer:
            for file in group:
                rows = pq.read_table(file, page_checksum_verification=True)
                writer.write_table(upgrade(resource.name, rows, schema))
        finish_file(target)
