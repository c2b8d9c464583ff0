"""The login form in marimo's editor in a real Chromium; the secret leaves no trace."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import playwright.sync_api as playwright
import pytest
from support.faulty_server import serving
from support.rows import page_of, user

pytestmark = pytest.mark.browser
NOTEBOOK = """
import marimo

app = marimo.App(auto_download=["html"])


@app.cell
def _():
    import kismet_nb as kn
    kn.login()
    return (kn,)


@app.cell
def _(kn):
    users = kn.fetch_users()
    print("rows:", len(users))
    return (users,)


@app.cell
def _(kn, users):
    kn.view(users)
    return
"""


@pytest.fixture
def marimo(tmp_path):
    """Return a function that starts marimo on a notebook, and returns its address and its log."""
    (tmp_path / "day.py").write_text(NOTEBOOK)
    with contextlib.ExitStack() as stack:

        def started(command):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            address = f"http://127.0.0.1:{port}"
            url, _ = stack.enter_context(
                serving(lambda query, _: page_of([user(number) for number in range(12)], query))
            )
            environment = {**os.environ, "KISMET_API_URL": url, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
            environment |= {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
            arguments = [sys.executable, "-m", "marimo", command, "day.py", "--headless", "--no-token"]
            arguments += ["--host", "127.0.0.1", "--port", str(port)]
            log = tmp_path / f"{command}.log"
            with log.open("w") as output:
                process = subprocess.Popen(arguments, env=environment, cwd=tmp_path, stdout=output, stderr=output)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            for _ in range(240):
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(urllib.error.URLError):
                    urllib.request.urlopen(f"{address}/health").close()
                    return address, log
                time.sleep(0.25)
            raise AssertionError("marimo did not start")

        yield started


def test_log_in_and_fetch_in_the_next_cell(marimo, browser, tmp_path):
    """The next cell says what to do before the login, and fetches after it. No file holds the secret."""
    secret, received = f"{secrets.token_hex(4)}-planted-secret", []
    address, _ = marimo("edit")
    page = browser.new_page(viewport={"width": 1100, "height": 1300})
    page.on("websocket", lambda it: it.on("framereceived", lambda frame: received.append(str(frame))))
    page.goto(address)
    form = page.locator(".kismet-login form")
    for _ in range(20):  # The button has no effect until the page has its kernel.
        page.get_by_test_id("run-button").last.click()  # all cells
        with contextlib.suppress(playwright.TimeoutError):
            form.wait_for(timeout=6000)
            break
    page.get_by_role("textbox", name="Client ID", exact=True).press_sequentially("client-id-ab12")
    page.get_by_text("Fill in the form above, then run this cell again.").first.wait_for()
    page.screenshot(path=tmp_path / "open.png")
    page.get_by_role("textbox", name="Client Secret", exact=True).press_sequentially(secret)
    page.keyboard.press("Enter")
    page.locator(".kismet-login").get_by_text("Logged in: 12 users").wait_for()
    page.locator(".cm-content").nth(1).click()
    page.keyboard.press("Control+Enter")
    page.get_by_text("rows: 12").wait_for()
    page.locator(".dt-info").get_by_text("Rows 1 to 10 of 12").wait_for()
    page.screenshot(path=tmp_path / "done.png")
    page.keyboard.press("Control+s")
    saved = [tmp_path / "__marimo__" / name for name in ("day.html", "session/day.py.json")]  # marimo writes them later
    for _ in range(240):
        if all(file.exists() and "rows: 12" in file.read_text() for file in saved):
            break
        page.wait_for_timeout(250)
    page.close()
    files = {file.relative_to(tmp_path).as_posix(): file for file in tmp_path.rglob("*") if file.is_file()}

    assert {"day.py", "__marimo__/day.html", "__marimo__/session/day.py.json", "edit.log"} <= set(files)
    assert any("Logged in: 12 users" in message for message in received)
    assert [] == [name for name, file in files.items() if secret[:8].encode() in file.read_bytes()]
    assert [] == [message for message in received if secret[:8] in message]


def test_an_app_shows_no_form(marimo, browser):
    """All readers of an app share one process, so they would share the login. The log says so."""
    address, log = marimo("run")
    page = browser.new_page()
    page.goto(address)
    for _ in range(240):
        if "CredentialsError" in log.read_text():
            break
        page.wait_for_timeout(250)
    form = page.locator(".kismet-login").count()
    page.close()

    assert "all its readers share one process" in log.read_text()
    assert 0 == form
