"""Write, link, flush and remove the files and folders of a version."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pyarrow.dataset as ds
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = [
    "PARQUET_FORMAT",
    "finish_file",
    "flush_names",
    "flush_tree",
    "link_file",
    "make_private",
    "open_parquet",
    "remove_tree",
]

# For Arrow datasets, which do not compare the checksums of pages by default.
PARQUET_FORMAT = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


def make_private(folder: Path) -> None:
    """Create a folder that only this user can read, because a store holds personal data."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def open_parquet(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet file for writing; close it, then call ``finish_file``."""
    # With this limit, Parquet soon drops the dictionary of a column of distinct texts, which halves time and space.
    return pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True, dictionary_pagesize_limit=2**17)


def finish_file(file: Path) -> None:
    """Flush a finished file to the disk and make it read-only."""
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
    file.chmod(0o400)


def link_file(source: Path, target: Path) -> None:
    """Create a hard link to a file; if the file system has no hard links, copy the file."""
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)
    finish_file(target)


def flush_tree(folder: Path) -> None:
    """Flush the entries of a folder and of all folders below it to the disk."""
    for path, _, _ in os.walk(folder, topdown=False):
        flush_names(path)


def flush_names(folder: str | Path) -> None:
    """Flush the entries of a folder to the disk."""
    if os.name == "nt":
        return  # Windows cannot open folders
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Remove a folder with its read-only files, if it exists."""
    if os.name == "nt":
        for path, _, names in os.walk(folder):
            for name in names:
                os.chmod(os.path.join(path, name), 0o600)  # noqa: PTH101, PTH118 - os.walk gives texts
    shutil.rmtree(folder, ignore_errors=True)
