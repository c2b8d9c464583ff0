"""login(), logout(), login_status() and the login form: sources, prompts, and a secret that is shown nowhere."""

import io
import json
import os
import re
import sys
import threading

import keyring
import keyring.backends.null
import pytest
from support.environment import set_environment
from support.faulty_server import SECRET, serving
from support.memory_keyring import Keyring
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.auth import keyring_store as key_store
from kismet_nb.auth.credentials import Credentials

ID = "client-id-ab12"


@pytest.fixture
def kept(demo, monkeypatch):
    """Save the demo's credentials in a keyring in memory."""
    monkeypatch.setenv("KISMET_API_URL", demo.api_url)
    keyring.set_keyring(Keyring())
    key_store.save_pair(demo.api_url, Credentials(demo.client_id, demo.client_secret))


def test_remembered_credentials_log_in_until_they_are_deleted(kept, capsys):
    """login() uses the keyring's credentials and says so. logout(forget=True) deletes them."""
    kn.login()
    assert "from the key store" in capsys.readouterr().out
    kn.logout()
    assert "log in again from the key store; kn.logout(forget=True) deletes it" in capsys.readouterr().out
    kn.logout(forget=True)
    assert "Deleted from the key store." in capsys.readouterr().out
    with pytest.raises(kn.CredentialsError):
        kn.login()


def test_forget_with_an_invalid_address_says_so(kept, monkeypatch, capsys):
    """logout(forget=True) raises nothing."""
    monkeypatch.setenv("KISMET_API_URL", "http://x.example.org")
    kn.logout(forget=True)

    assert "must begin with https" in capsys.readouterr().out


@pytest.mark.usefixtures("_demo_environment")
def test_the_environment_takes_precedence_over_the_keyring(kept, monkeypatch):
    """Credentials in the environment are used without a request to the keyring."""
    monkeypatch.setattr(keyring.get_keyring(), "get_password", None)

    assert "the environment" == kn.login().source


def test_credentials_are_remembered_for_their_own_address(kept, monkeypatch):
    """The keyring is asked for the address of the login, and for no other."""
    monkeypatch.setenv("KISMET_API_URL", "https://elsewhere.example.org")

    assert "nothing is remembered for elsewhere.example.org" in repr(kn.login_status())


class Plain(Keyring):
    """A backend that keyring rates as insecure."""

    priority = 0.5


@pytest.mark.parametrize("backend", [keyring.backends.null.Keyring, Plain])
def test_an_insecure_keyring_is_not_used(demo, backend):
    """Backends that discard passwords, or keep them in plain files, are refused, and nothing is written."""
    keyring.set_keyring(backend())
    with pytest.raises(key_store.KeyStoreError, match="none on this machine"):
        key_store.save_pair(demo.api_url, Credentials(ID, SECRET))

    assert {} == getattr(keyring.get_keyring(), "kept", {})


def test_without_keyring_the_status_says_what_to_install(monkeypatch, capsys):
    """A missing package is not an error."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    kn.logout(forget=True)

    assert 'pip install "kismet-nb[keyring]"' in capsys.readouterr().out
    assert 'pip install "kismet-nb[keyring]"' in repr(kn.login_status())


def test_a_blocked_keyring_does_not_block_the_login(kept, monkeypatch):
    """A locked keyring that nobody unlocks delays a login by its timeout only."""
    go_on = threading.Event()
    monkeypatch.setattr(keyring.get_keyring(), "get_password", lambda *_: go_on.wait(20) and None)
    monkeypatch.setattr(key_store, "LONGEST_WAIT", 0.1)
    status = repr(kn.login_status())
    go_on.set()

    assert "did not answer" in status


def test_an_error_of_the_keyring_shows_no_secret(kept, monkeypatch):
    """Only the type of the system's exception is shown."""

    def refuse(*_):
        raise OSError(SECRET)

    monkeypatch.setattr(keyring.get_keyring(), "get_password", refuse)
    status = repr(kn.login_status())

    assert "it refused (OSError)" in status
    assert SECRET not in status


def test_the_status_names_all_sources_and_the_one_in_use(demo, tmp_path, monkeypatch):
    """Sources are in the order of precedence, with the .env as a relative path and the one in use marked."""
    (tmp_path / "deep").mkdir()
    pair = f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\n"
    (tmp_path / ".env").write_text(f"{pair}KISMET_API_URL={demo.api_url}\n")
    monkeypatch.chdir(tmp_path / "deep")
    dotenv = f"..{os.sep}.env"
    kn.login()
    status = kn.login_status()

    assert ("the environment", dotenv, "the key store") == tuple(place.name for place in status.places)
    assert dotenv == status.next_source
    assert re.search(r"2\. \.\..\.env +a pair for 127\.0\.0\.1:\d+, Client ID …t-id  <- this login", repr(status))
    assert f"After kn.logout(), kn.login() would log in again from {dotenv}." in repr(status)
    assert demo.client_secret not in repr(status) + repr(status.places)


@pytest.mark.parametrize(
    ("client_id", "client_secret", "named"),
    [
        (ID, "", "has KISMET_CLIENT_ID but no KISMET_CLIENT_SECRET"),
        ("", " ", "the variables are there, but empty"),
        ("your-client-id", SECRET, "The Client ID is still the placeholder"),
        (ID, "your_client_secret", "The Client Secret is still the placeholder"),
        (ID, f"two {SECRET}", "The Client Secret holds a space"),
    ],
)
def test_the_status_names_what_is_wrong(monkeypatch, client_id, client_secret, named):
    """A single credential, empty values and placeholders are named, without an error and without the secret."""
    set_environment(monkeypatch, client_id=client_id, client_secret=client_secret, api_url="")
    status = repr(kn.login_status())

    assert named in status
    assert SECRET not in status


