"""The progress bar of a report."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import nbformat
import pytest

pytestmark = pytest.mark.slow


def notebook():
    """Write a report's notebook with a cell that fetches and one that draws.

    The bar is drawn every 0.2 seconds. On a busy machine its thread may stand still for longer.
    """
    sources = ["import kismet_nb as kn, time; kn.use_demo(); kn.fetch_users; time.sleep(2)", "time.sleep(2)"]
    cells = [nbformat.v4.new_code_cell("demo = True", metadata={"tags": ["parameters"]})]
    nbformat.write(nbformat.v4.new_notebook(cells=cells + [nbformat.v4.new_code_cell(s) for s in sources]), "own.ipynb")


def output_in_a_terminal(*arguments):
    """Return what the report command writes to a terminal of 100 columns."""
    notebook()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    command = ["report", "--out", "r.html", "--notebook", "own.ipynb", *arguments]
    code = f"from kismet_nb.cli import main; raise SystemExit(main({command}))"
    run = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(ours)
    assert 0 == run.wait(60)
    return said.decode()


def test_a_terminal_shows_what_the_report_is_doing():
    """It is one line from the start to the end."""
    said = output_in_a_terminal()
    steps = list(dict.fromkeys(re.findall(r"Report: ([a-z ]+?) +\d+%", said)))

    assert ["starting", "fetching users", "drawing", "writing", "done"] == [step for step in steps if step != "running"]
    assert "100%" in said


def test_quiet_shows_nothing():
    """With --quiet, there is no bar even in a terminal."""
    assert "" == output_in_a_terminal("--quiet")


def test_a_notebook_shows_what_the_report_is_doing(kernel):
    """The bar is the same widget as that of a fetch."""
    notebook()
    said = kernel.run("import kismet_nb as kn; kn.report('r.html', notebook='own.ipynb', demo=True); None")
    said = said.replace("\u2007", " ")  # spaces as wide as a digit

    for step in ("fetching users", "drawing", "done"):
        assert f"Report: {step}" in said
