"""The operating system's key store: what is saved in it, and what happens without one."""

import datetime as dt
import json
import sys
import threading

import keyring
import keyring.backends.null
import pytest
from support.faulty_server import SECRET
from support.memory_keyring import Keyring

import kismet_nb as kn
from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import Credentials

ID = "client-id-ab12"


@pytest.fixture
def kept(demo, monkeypatch):
    """Save the demo's credentials in a key store in memory."""
    monkeypatch.setenv("KISMET_API_URL", demo.api_url)
    keyring.set_keyring(Keyring())
    keyring_store.save_credentials(demo.api_url, Credentials(demo.client_id, demo.client_secret))


def test_remembered_credentials_log_in_until_they_are_deleted(kept, capsys):
    """login() uses the key store's credentials and names it; logout(forget=True) deletes them."""
    kn.login()
    assert "from the key store" in capsys.readouterr().out
    kn.logout()
    assert "log in again from the key store; kn.logout(forget=True) deletes it" in capsys.readouterr().out
    kn.logout(forget=True)
    assert "Deleted from the key store." in capsys.readouterr().out
    with pytest.raises(kn.CredentialsError):
        kn.login()


def test_logout_with_forget_prints_that_an_address_is_unusable(kept, monkeypatch, capsys):
    """logout(forget=True) raises nothing."""
    monkeypatch.setenv("KISMET_API_URL", "http://x.example.org")
    kn.logout(forget=True)

    assert "must begin with https" in capsys.readouterr().out


def test_the_environment_comes_before_the_key_store(kept, demo, monkeypatch):
    """Credentials in the environment are used without reading the key store."""
    monkeypatch.setenv("KISMET_CLIENT_ID", demo.client_id)
    monkeypatch.setenv("KISMET_CLIENT_SECRET", demo.client_secret)
    monkeypatch.setattr(keyring.get_keyring(), "get_password", None)

    assert "the environment" == kn.login().source


def test_credentials_are_remembered_for_their_own_address(kept, monkeypatch):
    """The key store is read for the address of the login only."""
    monkeypatch.setenv("KISMET_API_URL", "https://elsewhere.example.org")

    assert "nothing is remembered for elsewhere.example.org" in repr(kn.login_status())


class Plain(Keyring):
    """A backend that keyring rates as insecure."""

    priority = 0.5


@pytest.mark.parametrize("backend", [keyring.backends.null.Keyring, Plain])
def test_an_insecure_backend_is_not_used(demo, backend):
    """Nothing is written to a backend that saves nothing, or that saves plain text."""
    keyring.set_keyring(backend())
    with pytest.raises(keyring_store.KeyringError, match="no key store was found"):
        keyring_store.save_credentials(demo.api_url, Credentials(ID, SECRET))

    assert {} == getattr(keyring.get_keyring(), "kept", {})


def test_without_keyring_the_status_says_what_to_install(monkeypatch, capsys):
    """A missing package raises no error."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    kn.logout(forget=True)

    assert 'pip install "kismet-nb[keyring]"' in capsys.readouterr().out
    assert 'pip install "kismet-nb[keyring]"' in repr(kn.login_status())


def test_a_key_store_that_does_not_respond_blocks_nothing(kept, monkeypatch):
    """If nobody unlocks a locked key store, the wait ends."""
    go_on = threading.Event()
    monkeypatch.setattr(keyring.get_keyring(), "get_password", lambda *_: go_on.wait(20) and None)
    monkeypatch.setattr(keyring_store, "MAX_WAIT_SECONDS", 0.1)
    status = repr(kn.login_status())
    go_on.set()

    assert "did not respond" in status


def test_an_error_of_the_key_store_shows_no_secret(kept, monkeypatch):
    """Only the name of the system's error is shown."""

    def refuse(*_):
        raise OSError(SECRET)

    monkeypatch.setattr(keyring.get_keyring(), "get_password", refuse)
    status = repr(kn.login_status())

    assert "it raised an error (OSError)" in status
    assert SECRET not in status


def write_entry(demo, **fields):
    """Write an entry as this or an earlier version of the package writes it."""
    entry = json.dumps({"client_id": demo.client_id, "client_secret": demo.client_secret, **fields})
    keyring.get_keyring().set_password(keyring_store.SERVICE, demo.api_url, entry)


@pytest.mark.parametrize(
    ("days", "age", "old"),
    [
        (0, "remembered today", False),
        (1, "remembered for 1 day", False),
        (89, "remembered for 89 days", False),
        (90, "remembered for 90 days", True),
        (-1, "remembered today", False),  # the clock was wrong
    ],
)
def test_the_status_says_how_long_credentials_are_remembered(kept, demo, days, age, old):
    """After 90 days it advises to rotate them."""
    since = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
    write_entry(demo, since=since.isoformat())

    assert f", {age}" == kn.login_status().sources[-1].note.partition("Client ID de…")[2]
    assert old == ("90 days old: it is time to create new ones" in repr(kn.login_status()))


@pytest.mark.parametrize("fields", [{}, {"since": "soon"}, {"since": 7}])
def test_the_age_of_an_entry_of_an_earlier_version_is_unknown(kept, demo, fields):
    """An entry without a valid day still logs in. Saving the same credentials again adds no day."""
    write_entry(demo, **fields)
    kn.login()
    keyring_store.save_credentials(demo.api_url, Credentials(demo.client_id, demo.client_secret))

    assert "remembered since an unknown day" in repr(kn.login_status())


def test_only_new_credentials_get_a_new_day(kept, demo):
    """Saving the same credentials again is no rotation, so their day stays."""
    write_entry(demo, since="2026-02-03")
    days = []
    for secret in (demo.client_secret, SECRET):
        keyring_store.save_credentials(demo.api_url, Credentials(demo.client_id, secret))
        days.append(keyring_store.load_credentials(demo.api_url).since)

    assert [dt.date(2026, 2, 3), dt.datetime.now(dt.UTC).date()] == days


def test_an_entry_that_cannot_be_parsed_is_replaced(kept, demo):
    """Saving credentials overwrites it."""
    keyring.get_keyring().set_password(keyring_store.SERVICE, demo.api_url, "not JSON")
    keyring_store.save_credentials(demo.api_url, Credentials(demo.client_id, demo.client_secret))

    assert "the key store" == kn.login().source


@pytest.mark.usefixtures("_demo_environment")
def test_the_status_shows_no_age_of_other_credentials():
    """The age of credentials in variables and files is unknown."""
    assert "remembered " not in repr(kn.login_status())