def test_a_401_after_a_login_names_the_source_and_what_to_do(monkeypatch):
    """When credentials expire, the error names their source and says how to log in again."""
    expired = []
    with serving(lambda query, _: (401, {}, b"") if expired else page_of([user(1)], query)) as (url, _):
        set_environment(monkeypatch, client_id=ID, client_secret=SECRET, api_url=url)
        kn.login()
        expired.append(True)
        for client in (None, kn.KismetClient.from_env()):
            with pytest.raises(kn.AuthenticationError, match="from the environment") as caught:
                kn.fetch_users(client=client)

            assert "Correct KISMET_CLIENT_ID and KISMET_CLIENT_SECRET there" in str(caught.value)


def test_two_organizations_can_be_compared(demo, client, monkeypatch):
    """The result of login() has a client. login(client) makes a client this notebook's login."""
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        set_environment(monkeypatch, client_id=ID, client_secret=SECRET, api_url=url)
        here, there = kn.login(), kn.login(client)

        assert (1, 131) == tuple(len(kn.fetch_users(client=login.client)) for login in (here, there))
        assert "the argument" == kn.login_status().login.source
        with pytest.raises(kn.InvalidInputError):
            kn.login(there)


def test_without_a_terminal_an_existing_login_is_kept(demo, monkeypatch, capsys):
    """A second login() prints the existing login. login(prompt=True) raises at once."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    kn.use_demo()
    present = kn.login_status().login

    assert present is kn.login()
    assert "from the demo organization" in capsys.readouterr().out
    with pytest.raises(kn.CredentialsError, match="nobody to ask"):
        kn.login(prompt=True)


def test_the_prompt_in_a_notebook_uses_getpass(demo, kernel, monkeypatch):
    """login(prompt=True) prompts below the cell, hides the secret, and prints only the login."""
    said = kernel.run(
        f"import os; os.environ['KISMET_API_URL'] = '{demo.api_url}'\nimport kismet_nb as kn\nkn.login(prompt=True)",
        demo.client_id,
        demo.client_secret,
    )

    assert [False, True] == [it["content"]["password"] for it in kernel.messages if it["msg_type"] == "input_request"]
    assert "131 users" in said
    assert "execute_result" not in said
    assert demo.client_secret not in said
    kept = kernel.run("kn.login(prompt=True)", "n")
    assert "Logged in: 131 users" in kept


def test_a_kernel_does_not_show_the_secret(kernel):
    """After a login by the form and a refusal, no magic, traceback or log of the kernel holds the secret."""
    refuse = []
    with serving(lambda query, _: (401, {}, SECRET.encode()) if refuse else page_of([user(1)], query)) as (url, visits):
        code = "import logging, os; logging.basicConfig(level=0)\nos.environ['KISMET_API_URL'] = '{}'\n%xmode Verbose\n"
        kernel.run(code.format(url) + "import kismet_nb as kn\nme = kn.login()")
        assert "The form is not logged in" in kernel.run("me.client")
        pair = json.dumps({"id": ID, "secret": SECRET}).encode()
        done = kernel.send({"kind": "log-in"}, pair)
        refuse.append(True)
        refused = kernel.send({"kind": "log-in"}, pair)
        said = kernel.run("me\n%whos\nprint(vars(me), dir(me), me.client.__dict__)\nkn.fetch_users(client=me.client)")

    assert ["verifying", "done"] == [answer["state"] for answer in done]
    assert "1 users at" in done[-1]["message"]
    assert ["verifying", "refused"] == [answer["state"] for answer in refused]
    assert [SECRET] * 3 == [headers["X-Client-Secret"] for headers in visits]
    assert "AuthenticationError" in said
    assert SECRET[:8] not in json.dumps(kernel.messages, default=str)


def test_a_form_follows_logins_and_logouts_of_other_cells(kernel):
    """After kn.logout() in another cell it has no credentials. After another login it is not the notebook's."""
    pair = json.dumps({"id": ID, "secret": SECRET}).encode()
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        kernel.run(f"import os; os.environ['KISMET_API_URL'] = '{url}'\nimport kismet_nb as kn\nme = kn.login()")
        kernel.send({"kind": "log-in"}, pair)
        logged_out = kernel.run("kn.logout()")
        forgotten = kernel.run("me.client")
        kernel.send({"kind": "log-in"}, pair)
        replaced = kernel.run("demo = kn.use_demo()")
        kept = kernel.run("print('rows:', len(kn.fetch_users(client=me.client)))")
        back = kernel.run("login = kn.login(me.client)")

    assert '{"state": "open", "message": "Logged out."}' in logged_out
    assert "The form is not logged in" in forgotten
    assert "no longer the notebook's login" in replaced
    assert "rows: 1" in kept
    assert re.search('"state": "done", "message": "Logged in: 1 [^"]*ab12."', back)


def test_a_form_whose_secret_did_not_arrive_says_what_to_do(kernel):
    """If a front-end drops binary messages, the form names login(prompt=True)."""
    kernel.run("import kismet_nb as kn\nkn.login()")

    assert "kn.login(prompt=True)" in kernel.send({"kind": "log-in"})[-1]["message"]
