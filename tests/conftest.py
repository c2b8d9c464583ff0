"""What every test starts from: no credentials, an empty folder, nobody logged in."""

import keyring
import keyring.backends.fail
import pytest

import kismet_nb as kn
from kismet_nb import fetch


@pytest.fixture(autouse=True)
def _clean_slate(monkeypatch, tmp_path):
    """Keep real credentials, files and key stores out, and log out afterwards."""
    keyring.set_keyring(keyring.backends.fail.Keyring())
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # for other processes
    for name in ("KISMET_CLIENT_ID", "KISMET_CLIENT_SECRET", "KISMET_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    fetch.log_out()


@pytest.fixture
def _no_pauses(monkeypatch):
    """Walk again at once."""
    monkeypatch.setattr("kismet_nb.client.Lane.pause", lambda _lane, _seconds: None)


@pytest.fixture(scope="session")
def demo():
    """Run one demo organization for all tests."""
    with kn.DemoOrganization() as organization:
        yield organization


@pytest.fixture
def client(demo):
    """Lend a client of the demo organization."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        yield client
