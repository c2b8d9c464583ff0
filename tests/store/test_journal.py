"""Lists that a failed sync has read are kept, not read again, and never incomplete."""

import contextlib
import dataclasses
import datetime as dt
import os
import resource
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pyarrow as pa
import pytest
from store.clinic import open_clinic, versions
from support.fetching import client_of
from support.rows import call, page_of, user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES
from kismet_nb.store.journal import Journal, JournaledList

CALLS_OF_2 = "/organization_users/2/calls"


@pytest.fixture
def clinic():
    """Serve an organization to a client that reads one list after the other."""
    with open_clinic(max_in_flight=1) as clinic:
        yield clinic


def calls_of(clinic):
    """Return the ids of the calls in the store and those on the server."""
    stored = kn.read_store("store", "calls")["id"].tolist()
    return sorted(stored), sorted(record["id"] for records in clinic.calls.values() for record in records)


def test_lists_that_were_read_are_not_read_again(clinic):
    """After a failure, the next sync requests only the list that failed."""
    clinic.failures[CALLS_OF_2] = (500, {}, b"")
    with pytest.raises(kn.UnavailableError):
        clinic.sync("calls")
    assert [] == versions()
    clinic.failures, clinic.requests = {}, []
    clinic.sync("calls")

    assert {CALLS_OF_2} == set(clinic.requests)
    assert [10, 11, 20] == calls_of(clinic)[0]


def test_after_a_finished_sync_the_journal_is_empty(clinic):
    """The next sync reads the lists again and finds what changed."""
    clinic.sync("calls")
    clinic.calls[1].append(call(12))
    clinic.sync("calls")

    assert [10, 11, 12, 20] == calls_of(clinic)[0]
    assert "user1@" not in Path("store/clinic-a/.sync/journal.sqlite").read_bytes().decode(errors="replace")


def test_lists_in_the_journal_are_kept_for_a_day(clinic):
    """A list older than 24 hours is read again; its old rows do not count."""
    clinic.failures[CALLS_OF_2] = (500, {}, b"")
    with pytest.raises(kn.UnavailableError):
        clinic.sync("calls")
    with contextlib.closing(sqlite3.connect("store/clinic-a/.sync/journal.sqlite")) as database, database:
        old = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=24, minutes=1)).isoformat()
        assert database.execute("UPDATE lists SET read_at = ? WHERE task = 'calls'", (old,)).rowcount
    clinic.failures, clinic.requests = {}, []
    clinic.calls[1] = [call(11)]
    clinic.sync("calls")

    assert {"/organization_users/1/calls", CALLS_OF_2} == set(clinic.requests)
    assert [11, 20] == calls_of(clinic)[0]


def test_calls_of_removed_users_do_not_count(clinic):
    """The journal may have calls of a user who is missing in the list of users when it is read again."""
    clinic.failures[CALLS_OF_2] = (500, {}, b"")
    with pytest.raises(kn.UnavailableError):
        clinic.sync("calls")
    with contextlib.closing(sqlite3.connect("store/clinic-a/.sync/journal.sqlite")) as database, database:
        database.execute("UPDATE lists SET read_at = '2026-01-01T00:00:00+00:00' WHERE task = 'users'")
    clinic.failures, clinic.users = {}, [user(2)]
    clinic.sync("calls")

    assert [20] == kn.read_store("store", "calls")["id"].tolist()


@pytest.mark.usefixtures("_no_pauses")
def test_rows_of_an_attempt_that_failed_do_not_count():
    """If a list changes while it is read, both attempts are saved; only the rows of the last one count."""
    first, pages = [user(number) for number in range(1, 31)], []

    def answer(query, _):
        pages.append(query.get("page"))
        # Once, after some pages, the list is shorter and its rows have other names.
        rows = first if len(pages) <= 3 else [user(number, display_name="later") for number in range(1, 26)]
        return page_of(rows, query)

    with client_of(answer, page_size=10) as client:
        kn.sync("store", "users", client=client)
    users = kn.read_store("store", "users")

    assert (25, {"later"}) == (len(users), set(users["display_name"]))
    assert 1 < kn.read_store("store", "lists")["attempts"].max()


def test_rows_with_the_columns_of_another_version_do_not_count(clinic, monkeypatch):
    """Rows that an older version of the package saved lack its new columns, so they are read again."""
    clinic.failures[CALLS_OF_2] = (500, {}, b"")
    full = RESOURCES["users"]
    with monkeypatch.context() as patch:
        patch.setitem(RESOURCES, "users", dataclasses.replace(full, columns=full.columns[:4]))
        with pytest.raises(kn.UnavailableError):
            clinic.sync("calls")
    clinic.failures = {}
    clinic.sync("calls")

    assert ["User 1", "User 2"] == kn.read_store("store", "users")["display_name"].tolist()


