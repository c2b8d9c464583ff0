"""read_store() and store_files(): read tables of a store, or find their files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kismet_nb.dates import parse_timestamp
from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.resources import RESOURCES
from kismet_nb.store.frame import stored_frame
from kismet_nb.store.layout import HISTORY, LISTS, chosen_organizations, read_version, version_time
from kismet_nb.store.schema import LISTS_SCHEMA, TIME, history_schema, stored_schema, upgrade, upgrade_lists
from kismet_nb.tables.provenance import set_provenance

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

__all__ = ["read_store", "store_files"]

MAX_TRIES = 3  # a sync may remove a version while it is read

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version's folder, and the content of its version.json."""

    path: Path
    about: dict[str, Any]


def read_store(
    folder: str | os.PathLike[str],
    table: str,
    *,
    organizations: str | Iterable[str] | None = None,
    at: dt.date | str | None = None,
    history: bool = False,
    columns: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Read a table of a store as a DataFrame with a fetch's dtypes.

    Parameters
    ----------
    folder
        The store, as passed to ``sync``.
    table
        The name of a table, for example ``"users"``; or ``"lists"``, which has a row for each list that was read.
    organizations
        The name of an organization, or several; by default all that have the table.
    at
        Read the rows as of a moment: a datetime, a date (its start), or text. Without a zone it is UTC. The rows are
        those of the last sync at or before the moment.
    history
        Read the earlier states of changed and removed rows instead of the current rows.
    columns
        Read only these columns, in this order. ``seen_from``, the sync that first found a row like this, can be named
        too.

    Returns
    -------
    DataFrame
        ``organization`` str, the columns of the table, then undeclared fields. With ``history=True`` also
        ``seen_from``, the sync that first found the row like this; ``seen_until``, the sync that found it changed or
        removed, both datetime64[us, UTC]; and ``ended`` str (``changed`` or ``removed``). The change happened between
        ``seen_until`` and the sync before it. A column with a value that does not fit its dtype has the dtype object.
        The rows are in the order of the files. ``attrs["kismet"]`` has the provenance, with the keys of a fetch and
        ``organizations``. Its proof counts the lists that the last sync did not read whole.

    Raises
    ------
    InvalidInputError
        The store, organization, table or column does not exist; or ``at`` is no moment, or before the first sync.
    ExportError
        A file of the store cannot be read.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization(user_count=5) as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     report = kn.sync("store", "users", organization="clinic-a", client=client)
    >>> kn.read_store("store", "users", columns=["organization", "id"]).shape
    (5, 2)
    >>> len(kn.read_store("store", "users", history=True).query("ended == 'removed'"))
    0
    """
    _check_table(table, [*RESOURCES, LISTS])
    if at is not None and history:
        raise InvalidInputError("Pass either at or history=True, not both.")
    if table == LISTS and (at is not None or history):
        raise InvalidInputError("The table lists has no history. Leave out at and history.")
    if isinstance(columns, str) or not isinstance(columns, Iterable | None):
        raise InvalidInputError(f"columns must be a list of names, such as [{columns!r}].")
    moment = None if at is None else _moment(at)
    names = None if columns is None else list(columns)

    def read() -> pd.DataFrame:
        found = _versions_with(folder, table, organizations)
        if table == LISTS:
            rows = pa.concat_tables([_read_file(file, LISTS, LISTS_SCHEMA) for file in _files(found, LISTS)])
        else:
            _check_moment(found, table, moment)
            rows = _rows(found, table, moment, history=history)
        frame = stored_frame(table, rows, names, history=history)
        set_provenance(frame, _provenance(found, table, moment, len(frame)))
        return frame

    return _while_versions_change(read)


def store_files(
    folder: str | os.PathLike[str], table: str, *, organizations: str | Iterable[str] | None = None
) -> list[Path]:
    """Return the Parquet files of a table in the newest versions, for any query engine.

    The files of a version never change, but a sync removes old versions. So call this function for each query and do
    not store the names. If a version is removed before its files are opened, pandas, Polars, DuckDB, Dask and Spark
    raise an error; they never return a part of the table.

    Parameters
    ----------
    folder
        The store, as passed to ``sync``.
    table
        The name of a table, for example ``"users"``; of its history, ``"users_history"``; or ``"lists"``.
    organizations
        The name of an organization, or several; by default all that have the table.

    Returns
    -------
    list of Path
        All files have the same columns and types. A history, or a table with a file for each month, has no file until
        it has a row.

    Raises
    ------
    InvalidInputError
        The store, organization or table does not exist.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization(user_count=5) as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     report = kn.sync("store", "users", organization="clinic-b", client=client)
    >>> [file.name for file in kn.store_files("store", "users", organizations="clinic-b")]
    ['all.parquet']
    """
    _check_table(table, [*RESOURCES, *(f"{name}{HISTORY}" for name in RESOURCES), LISTS])
    return _while_versions_change(lambda: _files(_versions_with(folder, table, organizations), table))


def _while_versions_change(read: Callable[[], Result]) -> Result:
    """Call ``read``, and call it again if a version was removed while it ran."""
    for _ in range(MAX_TRIES - 1):
        with contextlib.suppress(FileNotFoundError):
            return read()
    try:
        return read()
    except FileNotFoundError as error:
        problem = f"{error.filename} is missing. Sync again to make a new version."
    raise ExportError(problem)


def _check_table(table: object, known: Sequence[str]) -> None:
    if table not in known:
        tables = [name for name in known if not name.endswith(HISTORY)]
        raise InvalidInputError(f"There is no table {table!r}. The tables are: {', '.join(tables)}.")


def _moment(at: object) -> dt.datetime:
    moment = parse_timestamp(at, "at")
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    return moment.as_unit("us").to_pydatetime(warn=False)


def _versions_with(
    folder: str | os.PathLike[str], table: str, organizations: str | Iterable[str] | None
) -> list[FoundVersion]:
    """Return the newest versions of the organizations that have a table."""
    name = table.removesuffix(HISTORY)
    found = [FoundVersion(path, read_version(path)) for path in chosen_organizations(folder, organizations)]
    having = [version for version in found if name == LISTS or name in version.about["tables"]]
    if not having or (organizations is not None and len(having) < len(found)):
        missing = next(version for version in found if version not in having)
        raise InvalidInputError(
            f"{missing.path.parent.name} has no {name} in the store. Add them with "
            f"kn.sync({str(folder)!r}, [{name!r}], organization={missing.path.parent.name!r})."
        )
    return having


def _check_moment(versions: Sequence[FoundVersion], table: str, moment: dt.datetime | None) -> None:
    for version in versions:
        since = version_time(version.about["tables"][table]["since"])
        if moment is not None and moment < since:
            raise InvalidInputError(
                f"at ({moment:%Y-%m-%d %H:%M:%S} UTC) is before the first sync of {table} of "
                f"{version.path.parent.name} ({since:%Y-%m-%d %H:%M:%S} UTC). The rows before it are not known."
            )


def _files(versions: Sequence[FoundVersion], table: str) -> list[Path]:
    """Return the files of a table.

    Raises
    ------
    FileNotFoundError
        A sync removed one of the versions, so the list of files may be incomplete.
    """
    files: list[Path] = []
    for version in versions:
        files += sorted((version.path / table).glob("*.parquet"))  # no files and no error if the folder is missing
        (version.path / "version.json").stat()
    return files


def _rows(versions: Sequence[FoundVersion], table: str, moment: dt.datetime | None, *, history: bool) -> pa.Table:
    """Return the current rows, the history, or the rows at a moment, which are in both."""
    resource = RESOURCES[table]
    current, ended = stored_schema(resource), history_schema(resource)
    pieces = [ended.empty_table() if history else current.empty_table()]
    if not history:
        for file in _files(versions, table):
            rows = _read_file(file, table, current)
            pieces.append(rows if moment is None else rows.filter(_seen_before(moment)))
    if history or moment is not None:
        for file in _files(versions, f"{table}{HISTORY}"):
            rows = _read_file(file, table, ended)
            if moment is not None:
                rows = rows.filter(_seen_before(moment) & (pc.field("seen_until") > pa.scalar(moment, TIME)))
                rows = rows.select(current.names)
            pieces.append(rows)
    return pa.concat_tables(pieces)


def _seen_before(moment: dt.datetime) -> pc.Expression:
    return pc.field("seen_from") <= pa.scalar(moment, TIME)


def _read_file(file: Path, table: str, schema: pa.Schema) -> pa.Table:
    problem = ""
    try:
        rows = pq.ParquetFile(file, page_checksum_verification=True).read()
        return upgrade_lists(rows) if table == LISTS else upgrade(table, rows, schema)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        problem = str(error)
    raise ExportError(f"{file} cannot be read: {problem}. Restore it from a backup, or sync to a new folder.")


def _kept_note(lists: pa.Table) -> list[str]:
    """Return a note on lists that were not read whole, with the time of the earliest whole reading."""
    kept = lists.filter(pc.field("read_from") > 1)
    if not kept.num_rows:
        return []
    since = pc.min(kept["whole_at"]).as_py()
    return [f"{kept.num_rows} of {lists.num_rows} lists read from a later row on, whole since {since:%Y-%m-%d}"]


def _provenance(versions: Sequence[FoundVersion], table: str, moment: dt.datetime | None, rows: int) -> dict[str, Any]:
    """Return the provenance of a table, aggregated over organizations."""
    lists = pa.concat_tables([_read_file(file, LISTS, LISTS_SCHEMA) for file in _files(versions, LISTS)])
    if table != LISTS:
        lists = lists.filter(pc.field("resource") == ("calls" if table == "participants" else table))
    synced = [version.about["tables"].get(table, {}).get("synced", version.path.name) for version in versions]
    fetched_at = min([*map(version_time, synced), *([] if moment is None else [moment])])
    return {
        "resource": table,
        "filters": [],
        "api_host": ", ".join(sorted({version.about["host"] for version in versions})),
        "fetched_at": fetched_at.isoformat(timespec="seconds"),
        "rows": rows,
        "pages": pc.sum(lists["pages"]).as_py() or 0,
        "walks": pc.max(lists["attempts"]).as_py() or 0,
        "lists": lists.num_rows,
        "gone": pc.sum(lists["missing"]).as_py() or 0,
        "skipped": 0,
        "resumed": False,
        "verdict": "complete",
        "proof": "; ".join([*sorted(filter(None, pc.unique(lists["proof"]).to_pylist())), *_kept_note(lists)]),
        "version": installed_version("kismet-nb"),
        "organizations": [version.path.parent.name for version in versions],
    }
