"""A Jupyter server with both front-ends, a Chromium, and a scan for traces of a typed secret."""

import base64
import functools
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import nbconvert
import nbformat
import pytest
from support.faulty_server import serving
from support.rows import page_of, user

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


class Server:
    """A Kismet server of three users. ``mode`` selects its response."""

    def __init__(self):
        self.mode = "well"
        self.secret = ""  # part of the response in some modes
        self.may_answer = threading.Event()

    def answer(self, query, _count):
        """Return the response of the current mode."""
        answers = {
            "401": (401, {}, b'{ "error": "Unauthorized", }'),
            "echo": (400, {}, f'{{"error": "bad header {self.secret}"}}'.encode()),
            "redirect": (302, {"Location": f"https://elsewhere.example.org/?{self.secret}"}, b""),
            "500": (500, {"Retry-After": "0"}, self.secret.encode()),
        }
        if self.mode == "hang up":
            self.mode = "401"  # for the next request
            return b""
        if self.mode == "slow 401":
            assert self.may_answer.wait(60)
            return answers["401"]
        return answers.get(self.mode) or page_of([user(number) for number in range(3)], query)


class Jupyter:
    """A running Jupyter server."""

    def __init__(self, folder, url, kismet):
        self.folder, self.url, self.kismet = folder, url, kismet

    def set(self, plugin, **values):
        """Change a setting, as JupyterLab's and Notebook's menus do; it applies to pages that are opened later."""
        file = (
            self.folder
            / "JUPYTER_CONFIG_DIR"
            / "lab"
            / "user-settings"
            / f"{plugin.replace(':', '/')}.jupyterlab-settings"
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def end_kernels(self):
        """End the kernels of the last test."""
        for kernel in json.load(self._ask("api/kernels")):
            self._ask(f"api/kernels/{kernel['id']}", "DELETE").close()

    def _ask(self, path, method="GET"):
        headers = {"Authorization": "token planted"}
        return urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers, method=method))


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    """Run JupyterLab and Notebook 7 on one server. It and its kernels log to a file at level DEBUG."""
    folder, kismet = tmp_path_factory.mktemp("jupyter"), Server()
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    places = {name: str(folder / name) for name in names}
    profile = folder / "IPYTHONDIR" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 10\n")
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.port=0", "--IdentityProvider.token=planted", "--debug", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
    with serving(kismet.answer) as (url, visits), (folder / "server.log").open("w") as log:
        environment = {
            **os.environ,
            **places,
            "KISMET_API_URL": url,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "PYTHON_KEYRING_BACKEND": "support.memory_keyring.Keyring",
        }
        kismet.visits = visits
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            running = Jupyter(folder, _address(folder, process), kismet)
            running.set("@jupyterlab/apputils-extension:notification", fetchNews="false", checkForUpdates=False)
            yield running
        finally:
            process.terminate()
            process.wait(20)


def _address(folder, process):
    for _ in range(480):
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        for file in (folder / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json"):
            return json.loads(file.read_text())["url"]
        time.sleep(0.25)
    raise AssertionError("Jupyter did not start")


@pytest.fixture(scope="session")
def browser():
    """Start the Chromium or Chrome of this computer."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail("Install Chromium (Debian: apt-get install chromium) to run the browser tests.")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


class Notebook:
    """A notebook that is open in a front-end, and the messages between its page and the server."""

    def __init__(self, jupyter, page, front, cells):
        self.jupyter, self.page, self.kismet = jupyter, page, jupyter.kismet
        self.file = jupyter.folder / f"log-in-{time.monotonic_ns()}.ipynb"
        # Each notebook has a secret of its own, because some tests leak theirs.
        self.secret = self.kismet.secret = f"{secrets.token_hex(4)}-planted-secret"
        self.received = []
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": KERNEL}
        )
        nbformat.write(book, self.file)
        page.on("websocket", self._listen)
        page.on("dialog", lambda dialog: dialog.accept())  # "Leave site?"
        page.goto(f"{jupyter.url}{front}/{self.file.name}?token=planted&reset")  # closes tabs of earlier tests
        self.wait_for_kernel()

    def _listen(self, socket):
        socket.on("framereceived", lambda frame: self.received.append(_bytes(frame)))

    def wait_for_kernel(self):
        """Wait until the kernel is idle."""
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=60_000,
        )

    def run(self, cell):
        """Run a cell as a person does."""
        self.page.locator(".jp-Notebook .jp-Cell .cm-content").nth(cell).click()
        self.page.keyboard.press("Control+Enter")

    def restart(self):
        """Restart the kernel as the menu does."""
        # void: the command ends only after its dialog is answered.
        self.page.evaluate("() => void window.jupyterapp.commands.execute('kernelmenu:restart')")
        self.page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.wait_for_kernel()

    def field(self, name):
        """Return a field of the form, by its accessible name."""
        return self.page.get_by_role("textbox", name=name, exact=True)

    def button(self, name):
        """Return a button of the form, by its accessible name."""
        return self.page.locator(".kismet-login").get_by_role("button", name=name, exact=True)

    def type_id(self):
        """Type a Client ID key by key."""
        self.field("Client ID").press_sequentially("client-id-ab12")

    def type(self, secret):
        """Type a secret key by key."""
        self.field("Client Secret").press_sequentially(secret)

    def submit(self, text):
        """Press Enter in the secret's field, and wait for a text."""
        self.field("Client Secret").press("Enter")
        self.wait_for(text)

    def wait_for(self, text):
        """Wait until the form shows a text."""
        self.page.locator(".kismet-login").get_by_text(text).wait_for(timeout=40_000)

    def traces(self):
        """Save and export the notebook. Return the names of files and messages that contain the secret."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        html, _ = _exporter().from_filename(str(self.file))
        self.file.with_suffix(".html").write_text(html)
        files = {file.name: file.read_bytes() for file in self.jupyter.folder.rglob("*") if file.is_file()}
        assert {self.file.name, self.file.with_suffix(".html").name, "server.log", "history.sqlite"} <= set(files)
        everything = {**files, "a message from the kernel": b"\n".join(self.received)}
        needles = (self.secret[:8].encode(), base64.b64encode(self.secret.encode())[:10])  # also if typed in part
        return sorted(name for name, content in everything.items() if any(needle in content for needle in needles))


@functools.cache
def _exporter():
    return nbconvert.HTMLExporter()


def _bytes(frame):
    return frame.encode() if isinstance(frame, str) else frame


@pytest.fixture
def open_notebook(jupyter, browser):
    """Return a function that opens a notebook in a front-end, ``lab/tree`` or ``notebooks``."""
    contexts = []
    jupyter.kismet.mode = "well"
    jupyter.kismet.may_answer.clear()
    jupyter.kismet.visits.clear()

    def opened(front, *cells, saving=True, dark=False, width=1100):
        jupyter.set("@jupyter-widgets/jupyterlab-manager:plugin", saveState=saving)
        # With subshells, a form's message arrives while a cell runs; in older front-ends, after the cell has ended.
        subshells = "perCommTarget" if saving else "disabled"
        jupyter.set("@jupyterlab/apputils-extension:kernels-settings", commsOverSubshells=subshells)
        jupyter.set("@jupyterlab/apputils-extension:themes", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        return Notebook(jupyter, contexts[-1].new_page(), front, cells)

    yield opened
    for context in contexts:
        context.pages[0].screenshot(path=jupyter.folder / "last-seen.png")
        context.close()
    jupyter.end_kernels()
