"""The pages of the reference that are written by hand: their Python and their commands run."""

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kismet_nb as kn
import kismet_nb.docs
from kismet_nb.docs.build import build_site

PAGES = Path(kismet_nb.docs.__file__).parent / "pages"
# The charts are drawn while the site is built. The pages about the store and the report have tests of their own.
WITH_PYTHON = sorted(page.stem for page in PAGES.glob("*.md") if "```python\n" in page.read_text(encoding="utf-8"))


def blocks(page, language):
    """Return the fenced blocks of a language on a page."""
    return re.findall(rf"```{language}\n(.*?)\n```", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)


def run_python(page):
    """Run all Python blocks of a page in order, in one session, and return its variables."""
    session = {}
    for block in blocks(page, "python"):
        exec(compile(block, f"{page}.md", "exec"), session)  # noqa: S102 - the pages are ours
    return session


@pytest.mark.filterwarnings("ignore:summaries.calls_per_week is deprecated:DeprecationWarning")
@pytest.mark.usefixtures("_demo_environment")
@pytest.mark.parametrize("page", sorted({*WITH_PYTHON} - {"charts", "report", "store"}))
def test_the_python_of_a_page_runs(page):
    """The examples run with credentials in the environment."""
    run_python(page)


@pytest.mark.usefixtures("_demo_environment")
def test_the_python_about_the_store_runs(client, monkeypatch):
    """Its questions have answers in a store that is older than the dates on the page."""
    with monkeypatch.context() as patch:
        september = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
        patch.setattr("kismet_nb.store.sync._moment", lambda _: september)
        kn.sync("store", ["users", "calls"], client=client)
    session = run_python("store")

    assert ([], 131) == (session["left"]["id"].tolist(), len(session["october"]))
    assert {"organization", "month", "calls"} == set(session["monthly"])


@pytest.mark.slow
@pytest.mark.usefixtures("_demo_environment")
def test_the_python_about_the_report_runs():
    """It writes the file that it names."""
    run_python("report")

    assert Path("exports/report.html").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("_demo_environment")
def test_the_commands_run():
    """The examples of the command line run in order, and write the files that they name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = "\n".join(blocks("commands", "sh"))
    run = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", commands],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert 0 == run.returncode, run.stderr
    assert [] == [name for name in re.findall(r"exports/\w+\.\w+", commands) if not Path(name).is_file()]


def test_a_temporary_folder_that_cannot_be_used_is_one_error(monkeypatch, tmp_path):
    """Sphinx is not started."""
    monkeypatch.setattr("tempfile.tempdir", "missing")
    with pytest.raises(kn.KismetError, match="temporary folder cannot be used: No such file or directory"):
        build_site(tmp_path / "site")
