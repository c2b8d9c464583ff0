"""sync(): bring the local copy of an organization up to date."""

from __future__ import annotations

import datetime as dt
import sqlite3
import warnings
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError, InvalidInputError, SchemaDriftError, SchemaDriftWarning
from kismet_nb.fetch.arguments import chosen_client
from kismet_nb.fetch.table import callers_level
from kismet_nb.store.files import make_private, remove_tree
from kismet_nb.store.journal import Journal
from kismet_nb.store.known import KnownTables
from kismet_nb.store.layout import OrganizationFolder, host_of, version_time
from kismet_nb.store.lists import checked_tables
from kismet_nb.store.sync_reading import TableReader
from kismet_nb.store.version import NewVersion, TableReport, remove_old_versions

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from kismet_nb.transport.client import KismetClient

__all__ = ["sync"]


def sync(
    folder: str | os.PathLike[str],
    tables: str | Iterable[str] | None = None,
    *,
    organization: str = "organization",
    client: KismetClient | None = None,
    recheck_days: int = 7,
    participants: bool = False,
    keep: int = 3,
    accept_removals: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Bring the local copy of an organization up to date, with the history of its rows.

    Every list is read and proved complete, as in a fetch. All tables together then become a new version: a folder of
    Parquet files below ``folder/organization``, named by the time in UTC, that never changes. A file without
    differences is linked, not written again. The earlier states of changed and removed rows go to the history.

    The calls of a user are read whole at first. After that they are read whole at least every ``recheck_days`` days,
    on different days for different users. Other syncs read them from a later page on: the page with the first call
    that had not ended, or was younger than seven days, when it was last read. This page must begin with the same call
    at the same position as before. If it does not, the list is read whole in the same sync. So a sync finds all new
    calls. It also finds an earlier call that was removed, added late or restored, unless a removed and an added call
    before that page cancel each other out. Such a pair, and edits of earlier calls, are found when the list is next
    read whole.

    Recordings are read again if their call is new or has changed, or could still change when they were read. Daily
    figures of the last 35 days are read again. Other recordings and figures are read every ``recheck_days`` days. All
    other tables are read whole each time.

    If the process ends early for any reason, the older version stays as it is. A sync within the next 24 hours does
    not read the finished lists again. A second sync of the same organization at the same time is refused.

    Parameters
    ----------
    folder
        The store: a folder on a local disk. If it is missing, it is created with access for this user only.
    tables
        Names of tables; by default users, calls, waiting_rooms, invites, roles and call_metrics. A table includes
        the tables that determine its lists: calls include users. Tables of earlier syncs that are not named stay as
        they are.
    organization
        The organization's name in the store: the name of its folder, and the value of the column ``organization``.
    client
        The organization's client; by default this notebook's login.
    recheck_days
        The days after which a list is read whole at the latest. With 0, or with a client with ``verify="twice"``,
        every list is read whole each time.
    participants
        Store the participants of calls too, without their names.
    keep
        The number of versions to keep. Each has the complete history.
    accept_removals
        Accept the removal of more than half of a table and more than 20 rows in one sync.
    progress
        As in ``fetch_users``.

    Returns
    -------
    DataFrame
        One row per table: ``table`` str, ``rows``, ``added``, ``changed``, ``removed`` and ``requests`` Int64,
        ``seconds`` Float64, ``version`` str.

    Raises
    ------
    InvalidInputError
        The folder or a name cannot be used, a table does not exist, or the store's copy is from another host.
    ExportError
        Another sync of this organization is under way, the disk is full, the file system refused, or a file of the
        store is damaged.
    SchemaDriftError
        A key does not fit its type; or the client is strict and the server sent undeclared fields or values.
    KismetError
        As in ``fetch_users``; or more than half of a table would be removed. There is no new version then.

    Warns
    -----
    GoneWarning
        The server no longer has some lists, for example because a user was removed during the sync.
    SchemaDriftWarning
        The server sent undeclared fields or values. They are kept in the column ``rest``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> demo = kn.use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> kn.sync("store", ["users", "roles"])[["table", "rows", "added"]].values.tolist()
    [['users', 131, 131], ['roles', 4, 4]]
    >>> kn.sync("store", ["users", "roles"])["added"].sum()
    np.int64(0)
    >>> demo.stop()
    """
    names = checked_tables(tables, participants=participants)
    store = OrganizationFolder.named(folder, organization)
    _check_number("recheck_days", recheck_days, 0)
    _check_number("keep", keep, 1)
    client = chosen_client(client)
    host = host_of(client.api_url)
    store.check_host(host)
    reports = [TableReport(name) for name in names]
    problem, advice = "", "The next sync does not read the finished lists again."
    try:
        for path in (store.path.parent, store.path, store.work):
            make_private(path)
        with Journal(store.journal, organization) as journal:
            _recover(store, journal)
            store.check_host(host)  # another sync may have written the first version before the journal was locked
            known = KnownTables(
                store.newest(), 0 if client.verify == "twice" else recheck_days, participants=participants
            )
            since = _metrics_since(store)
            reader = TableReader(
                client, journal, known, participants=participants, metrics_since=since, progress=progress
            )
            for report in reports:
                reader.read(report)
            if participants:
                reports.insert(names.index("calls") + 1, TableReport("participants"))
            version = NewVersion(store, journal, _moment(store), host, accept_removals=accept_removals)
            try:
                for report in reports:
                    version.add_table(report, reader.lists[report.table])
                if version.drift and client.strict:
                    journal.empty()
                    raise SchemaDriftError(" ".join(version.drift))
                version.commit()
            finally:
                version.discard()
            remove_old_versions(store, keep)
    except (OSError, pa.ArrowException) as error:  # Arrow raises both for a damaged file
        problem = getattr(error, "strerror", None) or str(error)
    except sqlite3.Error as error:
        problem, advice = str(error), f"Delete {store.journal}, which the finished versions do not need."
    if problem:
        raise ExportError(f"The sync to {store.path} failed: {problem}. The finished versions are untouched. {advice}")
    if version.drift:
        warnings.warn(" ".join(version.drift), SchemaDriftWarning, stacklevel=callers_level())
    return _summary(reports, version.name)


def _check_number(argument: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInputError(f"{argument} must be a whole number of at least {least}.")


def _recover(store: OrganizationFolder, journal: Journal) -> None:
    """Clean up after a sync that was killed."""
    committing = journal.committing
    if committing and (store.path / committing).is_dir():
        journal.empty()  # the process was killed after the rename and before this step of commit()
    for leftover in (store.work / "next", store.work / "parts"):
        remove_tree(leftover)


def _moment(store: OrganizationFolder) -> dt.datetime:
    """Return the current second, or the second after the newest version if that is later."""
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    newest = store.newest()
    return max(moment, version_time(newest.name) + dt.timedelta(seconds=1)) if newest else moment


def _metrics_since(store: OrganizationFolder) -> dt.date | None:
    """Return the first day of the first month with figures of calls in the newest version."""
    newest = store.newest()
    months = sorted(file.stem for file in (newest / "call_metrics").glob("*-*.parquet")) if newest else []
    return dt.date.fromisoformat(f"{months[0]}-01") if months else None


def _summary(reports: Sequence[TableReport], version: str) -> pd.DataFrame:
    counts = ("rows", "added", "changed", "removed", "requests")
    columns = {
        "table": pd.array([report.table for report in reports], dtype="str"),
        **{name: pd.array([getattr(report, name) for report in reports], dtype="Int64") for name in counts},
        "seconds": pd.array([round(report.seconds, 3) for report in reports], dtype="Float64"),
        "version": pd.array([version] * len(reports), dtype="str"),
    }
    return pd.DataFrame(columns)
