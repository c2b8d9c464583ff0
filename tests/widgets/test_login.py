"""Logging in: who is asked, what login_status() shows, and that a kernel shows no secret."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import types

import pytest
from support.environment import set_environment
from support.faulty_server import SECRET, serving
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.auth import current

ID = "client-id-ab12"


def test_the_status_lists_the_sources_and_marks_the_used_one(demo, tmp_path, monkeypatch):
    """The sources are in the order of the search, with the relative path of the .env."""
    (tmp_path / "deep").mkdir()
    credentials = f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\n"
    (tmp_path / ".env").write_text(f"{credentials}KISMET_API_URL={demo.api_url}\n")
    monkeypatch.chdir(tmp_path / "deep")
    dotenv = f"..{os.sep}.env"
    kn.login()
    status = kn.login_status()

    assert ("the environment", dotenv, "the key store") == tuple(source.name for source in status.sources)
    assert dotenv == status.next_source
    assert re.search(r"2\. \.\..\.env +credentials for 127\.0\.0\.1:\d+, Client ID …t-id  <- this login", repr(status))
    assert f"After kn.logout(), kn.login() would log in again from {dotenv}." in repr(status)
    assert demo.client_secret not in repr(status) + repr(status.sources)


@pytest.mark.parametrize(
    ("client_id", "client_secret", "named"),
    [
        (ID, "", "has KISMET_CLIENT_ID but neither KISMET_CLIENT_SECRET nor"),
        ("", " ", "the variables are empty"),
        ("your-client-id", SECRET, "The Client ID is still the placeholder"),
        (ID, "your_client_secret", "The Client Secret is still the placeholder"),
        (ID, f"two {SECRET}", "The Client Secret contains a space"),
    ],
)
def test_the_status_names_what_is_wrong(monkeypatch, client_id, client_secret, named):
    """Incomplete credentials, empty values and placeholders are named, without an error and without the secret."""
    set_environment(monkeypatch, client_id=client_id, client_secret=client_secret, api_url="")
    status = repr(kn.login_status())

    assert named in status
    assert SECRET not in status


def test_a_401_in_the_middle_of_work_names_the_source_and_the_way_back(monkeypatch):
    """If the credentials expire, the error names their source and says how to log in again."""
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
    """The result of login() has a client; login(client) makes a client this notebook's."""
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        set_environment(monkeypatch, client_id=ID, client_secret=SECRET, api_url=url)
        here, there = kn.login(), kn.login(client)

        assert (1, 131) == tuple(len(kn.fetch_users(client=login.client)) for login in (here, there))
        assert "the argument" == current.current_login().source
        with pytest.raises(kn.InvalidInputError):
            kn.login(there)


def test_if_nobody_can_answer_the_present_login_stays(demo, monkeypatch, capsys):
    """A second login() prints who is logged in; login(prompt=True) raises at once."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    kn.use_demo()
    present = current.current_login()

    assert present is kn.login()
    assert "from the demo organization" in capsys.readouterr().out
    with pytest.raises(kn.CredentialsError, match="nobody can be asked"):
        kn.login(prompt=True)


def test_the_prompt_in_a_notebook_asks_with_getpass(demo, kernel, monkeypatch):
    """login(prompt=True) asks below the cell, hides the secret, and shows only who is logged in."""
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


def test_a_kernel_shows_the_secret_to_nobody(kernel):
    """After a form's login and a refusal, no magic, traceback or log of the kernel contains the secret."""
    refuse = []
    with serving(lambda query, _: (401, {}, SECRET.encode()) if refuse else page_of([user(1)], query)) as (url, visits):
        code = "import logging, os; logging.basicConfig(level=0)\nos.environ['KISMET_API_URL'] = '{}'\n%xmode Verbose\n"
        kernel.run(code.format(url) + "import kismet_nb as kn\nme = kn.login()")
        assert "The form is not logged in" in kernel.run("me.client")
        credentials = json.dumps({"id": ID, "secret": SECRET}).encode()
        done = kernel.send({"kind": "log-in"}, credentials)
        refuse.append(True)
        refused = kernel.send({"kind": "log-in"}, credentials)
        said = kernel.run("me\n%whos\nprint(vars(me), dir(me), me.client.__dict__)\nkn.fetch_users(client=me.client)")

    assert ["verifying", "done"] == [answer["state"] for answer in done]
    assert "1 users at" in done[-1]["message"]
    assert ["verifying", "refused"] == [answer["state"] for answer in refused]
    assert [SECRET] * 3 == [headers["X-Client-Secret"] for headers in visits]
    assert "AuthenticationError" in said
    assert SECRET[:8] not in json.dumps(kernel.messages, default=str)


def test_a_form_follows_logins_and_logouts_of_other_cells(kernel):
    """After kn.logout() it is logged out. After another login it says that it is no longer the notebook's."""
    credentials = json.dumps({"id": ID, "secret": SECRET}).encode()
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        kernel.run(f"import os; os.environ['KISMET_API_URL'] = '{url}'\nimport kismet_nb as kn\nme = kn.login()")
        kernel.send({"kind": "log-in"}, credentials)
        logged_out = kernel.run("kn.logout()")
        forgotten = kernel.run("me.client")
        kernel.send({"kind": "log-in"}, credentials)
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


def test_a_refused_client_id_shows_two_characters(monkeypatch):
    """If the fields were swapped, it is the secret, so the end must not be shown. The error names this reason."""
    with serving(lambda *_: (401, {}, b"")) as (url, _):
        set_environment(monkeypatch, client_id=SECRET, client_secret=ID, api_url=url)
        with pytest.raises(kn.AuthenticationError, match="Client ID and secret swapped") as caught:
            kn.login()
        status = repr(kn.login_status())

    assert f"Client ID {SECRET[:2]}…, from the environment" in str(caught.value)
    for text in (str(caught.value), status):
        assert SECRET[:3] not in text
        assert SECRET[-3:] not in text


