"""Where credentials are found: environment, .env and key store, their order, and what stops the search."""

import os
import re
import warnings

import keyring
import pytest
from support.environment import set_environment
from support.faulty_server import SECRET, serving
from support.memory_keyring import Keyring
from support.rows import page_of, user

import kismet_nb as kn

ID = "client-id-ab12"


@pytest.fixture
def below(tmp_path, monkeypatch):
    """Work in a folder below ``tmp_path``."""
    (tmp_path / "analysis").mkdir()
    monkeypatch.chdir(tmp_path / "analysis")
    return tmp_path


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_a_foreign_dotenv_above_in_another_encoding_is_skipped(demo, below, monkeypatch, encoding):
    """A file above the working directory that names no Kismet variable does not stop login()."""
    (below / ".env").write_bytes("# Schlüssel eines anderen Programms\r\nDB_HOST=localhost\r\n".encode(encoding))
    monkeypatch.setenv("KISMET_API_URL", demo.api_url)
    keyring.set_keyring(Keyring())
    keyring.set_password(
        "kismet_nb", demo.api_url, f'{{"client_id": "{demo.client_id}", "client_secret": "{demo.client_secret}"}}'
    )

    assert "the key store" == kn.login().source


def test_a_dotenv_above_a_foreign_one_is_found(demo, below, monkeypatch):
    """The search continues above the file that is skipped."""
    (below / ".env").write_text(
        f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\nKISMET_API_URL={demo.api_url}\n"
    )
    (below / "analysis" / "deeper").mkdir()
    (below / "analysis" / ".env").write_bytes(b"# Schl\xfcssel\r\n")
    monkeypatch.chdir(below / "analysis" / "deeper")

    assert f"..{os.sep}..{os.sep}.env" == kn.login().source


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_an_unreadable_dotenv_above_that_names_our_variables_is_an_error(below, encoding):
    """The file was meant to be used, so it is not skipped silently."""
    (below / ".env").write_bytes(f"# Schlüssel\r\nKISMET_CLIENT_ID={ID}\r\n".encode(encoding))
    with pytest.raises(kn.CredentialsError, match=r"\.env cannot be read"):
        kn.login()


def test_an_unreadable_dotenv_in_the_working_directory_is_an_error(tmp_path):
    """Even without Kismet's variables, because people expect this file to be read."""
    (tmp_path / ".env").write_bytes(b"# Schl\xfcssel\r\nDB_HOST=localhost\r\n")
    with pytest.raises(kn.CredentialsError, match=r"\.env cannot be read.*UTF-8"):
        kn.login()


def test_the_status_names_a_dotenv_that_was_skipped(below):
    """It says why: the file cannot be read."""
    (below / ".env").write_bytes(b"# Schl\xfcssel\r\n")

    assert re.search(r"no file with Kismet's variables.*\.\..\.env cannot be read", repr(kn.login_status()))


def test_a_warning_names_an_ignored_address_of_the_environment(tmp_path, monkeypatch):
    """The credentials of a .env are sent to its own address. If the environment has another one, a warning names it."""
    with serving(lambda query, _: page_of([user(1)], query)) as (url, visits):
        (tmp_path / ".env").write_text(f"KISMET_CLIENT_ID={ID}\nKISMET_CLIENT_SECRET={SECRET}\nKISMET_API_URL={url}\n")
        monkeypatch.setenv("KISMET_API_URL", "https://staging.example.org")
        with pytest.warns(UserWarning, match=r"KISMET_API_URL .*staging\.example\.org.* is ignored") as caught:
            kn.login()
        with pytest.warns(UserWarning, match="is ignored"):
            kn.KismetClient.from_env()
        status = repr(kn.login_status())

    assert 1 == len(visits)
    assert [__file__] == [warning.filename for warning in caught]
    assert "KISMET_API_URL (staging.example.org) in the environment is ignored" in status


@pytest.mark.parametrize("ignored", ["", "{}/", "{}/api/external"])
def test_the_same_address_in_both_sources_causes_no_warning(tmp_path, monkeypatch, ignored):
    """Neither does an empty variable, nor another spelling of the same address."""
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        (tmp_path / ".env").write_text(f"KISMET_CLIENT_ID={ID}\nKISMET_CLIENT_SECRET={SECRET}\nKISMET_API_URL={url}\n")
        monkeypatch.setenv("KISMET_API_URL", ignored.format(url))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kn.login()


def test_an_ignored_address_that_cannot_be_used_is_not_quoted(tmp_path, monkeypatch):
    """It may contain a password."""
    (tmp_path / ".env").write_text(
        f"KISMET_CLIENT_ID={ID}\nKISMET_CLIENT_SECRET={SECRET}\nKISMET_API_URL=https://kismet.example.org\n"
    )
    monkeypatch.setenv("KISMET_API_URL", "https://me:pass-7f3a@staging.example.org")
    status = repr(kn.login_status())

    assert "is ignored" in status
    assert "7f3a" not in status


