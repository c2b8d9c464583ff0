"""snapshot(): keep dated copies of tables in a folder, to compare with later."""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.fetch import FETCHERS
from kismet_nb.files.export import export
from kismet_nb.files.paths import check_path
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from kismet_nb.transport.client import KismetClient

__all__ = ["LISTS", "latest_snapshots", "snapshot"]

_NAME = re.compile(r"[a-z_]+-\d{4}-\d\d-\d\dT\d{4}Z\.parquet")
# The tables that show the current state and can be fetched without further arguments.
LISTS = tuple(name for name, resource in RESOURCES.items() if resource.layout in {"pages", "list"})


def snapshot(
    tables: str | Iterable[str],
    *,
    folder: str | os.PathLike[str] = "snapshots",
    client: KismetClient | None = None,
    progress: bool | None = None,
) -> list[Path]:
    """Fetch tables and write each to a dated Parquet file, for example ``users-2026-11-25T0143Z.parquet``.

    All tables are kept, or none: every table is fetched and written before the first file gets its name.
    An existing file is never overwritten. The time in the name is the start of the call, in UTC, so names sort by time.

    Parameters
    ----------
    tables
        The name of a table, for example ``"users"``, or several names. Every table except ``call_metrics`` and
        ``participants`` can be kept.
    folder
        The folder for the files. ``~`` is expanded and missing folders are created.
    client
        The organization's client; by default this notebook's login.
    progress
        As in ``fetch_users``.

    Returns
    -------
    list of Path
        The files, in the order of ``tables``, for ``read_export``.

    Raises
    ------
    InvalidInputError
        A table does not exist, cannot be kept or is named twice, or the folder cannot be used.
    ExportError
        A snapshot of this minute exists already, or a file could not be written.
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
        raise InvalidInputError(f"tables must be the name of a table or several names, not {type(tables).__name__}.")
    if not isinstance(folder, str | os.PathLike):
        raise InvalidInputError(f"folder must be the name of a folder, not {type(folder).__name__}.")
    names = [tables] if isinstance(tables, str) else list(tables)
    if unknown := [name for name in names if name not in LISTS]:
        raise InvalidInputError(f"{unknown[0]!r} cannot be kept as a snapshot. These can: {', '.join(LISTS)}.")
    if not names or len(set(names)) < len(names):
        raise InvalidInputError("tables must name at least one table, and each table once.")
    moment = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H%MZ}"
    files = [check_path(Path(folder) / f"{name}-{moment}.parquet") for name in names]
    target = files[0].parent
    if taken := [file for file in files if file.exists()]:  # fails now instead of after a long fetch
        raise ExportError(f"{taken[0]} exists already and stays as it is. Take the next snapshot a minute later.")
    frames = [FETCHERS[name](client=client, progress=progress) for name in names]
    problem = ""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".snapshot-") as unfinished:
            written = [export(frame, Path(unfinished) / file.name) for frame, file in zip(frames, files, strict=True)]
            _rename_all(written, files)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    if problem:
        raise ExportError(f"Nothing was kept in {target}: {problem}. Check the folder and take the snapshot again.")
    return files


def latest_snapshots(table: str, folder: str | os.PathLike[str], count: int) -> list[Path]:
    """Return the newest snapshots of a table, oldest first.

    Raises
    ------
    InvalidInputError
        The folder has fewer snapshots of the table.
    """
    files = sorted(file for file in Path(folder).expanduser().glob(f"{table}-*.parquet") if _NAME.fullmatch(file.name))
    if len(files) < count:
        wanted = "two are" if count == 2 else "one is"
        raise InvalidInputError(
            f"{folder} has {len(files)} snapshots of {table}, and {wanted} needed. Take one: kismet-nb snapshot {table}"
        )
    return files[-count:]


def _rename_all(written: list[Path], files: list[Path]) -> None:
    """Rename all finished files or none. A file that another program created meanwhile is never replaced."""
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
