"""login(rotate=True): the new credentials are verified before the earlier ones are replaced."""

import json
import types

import anywidget
import keyring
import pytest
from support.faulty_server import serving
from support.memory_keyring import Keyring
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import Credentials
from kismet_nb.auth.current import current_login
from kismet_nb.widgets.login_form import FormLogin, LoginFields

OLD = ("client-id-ab12", "planted-secret-7f3a91")
NEW = ("client-id-cd34", "planted-secret-c2e805")


@pytest.fixture
def kismet(monkeypatch):
    """Serve a user to the credentials in the set that is yielded, and save the old ones in the key store."""
    accepted = {OLD, NEW}

    def answer(query, _):
        known = (visits[-1]["X-Client-ID"], visits[-1]["X-Client-Secret"]) in accepted
        return page_of([user(1)], query) if known else (401, {}, b"{}")

    keyring.set_keyring(Keyring())
    with serving(answer) as (url, visits):
        monkeypatch.setenv("KISMET_API_URL", url)
        keyring_store.save_credentials(url, Credentials(*OLD))
        yield accepted


@pytest.fixture
def answers(monkeypatch):
    """Return the list of texts that the person in the terminal will type, and the list of prompts."""
    typed, asked = [], []

    def answer(question=""):
        asked.append(question)
        return typed.pop(0)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("getpass.getpass", answer)
    return typed, asked


def remembered():
    """Return the Client ID in the key store."""
    [entry] = keyring.get_keyring().kept.values()
    return json.loads(entry)["client_id"]


def test_new_credentials_replace_the_earlier_ones(kismet, answers, capsys):
    """Credentials typed in a terminal become this notebook's and replace those in the key store. No secret is shown."""
    typed, asked = answers
    kn.login()
    typed += NEW
    login = kn.login(rotate=True)
    said = capsys.readouterr().out

    assert ["New Client ID for", "New Client Secret (not shown): "] == [asked[0].partition(" http")[0], asked[1]]
    assert "Client ID …cd34.\nReplaced in this computer's key store.\n" in said
    assert NEW[0] == login.client.client_id == remembered()
    kismet.remove(OLD)
    kn.logout()
    assert NEW[0] == kn.login().client.client_id
    assert [] == [secret for _, secret in (OLD, NEW) if secret[-6:] in said + capsys.readouterr().out]


@pytest.mark.parametrize("failure", [kn.AuthenticationError, kn.UnavailableError])
def test_the_earlier_credentials_stay_if_the_new_ones_cannot_be_verified(kismet, failure, monkeypatch):
    """After a refusal or without a network, login and key store stay unchanged, and the error says so."""
    before = kn.login()
    new = kn.KismetClient(*NEW, api_url=before.client.api_url, retries=0)
    kismet.remove(NEW)
    if failure is kn.UnavailableError:
        monkeypatch.setattr("socket.socket.connect", lambda *_: (_ for _ in ()).throw(OSError("unreachable")))
    with pytest.raises(failure, match="Nothing was changed: the earlier credentials stay in use") as caught:
        kn.login(new, rotate=True)
    monkeypatch.undo()

    assert NEW[1] not in str(caught.value)
    assert OLD[0] == remembered()
    assert 1 == len(kn.fetch_users(client=before.client))
    assert before is kn.login_status().login


def test_a_program_rotates_with_a_client(kismet, capsys):
    """Nobody is asked, so it works in a scheduled run."""
    api_url = kn.login().client.api_url
    login = kn.login(kn.KismetClient(*NEW, api_url=api_url), rotate=True)

    assert NEW[0] == login.client.client_id == remembered()
    assert "Replaced in this computer's key store." in capsys.readouterr().out


def test_a_headless_rotation_without_a_client_fails_at_once(kismet, monkeypatch):
    """Nobody can be asked for new credentials."""
    kn.login()
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(kn.CredentialsError, match="nobody can be asked") as caught:
        kn.login(rotate=True)

    assert "There are no credentials" not in str(caught.value)


@pytest.mark.parametrize("logged_in", [True, False])
def test_the_same_credentials_are_no_rotation(kismet, logged_in, answers):
    """They are refused without a request: otherwise they would seem to be replaced."""
    if logged_in:
        kn.login()
    answers[0].extend(OLD)
    with pytest.raises(kn.CredentialsError, match=r"These are the earlier credentials\. Create new ones"):
        kn.login(rotate=True)


@pytest.mark.parametrize("updated", [True, False])
def test_a_file_that_still_has_the_earlier_credentials_is_named(kismet, monkeypatch, tmp_path, updated, capsys):
    """The next login() would use them. A file with the new ones is not named."""
    api_url = kn.login().client.api_url
    client_id, secret = NEW if updated else OLD
    (tmp_path / ".env").write_text(
        f"KISMET_CLIENT_ID={client_id}\nKISMET_CLIENT_SECRET={secret}\nKISMET_API_URL={api_url}\n"
    )
    kn.login(kn.KismetClient(*NEW, api_url=api_url), rotate=True)
    advice = "Replace the earlier credentials in .env too, because the next kn.login() uses those."

    assert updated != (advice in capsys.readouterr().out)


def test_an_error_of_the_key_store_during_rotation_is_printed(kismet, monkeypatch, capsys):
    """The new login stays, and the text says which credentials the key store still has."""
    api_url = kn.login().client.api_url

    def refuse(*_):
        raise OSError(NEW[1])

    monkeypatch.setattr(keyring.get_keyring(), "set_password", refuse)
    login = kn.login(kn.KismetClient(*NEW, api_url=api_url), rotate=True)
    said = capsys.readouterr().out

    assert NEW[0] == login.client.client_id
    assert (
        "The key store still has the earlier credentials, because it was not used: it raised an error (OSError)."
        in said
    )
    assert NEW[1] not in said


