"""A warning of files with the secret that other users of the computer can read."""

import os
import tempfile
import types
import warnings
from pathlib import Path

import pytest
from support.environment import set_environment

import kismet_nb as kn
from kismet_nb.auth import open_files
from kismet_nb.cli import main


@pytest.fixture
def shared_folder(monkeypatch):
    """Work in a folder that every user may enter, unlike the folders of pytest."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.chdir(folder)
        yield Path(folder)


def write_env(demo, mode, name=".env"):
    """Write a file with the credentials of the demo organization and these permissions."""
    Path(name).write_text(
        f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\nKISMET_API_URL={demo.api_url}\n"
    )
    Path(name).chmod(mode)


@pytest.mark.usefixtures("shared_folder")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_an_open_dotenv_is_warned_of_once(demo, mode):
    """The warning contains the chmod command, and points at the caller's line. The status repeats it each time."""
    write_env(demo, mode)
    with pytest.warns(UserWarning, match="chmod") as caught:
        kn.login()
    kn.login()
    kn.KismetClient.from_env().close()

    assert [__file__] == [warning.filename for warning in caught]
    assert ".env can be read by other users of this computer. Run: chmod 600 .env" == str(caught[0].message)
    assert "Run: chmod 600 .env" in repr(kn.login_status())


@pytest.mark.usefixtures("shared_folder")
def test_after_the_command_there_is_no_warning(demo):
    """Neither with mode 600 nor with mode 400."""
    for mode in (0o600, 0o400):
        Path(".env").unlink(missing_ok=True)
        write_env(demo, mode)
        kn.login()

    assert "chmod" not in repr(kn.login_status())


@pytest.mark.usefixtures("shared_folder")
@pytest.mark.parametrize("mode", [0o610, 0o620])
def test_a_file_that_others_cannot_read_is_not_warned_of(demo, mode):
    """Other permissions do not show the secret."""
    write_env(demo, mode)
    kn.login()

    assert "chmod" not in repr(kn.login_status())


def test_a_folder_that_keeps_others_out_is_enough(demo, shared_folder, monkeypatch):
    """Other users cannot read a file in it, so there is no warning."""
    (shared_folder / "private").mkdir(mode=0o700)
    monkeypatch.chdir("private")
    write_env(demo, 0o644)

    kn.login()


@pytest.mark.usefixtures("shared_folder")
@pytest.mark.parametrize("case", ["another owner", "read-only", "below /run", "Windows"])
def test_permissions_that_another_program_sets_are_not_warned_of(demo, monkeypatch, case):
    """Docker's secrets have mode 444 and Kubernetes' secrets belong to root, so the command would not work."""
    write_env(demo, 0o444)
    if case == "another owner":
        monkeypatch.setattr(os, "geteuid", lambda: Path(".env").stat().st_uid + 1)
    elif case == "read-only":
        monkeypatch.setattr(os, "statvfs", lambda _: types.SimpleNamespace(f_flag=os.ST_RDONLY))
    elif case == "below /run":
        monkeypatch.setattr(open_files, "RUNTIME_FOLDER", str(Path.cwd().resolve()))
    else:
        monkeypatch.setattr(open_files.sys, "platform", "win32")

    kn.login()


@pytest.mark.usefixtures("shared_folder")
def test_an_open_file_with_the_secret_alone_is_warned_of(demo, monkeypatch):
    """The warning is about the file with the secret, not about the .env that names it."""
    Path("client secret").write_text(demo.client_secret)
    Path("client secret").chmod(0o644)
    Path(".env").write_text(
        f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET_FILE=client secret\nKISMET_API_URL={demo.api_url}\n"
    )
    Path(".env").chmod(0o644)
    with pytest.warns(UserWarning, match="chmod") as caught:
        kn.login()

    assert ["client secret can be read by other users of this computer. Run: chmod 600 'client secret'"] == [
        str(warning.message) for warning in caught
    ]


@pytest.mark.usefixtures("shared_folder")
def test_a_dotenv_that_is_not_used_is_not_warned_of(demo, monkeypatch):
    """The environment has the credentials."""
    write_env(demo, 0o644)
    set_environment(monkeypatch, client_id=demo.client_id, client_secret=demo.client_secret, api_url=demo.api_url)

    assert "the environment" == kn.login().source


@pytest.mark.usefixtures("shared_folder")
@pytest.mark.filterwarnings("default")
def test_the_command_line_prints_the_warning_as_one_line(demo, capsys):
    """It does so with --quiet too, and the export is written."""
    write_env(demo, 0o644)
    assert 0 == main(["export", "users", "users.csv", "--quiet"])

    assert "kismet-nb: .env can be read by other users of this computer. Run: chmod 600 .env\n" == (
        capsys.readouterr().err
    )


@pytest.mark.slow
@pytest.mark.usefixtures("shared_folder")
def test_each_of_many_organizations_warns_once(demo, capsys):
    """Only the process of an organization warns of its file."""
    write_env(demo, 0o644, "clinic-a.env")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 == main(["sync", "store", "--each", "clinic-a.env", "--tables", "roles"])

    assert "kismet-nb: clinic-a: clinic-a.env can be read by other users of this computer. Run: chmod 600 " in (
        said := capsys.readouterr().err
    )
    assert 1 == said.count("\n")


@pytest.mark.slow
@pytest.mark.usefixtures("shared_folder")
@pytest.mark.filterwarnings("default")
def test_a_report_warns_too(demo, capsys):
    """Its notebook runs in a kernel, whose warnings are not seen."""
    write_env(demo, 0o644)
    Path("own.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "source": "demo = False", '
        '"outputs": [], "execution_count": null}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )

    assert 0 == main(["report", "--out", "r.html", "--notebook", "own.ipynb", "--quiet"])
    assert "kismet-nb: .env can be read by other users of this computer. Run: chmod 600 .env\n" == (
        capsys.readouterr().err
    )