def test_rows_that_the_journal_lost_are_an_error(clinic):
    """Without the error, rows would be missing in the store. The next sync reads all lists again."""
    clinic.failures[CALLS_OF_2] = (500, {}, b"")
    with pytest.raises(kn.UnavailableError):
        clinic.sync("calls")
    with contextlib.closing(sqlite3.connect("store/clinic-a/.sync/journal.sqlite")) as database, database:
        database.execute("DELETE FROM saved WHERE resource = 'calls'")
    clinic.failures = {}
    with pytest.raises(kn.ExportError, match="journal of clinic-a is damaged: it has 1 of 3 calls"):
        clinic.sync("calls")
    clinic.sync("calls")

    assert [10, 11, 20] == calls_of(clinic)[0]


def test_a_second_sync_of_the_organization_ends_at_once(clinic):
    """It sends no request. A sync of another organization, and the next sync, are not affected."""
    clinic.sync()
    clinic.requests = []
    with Journal(Path("store/clinic-a/.sync/journal.sqlite"), "clinic-a"):
        started = time.monotonic()
        with pytest.raises(kn.ExportError, match="Another sync of clinic-a is under way"):
            clinic.sync()
        assert [] == clinic.requests
        assert time.monotonic() - started < 4  # SQLite alone would wait for five seconds
        clinic.sync(organization="clinic-b")
    clinic.sync()

    assert (2, 1) == (len(versions()), len(versions("store/clinic-b")))


def test_a_finished_list_is_on_the_disk_within_a_quarter_of_a_second(tmp_path):
    """A copy of the files, as another process would find them after a kill, has the list and only its rows.

    A busy machine may stop the writer for longer, so one of several lists is sufficient.
    """

    def saved(name):
        (tmp_path / name).mkdir()
        for file in tmp_path.glob("journal.sqlite*"):
            shutil.copy(file, tmp_path / name / file.name)
        with Journal(tmp_path / name / "journal.sqlite", "copy") as copy:
            lists = copy.lists("users")
            return [row for table in copy.rows("users", lists.values()) for row in table["id"].to_pylist()]

    def proved(key, chunk):
        now = dt.datetime.now(dt.UTC).isoformat()
        return JournaledList(key, "{}", now, rows=0, pages=1, attempts=1, proof="", missing=False, chunks=(chunk,))

    with Journal(tmp_path / "journal.sqlite", "clinic-a") as journal:
        journal.add_rows({"users": pa.record_batch({"id": [-1]})})  # of a list that is not finished
        rows = []
        for number in range(10):
            rows.append(number)
            chunk = journal.add_rows({"users": pa.record_batch({"id": [number]})})
            journal.add_list("users", proved(f"list {number}", chunk))
            time.sleep(0.4)
            if rows == saved(f"copy {number}"):
                break
        else:
            pytest.fail("No list was on the disk after 0.4 seconds.")
        many = journal.add_rows({"users": pa.record_batch({"id": list(range(2000))})})
        journal.add_list("users", proved("many", many))
        journal.flush()
        assert 2000 + len(rows) == len(saved("flushed"))


def test_a_full_disk_is_an_error_and_nothing_is_lost(clinic):
    """The older version stays intact. When there is space again, the next sync finishes."""
    clinic.sync("calls")
    before = kn.read_store("store", "calls")
    clinic.calls[1] = [call(number, name="x" * 50 + str(number)) for number in range(1000, 5000)]
    clinic.client.page_size = 500
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(kn.ExportError, match="finished versions are untouched"):
            clinic.sync("calls")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert (1, True) == (len(versions()), before.equals(kn.read_store("store", "calls")))
    clinic.sync("calls")

    assert calls_of(clinic)[0] == calls_of(clinic)[1]


def test_a_journal_that_is_no_database_is_an_error(clinic):
    """The message names the file and says that it can be deleted."""
    clinic.sync()
    for file in Path("store/clinic-a/.sync").glob("journal*"):
        file.unlink()
    Path("store/clinic-a/.sync/journal.sqlite").write_bytes(b"nothing that SQLite knows" * 100)
    with pytest.raises(kn.ExportError, match=r"journal\.sqlite cannot be used.*Delete it"):
        clinic.sync()


def test_a_damaged_journal_is_an_error(clinic):
    """The message names the file and says that it can be deleted."""
    clinic.failures["/roles"] = (500, {}, b"")
    clinic.users = [user(number, display_name=os.urandom(500).hex()) for number in range(300)]
    with pytest.raises(kn.UnavailableError):
        clinic.sync(["users", "roles"])
    clinic.failures = {}
    file = Path("store/clinic-a/.sync/journal.sqlite")
    content = file.read_bytes()
    half = len(content) // 2  # rows only: the pages that SQLite reads first are at the beginning
    file.write_bytes(content[:half] + b"\xff" * half)
    with pytest.raises(kn.ExportError, match=r"clinic-a.*journal\.sqlite.*which the finished versions do not need"):
        clinic.sync(["users", "roles"])
