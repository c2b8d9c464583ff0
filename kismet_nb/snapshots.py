"""Dated copies of tables in a folder, so that there is something to compare with later."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb import fetch
from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.export import export
from kismet_nb.files.paths import check_path
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from kismet_nb.transport.client import KismetClient

__all__ = ["LISTS", "snapshot"]

# Tables that show how things stand now, and can be fetched without more being said.
LISTS = tuple(name for name, resource in RESOURCES.items() if resource.layout in {"pages", "list"})


def snapshot(
    tables: str | Iterable[str],
    *,
    folder: str | os.PathLike[str] = "snapshots",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> list[Path]:
    """Fetch tables and keep each as a dated Parquet file, such as ``users-2026-11-25T0143Z.parquet``.

    Either all tables are kept or none: everything is fetched and written before the first file gets its name.
    A file that is there is never overwritten. Names sort by time; the time is that of the start, in UTC.

    Parameters
    ----------
    tables
        The name of a table, such as ``"users"``, or several names: any table but ``call_metrics`` and
        ``participants``.
    folder
        Where to keep them. ``~`` is expanded and missing folders are made.
    client
        Whose organization; this notebook's login by default.
    progress
        As in ``fetch_users``.

    Returns
    -------
    list of Path
        The files, in the order of ``tables``, for ``read_export``.

    Raises
    ------
    InvalidInputError
        There is no such table, it cannot be kept or is named twice, or the folder cannot be used.
    ExportError
        There is a snapshot of this minute already, or the disk refused.
    KismetError
        As in ``fetch_users``.

    Warns
    -----
    GoneWarning, SchemaDriftWarning
        As in ``fetch_calls``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> demo = kn.use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> [file] = kn.snapshot("users")
    >>> kn.compare(kn.read_export(file), kn.fetch_users()).empty
    True
    >>> demo.stop()
    """
    if not isinstance(tables, Iterable):
        raise InvalidInputError(f"tables must be the name of a table, or several, not {type(tables).__name__}.")
    if not isinstance(folder, str | os.PathLike):
        raise InvalidInputError(f"folder must be the name of a folder, not {type(folder).__name__}.")
    names = [tables] if isinstance(tables, str) else list(tables)
    if unknown := [name for name in names if name not in LISTS]:
        raise InvalidInputError(f"{unknown[0]!r} cannot be kept as a snapshot. These can: {', '.join(LISTS)}.")
    if not names or len(set(names)) < len(names):
        raise InvalidInputError("Name at least one table, and each once.")
    moment = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H%MZ}"
    files = [check_path(Path(folder) / f"{name}-{moment}.parquet") for name in names]
    place = files[0].parent
    if taken := [file for file in files if file.exists()]:  # before a long fetch, not after it
        raise ExportError(f"{taken[0]} is there already and stays as it is. Take the next snapshot a minute later.")
    frames = [getattr(fetch, f"fetch_{name}")(client=client, progress=progress) for name in names]
    problem = ""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place, prefix=".snapshot-") as unfinished:
            written = [export(frame, Path(unfinished) / file.name) for frame, file in zip(frames, files, strict=True)]
            _put(written, files)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    if problem:
        raise ExportError(f"Nothing was kept in {place}: {problem}.")
    return files


def _put(written: list[Path], files: list[Path]) -> None:
    """Give finished files their names: all of them or none, and no name that was taken meanwhile."""
    reserved: list[Path] = []
    try:
        for file in files:
            file.touch(exist_ok=False)
            reserved.append(file)
        for source, file in zip(written, files, strict=True):
            source.replace(file)
    except BaseException:
        for file in reserved:
            file.unlink(missing_ok=True)
        raise
