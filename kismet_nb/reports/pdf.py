"""Print a report as PDF with a browser on this machine: Chrome, Edge or Chromium.

PDF libraries are not suitable: WeasyPrint needs Pango, which pip does not install on Windows and macOS, and pure Python
libraries do not support the CSS of the page. Nearly every machine has one of these browsers, and the PDF looks like the
page on the screen and like a printed page. The paper size is Letter, the default of headless printing; the page fits A4
too. Browsers before version 131 print no page numbers.

The browser runs without the credentials, the user's profile, extensions and network. Its files are in a private folder
that is removed afterwards. The page's content security policy forbids scripts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from kismet_nb.auth.credentials import ID_VARIABLE, SECRET_VARIABLE
from kismet_nb.errors import InvalidInputError, KismetError
from kismet_nb.reports.kernel import private_folder
from kismet_nb.reports.sigterm import clean_up_on_sigterm

__all__ = ["find_browser", "print_pdf"]

COMMANDS = (
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
    "chromium",
    "chromium-browser",
)
MAC_APPLICATIONS = ("Google Chrome", "Microsoft Edge", "Chromium")
WINDOWS_PROGRAMS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
PRINT_SECONDS = 120
PRINT_INSTEAD = "Or write an .html file, open it and print it."
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-breakpad",
    # No connections: neither for the page, whose policy forbids them too, nor for the browser's own updates.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


def find_browser() -> str:
    """Return the path of Chrome, Edge or Chromium.

    Raises
    ------
    InvalidInputError
        None of them was found.
    """
    for command in COMMANDS:
        if found := shutil.which(command):
            return found
    for file in _usual_places():
        if file.is_file():
            return str(file)
    raise InvalidInputError(f"A PDF needs Chrome, Edge or Chromium, and none was found. Install one. {PRINT_INSTEAD}")


def print_pdf(page: str, browser: str) -> bytes:
    """Return a page as PDF.

    Parameters
    ----------
    page
        The HTML.
    browser
        The path of the browser.

    Raises
    ------
    KismetError
        The browser wrote no PDF.
    """
    problem, content = "", b""
    with clean_up_on_sigterm(), private_folder() as folder:
        source, target = folder / "report.html", folder / "report.pdf"
        options = [*OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}"]
        if sys.platform == "linux" and os.geteuid() == 0:
            # Chromium's sandbox does not work for root. The page is our own and has no scripts.
            options.append("--no-sandbox")
        try:
            with os.fdopen(os.open(source, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(page.encode())
            problem = _run([browser, *options, source.as_uri()], _environment(folder))
            content = target.read_bytes() if target.is_file() else b""
        except OSError as error:
            problem = error.strerror or type(error).__name__
    if not content.startswith(b"%PDF"):
        problem = problem or "no PDF was written"
        raise KismetError(f"{Path(browser).name} could not print the report ({problem}). {PRINT_INSTEAD}")
    return content


def _environment(folder: Path) -> dict[str, str]:
    """Return the browser's environment variables, without credentials, and with ``folder`` for temporary files."""
    environment = {name: value for name, value in os.environ.items() if name not in {ID_VARIABLE, SECRET_VARIABLE}}
    environment["CHROME_CONFIG_HOME"] = str(folder)  # crash reports on Linux
    if len(str(folder)) < 50:  # the path of a socket in it is limited to about 100 characters
        environment |= dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))
    return environment


def _run(command: list[str], environment: dict[str, str]) -> str:
    """Run the browser until it ends, and return the problem, if any. All its processes end with this function."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a browser that this machine has installed
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            umask=0o077 if os.name == "posix" else -1,
            start_new_session=True,  # an interrupt in the terminal does not reach it; _end() below ends the whole group
        )
    except OSError as error:
        return error.strerror or type(error).__name__
    try:
        code = process.wait(PRINT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it did not finish within {PRINT_SECONDS} seconds"
    finally:
        _end(process)
    return f"it ended with code {code}" if code else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and, on POSIX, its child processes."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _usual_places() -> list[Path]:
    if sys.platform == "darwin":
        folders = (Path("/Applications"), Path.home() / "Applications")
        return [folder / f"{name}.app/Contents/MacOS/{name}" for folder in folders for name in MAC_APPLICATIONS]
    if sys.platform == "win32":
        variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        roots = [os.environ[name] for name in variables if name in os.environ]
        return [Path(root, program) for program in WINDOWS_PROGRAMS for root in roots]
    return []