def test_a_short_refused_client_id_is_not_shown():
    """Two characters of a short value would reveal too much."""
    with (
        serving(lambda *_: (403, {}, b"")) as (url, _),
        kn.KismetClient("ab12cd34", SECRET, api_url=url) as client,
        pytest.raises(kn.AuthenticationError, match=r"\(403; Client ID …, from the argument\)"),
    ):
        kn.login(client)


def test_a_form_with_swapped_fields_shows_two_characters(kernel):
    """No message of the kernel shows more characters of the secret."""
    with serving(lambda *_: (401, {}, b"")) as (url, _):
        kernel.run(f"import os; os.environ['KISMET_API_URL'] = '{url}'\nimport kismet_nb as kn\nme = kn.login()")
        refused = kernel.send({"kind": "log-in"}, json.dumps({"id": "xyz-secret-uvw", "secret": ID}).encode())[-1]
        kernel.run("me\nprint(me, vars(me))\nkn.login_status()")
    said = json.dumps(kernel.messages, default=str, ensure_ascii=False)

    assert "refused" == refused["state"]
    assert "Client ID xy…" in refused["message"]
    assert "Client ID and secret swapped" in refused["message"]
    assert "xyz" not in said
    assert "uvw" not in said


def test_no_widget_state_holds_the_credentials_or_the_answers(kernel):
    """A saved notebook contains the state of every widget, so the state must not say who is logged in."""
    with serving(lambda query, _: page_of([user(1)], query)) as (url, _):
        kernel.run(f"import os; os.environ['KISMET_API_URL'] = '{url}'\nimport kismet_nb as kn\nme = kn.login()")
        done = kernel.send({"kind": "log-in"}, json.dumps({"id": ID, "secret": SECRET}).encode())
        state = kernel.run("from ipywidgets import Widget\nprint(Widget.get_manager_state())")

    assert "Logged in: 1 users" in done[-1]["message"]
    assert "VBoxModel" in state
    assert "Log in to <strong>127.0.0.1" in state
    assert [] == [text for text in (SECRET, ID[-4:], "1 users", "Logged in: ") if text in state]


def test_the_address_in_the_heading_is_text(kernel):
    """Markup in KISMET_API_URL is escaped."""
    kernel.run("import os; os.environ['KISMET_API_URL'] = 'https://x<img>.example.org'")
    kernel.run("import kismet_nb as kn\nme = kn.login()")
    said = json.dumps(kernel.messages, default=str)

    assert "x&lt;img&gt;.example.org" in said
    assert "<img>" not in said.replace("'https://x<img>.example.org'", "")


def test_the_next_cell_says_to_fill_in_the_form(kernel):
    """If nobody has filled in the form, the error names it. The hint below the form is removed when it is drawn."""
    shown = kernel.run("import kismet_nb as kn\nkn.login()")
    error = kernel.run("kn.fetch_users()")
    start = len(kernel.messages)
    kernel.send({"kind": "hello"})
    emptied = [it["content"]["data"] for it in kernel.messages[start:] if it["msg_type"] == "update_display_data"]

    assert "No form above? kn.login(prompt=True) asks here." in shown
    assert "Nobody is logged in. Fill in the form above, then run this cell again." in error
    assert [{"text/plain": ""}] == emptied


def test_a_page_of_voila_has_no_hint_that_is_wrong_there(kernel):
    """A reader can run no cells and save no credentials. The error tells the author how to fetch."""
    kernel.run("import os; os.environ['VOILA_KERNEL_ID'] = 'some-id'")
    shown = kernel.run("import kismet_nb as kn\nkn.login()")
    error = kernel.run("kn.fetch_users()")

    assert "Reload the page." in shown
    assert "kn.login(prompt=True)" not in shown
    assert '"can_remember": false' in shown
    assert "fetch in a function that a button calls" in error


@pytest.mark.parametrize(
    ("mode", "level", "reason"),
    [("run", 30, "readers share one process"), ("edit", 10, "writes typed text to its log")],
)
def test_marimo_shows_no_form_that_others_could_read(monkeypatch, mode, level, reason):
    """Neither in an app, whose readers would share the login, nor if marimo logs typed text."""
    marimo = types.SimpleNamespace(running_in_notebook=lambda: True, app_meta=lambda: types.SimpleNamespace(mode=mode))
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    monkeypatch.setattr(logging.getLogger("marimo"), "level", level)
    logging.getLogger("marimo").manager._clear_cache()
    with pytest.raises(kn.CredentialsError, match=reason):
        kn.login()


def test_the_package_loads_no_widgets():
    """ipywidgets and anywidget are slow to import, so they are imported for the first form."""
    code = "import sys, kismet_nb; print([name for name in ('ipywidgets', 'anywidget') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout


def test_the_former_name_of_the_sources_still_works():
    """LoginStatus.places warns and returns the sources."""
    status = kn.login_status()
    with pytest.warns(DeprecationWarning, match="LoginStatus.sources"):
        assert status.sources == status.places


def test_the_help_says_why_credentials_cannot_be_saved(kernel):
    """Without a key store, the form has no checkbox, and its help names the reason."""
    kernel.run("import kismet_nb as kn\nme = kn.login()")
    said = json.dumps(kernel.messages, default=str, ensure_ascii=False)

    assert '"can_remember": false' in said
    assert "Its key store cannot be used: no key store was found on this machine." in said
