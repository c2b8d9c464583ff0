"""Credentials: which are refused, where they are sent, and that the secret is never shown."""

import base64
import copy
import http.client
import io
import json
import logging
import os
import pickle
import pty
import re
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
from support.environment import set_environment
from support.faulty_server import SECRET, serving
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.auth import current
from kismet_nb.auth.credentials import Credentials

ID = "client-id-ab12"


def test_login_raises_at_once_if_nobody_can_answer(monkeypatch):
    """Without credentials, notebook or terminal, the error names the two variables."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(kn.CredentialsError, match="KISMET_CLIENT_ID and KISMET_CLIENT_SECRET"):
        kn.login()


@pytest.mark.parametrize(
    "credentials",
    [
        ("", SECRET),
        (ID, " \n"),
        (ID, "two words"),
        ("a\nb", SECRET),
        (ID, "ü"),
        (None, SECRET),
        ("your-client-id", SECRET),
    ],
)
def test_unusable_credentials_are_refused_before_anything_is_sent(credentials):
    """Empty values, and values with line breaks or characters that no header allows, are refused and not shown."""
    with pytest.raises(kn.CredentialsError) as caught:
        kn.KismetClient(*credentials)

    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example.org",
        "ftp://127.0.0.1",
        "api.example.org",
        "https://",
        "https://me:pw@api.example.org",
        "https://api.example.org/?a=1",
        "http://127.0.0.1.example.org",
        "",
        None,
    ],
)
def test_an_address_that_is_not_https_is_refused(address):
    """Plain http is accepted only for this machine."""
    with pytest.raises(kn.InvalidInputError):
        kn.KismetClient(ID, SECRET, api_url=address)


def shown(error):
    """Return all that a verbose traceback could show of the frames behind an error, and of its causes."""
    texts, todo = [], [error]
    while todo:
        one = todo.pop()
        texts += [repr(vars(one)), str(one)]
        for inner, _ in traceback.walk_tb(one.__traceback__):
            frame = inner
            while frame and frame.f_code.co_filename != __file__:
                texts += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
                frame = frame.f_back
        todo += [cause for cause in (one.__cause__, one.__context__) if cause]
    return "\n".join(texts)


@pytest.mark.parametrize(
    "reply",
    [
        (401, {}, b'{ "error": "Unauthorized", }'),
        (400, {}, b'{"error": "bad header ' + SECRET.encode() + b'"}'),
        (422, {}, b'{"error": "' + SECRET[:9].encode() + b'"}'),
        (302, {"Location": f"https://x.example.org/{SECRET}"}, b""),
        (500, {}, SECRET.encode()),
        (200, {}, b"<html>" + SECRET.encode()),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        b"",
    ],
)
def test_no_error_shows_the_secret(reply, monkeypatch):
    """Neither the message nor any frame behind it contains the secret, even if the server echoes it."""
    with serving(lambda *_: reply) as (url, _):
        set_environment(monkeypatch, client_id=ID, client_secret=SECRET, api_url=url)
        with pytest.raises(kn.KismetError) as one, kn.KismetClient.from_env(retries=1, timeout=2) as client:
            kn.fetch_users(client=client)
        with pytest.raises(kn.KismetError) as two, kn.KismetClient.from_env(retries=0, timeout=2) as client:
            client.get("/organization_users")

    monkeypatch.undo()
    for caught in (one, two):
        assert "kismet_nb.transport.workers.Workers" in shown(caught.value)
        assert SECRET[:9] not in shown(caught.value)


def test_an_error_found_while_the_next_request_is_in_flight_does_not_lead_to_its_headers():
    """The frames of a request contain the secret, and a response is parsed while the next one is awaited."""

    def reply(query, _):
        page = page_of([user(number) for number in range(1, 2000)], query)
        return (200, {}, b'{"organization_users": 1}') if query.get("page") == "2" else page

    with (
        serving(reply) as (url, _),
        kn.KismetClient(ID, SECRET, api_url=url, max_in_flight=1) as client,
        pytest.raises(kn.UnexpectedAnswerError) as caught,
    ):
        kn.fetch_users(client=client)

    assert caught.value.page == 2
    assert SECRET not in shown(caught.value)


def test_no_log_and_no_debug_output_shows_the_secret(monkeypatch, caplog, capsys):
    """With all loggers at DEBUG and http.client printing, the secret is not in the output."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 9)
    with (
        serving(lambda query, _: page_of([user(1)], query)) as (url, _),
        kn.KismetClient(ID, SECRET, api_url=url) as client,
    ):
        kn.fetch_users(client=client)
    printed = "".join(capsys.readouterr())

    assert caplog.records
    assert SECRET not in caplog.text + printed


