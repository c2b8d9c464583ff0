"""A version appears with all its tables or not at all, and old versions are removed."""

import os
import stat
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from store.clinic import versions
from support.rows import user

import kismet_nb as kn
from kismet_nb.store.journal import Journal
from kismet_nb.store.version import NewVersion


def killed(*_, **__):
    """Simulate a kill: nothing after this call runs, but the files stay."""
    raise KeyboardInterrupt


def no_cleanup(_self):
    """Replace a clean-up that a killed process does not reach."""


def test_a_sync_that_is_killed_before_the_rename_can_continue(clinic, monkeypatch):
    """There is no new version; the next sync reads no list again and writes a complete version."""
    clinic.sync("calls")
    clinic.users.append(user(3))
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed)
        patch.setattr(NewVersion, "discard", no_cleanup)
        with pytest.raises(KeyboardInterrupt):
            clinic.sync("calls")
    assert (1, 2) == (len(versions()), len(kn.read_store("store", "users")))
    assert Path("store/clinic-a/.sync/next/version.json").is_file()
    clinic.requests = []
    found = clinic.sync("calls")["users"]

    assert ([], 1, 3) == (clinic.requests, found["added"], found["rows"])
    assert 3 == len(kn.read_store("store", "users"))


def test_a_sync_that_is_killed_after_the_rename_is_finished(clinic, monkeypatch):
    """The version exists; the next sync reads all lists again."""
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "empty", killed)
        with pytest.raises(KeyboardInterrupt):
            clinic.sync("calls")
    assert 2 == len(kn.read_store("store", "users"))
    clinic.users.append(user(3))
    found = clinic.sync("calls")

    assert (1, 3) == (found["users"]["added"], len(kn.read_store("store", "users")))
    assert 2 == len(versions())


def test_only_the_newest_versions_are_kept(clinic):
    """Three versions are kept by default; the newest has the complete history."""
    for number in range(5):
        clinic.users[0]["display_name"] = str(number)
        clinic.sync()
    assert 3 == len(versions())
    clinic.sync(keep=1)

    assert 1 == len(versions())
    assert 4 == len(kn.read_store("store", "users", history=True))
    assert ["journal.sqlite"] == [file.name for file in Path("store/clinic-a/.sync").iterdir()]


def test_a_version_that_cannot_be_renamed_stays_until_a_later_sync(clinic, monkeypatch):
    """Windows refuses to rename a folder while a reader has one of its files open. The sync succeeds all the same."""

    def refuse(path, _target):
        raise PermissionError(13, "Access is denied", str(path))

    clinic.sync()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        clinic.sync(keep=1)
    assert 2 == len(versions())
    clinic.sync(keep=1)

    assert 1 == len(versions())


def test_two_syncs_in_one_second_have_two_names(clinic):
    """The second name is one second later, so names stay in order."""
    clinic.sync()
    clinic.sync()

    assert 2 == len(set(versions()))


def test_an_interrupt_while_the_version_is_written_leaves_nothing(clinic, monkeypatch):
    """The older version stays, and the next sync finishes."""
    clinic.sync()
    with monkeypatch.context() as patch:
        patch.setattr(NewVersion, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            clinic.sync()
    assert ["journal.sqlite"] == [file.name for file in Path("store/clinic-a/.sync").iterdir()]
    clinic.sync()

    assert 2 == len(versions())


def test_an_open_file_can_be_read_after_its_version_is_removed(clinic):
    """The reader gets the rows of the removed version."""
    clinic.sync()
    with kn.store_files("store", "users")[0].open("rb") as opened:
        for number in range(3):
            clinic.users[0]["display_name"] = str(number)
            clinic.sync(keep=1)
        frame = pd.read_parquet(opened)

    assert ["User 1", "User 2"] == frame["display_name"].tolist()


def test_the_folder_of_a_version_is_flushed_before_it_gets_its_name(clinic, monkeypatch):
    """Every file and folder is flushed to the disk before the rename, and the new name after it."""
    flushed, renamed, fsync, rename = [], [], os.fsync, os.rename

    def record(descriptor):
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def record_rename(source, target):
        renamed.append({path.removeprefix(f"{source.resolve()}") for path in flushed})
        flushed.clear()
        rename(source, target)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(os, "rename", record_rename)
    clinic.sync(["calls", "roles"])
    folder = Path("store/clinic-a", versions()[0])
    everything = {str(path.relative_to(folder)) for path in folder.rglob("*")}

    assert everything == {path.removeprefix("/") for path in renamed[0]} - {""}
    assert str(Path("store/clinic-a").resolve()) in flushed
    assert {0o400} == {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*.parquet")}


@pytest.mark.parametrize("damage", ["a bit", "the end"])
def test_a_damaged_file_of_the_version_before_is_an_error(clinic, damage):
    """Its rows would otherwise go to the history as changed. There is no new version."""
    clinic.sync()
    [file] = kn.store_files("store", "users")
    content, column = file.read_bytes(), pq.read_metadata(file).row_group(0).column(2)
    last = column.data_page_offset if column.dictionary_page_offset is None else column.dictionary_page_offset
    last += column.total_compressed_size - 1
    flipped = content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :]
    file.chmod(0o600)
    file.write_bytes(flipped if damage == "a bit" else content[:-9])
    with pytest.raises(kn.ExportError, match="The sync to store/clinic-a failed"):
        clinic.sync()

    assert 1 == len(versions())
