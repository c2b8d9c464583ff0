"""The server: credentials, HTTP, and stop()."""

from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest
import requests
from witness import Witness

from kismet_nb.demo.organization import DemoOrganization


class TestCredentials:
    """Requests with missing or wrong credentials."""

    @pytest.mark.parametrize("header", ["X-Client-ID", "X-Client-Secret"])
    @pytest.mark.parametrize("value", [None, "", "wrong", "wröng"])
    def test_refused(self, api: Witness, header: str, value: str | None) -> None:
        """A missing or wrong header gets status 401 and the documented body, which is invalid JSON."""
        headers = {header: value and value.encode()}
        response = api.session.get(api.url + "/organization_users", headers=headers, timeout=10)

        assert 401 == response.status_code
        assert b'{ "error": "Unauthorized", }' == response.content
        with pytest.raises(requests.JSONDecodeError):
            response.json()

    def test_checked_first(self, demo: DemoOrganization) -> None:
        """Without credentials, an unknown path gets the same response as a known one."""
        response = requests.get(f"{demo.api_url}/api/external/nothing", timeout=10)

        assert 401 == response.status_code

    def test_secret_is_not_in_repr(self, demo: DemoOrganization) -> None:
        """The repr has the address and the number of users, but not the secret."""
        assert f"DemoOrganization(api_url='{demo.api_url}', users=131)" == repr(demo)

    def test_secret_is_new_each_time(self, demo: DemoOrganization) -> None:
        """Two organizations do not accept each other's secret."""
        with DemoOrganization(user_count=1) as other:
            assert demo.client_secret != other.client_secret


class TestHttp:
    """Headers, connections and latency."""

    def test_headers(self, api: Witness) -> None:
        """A response is UTF-8 JSON with its length in the headers."""
        response = api.send("/organization_users", per_page=100)

        assert "application/json; charset=utf-8" == response.headers["Content-Type"]
        assert len(response.content) == int(response.headers["Content-Length"])

    def test_connection_is_kept(self, demo: DemoOrganization) -> None:
        """Many requests use one connection, including refused requests and requests with a body."""
        connection = http.client.HTTPConnection(demo.api_url.removeprefix("http://"), timeout=10)
        connection.connect()
        wire = connection.sock
        for _ in range(3):
            connection.request("GET", "/api/external/roles", body=b"GET / HTTP/1.1\r\n\r\n")
            assert b'{ "error": "Unauthorized", }' == connection.getresponse().read()
        assert wire is connection.sock
        connection.close()

    def test_latency(self) -> None:
        """Every response is delayed by the latency."""
        with DemoOrganization(user_count=1, latency=0.1) as slow:
            start = time.perf_counter()
            requests.get(slow.api_url, timeout=10)

        assert 0.1 <= time.perf_counter() - start


class TestStop:
    """stop() and its effects."""

    def test_frees_port_and_threads(self) -> None:
        """After stop() the port is free, no thread is left, and open connections are closed."""
        before = set(threading.enumerate())
        demo = DemoOrganization(user_count=5)
        with Witness(demo).session as session:
            session.get(demo.api_url, timeout=10)
            demo.stop()

            assert set(threading.enumerate()) <= before
            with pytest.raises(requests.ConnectionError):
                session.get(demo.api_url, timeout=10)

    def test_twice(self) -> None:
        """A second stop(), for example at the end of a `with` block, does nothing."""
        with DemoOrganization(user_count=5) as demo:
            demo.stop()
            demo.stop()

    def test_does_not_wait_for_slow_responses(self) -> None:
        """A delayed response does not delay stop()."""
        demo = DemoOrganization(user_count=5, latency=60)
        with socket.create_connection(("127.0.0.1", int(demo.api_url.rpartition(":")[2])), timeout=10) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\n\r\n")
            start = time.perf_counter()
            demo.stop()

        assert time.perf_counter() - start < 10

    def test_address_is_loopback(self, demo: DemoOrganization) -> None:
        """The server listens only on this machine."""
        assert demo.api_url.startswith("http://127.0.0.1:")