def test_nothing_that_prints_or_copies_an_object_gets_the_secret(demo):
    """repr, vars and format do not show it; pickle and copy are refused."""
    client = kn.KismetClient(ID, SECRET)
    for thing in (client, client._credentials):
        assert SECRET not in repr(thing) + str(thing) + f"{thing}" + repr(getattr(thing, "__dict__", ""))
        for copying in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="copied or pickled"):
                copying(thing)
    assert demo.client_secret not in repr(demo)
    assert SECRET[-4:] not in repr(Credentials(SECRET, ID))  # swapped


def test_both_headers_are_on_each_request_despite_netrc(monkeypatch, tmp_path):
    """The stripped credentials are sent; a ~/.netrc entry for the host changes and adds nothing."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login netrc password netrc\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with (
        serving(lambda query, _: page_of([user(number) for number in range(30)], query)) as (url, visits),
        kn.KismetClient(f" {ID}\n", f"{SECRET}\r\n", api_url=url, page_size=10) as client,
    ):
        kn.fetch_users(client=client)

    assert {(ID, SECRET, None)} == {
        (headers["X-Client-ID"], headers["X-Client-Secret"], headers.get("Authorization")) for headers in visits
    }


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("https://api.example.org/api/external/roles", 2),
        ("https://api.example.org:443/", 2),
        ("http://api.example.org/", 0),
        ("https://api.example.org:8443/", 0),
        ("https://api.example.org.example.net/", 0),
        ("https://example.org/", 0),
    ],
)
def test_the_credentials_belong_to_one_scheme_host_and_port(url, count):
    """Only an address with the scheme, host and port of the API gets the headers."""
    assert count == len(Credentials(ID, SECRET).headers_for(url, "https://api.example.org"))


def test_a_client_keeps_its_address():
    """The address of a client cannot change, and a path with a query is refused."""
    with kn.KismetClient(ID, SECRET, api_url="https://api.example.org") as client:
        with pytest.raises(AttributeError):
            client.api_url = "https://elsewhere.example.org"
        with pytest.raises(kn.InvalidInputError, match="params"):
            client.get("/organization_users?email=ada.ferris@example.org")

    assert "https://api.example.org" == client.api_url


class TimeIsUpError(BaseException):
    """An error that a signal handler raises."""


def test_an_error_of_a_signal_handler_shows_no_secret(monkeypatch):
    """An error that interrupts a request keeps no frame that contains the headers."""

    def ring(*_):
        raise TimeIsUpError

    old = signal.signal(signal.SIGALRM, ring)
    try:
        with (
            serving(lambda *_: time.sleep(1) or b"") as (url, _),
            kn.KismetClient(ID, SECRET, api_url=url, retries=0) as client,
        ):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(TimeIsUpError) as caught:
                client.get("/organization_users")
    finally:
        signal.signal(signal.SIGALRM, old)

    assert SECRET not in shown(caught.value)


def test_a_malformed_header_line_is_not_logged(caplog):
    """If a server echoes the secret in a malformed header, neither the secret nor the query is logged."""
    body = json.dumps(page_of([user(1)], {})).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\necho {SECRET}\r\nA: b\r\n\r\n"
    with (
        serving(lambda *_: head.encode() + body) as (url, _),
        kn.KismetClient(ID, SECRET, api_url=url, retries=0) as client,
    ):
        assert 1 == len(kn.fetch_users("ada.ferris@example.org", client=client))

    assert [] == caplog.messages


def test_no_proxy_is_used_for_this_machine(monkeypatch):
    """With a proxy in the environment, requests to loopback still go there directly."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with (
        serving(lambda query, _: page_of([user(1)], query)) as (url, _),
        kn.KismetClient(ID, SECRET, api_url=url, retries=0) as client,
    ):
        assert [1] == kn.fetch_users(client=client)["id"].tolist()


def test_a_proxy_that_the_environment_names_gets_its_own_password_and_not_our_secret(monkeypatch):
    """HTTPS_PROXY gets its own password and the name of the API's host only. The error says that it refused."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse():
            connection, _ = proxy.accept()
            with connection:
                heard.append(connection.recv(10_000))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.getsockname()[1]}")
        client = kn.KismetClient(ID, SECRET, api_url="https://api.example.org", retries=0)
        with client, pytest.raises(kn.RequestRefusedError, match=r"proxy forbids connections to api\.example"):
            kn.fetch_users(client=client)
        thread.join()

    assert heard[0].startswith(b"CONNECT api.example.org:443 ")
    assert b"me:p@ss" == base64.b64decode(re.search(rb"(?i)proxy-authorization: Basic (\S+)", heard[0])[1])
    assert SECRET.encode() not in heard[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "socks5://me:pass-7f3a@127.0.0.1:9"),
        ("HTTPS_PROXY", "http://me:pass-7f3a@[::1"),
        ("HTTPS_PROXY", "http://me:pass-7f3a@127.0.0.1:99999"),
        ("HTTPS_PROXY", "http://me:pass-7f3a@two words:80"),
        ("REQUESTS_CA_BUNDLE", "no-such-file.pem"),
    ],
)
def test_a_setting_of_the_environment_that_cannot_be_used_is_named(monkeypatch, name, value):
    """An invalid proxy address or certificate file is an error that names the variable, not its value."""
    monkeypatch.setenv(name, value)
    with (
        kn.KismetClient(ID, SECRET, api_url="https://api.example.org", retries=0) as client,
        pytest.raises(kn.InvalidInputError, match=name) as caught,
    ):
        kn.fetch_users(client=client)

    frames = traceback.StackSummary.extract(traceback.walk_tb(caught.tb.tb_next), capture_locals=True)
    assert "7f3a" not in str(caught.value) + "".join(frames.format())


def test_a_404_at_login_names_the_address():
    """The error says that this is probably not the API's address."""
    with (
        serving(lambda *_: (404, {}, b"")) as (url, _),
        kn.KismetClient(ID, SECRET, api_url=f"{url}/v2") as client,
        pytest.raises(kn.NotFoundError, match="/v2 responded with 404, so it is probably not the API's address"),
    ):
        kn.login(client)


