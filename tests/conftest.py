"""What every test starts from: no credentials, an empty folder, nobody logged in."""

import json

import keyring
import keyring.backends.fail
import pytest
from jupyter_client.manager import KernelManager

import kismet_nb as kn
from kismet_nb.auth import current


@pytest.fixture(autouse=True)
def _clean_slate(monkeypatch, tmp_path):
    """Keep real credentials, files and key stores out, and log out afterwards."""
    keyring.set_keyring(keyring.backends.fail.Keyring())
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # for other processes
    for name in ("KISMET_CLIENT_ID", "KISMET_CLIENT_SECRET", "KISMET_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    current.log_out()


@pytest.fixture
def _no_pauses(monkeypatch):
    """Walk again at once."""
    monkeypatch.setattr("kismet_nb.transport.workers.Workers.pause", lambda _workers, _seconds: None)


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


class Kernel:
    """A running IPython kernel, and everything that it has said."""

    def __init__(self, client):
        self.client, self.said = client, []

    def run(self, code, *answers):
        """Run code, answer its questions, and return what was printed or raised; prompts come first."""
        message = self.client.execute(code, allow_stdin=True)
        answers, start = list(answers), len(self.said)
        while answers:
            asked = self.client.get_stdin_msg(timeout=30)
            self.said.append(asked)
            self.client.input(answers.pop(0))
        self._listen(message)
        return json.dumps(self.said[start:], default=str, ensure_ascii=False)

    def send(self, content, *buffers):
        """Send a message of a form's page to the kernel, and return what comes back."""
        opened = next(said for said in self.said if said["msg_type"] == "comm_open" and "login_form" in str(said))
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": data})
        self.client.session.send(self.client.shell_channel.socket, message, buffers=list(buffers))
        start = len(self.said)
        self._listen(message["header"]["msg_id"])
        return [said["content"]["data"]["content"] for said in self.said[start:] if said["msg_type"] == "comm_msg"]

    def _listen(self, message):
        ended = False
        while not ended:
            said = self.client.get_iopub_msg(timeout=60)
            if said["parent_header"].get("msg_id") == message:
                self.said.append(said)
                ended = said["content"].get("execution_state") == "idle"


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Run a kernel that nobody but the test looks at."""
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
