"""The log-in form in a real JupyterLab in a real Chromium, and the secret nowhere in what it leaves behind."""

import json
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

pytestmark = pytest.mark.browser
WRONG_SECRET = "planted-wrong-secret-51c2"


@pytest.fixture
def page():
    """Open a page of Debian's (or the system's) Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail("Install Chromium (Debian: apt-get install chromium) to run the browser tests.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        yield page
        page.screenshot(path="last-seen.png")
        browser.close()


@pytest.fixture
def lab(tmp_path, demo, monkeypatch):
    """Run JupyterLab on a notebook that logs in; its output goes to a file at DEBUG."""
    # The pair must go to the address that the form shows, whatever the environment says later.
    source = "import os\nimport kismet_nb as kn\nkn.login()\nos.environ['KISMET_API_URL'] = 'https://127.0.0.1:9'"
    cells = [nbformat.v4.new_code_cell(text) for text in (source, "len(kn.fetch_users())")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, tmp_path / "login.ipynb")
    monkeypatch.setenv("KISMET_API_URL", demo.api_url)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    settings = tmp_path / "JUPYTER_CONFIG_DIR" / "lab" / "user-settings"
    for plugin, values in {
        "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
        "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.port=0", "--IdentityProvider.token=planted", "--debug", f"--ServerApp.root_dir={tmp_path}"]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
        try:
            yield _address(tmp_path, process)
        finally:
            process.terminate()
            process.wait(20)


def _address(folder, process):
    for _ in range(240):
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        listing = subprocess.run(
            [sys.executable, "-m", "jupyter", "server", "list", "--jsonlist"],
            capture_output=True,
            text=True,
            check=False,
        )
        servers = json.loads(listing.stdout or "[]")
        mine = [server for server in servers if server["root_dir"] == str(folder)]
        if mine:
            urllib.request.urlopen(f"{mine[0]['url']}api?token=planted", timeout=10).close()
            return f"{mine[0]['url']}lab/tree/login.ipynb?token=planted"
        time.sleep(0.25)
    raise AssertionError("JupyterLab did not start")


def test_the_form_logs_in_and_leaves_no_trace(page, lab, demo, tmp_path):
    """A wrong secret is refused, the right one logs in, and neither is in the notebook, the log or a message back."""
    frames = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    page.goto(lab)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.get_by_text("| Idle").wait_for(timeout=60_000)
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    page.keyboard.press("Control+Enter")

    page.get_by_label("Client ID").wait_for(timeout=20_000)
    page.get_by_label("Client ID").press_sequentially(demo.client_id)
    page.get_by_label("Client Secret").press_sequentially(WRONG_SECRET)
    page.screenshot(path=tmp_path / "typed.png")
    page.locator("[data-command='docmanager:save']").first.click()
    page.wait_for_timeout(1500)
    assert WRONG_SECRET not in (tmp_path / "login.ipynb").read_text()
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("refused the credentials").wait_for(timeout=20_000)
    page.screenshot(path=tmp_path / "refused.png")

    page.get_by_label("Client Secret").press_sequentially(f"  {demo.client_secret} ")
    page.keyboard.press("Enter")
    page.get_by_text("Logged in: 131 users").wait_for(timeout=20_000)
    page.keyboard.press("Enter")  # a second Enter must not press "Log out"
    page.locator(".jp-Notebook .jp-Cell .cm-content").nth(1).click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-OutputArea-output").get_by_text("131", exact=True).wait_for(timeout=20_000)
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    page.screenshot(path=tmp_path / "done.png")

    assert "131" in (tmp_path / "login.ipynb").read_text()
    written = [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".png"]
    assert any(file.name == "login.ipynb" and ".ipynb_checkpoints" not in file.parts for file in written)
    received = "".join(frame if isinstance(frame, str) else frame.decode("latin-1") for frame in frames)
    for secret in (WRONG_SECRET, demo.client_secret):
        assert [] == [file.name for file in written if secret.encode() in file.read_bytes()]
        assert secret not in received
