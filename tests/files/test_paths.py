"""Paths and permissions: an unusable path is refused before anything is written."""

import contextlib
import os
import tempfile
from pathlib import Path

import pandas as pd
import pytest

import kismet_nb as kn


@contextlib.contextmanager
def open_folder():
    """Yield a folder that every user may read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def as_nobody():
    """Run as an unprivileged user if the tests run as root."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("path", ["users.txt", "users", "users.csv.zip", 7, None])
def test_an_unusable_path_is_refused(tmp_path, path):
    """An unknown suffix, or a path that is not a path, is refused before anything is written."""
    with pytest.raises(kn.InvalidInputError):
        kn.export(pd.DataFrame({"a": [1]}), path)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("path", ["~nosuchuser/x.csv", "x" * 300 + ".csv", "a\0b.csv", "loop/x.csv", "a\ud83d.csv"])
def test_a_path_that_the_system_rejects_is_refused(tmp_path, path, read):
    """The error for an unknown home, a long name, a null byte, a loop of links or a lone surrogate can be printed."""
    Path("loop").symlink_to("loop")
    with pytest.raises(kn.InvalidInputError, match="cannot be used") as caught:
        kn.read_export(path) if read else kn.export(pd.DataFrame({"a": [1]}), path)

    assert str(caught.value).encode()
    assert ["loop"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "x" * 250 + ".csv"])
def test_a_path_that_cannot_be_created_is_an_error(monkeypatch, tmp_path, name):
    """The error says that the working directory was removed, or that the sidecar's name is too long."""
    removed = tmp_path / "removed"
    removed.mkdir()
    monkeypatch.chdir(removed)
    if len(name) < 250:
        removed.rmdir()
    with pytest.raises(kn.KismetError, match=r"No such file|too long"):
        kn.export(pd.DataFrame({"a": [1]}), name)


@pytest.mark.parametrize("act", [lambda path: kn.export(pd.DataFrame({"a": [1]}), path), kn.read_export])
def test_a_folder_without_access_is_refused(act):
    """The message says that the path cannot be used."""
    with open_folder() as folder:
        (folder / "closed").mkdir(0)
        with as_nobody(), pytest.raises(kn.InvalidInputError, match="cannot be used"):
            act(folder / "closed" / "t.csv")


def test_folders_are_made_and_a_folder_is_refused(tmp_path):
    """Missing folders are made. A folder at the path is refused."""
    assert kn.export(pd.DataFrame({"a": [1]}), "new/deep/t.csv").is_file()
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(kn.InvalidInputError, match="folder"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.parquet")


def test_a_file_without_read_permission_is_not_called_damaged(suffix):
    """The message says that the file cannot be opened."""
    with open_folder() as folder:
        path = kn.export(pd.DataFrame({"a": [1]}), folder / f"t{suffix}")
        path.chmod(0)
        with as_nobody(), pytest.raises(kn.ExportError, match="cannot be opened"):
            kn.read_export(path)
