"""KISMET_CLIENT_SECRET_FILE and KISMET_CLIENT_ID_FILE: a value in a file, as with Docker and systemd."""

import re
import traceback
from pathlib import Path

import pytest
from support.environment import set_environment
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.rows import page_of, role, user

import kismet_nb as kn
from kismet_nb.cli import main


def private_file(name, content):
    """Write a file that only its owner can read, and return its full path."""
    file = Path(name).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def frames(error):
    """Return the variables in the package's frames behind an error, as text."""
    return [
        f"{name} = {value!r}"
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename != __file__
        for name, value in frame.f_locals.items()
    ]


@pytest.fixture
def server():
    """Serve one user, and yield the URL and the headers of each request."""
    with serving(lambda query, _: page_of([user(1)], query)) as served:
        yield served


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"\ufeff{SECRET}\r\n", f" {SECRET} \n\n"])
def test_the_secret_is_the_line_of_the_file(server, monkeypatch, content):
    """Surrounding whitespace, line breaks and the byte order mark of Notepad are removed."""
    url, visits = server
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file=private_file("secret", content), api_url=url)
    kn.login()

    assert (CLIENT_ID, SECRET) == (visits[0]["X-Client-ID"], visits[0]["X-Client-Secret"])


def test_the_client_id_may_be_in_a_file_too(server, monkeypatch):
    """Kubernetes mounts each value of a secret as a file."""
    url, visits = server
    set_environment(
        monkeypatch,
        client_id_file=private_file("client-id", f"{CLIENT_ID}\n"),
        client_secret_file=private_file("client-secret", f"{SECRET}\n"),
        api_url=url,
    )
    with kn.KismetClient.from_env() as client:
        kn.fetch_users(client=client)

    assert (CLIENT_ID, SECRET) == (visits[0]["X-Client-ID"], visits[0]["X-Client-Secret"])


def test_the_login_and_the_status_name_the_file(server, monkeypatch, capsys):
    """Neither shows the secret."""
    file = private_file("secret", SECRET)
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file=file, api_url=server[0])
    kn.login()
    said, status = capsys.readouterr().out, kn.login_status()

    assert f"from the environment (secret in {file}), Client ID …ab12." in said
    assert f"the environment (secret in {file})" == status.next_source == status.sources[0].name
    assert "<- this login" in repr(status).splitlines()[3]
    assert SECRET not in said + repr(status)


def test_a_refused_secret_names_the_file(monkeypatch):
    """The error says what to correct."""
    file = private_file("secret", SECRET)
    with serving(lambda *_: (401, {}, b"{}")) as (url, _):
        set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file=file, api_url=url)
        with pytest.raises(kn.AuthenticationError) as caught:
            kn.login()

    assert f"from the environment (secret in {file})" in str(caught.value)
    assert "Correct the Client ID and the secret there." in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        (" \r\n\n", "is empty"),
        (f"{SECRET}\nsecond line\n", "has several lines"),
        (f"KISMET_CLIENT_SECRET={SECRET}\n", "is written like a .env file"),
        (f"{SECRET}ü".encode("latin-1"), "is not plain UTF-8 text"),
        (f"{SECRET}\n".encode("utf-16"), "is not plain UTF-8 text"),
        (SECRET * 500, "is too long"),
        (f"{SECRET} and more", "contains a space"),
    ],
)
def test_a_file_that_is_not_one_line_is_an_error(monkeypatch, content, why):
    """The error names the variable and the file. Neither it nor its frames contain any of the content."""
    file = private_file("secrets/client-secret", content)
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file=file)
    with pytest.raises(kn.CredentialsError) as caught:
        kn.KismetClient.from_env()
    said = str(caught.value)

    assert file in said
    assert why in said
    assert "KISMET_CLIENT_SECRET_FILE" in said or why == "contains a space"
    assert SECRET[:6] not in "\n".join([said, *frames(caught.value)])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("secrets/none", "cannot be read: No such file or directory"),
        ("secrets", "is not a file"),
        ("/dev/null", "is not a file"),
    ],
)
def test_a_file_that_is_missing_is_an_error(monkeypatch, name, why):
    """A folder or a device is not a file either."""
    Path("secrets").mkdir()
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file=name)
    with pytest.raises(kn.CredentialsError, match=f"KISMET_CLIENT_SECRET_FILE names {name}, which {why}"):
        kn.login()
    assert f"unusable: In the environment: KISMET_CLIENT_SECRET_FILE names {name}" in repr(kn.login_status())


@pytest.mark.parametrize("name", [SECRET, f"/{SECRET}", f"a/{SECRET}", f"~{SECRET}/x"])
def test_a_secret_in_place_of_a_path_is_not_shown(monkeypatch, tmp_path, name):
    """The user confused the variable with KISMET_CLIENT_SECRET. The error names it and requests a path."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file=name)
    with pytest.raises(kn.CredentialsError, match=r"KISMET_CLIENT_SECRET_FILE .*full path of") as caught:
        kn.login()

    assert SECRET not in str(caught.value) + repr(kn.login_status())


@pytest.mark.parametrize("variable", ["client_id", "client_secret"])
def test_a_value_and_a_file_with_one_exclude_each_other(monkeypatch, variable):
    """It would be unclear which of the two is meant."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET)
    set_environment(monkeypatch, **{f"{variable}_file": private_file("value", SECRET)})
    name = f"KISMET_{variable.upper()}"
    with pytest.raises(kn.CredentialsError, match=f"{name} and {name}_FILE are both set. Remove one of the two."):
        kn.login()


