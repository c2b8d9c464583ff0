"""Start every test without credentials, files and login; fixtures that many tests share."""

import os
import signal

import keyring
import keyring.backends.fail
import pytest
from hypothesis import HealthCheck, settings
from jupyter_client.manager import KernelManager
from support.environment import set_environment
from support.kernel import Kernel

import kismet_nb as kn
from kismet_nb.auth import current

# Random examples for each property: few by default, all if CI is set, as .ci/run does.
_COMMON = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("dev", max_examples=10, **_COMMON)
settings.register_profile("ci", max_examples=40, **_COMMON)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# A shell starts commands in the background with Ctrl-C ignored, and the tests of an interrupt would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Mark each test that starts a kernel as slow."""
    for item in items:
        if "kernel" in item.fixturenames:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    """Keep real credentials, files and keyrings out of a test, and log out after it."""
    keyring.set_keyring(keyring.backends.fail.Keyring())
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # for other processes
    for name in ("KISMET_CLIENT_ID", "KISMET_CLIENT_SECRET", "KISMET_API_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    current.log_out()


@pytest.fixture
def _no_pauses(monkeypatch):
    """Do not wait between two attempts to read a list."""
    monkeypatch.setattr("kismet_nb.transport.workers.Workers.pause", lambda _workers, _seconds: None)


@pytest.fixture(scope="session")
def demo():
    """Run one demo organization for all tests."""
    with kn.DemoOrganization() as organization:
        yield organization


@pytest.fixture
def client(demo):
    """Return a client of the demo organization."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        yield client


@pytest.fixture
def _demo_environment(demo, monkeypatch):
    """Set the environment variables to the credentials and the address of the demo organization."""
    set_environment(monkeypatch, client_id=demo.client_id, client_secret=demo.client_secret, api_url=demo.api_url)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Start an IPython kernel without a front-end."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
