"""The login form on a page of Voila in a real Chromium."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from support.faulty_server import serving
from support.rows import page_of, user

pytestmark = pytest.mark.browser
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SHOW = """
import ipywidgets
from IPython.display import display

button, output = ipywidgets.Button(description="Show users"), ipywidgets.Output()

@output.capture(clear_output=True)
def show(_):
    try:
        display(kn.view(kn.fetch_users()))
    except kn.KismetError as error:
        print(error)

button.on_click(show)
display(button, output)
"""


@pytest.fixture
def voila(tmp_path):
    """Run Voila on a folder with one notebook, and return the page's address."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in ("import kismet_nb as kn\nkn.login()", SHOW)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), tmp_path / "page.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(lambda query, _: page_of([user(number) for number in range(12)], query)) as (url, _):
        environment = {
            **os.environ,
            "KISMET_API_URL": url,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "PYTHON_KEYRING_BACKEND": "support.memory_keyring.Keyring",
        }
        environment |= {
            name: str(tmp_path / name) for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        command = [sys.executable, "-m", "voila", "page.ipynb", "--no-browser", "--debug", "--Voila.ip=127.0.0.1"]
        with (tmp_path / "voila.log").open("w") as log:
            process = subprocess.Popen(
                [*command, f"--port={port}"], env=environment, cwd=tmp_path, stdout=log, stderr=log
            )
        try:
            for _ in range(240):
                assert process.poll() is None, (tmp_path / "voila.log").read_text()
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.25)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(20)


def test_log_in_and_fetch_by_a_button(voila, browser, tmp_path):
    """A reader logs in, and the button fetches; before, it says what to do; nothing is remembered or left behind."""
    secret = f"{secrets.token_hex(4)}-planted-secret"
    page = browser.new_page(viewport={"width": 900, "height": 800})
    page.goto(voila)
    page.get_by_role("button", name="Show users").click(timeout=60_000)
    page.get_by_text("Fill in the form above first.").wait_for()
    page.screenshot(path=tmp_path / "open.png")
    assert not page.get_by_label("Remember on this computer").is_visible()
    assert 0 == page.get_by_text("kn.login(prompt=True)").count()
    page.get_by_role("textbox", name="Client ID", exact=True).press_sequentially("client-id-ab12")
    page.get_by_role("textbox", name="Client Secret", exact=True).press_sequentially(secret)
    page.keyboard.press("Enter")
    page.locator(".kismet-login").get_by_text("Logged in: 12 users").wait_for()
    page.get_by_role("button", name="Show users").click()
    page.locator(".dt-info").get_by_text("Rows 1 to 10 of 12").wait_for()
    page.screenshot(path=tmp_path / "done.png")
    page.close()
    files = {file.relative_to(tmp_path).as_posix(): file for file in tmp_path.rglob("*") if file.is_file()}

    assert {"voila.log", "page.ipynb"} <= set(files)
    assert [] == [name for name, file in files.items() if secret[:8].encode() in file.read_bytes()]
