"""sync(): bring the local copy of an organization up to date."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import TYPE_CHECKING

import pandas as pd

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

    Every list is read and proved complete, as by a fetch. All tables then become a new version together: a
    folder of Parquet files below ``folder/organization`` that never changes, named by the time in UTC. Files without
    a difference are not written again. Rows as they were before go to the history, so nothing is lost.

    The calls of a user are read whole at first, and at least every ``recheck_days`` days again, on different days for
    different users. In between they are read from the page on that has the first call which had not ended, or was
    younger than seven days, when they were last read. This page must begin with the same call at the same place as
    before, or the list is read whole in the same sync. So all new calls are found, and an earlier call that was
    removed, added late or restored too, unless one was removed and another one added before that page meanwhile.
    That, and edits of earlier calls, are found by the next whole reading. Recordings are read again if their call is
    new or has changed, or could still change when they were read, and daily figures of the last 35 days; the others
    every ``recheck_days`` days. All other tables are read whole each time.

    If the process ends early, whatever the reason, the older version stays as it is. The next sync within 24 hours
    goes on from the lists that were read. A second sync of the same organization at the same time is refused.

    Parameters
    ----------
    folder
        The store: a folder on a local disk. It is made if it is missing, for this user only.
    tables
        Names of tables; by default users, calls, waiting_rooms, invites, roles and call_metrics. A table brings
        those that its lists are found from: calls bring users. Tables of earlier syncs that are not named stay as
        they were.
    organization
        What the organization is called in the store: the name of its folder, and a column of each table.
    client
        The organization's client; by default this notebook's login.
    recheck_days
        After how many days a list is read whole at the latest; 0 reads every list whole each time, and so does a
        client with ``verify="twice"``.
    participants
        Keep the participants of calls too, without their names.
    keep
        How many versions to keep. The history is complete in each.
    accept_removals
        Accept that more than half of a table, and more than 20 rows, are removed at once.
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
        The folder or a name cannot be used, a table does not exist, or the copy came from another host.
    ExportError
        Another sync of this organization is under way, or the disk is full or refused.
    SchemaDriftError
        A key does not fit its type; or a client that is strict met other fields or values than this version knows.
    KismetError
        As in ``fetch_users``; or more than half of a table would be removed. There is no new version then.

    Warns
    -----
    GoneWarning
        Some lists are missing by now, for example because a user was removed meanwhile.
    SchemaDriftWarning
        The server sent fields or values that this version does not know. They are kept in the column ``rest``.

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
    problem = ""
    try:
        for path in (store.path.parent, store.path, store.work):
            make_private(path)
        with Journal(store.journal, organization) as journal:
            _recover(store, journal)
            store.check_host(host)  # again: another sync may have made the first version since
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
    except OSError as error:  # Arrow's errors of files are OSErrors too
        problem = error.strerror or str(error)
    if problem:
        raise ExportError(
            f"The sync to {store.path} failed: {problem}. The finished versions are untouched, and what was read is "
            "kept for the next sync."
        )
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
        journal.empty()  # it was killed between the rename and this
    for leftover in (store.work / "next", store.work / "parts"):
        remove_tree(leftover)


def _moment(store: OrganizationFolder) -> dt.datetime:
    """Return the current second, or a later one if there is a version of it."""
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    newest = store.newest()
    return max(moment, version_time(newest.name) + dt.timedelta(seconds=1)) if newest else moment


def _metrics_since(store: OrganizationFolder) -> dt.date | None:
    """Return the first month of which the newest version has figures of calls."""
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
