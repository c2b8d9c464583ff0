"""A report as PDF: the start of the browser, and errors. tests/browser tests the PDF itself."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

import kismet_nb as kn
from kismet_nb.cli import main
from kismet_nb.reports.pdf import print_pdf


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the only folder of PATH, which has no browser yet; TMPDIR is an empty folder."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def install(folder, name, *lines):
    """Write a program that is used as the browser."""
    target = 'target = next(a for a in sys.argv if a.startswith("--print-to-pdf="))[15:]'
    program = folder / name
    program.write_text("\n".join([f"#!{sys.executable}", "import json, os, sys, time, pathlib", target, *lines]))
    program.chmod(0o755)


def notebook():
    """Write a report's notebook with one Markdown cell."""
    cells = [
        nbformat.v4.new_code_cell("demo = True", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_markdown_cell("# Numbers"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), "own.ipynb")
    return "own.ipynb"


def test_without_a_browser_the_error_says_what_to_install(folder, capsys):
    """It is one line, before anything is fetched, and names the alternative: print the HTML page."""
    assert 2 == main(["report", "--demo", "--out", "r.pdf"])
    said = capsys.readouterr().err

    assert "A PDF needs Chrome, Edge or Chromium, and none was found. Install one. Or write an .html file" in said
    assert 1 == said.count("\n")
    assert not Path("r.pdf").exists()


@pytest.mark.slow
def test_a_browser_gets_only_the_page(folder, tmp_path, monkeypatch):
    """It has no credentials, a profile of its own and no network; its files are private and removed afterwards."""
    monkeypatch.setenv("KISMET_CLIENT_ID", "client-id")
    monkeypatch.setenv("KISMET_CLIENT_SECRET", "planted-secret")
    install(
        folder,
        "chromium",
        "page = pathlib.Path(sys.argv[-1].removeprefix('file://'))",
        "seen = {'argv': sys.argv[1:], 'environ': dict(os.environ), 'page': page.read_text()}",
        "seen['modes'] = [oct(file.stat().st_mode & 0o777) for file in (page, page.parent)]",
        f"pathlib.Path({str(tmp_path / 'seen.json')!r}).write_text(json.dumps(seen))",
        "pathlib.Path(target).write_bytes(b'%PDF-1.4 invented')",
    )
    kn.report("r.pdf", notebook=notebook())
    seen = json.loads((tmp_path / "seen.json").read_text())

    assert b"%PDF-1.4 invented" == Path("r.pdf").read_bytes()
    assert "<title>Numbers</title>" in seen["page"]
    assert "planted-secret" not in str(seen)
    assert ["0o600", "0o700"] == seen["modes"]
    assert any(argument.startswith(f"--user-data-dir={tmp_path}/temporary/") for argument in seen["argv"])
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in seen["argv"]
    assert ("--no-sandbox" in seen["argv"]) == (os.geteuid() == 0)
    assert [] == list((tmp_path / "temporary").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "seconds", "why"),
    [
        ("sys.exit(7)", 120, "chrome could not print the report (it ended with code 7). Or write an .html file"),
        ("pathlib.Path(target).write_text('text')", 120, "chrome could not print the report (no PDF was written)"),
        ("time.sleep(90)", 1, "chrome could not print the report (it did not finish within 1 seconds)"),
    ],
)
def test_a_browser_that_fails_is_one_line(folder, tmp_path, line, seconds, why, capsys, monkeypatch):
    """The older file stays, and no other file is left."""
    monkeypatch.setattr("kismet_nb.reports.pdf.PRINT_SECONDS", seconds)
    install(folder, "chrome", line)
    Path("r.pdf").write_text("the old one")

    assert 1 == main(["report", "--out", "r.pdf", "--notebook", notebook()])
    said = capsys.readouterr().err
    assert why in said
    assert 1 == said.count("\n")
    assert "the old one" == Path("r.pdf").read_text()
    assert [] == list((tmp_path / "temporary").iterdir())


@pytest.mark.slow
def test_an_interrupt_ends_the_browser(folder, tmp_path):
    """The exit code is 130 and there is one line; the browser has ended and its files are removed."""
    install(
        folder,
        "chrome",
        f"pathlib.Path({str(tmp_path / 'part')!r}).write_text(str(os.getpid()))",
        f"os.rename({str(tmp_path / 'part')!r}, {str(tmp_path / 'pid')!r})",
        "time.sleep(90)",
    )
    command = ["report", "--out", "r.pdf", "--notebook", notebook()]
    code = f"from kismet_nb.cli import main; raise SystemExit(main({command}))"
    run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    for _ in range(900):
        if Path("pid").exists():
            break
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)

    assert "kismet-nb: interrupted\n" == run.communicate(timeout=20)[1]
    assert 130 == run.returncode
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)
    assert [] == list((tmp_path / "temporary").iterdir())


def test_a_full_disk_is_one_error(folder, tmp_path):
    """The page is written to a temporary folder before it is printed. Nothing is left there."""
    install(folder, "chrome", "pathlib.Path(target).write_bytes(b'%PDF-1.4 invented')")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(kn.KismetError, match=r"chrome could not print the report \(File too large\)"):
            print_pdf("x" * 200_000, str(folder / "chrome"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)

    assert [] == list((tmp_path / "temporary").iterdir())
