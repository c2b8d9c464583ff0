"""Open the SQLite file of a journal: take its lock and delete entries that are too old.

The exclusive lock prevents a second sync of the organization. The system releases it when the process ends.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import TYPE_CHECKING

from kismet_nb.errors import ExportError
from kismet_nb.resources import RESOURCES
from kismet_nb.store.schema import row_schema

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_database"]

MAX_AGE = dt.timedelta(hours=24)  # older lists are read again
_SCHEMA = """
CREATE TABLE IF NOT EXISTS lists (task TEXT, key TEXT, read_at TEXT, list TEXT, PRIMARY KEY (task, key));
CREATE TABLE IF NOT EXISTS saved (id INTEGER PRIMARY KEY, resource TEXT, last_chunk INTEGER, rows BLOB);
CREATE TABLE IF NOT EXISTS committing (version TEXT);
"""


def open_database(file: Path, organization: str) -> sqlite3.Connection:
    """Open the journal of an organization with an exclusive lock, which lasts until it is closed.

    Raises
    ------
    ExportError
        Another sync of this organization is under way, or the file cannot be used.
    """
    problem = ""
    try:
        # The journal's writer thread uses the connection too, but never at the same time as another thread.
        database = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database)
        except BaseException:
            database.close()
            raise
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            problem = f"Another sync of {organization} is under way. Wait until it has ended."
        else:
            problem = f"{file} cannot be used: {error}."
    except sqlite3.DatabaseError as error:
        problem = f"{file} cannot be used: {error}. Delete it; the finished versions do not need it."
    if problem:
        raise ExportError(problem)
    return database


def _prepare(database: sqlite3.Connection) -> None:
    """Take the lock, create the tables, and delete entries that must not be used."""
    database.execute("PRAGMA locking_mode=EXCLUSIVE")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("BEGIN EXCLUSIVE")
    # Rows that another version of the package saved may have other columns.
    database.execute("CREATE TABLE IF NOT EXISTS format (columns TEXT)")
    columns = json.dumps([_SCHEMA, {name: str(row_schema(resource)) for name, resource in RESOURCES.items()}])
    if database.execute("SELECT columns FROM format").fetchone() != (columns,):
        for table in ("lists", "saved", "committing"):
            database.execute(f"DROP TABLE IF EXISTS {table}")
        database.execute("DELETE FROM format")
        database.execute("INSERT INTO format VALUES (?)", (columns,))
    for statement in _SCHEMA.split(";"):
        database.execute(statement)
    oldest = (dt.datetime.now(dt.UTC) - MAX_AGE).isoformat()
    database.execute("DELETE FROM lists WHERE read_at < ?", (oldest,))
    if not database.execute("SELECT 1 FROM lists LIMIT 1").fetchone():
        database.execute("DELETE FROM saved")
    database.execute("COMMIT")
