"""sql(): run a SQL query over all tables and organizations of a store with DuckDB.

DuckDB gets Arrow datasets of the newest versions. It has no access to files, the network or Python variables.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from kismet_nb.errors import ExportError, InvalidInputError, KismetError
from kismet_nb.frontend import install_command
from kismet_nb.resources import RESOURCES
from kismet_nb.store.files import PARQUET_FORMAT
from kismet_nb.store.layout import HISTORY, LISTS, chosen_organizations, read_version, version_time
from kismet_nb.store.schema import LISTS_SCHEMA, history_schema, stored_schema, upgrade
from kismet_nb.store.sql_frame import to_frame
from kismet_nb.tables.provenance import set_provenance

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

__all__ = ["sql"]

POLL_SECONDS = 0.1  # on Windows, an interrupt takes effect only between two waits
MAX_TRIES = 3  # a sync may remove a version while it is read
_AT = "_at"  # suffix of the macro that returns a table as of a moment
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
    "SET temp_directory = ''",  # DuckDB must not write rows of the store to temporary files
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",  # must be last, because no setting can change after it
)
_MISSING_NAME = re.compile(r'with name "?(\w+)"? does not exist')


@dataclass(frozen=True, slots=True)
class _StoredTable:
    """A table of all organizations that have it."""

    name: str
    folders: list[Path]  # the newest version of each organization
    since: str  # when all of them had been synced once, in ISO 8601


def sql(folder: str | os.PathLike[str], query: str) -> pd.DataFrame:
    """Run a SQL query over all tables and all organizations of a store (extra ``sql``: DuckDB).

    Each table of the store is a view with the columns of ``read_store``, and ``rest`` and ``seen_from``. For users
    there are these views, and the same for every table that was synced:

    ====================  ====================================================================================
    ``users``             the users of all organizations, as of the last sync of each
    ``users_history``     the earlier states of rows, with ``seen_until``, and ``ended``: changed or removed
    ``users_at(t)``       the users as of a moment
    ``lists``             a row for each list that was read
    ====================  ====================================================================================

    Each organization is read from one version, even if a sync writes the next one during the query. The query can read
    only the store: other files, ``COPY``, ``ATTACH``, ``INSTALL`` and settings are refused.

    Parameters
    ----------
    folder
        The store, as passed to ``sync``.
    query
        A query in DuckDB's SQL. The result of the last statement is returned.

    Returns
    -------
    DataFrame
        With a fetch's dtypes: integers Int64, other numbers Float64, booleans boolean, text str, times
        datetime64[us, UTC], days datetime64[us], lists object. ``rest`` is JSON text. A sum of integers is Int64 if it
        fits. ``attrs["kismet"]`` records the query and the versions that it read.

    Raises
    ------
    InvalidInputError
        DuckDB cannot run the query (the error has its message); the query was refused; the store does not exist; or
        DuckDB is not installed.
    ExportError
        A file of the store cannot be read.
    KismetError
        The query needs more memory than is available.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization(user_count=5) as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     report = kn.sync("store", "users", organization="clinic-c", client=client)
    >>> kn.sql("store", "SELECT count(*) AS users FROM users WHERE organization = 'clinic-c'")
       users
    0      5
    """
    duckdb = _import_duckdb()
    if not isinstance(query, str) or not query.strip():
        raise InvalidInputError("query must be text, such as 'SELECT count(*) FROM users'.")
    for _ in range(MAX_TRIES):
        versions = chosen_organizations(folder, None)
        tables: list[_StoredTable] = []
        try:
            tables = _tables(versions)
            result = _run(duckdb, versions, tables, query)
        except FileNotFoundError as error:  # a sync has removed the version
            result = ExportError(f"{error.filename or error} is missing. Sync again to make a new version.")
        except (OSError, pa.ArrowException) as error:
            result = ExportError(_unreadable(error))
        except duckdb.Error as error:
            result = _explain(duckdb, error, str(folder), tables)
        if not isinstance(result, KismetError):
            frame = to_frame(result)
            read = [f"{version.parent.name}/{version.name}" for version in versions]
            set_provenance(frame, {"query": query, "versions": read, "version": installed_version("kismet-nb")})
            return frame
        if all(version.is_dir() for version in versions):
            break  # no sync removed a version, so another try gives the same error
    raise result


def _import_duckdb() -> Any:  # noqa: ANN401 - the module
    if find_spec("duckdb") is None:
        raise InvalidInputError(f"sql needs DuckDB. Install it with: {install_command('sql')}")
    return import_module("duckdb")


def _tables(versions: Sequence[Path]) -> list[_StoredTable]:
    """Return the tables that at least one organization has."""
    recorded = {version: read_version(version)["tables"] for version in versions}
    tables = []
    for name in RESOURCES:
        folders = [version for version in versions if name in recorded[version]]
        if folders:
            since = max(version_time(recorded[version][name]["since"]) for version in folders)
            tables.append(_StoredTable(name, folders, since.isoformat()))
    return tables


def _run(
    duckdb: Any,  # noqa: ANN401 - the module
    versions: Sequence[Path],
    tables: Sequence[_StoredTable],
    query: str,
) -> pa.Table | InvalidInputError:
    """Return the result of a query, or an error if it has none."""
    with duckdb.connect() as connection:
        for table in tables:
            resource, history = RESOURCES[table.name], f"{table.name}{HISTORY}"
            connection.register(table.name, _dataset(table, table.name, stored_schema(resource), query))
            connection.register(history, _dataset(table, history, history_schema(resource), query))
            connection.execute(_macro(table))
        # Must be last: this raises if a version was removed, in which case the lists of files above may be empty.
        lists = [version / LISTS / "all.parquet" for version in versions]
        connection.register(LISTS, ds.dataset(lists, schema=LISTS_SCHEMA, format=PARQUET_FORMAT))
        for setting in _SETTINGS:
            connection.execute(setting)
        relation = _relation(duckdb, connection, query)
        if relation is None:
            return InvalidInputError("The last statement has no result. End the query with a SELECT.")
        return _fetch(connection, relation)


def _relation(duckdb: Any, connection: Any, query: str) -> Any:  # noqa: ANN401 - DuckDB's classes
    """Run all statements but the last, and return the last as a relation, or None if it has no result."""
    statements = connection.extract_statements(query)
    for statement in statements[:-1]:
        connection.execute(statement)
    try:
        return connection.sql(statements[-1]) if statements else None
    except duckdb.Error:
        connection.execute(statements[-1])  # it fails again, with the position in the message
        raise


def _fetch(connection: Any, relation: Any) -> pa.Table:  # noqa: ANN401 - DuckDB's classes
    """Run a query in another thread, because an interrupt does not stop DuckDB while it returns Arrow tables."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(relation.to_arrow_table)
        try:
            while not wait([running], timeout=POLL_SECONDS).done:
                pass
        except BaseException:
            connection.interrupt()
            raise
        return running.result()