def test_an_empty_variable_counts_as_unset(server, monkeypatch):
    """A container may set some variables to an empty text."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, client_secret_file="", client_id_file=" ")
    set_environment(monkeypatch, api_url=server[0])

    assert "the environment" == kn.login().source


def test_a_secret_without_a_client_id_is_an_error(monkeypatch):
    """The error names the variable that is set, and the missing one."""
    set_environment(monkeypatch, client_secret_file=private_file("secret", SECRET))
    with pytest.raises(kn.CredentialsError, match="has KISMET_CLIENT_SECRET_FILE but neither KISMET_CLIENT_ID nor"):
        kn.login()


def test_in_a_dotenv_a_relative_path_starts_at_its_folder(server, monkeypatch, tmp_path):
    """It names the same file from every working directory below."""
    url, visits = server
    private_file("secrets/client-secret", SECRET)
    Path(".env").write_text(
        f"KISMET_CLIENT_ID={CLIENT_ID}\nKISMET_CLIENT_SECRET_FILE=secrets/client-secret\nKISMET_API_URL={url}\n"
    )
    Path("analysis").mkdir()
    monkeypatch.chdir("analysis")
    source = kn.login().source

    assert SECRET == visits[0]["X-Client-Secret"]
    assert re.fullmatch(r"\.\..\.env \(secret in .*client-secret\)", source)


@pytest.mark.parametrize("link", [False, True])
def test_a_dotenv_does_not_decide_where_a_file_outside_of_its_folder_is_sent(server, tmp_path, monkeypatch, link):
    """A downloaded folder could name any file and its own address. A symbolic link does not evade the check."""
    url, visits = server
    outside = private_file("outside/token", SECRET)
    Path("downloaded").mkdir()
    named = outside
    if link:
        Path("downloaded/token").symlink_to(outside)
        named = "token"
    lines = f"KISMET_CLIENT_ID={CLIENT_ID}\nKISMET_CLIENT_SECRET_FILE={named}\nKISMET_API_URL={url}\n"
    Path("downloaded/.env").write_text(lines)
    monkeypatch.chdir("downloaded")
    with pytest.raises(kn.CredentialsError, match=r"outside of its folder.*must not decide"):
        kn.login()
    assert [] == visits

    monkeypatch.setenv("KISMET_API_URL", url)
    kn.login()
    assert SECRET == visits[0]["X-Client-Secret"]


def test_a_named_file_may_use_any_secret_and_address(server, monkeypatch):
    """The caller chose the file, so it is trusted. The environment's own variables are not read."""
    url, visits = server
    set_environment(monkeypatch, client_id="other", client_secret_file="none/none")
    secret = private_file("mounted/secret", SECRET)
    Path("settings").mkdir()
    Path("settings/clinic.env").write_text(
        f"KISMET_CLIENT_ID={CLIENT_ID}\nKISMET_CLIENT_SECRET_FILE={secret}\nKISMET_API_URL={url}\n"
    )
    with kn.KismetClient.from_env(file="settings/clinic.env") as client:
        kn.fetch_users(client=client)

    assert SECRET == visits[0]["X-Client-Secret"]


@pytest.mark.slow
def test_the_files_of_many_organizations_may_name_files_with_secrets(capsys):
    """The files with the Client IDs then contain no secret."""
    with serving(lambda query, _: page_of([role(1)], query, envelope="roles")) as (url, visits):
        for name in ("clinic-a", "clinic-b"):
            private_file(f"organizations/{name}.secret", f"{SECRET}-{name}\n")
            Path(f"organizations/{name}.env").write_text(
                f"KISMET_CLIENT_ID=id-of-{name}\nKISMET_CLIENT_SECRET_FILE={name}.secret\nKISMET_API_URL={url}\n"
            )
        assert 0 == main(["sync", "store", "--each", "organizations/*.env", "--tables", "roles"])

    assert {("id-of-clinic-a", f"{SECRET}-clinic-a"), ("id-of-clinic-b", f"{SECRET}-clinic-b")} == {
        (visit["X-Client-ID"], visit["X-Client-Secret"]) for visit in visits
    }
    assert "" == capsys.readouterr().err


def test_in_a_deleted_folder_a_relative_name_is_an_error(monkeypatch, tmp_path):
    """There is no working directory to start from."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret_file="client-secret")
    deleted = tmp_path / "deleted"
    deleted.mkdir()
    monkeypatch.chdir(deleted)
    deleted.rmdir()
    with pytest.raises(kn.CredentialsError, match="does not name a file in the working directory"):
        kn.KismetClient.from_env()