def test_an_unreadable_key_store_during_rotation_is_printed(kismet, monkeypatch, capsys):
    """It is unknown whether it has the earlier credentials."""
    api_url = kn.login().client.api_url
    monkeypatch.setattr(keyring.get_keyring(), "get_password", lambda *_: "not JSON")
    kn.login(kn.KismetClient(*NEW, api_url=api_url), rotate=True)

    assert "If the key store has the earlier credentials, it keeps them" in capsys.readouterr().out


def test_without_a_key_store_the_text_does_not_mention_it(kismet, capsys):
    """Nothing was saved, so there is nothing to replace."""
    api_url = kn.login().client.api_url
    keyring.set_keyring(keyring.backends.fail.Keyring())
    kn.login(kn.KismetClient(*NEW, api_url=api_url), rotate=True)

    assert "key store" not in capsys.readouterr().out.rpartition("Logged in")[2]


def test_the_form_of_a_notebook_rotates(kernel, kismet, monkeypatch):
    """It is empty although somebody is logged in. After a refusal the earlier login stays. No secret is shown."""
    [(_, url)] = keyring.get_keyring().kept
    code = f"import kismet_nb as kn\nme = kn.login(kn.KismetClient(*{OLD}, api_url={url!r}))\n"
    kernel.run(code)
    kernel.messages.clear()  # they contain the cell with the secret
    shown = kernel.run("%xmode Verbose\nform = kn.login(rotate=True)")
    kismet.remove(NEW)
    new = json.dumps(dict(zip(("id", "secret"), NEW, strict=True))).encode()
    refused = kernel.send({"kind": "log-in"}, new)
    kept = kernel.run("print('still', form.client.client_id, kn.login_status().login)")
    kismet.add(NEW)
    again = kernel.send({"kind": "log-in"}, json.dumps(dict(zip(("id", "secret"), OLD, strict=True))).encode())
    done = kernel.send({"kind": "log-in"}, new)
    changed = kernel.run("print('now', form.client.client_id, kn.login_status().login)")

    assert "New credentials for <strong>127.0.0.1" in shown
    assert '"can_remember": false' in shown
    assert "No form above? kn.login(prompt=True, rotate=True) asks here." in shown
    assert ["verifying", "refused"] == [answer["state"] for answer in refused]
    assert "Nothing was changed: the earlier credentials stay in use." in refused[-1]["message"]
    assert f"still {OLD[0]} Logged in" in kept
    assert "These are the earlier credentials." in again[-1]["message"]
    assert ["verifying", "done"] == [answer["state"] for answer in done]
    assert f"now {NEW[0]} Logged in" in changed
    assert [] == [secret for _, secret in (OLD, NEW) if secret[-6:] in json.dumps(kernel.messages, default=str)]


@pytest.mark.parametrize(("rotate", "note"), [(True, ""), (False, "Not remembered, because it was interrupted.")])
def test_an_interrupt_while_the_key_store_is_locked_does_not_claim_that_nothing_was_changed(
    kismet, monkeypatch, rotate, note
):
    """The server has accepted the credentials, and the notebook uses them. The form does not wait any longer."""
    [(_, url)] = keyring.get_keyring().kept
    present, shown = kn.login(), []

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(keyring_store, "save_credentials", interrupt)
    monkeypatch.setattr(anywidget.AnyWidget, "send", lambda _, content, _buffers=None: shown.append(content))
    fields = LoginFields(FormLogin(present), url, rotate=rotate)
    new = json.dumps(dict(zip(("id", "secret"), NEW, strict=True))).encode()
    fields._receive(fields, {"kind": "log-in", "remember": not rotate}, [memoryview(new)])

    assert NEW[0] == current_login().client.client_id
    assert "verifying" != shown[-1]["state"]
    assert "Nothing was changed" not in shown[-1]["message"]
    assert note == shown[-1].get("note", "")


def test_an_interrupt_before_the_server_has_answered_changes_nothing(kismet, monkeypatch):
    """The form says so, and the earlier login stays."""
    [(_, url)] = keyring.get_keyring().kept
    present, shown = kn.login(), []

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kn.KismetClient, "get", interrupt)
    monkeypatch.setattr(anywidget.AnyWidget, "send", lambda _, content, _buffers=None: shown.append(content))
    fields = LoginFields(FormLogin(present), url, rotate=True)
    new = json.dumps(dict(zip(("id", "secret"), NEW, strict=True))).encode()
    fields._receive(fields, {"kind": "log-in"}, [memoryview(new)])

    assert {"state": "refused", "message": "Interrupted. Nothing was changed."} == shown[-1]
    assert present is current_login()


def test_credentials_of_another_organization_stay_in_the_key_store(kismet, capsys):
    """Organizations have one address. The remembered ones are not those that are rotated, and nothing else has them."""
    [(_, url)] = keyring.get_keyring().kept
    other = ("other-clinic-ab12", "planted-secret-91d0b7")
    kismet.add(other)
    kn.login(kn.KismetClient(*other, api_url=url))
    login = kn.login(kn.KismetClient(*NEW, api_url=url), rotate=True)

    assert (NEW[0], OLD[0]) == (login.client.client_id, remembered())
    assert "The key store has other credentials for this address" in capsys.readouterr().out


def test_a_reader_of_a_voila_page_replaces_nothing_on_its_server(kismet, monkeypatch):
    """The server's key store would log in the next reader with them."""
    [(_, url)] = keyring.get_keyring().kept
    monkeypatch.setenv("VOILA_KERNEL_ID", "some-id")
    monkeypatch.setattr("IPython.get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    login = kn.login(kn.KismetClient(*NEW, api_url=url), rotate=True)

    assert (NEW[0], OLD[0]) == (login.client.client_id, remembered())