def _dataset(table: _StoredTable, name: str, schema: pa.Schema, query: str) -> ds.Dataset:
    """Return the rows of a table or its history with the current columns, also from older files."""
    current, older = [], [schema.empty_table()]
    for file in (file for folder in table.folders for file in sorted((folder / name).glob("*.parquet"))):
        # Reading the schemas of thousands of files takes seconds, so only tables that the query names are checked.
        if table.name not in query.casefold() or pq.read_schema(file).names == schema.names:
            current.append(file)
        else:
            older.append(upgrade(table.name, pq.ParquetFile(file, page_checksum_verification=True).read(), schema))
    rows = ds.dataset(pa.concat_tables(older))
    return ds.dataset([ds.dataset(current, schema=schema, format=PARQUET_FORMAT), rows]) if current else rows


def _macro(table: _StoredTable) -> str:
    """Return the definition of the macro for a table as of a moment; it fails before the table's first sync."""
    name = table.name
    problem = f"t is missing or before the first sync of {name} ({table.since}). The rows before it are not known."
    # The error is an operand of the comparison, so DuckDB raises it when it compares a row.
    t = f"CASE WHEN t::TIMESTAMPTZ >= '{table.since}' THEN t::TIMESTAMPTZ ELSE error('{problem}') END"
    # No injection: all interpolated texts are names and times from this package.
    return (
        f"CREATE MACRO {name}{_AT}(t) AS TABLE SELECT * FROM {name} WHERE seen_from <= {t} "  # noqa: S608
        f"UNION ALL SELECT * EXCLUDE (seen_until, ended) FROM {name}{HISTORY} "
        f"WHERE seen_from <= {t} AND seen_until > {t}"
    )


def _unreadable(problem: object) -> str:
    return f"A file of the store cannot be read: {problem}. If kn.read_store fails too, sync to a new folder."


def _explain(duckdb: Any, error: Exception, folder: str, tables: Sequence[_StoredTable]) -> KismetError:  # noqa: ANN401 - the module
    """Return an error of this package with DuckDB's message and what to do."""
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return KismetError(f"The query needs more memory than is available. Filter or aggregate more. DuckDB: {text}")
    if re.search(r"\b(IOError|OSError|ArrowInvalid)\b", text):  # a damaged file, found while the query was reading it
        return ExportError(_unreadable(text))
    if isinstance(error, duckdb.PermissionException):
        return InvalidInputError(
            "The query was refused: it may read only the tables of the store. To write a file, pass the result to "
            f"kn.export, or use --out in a terminal. To use another file, read it with pandas. DuckDB: {text}"
        )
    if "configuration has been locked" in text:
        return InvalidInputError(
            f"The query was refused: settings are fixed. For times in another zone write, for example, created_at AT "
            f"TIME ZONE 'America/New_York'. DuckDB: {text}"
        )
    found = _MISSING_NAME.search(text)
    name = found.group(1).lower().removesuffix(_AT).removesuffix(HISTORY) if found else ""
    if name in RESOURCES and name not in [table.name for table in tables]:
        return InvalidInputError(f"The store has no {name}. Add them with kn.sync({folder!r}, [{name!r}]).\n{text}")
    return InvalidInputError(text)