def test_the_environment_wins_over_a_dotenv_above(demo, monkeypatch, tmp_path, capsys):
    """login() uses the environment's credentials, and prints the source and the end of the Client ID."""
    (tmp_path / ".env").write_text("KISMET_CLIENT_ID=other\nKISMET_CLIENT_SECRET=other\n")
    set_environment(
        monkeypatch, client_id=demo.client_id, client_secret=f" {demo.client_secret}\r\n", api_url=demo.api_url
    )
    kn.login()
    said = capsys.readouterr().out

    assert "131 users" in said
    assert "the environment" in said
    assert "…t-id" in said
    assert demo.client_secret not in said
    assert 131 == len(kn.fetch_users())


def test_a_dotenv_is_found_upward_and_changes_no_environment(demo, monkeypatch, tmp_path, capsys):
    """A .env above the working directory logs in; os.environ stays as it was, and a $ in a value is kept."""
    text = f"\ufeffKISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET='{demo.client_secret}'\n"
    (tmp_path / ".env").write_text(text + f"KISMET_API_URL={demo.api_url}\n", encoding="utf-8")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    before = dict(os.environ)
    kn.login()

    assert before == dict(os.environ)
    assert f"..{os.sep}..{os.sep}.env" in capsys.readouterr().out
    kn.logout()
    assert "would log in again" in capsys.readouterr().out


def test_a_dotenv_does_not_decide_where_the_environments_secret_goes(monkeypatch, tmp_path):
    """An address in a .env with the credentials in the environment is refused."""
    set_environment(monkeypatch, client_id=ID, client_secret=SECRET)
    (tmp_path / ".env").write_text("KISMET_API_URL=https://elsewhere.example.org\n")
    with pytest.raises(kn.CredentialsError, match="must not decide"):
        kn.login()


def test_an_unusable_address_in_a_dotenv_is_an_error_that_names_the_file(monkeypatch, tmp_path):
    """The credentials are in the environment, but the address to correct is not."""
    set_environment(monkeypatch, client_id=ID, client_secret=SECRET)
    (tmp_path / ".env").write_text("KISMET_API_URL=http://elsewhere.example.org\n")
    with pytest.raises(kn.InvalidInputError, match=r"^In \.env: The API's address .* must begin with https"):
        kn.login()
    assert "unusable: In .env: The API's address" in repr(kn.login_status())


@pytest.mark.parametrize("name", ["clinic-a.env", "clinic-a.txt"])
def test_refused_credentials_of_a_named_file_are_corrected_there(name, tmp_path):
    """kn.login() does not read a file that only from_env() names, so the error does not advise it."""
    with serving(lambda *_: (401, {}, b"{}")) as (url, _):
        (tmp_path / name).write_text(f"KISMET_CLIENT_ID={ID}\nKISMET_CLIENT_SECRET={SECRET}\nKISMET_API_URL={url}\n")
        with kn.KismetClient.from_env(file=name) as client, pytest.raises(kn.AuthenticationError) as caught:
            kn.fetch_users(client=client)

    assert str(caught.value).endswith("Correct KISMET_CLIENT_ID and KISMET_CLIENT_SECRET there.")


def test_a_named_file_in_a_folder_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    """Path.is_file raises there. The superuser of a test may read every folder, so the refusal is imitated."""

    def refuse(_path):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.is_file", refuse)
    monkeypatch.setattr("os.path.isfile", lambda _path: False)
    with pytest.raises(kn.CredentialsError, match=r"clinic-a\.env cannot be read"):
        kn.KismetClient.from_env(file="closed/clinic-a.env")


def test_a_secret_in_a_dotenv_is_taken_literally(tmp_path):
    """A dollar sign and braces in a value are kept."""
    secret = "pa$HOME${HOME}word"
    with serving(lambda query, _: page_of([user(1)], query)) as (url, visits):
        (tmp_path / ".env").write_text(f"KISMET_CLIENT_ID={ID}\nKISMET_CLIENT_SECRET={secret}\nKISMET_API_URL={url}\n")
        with kn.KismetClient.from_env() as client:
            kn.fetch_users(client=client)

    assert secret == visits[0]["X-Client-Secret"]


def test_in_a_deleted_folder_the_environment_is_still_read(demo, monkeypatch, tmp_path):
    """The search for a .env is skipped."""
    set_environment(monkeypatch, client_id=demo.client_id, client_secret=demo.client_secret, api_url=demo.api_url)
    deleted = tmp_path / "deleted"
    deleted.mkdir()
    monkeypatch.chdir(deleted)
    deleted.rmdir()

    assert "the environment" == kn.KismetClient.from_env().source
