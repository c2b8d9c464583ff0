"""Build the site in a folder: the pages, the notebooks and what is generated from the code go through Sphinx."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kismet_nb.docs.generated import command_help, data_dictionary
from kismet_nb.errors import KismetError
from kismet_nb.reports.shipped import copy_notebooks

__all__ = ["build_site"]

_HERE = Path(__file__).parent


def build_site(folder: Path, *, strict: bool = False) -> None:
    """Write the site into a folder. The notebooks are executed on the demo organization.

    Parameters
    ----------
    folder
        The folder, which is made if it is missing. Its ``index.html`` is the first page.
    strict
        Fail if Sphinx warns, for example about a link to nowhere.

    Raises
    ------
    KismetError
        The temporary folder cannot be written, or Sphinx failed. What Sphinx says is on stderr.
    """
    problem = ""
    try:
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            source = _write_source(work / "pages")
            options: list[str | Path] = ["-E", "-q", "-j", "auto", "-b", "html", "-c", _HERE, "-d", work / "doctrees"]
            options += ["--fail-on-warning", "--keep-going"] if strict else []
            command = [sys.executable, "-m", "sphinx", *options, source, folder]
            code = subprocess.run(command, env=_environment(work), check=False).returncode  # noqa: S603 - our interpreter
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise KismetError(f"The temporary folder cannot be used: {problem}. Set TMPDIR to a folder with space.")
    if code:
        raise KismetError(f"Sphinx ended with code {code}. Its own messages are above.")


def _write_source(source: Path) -> Path:
    """Write everything that Sphinx reads into a new folder, and return it."""
    shutil.copytree(_HERE / "pages", source)
    shutil.copytree(_HERE / "images", source / "images")
    copy_notebooks(source / "notebooks")
    (source / "generated").mkdir()
    for name, text in {**command_help(), "data_dictionary": data_dictionary()}.items():
        (source / "generated" / f"{name}.md").write_text(text, encoding="utf-8")
    return source


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of Sphinx: kernels without the user's settings, which print errors only."""
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n", encoding="utf-8")
    return {**os.environ, "IPYTHONDIR": str(profile.parent)}