def test_a_redirect_is_not_followed():
    """Neither the headers nor anything else reaches another address."""
    with serving(lambda query, _: page_of([user(1)], query)) as (other, visits):
        redirect = (307, {"Location": f"{other}/api/external/organization_users"}, b"")
        with (
            serving(lambda *_: redirect) as (url, _),
            kn.KismetClient(ID, SECRET, api_url=url) as client,
            pytest.raises(kn.UnexpectedAnswerError, match="redirects"),
        ):
            kn.fetch_users(client=client)

    assert [] == visits


def test_a_redirect_that_echoes_the_secret_is_not_quoted():
    """Not even if the server echoes it in a host name."""
    secret = "INVENTED-SECRET-OF-A-TEST"
    with (
        serving(lambda *_: (307, {"Location": f"https://{secret}.example.org/"}, b"")) as (url, _),
        kn.KismetClient(ID, secret, api_url=url) as client,
        pytest.raises(kn.UnexpectedAnswerError, match="redirects") as caught,
    ):
        kn.fetch_users(client=client)

    assert secret.lower() not in str(caught.value).lower()


def test_a_terminal_asks_and_shows_no_secret(demo, monkeypatch):
    """In a terminal, login() names the address, asks for both, and does not echo the secret."""
    set_environment(monkeypatch, api_url=demo.api_url)
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import kismet_nb as kn; kn.login()"])
    said = b""
    for prompt, typed in (("Client ID", demo.client_id), ("Client Secret", demo.client_secret), ("131 users", "")):
        while prompt.encode() not in said:
            assert select.select([terminal], [], [], 30)[0], said.decode()
            said += os.read(terminal, 1000)
        time.sleep(0.2)  # getpass turns the echo off first, and drops what was typed before
        os.write(terminal, f"{typed}\n".encode())
    os.waitpid(process, 0)
    os.close(terminal)

    assert demo.api_url.encode() in said
    assert demo.client_secret.encode() not in said


def test_a_refused_login_keeps_the_earlier_one(demo, monkeypatch):
    """If the server refuses new credentials, the earlier login stays."""
    kn.use_demo()
    set_environment(monkeypatch, client_id=ID, client_secret=SECRET, api_url=demo.api_url)
    with pytest.raises(kn.AuthenticationError, match="refused the credentials"):
        kn.login()

    assert "the demo organization" == current.current_login().source


def test_use_demo_starts_once_and_can_be_stopped(capsys):
    """A second use_demo() returns the same organization; stop() ends it and its threads."""
    one, two = kn.use_demo(), kn.use_demo()
    before = threading.active_count()
    one.stop()

    assert one is two
    assert threading.active_count() < before
    assert one is not kn.use_demo()
    assert "131 invented users" in capsys.readouterr().out


def test_an_export_contains_no_secret(demo, tmp_path):
    """Neither the files nor the sidecar contain the secret."""
    kn.use_demo()
    users = kn.fetch_users()
    for name in ("u.csv", "u.parquet"):
        kn.export(users, tmp_path / name)
    login = current.current_login()

    assert login is not None
    secret = login.client._credentials.secret_value().encode()
    assert [] == [file for file in Path(tmp_path).iterdir() if secret in file.read_bytes()]


@pytest.mark.parametrize(
    ("given", "missing"), [({"CLIENT_ID": ID}, "KISMET_CLIENT_SECRET"), ({"CLIENT_SECRET": SECRET}, "KISMET_CLIENT_ID")]
)
def test_one_variable_alone_is_an_error_that_names_the_other(monkeypatch, given, missing):
    """If the other variable is empty, login() raises and does not go on to the next source."""
    set_environment(monkeypatch, **{"CLIENT_ID": "", "CLIENT_SECRET": "", **given})
    with pytest.raises(kn.CredentialsError, match=f"but neither {missing} nor") as caught:
        kn.login()

    assert SECRET not in shown(caught.value)
