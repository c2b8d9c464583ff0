"""Snapshots: dated copies in a folder, all or none, never overwritten; and their comparison in a terminal."""

import contextlib
import datetime as dt
import re
from pathlib import Path

import pandas as pd
import pytest
from support.fetching import client_of
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.cli import main


def files_in_folder():
    """Return the names of all files in the folder of snapshots."""
    return sorted(path.name for path in Path("snapshots").glob("*")) if Path("snapshots").exists() else []


def test_a_snapshot_is_the_table_under_a_dated_name(client):
    """The file reads back as the table that was fetched; tables of one snapshot carry the same UTC time."""
    users, roles = kn.snapshot(["users", "roles"], client=client)

    assert re.fullmatch(r"users-\d{4}-\d\d-\d\dT\d{4}Z\.parquet", users.name)
    assert users.name.removeprefix("users") == roles.name.removeprefix("roles")
    assert [roles.name, users.name] == files_in_folder()
    pd.testing.assert_frame_equal(kn.fetch_users(client=client), kn.read_export(users))
    age = dt.datetime.now(dt.UTC) - dt.datetime.strptime(users.stem, "users-%Y-%m-%dT%H%MZ").replace(tzinfo=dt.UTC)
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=2)


def write_snapshot_file(table):
    """Write a file with the name that a snapshot of this minute, or of the next, would have."""
    Path("snapshots").mkdir(exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    for moment in (now, now + dt.timedelta(minutes=1)):
        Path(f"snapshots/{table}-{moment:%Y-%m-%dT%H%MZ}.parquet").write_text("older")


def test_a_snapshot_is_never_overwritten(client):
    """If one of the names exists, no table is kept."""
    write_snapshot_file("roles")
    with pytest.raises(kn.ExportError, match="stays as it is"):
        kn.snapshot(["users", "roles"], client=client)

    assert ["older"] * 2 == [Path("snapshots", name).read_text() for name in files_in_folder()]


@contextlib.contextmanager
def organization(roles):
    """Yield a client of a server with one user, whose response for the roles is ``roles(query)``."""

    def answer(query, _):
        return page_of([user(1)], query) if "users" in query.path else roles(query)

    with client_of(answer) as client:
        yield client


@pytest.mark.parametrize("names", [["users", "roles"], ["roles", "users"]])
def test_a_file_written_during_the_fetch_is_not_overwritten(names):
    """If two snapshots run at the same time, the slower one keeps nothing and leaves no file."""

    def roles(query):
        write_snapshot_file("roles")
        return page_of([{"id": 1, "name": "provider", "description": None}], query, envelope="roles")

    with organization(roles) as client, pytest.raises(kn.ExportError, match="Nothing was kept"):
        kn.snapshot(names, client=client)

    assert ["older"] * 2 == [Path("snapshots", name).read_text() for name in files_in_folder()]


def test_a_failed_fetch_keeps_no_table():
    """If the second table fails, the first is not kept either."""
    with organization(lambda _: (404, {}, {})) as client, pytest.raises(kn.NotFoundError):
        kn.snapshot(["users", "roles"], client=client)

    assert [] == files_in_folder()


def test_a_lone_surrogate_does_not_prevent_a_snapshot():
    """It is kept, although no encoding can hold it."""
    roles = [{"id": 1, "name": "Ada \ud83d", "description": None}]
    warned = pytest.warns(kn.SchemaDriftWarning, match="name has 1 values")
    with organization(lambda query: page_of(roles, query, envelope="roles")) as client, warned:
        [file] = kn.snapshot("roles", client=client)

    assert ["Ada \ud83d"] == kn.read_export(file)["name"].tolist()


def test_a_folder_that_cannot_be_written_is_an_error(client):
    """A file in place of the folder is an error."""
    Path("snapshots").write_text("a file")
    with pytest.raises(kn.ExportError, match="Nothing was kept in snapshots"):
        kn.snapshot("roles", client=client)


@pytest.mark.parametrize(
    "tables", ["nonsense", "call_metrics", "participants", [], ["users", "users"], [["users"]], None, 7]
)
def test_tables_that_cannot_be_kept_are_refused(tables):
    """Unknown, missing and duplicate tables, and those that need arguments, are refused before anything is sent."""
    with pytest.raises(kn.InvalidInputError):
        kn.snapshot(tables)


@pytest.mark.parametrize("folder", [None, 7, "~nosuchuser/kept", "x" * 300, "a\0b"])
def test_a_folder_that_cannot_be_used_is_refused(folder):
    """An invalid folder is refused before anything is sent."""
    with pytest.raises(kn.InvalidInputError, match=r"cannot be used|must be the name"):
        kn.snapshot("roles", folder=folder)


@pytest.mark.usefixtures("_demo_environment")
def test_snapshots_are_compared_in_a_terminal(capsys):
    """Take a snapshot, compare it with a changed copy, and write the changes to a file."""
    assert 0 == main(["snapshot", "users", "roles", "--folder", "kept"])
    old = next(Path("kept").glob("users-*"))
    assert f"Wrote {old}" in capsys.readouterr().out
    users = kn.read_export(old)
    users.loc[2, ["display_name", "updated_at"]] = ["María", pd.Timestamp("2026-11-01", tz="UTC")]
    new = kn.export(users, "new.parquet")
    assert 0 == main(["compare", str(old), str(new), "--ignore", "updated_at", "--out", "changes.csv"])
    text = capsys.readouterr().out

    assert re.search(r"before  131 users of 127.0.0.1:\d+, fetched \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", text)
    assert "\n0 added, 0 removed, 1 changed, without updated_at\n" in text
    assert re.search(r"id +display_name +email +column +before +after\n\d+ +María +\S+ +display_name +.* María\n", text)
    assert ["María"] == kn.read_export("changes.csv")["after"].tolist()


def test_a_file_without_provenance_needs_a_key(capsys):
    """The error is one line and exit code 2. With a key, the same files are compared."""
    for name, ids in (("old", [1, 2]), ("new", [2, 3, 4])):
        kn.export(pd.DataFrame({"id": ids}), f"{name}.csv")
    assert 2 == main(["compare", "old.csv", "new.csv"])
    assert "--key id" in capsys.readouterr().err
    assert 0 == main(["compare", "old.csv", "new.csv", "--key", "id"])
    assert "2 added, 1 removed, 0 changed\n\nADDED\nid\n3\n4\n\nREMOVED\nid\n1\n" == capsys.readouterr().out


def test_an_invalid_out_is_refused_before_anything_is_read(capsys):
    """The name of the result is checked first."""
    assert 2 == main(["compare", "old.csv", "new.csv", "--out", "changes.doc"])
    assert "must end in" in capsys.readouterr().err
