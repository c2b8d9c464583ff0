"""A report as PDF, printed by a browser of this machine.

The browser is Chrome, Edge or Chromium. The libraries that write PDF do not fit: WeasyPrint needs Pango, which pip does
not install on Windows and macOS, and pure Python libraries do not know the CSS of the page. Nearly every machine has
one of these browsers, and the PDF looks as the page does on the screen and as it does when a reader prints it. Its
paper is Letter, the browser's default in print without a person; the page fits A4 too. Page numbers need version 131 or
newer; with an older one they are missing.

The browser is started without the credentials, the user's profile, extensions, or a network. Its files are in a private
folder that is removed afterwards. The policy of the page forbids scripts.
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
    # No connection: neither for the page, which may load nothing anyway, nor for the browser's own updates.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


def find_browser() -> str:
    """Return the path of a Chrome, Edge or Chromium.

    Raises
    ------
    InvalidInputError
        There is none.
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
    with clean_up_on_sigterm(), private_folder() as folder:
        source, target = folder / "report.html", folder / "report.pdf"
        with os.fdopen(os.open(source, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(page.encode())
        options = [*OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}"]
        if sys.platform == "linux" and os.geteuid() == 0:
            # Chromium refuses to run as root inside its sandbox. The page is our own and has no scripts.
            options.append("--no-sandbox")
        problem = _run([browser, *options, source.as_uri()], _environment(folder))
        content = target.read_bytes() if target.is_file() else b""
    if not content.startswith(b"%PDF"):
        problem = problem or "no PDF was written"
        raise KismetError(f"{Path(browser).name} could not print the report ({problem}). {PRINT_INSTEAD}")
    return content


def _environment(folder: Path) -> dict[str, str]:
    """Return the browser's environment: without credentials, and with the folder for its temporary files."""
    environment = {name: value for name, value in os.environ.items() if name not in {ID_VARIABLE, SECRET_VARIABLE}}
    environment["CHROME_CONFIG_HOME"] = str(folder)  # crash reports on Linux
    if len(str(folder)) < 50:  # the path of a socket in it may have about 100 characters only
        environment |= dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))
    return environment


def _run(command: list[str], environment: dict[str, str]) -> str:
    """Run the browser to its end and return the problem, if there is one. Its processes end with this function."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a browser that this machine has installed
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            umask=0o077 if os.name == "posix" else -1,
            start_new_session=True,  # so that an interrupt in the terminal ends it below, with its children
        )
    except OSError as error:
        return error.strerror or type(error).__name__
    try:
        code = process.wait(PRINT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it was not done after {PRINT_SECONDS} seconds"
    finally:
        _end(process)
    return f"it ended with code {code}" if code else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and, on POSIX, the processes that it has started."""
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
