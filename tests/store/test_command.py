"""The command kismet-nb sync, and clients from a file with credentials."""

from pathlib import Path

import pytest
from support.environment import set_environment
from support.faulty_server import CLIENT_ID, SECRET
from support.rows import call, user

import kismet_nb as kn
from kismet_nb.cli import main
from kismet_nb.store.journal import Journal


@pytest.fixture
def env_file(demo):
    """Return a file with the credentials of the demo organization."""
    Path("clinic-a.env").write_text(
        f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\nKISMET_API_URL={demo.api_url}\n"
    )
    return "clinic-a.env"


def test_a_command_syncs_with_the_credentials_of_a_file(env_file, capsys):
    """It prints a line for each table and does not read the environment."""
    command = ["sync", "store", "--organization", "clinic-a", "--env-file", env_file, "--tables", "users", "roles"]
    assert 0 == main(command)
    said = capsys.readouterr().out

    assert {"users": "131", "roles": "4"} == {line.split()[0]: line.split()[1] for line in said.splitlines()[1:]}
    assert 131 == len(kn.read_store("store", "users", organizations="clinic-a"))


@pytest.mark.usefixtures("_demo_environment")
def test_the_command_takes_the_default_tables_and_the_environment(capsys):
    """Without options, it syncs six tables with the credentials of the environment."""
    assert 0 == main(["sync", "store"])

    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert ["users", "calls", "call_metrics", "waiting_rooms", "invites", "roles"] == names


@pytest.mark.usefixtures("_demo_environment")
def test_exit_codes(capsys):
    """The code is 1 while another sync is under way and 2 for invalid arguments; each prints one line."""
    assert 0 == main(["sync", "store", "--tables", "roles"])
    with Journal(Path("store/organization/.sync/journal.sqlite"), "organization"):
        capsys.readouterr()
        assert 1 == main(["sync", "store", "--tables", "roles"])
    assert "kismet-nb: Another sync of organization is under way" in capsys.readouterr().err
    assert 2 == main(["sync", "store", "--tables", "nonsense"])
    assert 1 == capsys.readouterr().err.count("\n")


def test_an_option_reads_lists_whole(clinic, monkeypatch):
    """By default, a second sync reads a list from the first page that may have changed."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url=clinic.client.api_url)
    clinic.calls[1] = [call(number) for number in range(1, 601)]
    read_from = []
    for options in ([], [], ["--recheck-days", "0"]):
        assert 0 == main(["sync", "store", "--tables", "calls", *options])
        read_from.append(kn.read_store("store", "lists")["read_from"].max())

    assert [1, 501, 1] == read_from


def test_an_option_accepts_removals(clinic, monkeypatch, capsys):
    """Without it, the message names it and leaves out the advice for a notebook."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url=clinic.client.api_url)
    command = ["sync", "store", "--tables", "users"]
    clinic.users = [user(number) for number in range(1, 50)]
    assert 0 == main(command)
    clinic.users = clinic.users[:2]
    assert 1 == main(command)
    assert capsys.readouterr().err.endswith("If the removals are correct, sync again with --accept-removals.\n")
    assert 0 == main([*command, "--accept-removals"])

    assert 2 == len(kn.read_store("store", "users"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "has no credentials: neither variable is set"),
        (b"KISMET_CLIENT_ID=a\n", "has KISMET_CLIENT_ID but neither KISMET_CLIENT_SECRET nor"),
    ],
)
def test_a_file_without_credentials_is_an_error(monkeypatch, content, why):
    """Credentials in the environment are not used instead."""
    set_environment(monkeypatch, client_id="client-id-ab12", client_secret="planted-secret")
    if content is not None:
        Path("clinic.env").write_bytes(content)
    with pytest.raises(kn.CredentialsError, match=why):
        kn.KismetClient.from_env(file="clinic.env")


def test_a_file_must_be_a_name():
    """The message names the argument."""
    with pytest.raises(kn.InvalidInputError, match="file must be a path, not int"):
        kn.KismetClient.from_env(file=7)


def test_only_the_file_is_read(env_file, monkeypatch, demo):
    """The environment and a .env file in the folder are ignored; options are passed to the client."""
    set_environment(monkeypatch, client_id="other", client_secret="other-secret")
    Path(".env").write_text("KISMET_CLIENT_ID=third\nKISMET_CLIENT_SECRET=third-secret\n")
    with kn.KismetClient.from_env(file=env_file, strict=True) as client:
        assert (demo.client_id, demo.api_url, True) == (client.client_id, client.api_url, client.strict)
