"""Errors of proxies and TLS certificates: each error names its cause."""

import datetime as dt
import socket

import pytest
from support.certificates import server_tls
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.refusing_proxy import refusing_proxy
from support.rows import page_of, user

import kismet_nb as kn

FAR_AWAY = "https://api.example.org"
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    """Shorten the waits before retries, and ignore the settings of this computer."""
    monkeypatch.setattr("kismet_nb.transport.retry.WAITS", (0.02,) * 5)
    monkeypatch.setattr("kismet_nb.transport.retry.JITTER", 0.0)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("status", "login", "expected", "says", "tries"),
    [
        (407, "", kn.RequestRefusedError, r"The proxy requires a user and a password \(407\)", 1),
        (407, "me:wr0ng@", kn.RequestRefusedError, r"The proxy refused the user and the password .*\(407\)", 1),
        (403, "", kn.RequestRefusedError, r"The proxy forbids connections to api\.example\.org \(403\)", 1),
        (502, "", kn.UnavailableError, r"The proxy cannot reach api\.example\.org \(502\)", 3),
        (503, "", kn.UnavailableError, r"The proxy cannot reach api\.example\.org \(503\)", 3),
        (504, "", kn.UnavailableError, r"The proxy cannot reach api\.example\.org \(504\)", 3),
    ],
)
def test_a_refusal_of_a_proxy_has_its_own_message(monkeypatch, status, login, expected, says, tries):
    """A fetch of 300 lists tries a refused proxy once: a proxy may lock accounts after some wrong passwords."""
    with refusing_proxy(status) as (address, requests):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{login}{address}")
        with (
            kn.KismetClient(CLIENT_ID, SECRET, api_url=FAR_AWAY, retries=2) as client,
            pytest.raises(expected, match=says) as caught,
        ):
            kn.fetch_calls(range(1, 301), client=client)

    assert status == caught.value.status
    assert tries == len(requests)
    assert "wr0ng" not in str(caught.value)
    assert SECRET.encode() not in b"".join(requests)


def test_an_unreachable_proxy_is_named(monkeypatch):
    """The error names the proxy as the cause, not the API's host."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass-7f3a@127.0.0.1:{port}")
    with (
        kn.KismetClient(CLIENT_ID, SECRET, api_url=FAR_AWAY, retries=0) as client,
        pytest.raises(kn.UnavailableError, match=r"The proxy could not be reached.*HTTPS_PROXY") as caught,
    ):
        kn.fetch_users(client=client)

    assert "7f3a" not in str(caught.value)


def fetch_over_tls(tls):
    """Fetch users from a server with these TLS settings. Return them or the error, and the number of requests."""
    with (
        serving(lambda query, _: page_of([user(1)], query), tls=tls) as (url, visits),
        kn.KismetClient(CLIENT_ID, SECRET, api_url=url, retries=2) as client,
    ):
        try:
            return kn.fetch_users(client=client), len(visits)
        except kn.KismetError as error:
            return error, len(visits)


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ({"not_before": NOW - 3 * DAY, "not_after": NOW - DAY}, "has expired. Check the date and time"),
        ({"not_before": NOW + DAY}, "is not valid yet. Check the date and time"),
        ({"host": "api.example.org"}, "is for another host. Check the API's address"),
        ({"host": "127.0.0.2"}, "is for another host. Check the API's address"),
        ({}, "from an issuer that is not trusted here"),
    ],
    ids=["expired", "not yet valid", "another name", "another address", "unknown issuer"],
)
def test_a_certificate_that_is_not_trusted_has_its_own_message(monkeypatch, tmp_path, certificate, says):
    """The error names the reason, nothing is sent, and there is no retry."""
    tls, authority = server_tls(tmp_path, **certificate)
    if certificate:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    error, sent = fetch_over_tls(tls)

    assert isinstance(error, kn.UnexpectedAnswerError)
    assert says in str(error)
    assert "nothing was sent" in str(error)
    assert 0 == sent


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_the_environment_names_are_trusted(monkeypatch, tmp_path, variable):
    """Python's own variable is used as well as those of requests."""
    tls, authority = server_tls(tmp_path)
    monkeypatch.setenv(variable, str(authority))

    assert 1 == len(fetch_over_tls(tls)[0])


def test_the_variable_of_requests_wins(monkeypatch, tmp_path):
    """If both are set, REQUESTS_CA_BUNDLE is used."""
    tls, authority = server_tls(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")

    assert 1 == len(fetch_over_tls(tls)[0])
