"""Reports: one complete file without code, or no file, and no credentials in parameters."""

import contextlib
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.rows import daily_figures, page_of, user

import kismet_nb as kn
from kismet_nb.cli import main
from kismet_nb.reports import period_before, period_name, report_period
from kismet_nb.reports.page import render_page


def notebook(*cells, parameters="tz = 'UTC'\ndemo = False"):
    """Write an own notebook for a report; a cell may have a tag."""
    made = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    made += [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, *tags in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made), "own.ipynb")
    return "own.ipynb"


@pytest.mark.slow
def test_a_report_of_last_month_is_one_command(capsys):
    """With the demo it needs no arguments. The page has period, source, verdict, charts and tables."""
    assert 0 == main(["report", "--demo", "--out", "reports/last.html", "--fail-rate-unit", "fraction"])
    said, page = capsys.readouterr(), Path("reports/last.html").read_text()
    last_month = dt.datetime.now(dt.UTC).replace(day=1) - dt.timedelta(days=1)

    assert "Wrote reports/last.html\n" == said.out
    assert not said.err
    assert f"<title>Telehealth in {last_month:%B %Y}</title>" in page
    assert re.search(r"Fetched on .* from\s+127\.0\.0\.1:\d+:\s+complete\.", page)
    assert f"counted up to the end of {last_month.day} {last_month:%B %Y}" in page
    assert 9 == page.count("<svg")
    assert "Providers without a call in the last 30 days" in page
    assert "… and " in page
    for unwanted in ("kn.fetch", "<script", "src=", "@import", "url("):
        assert unwanted not in page
    assert {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"} == set(
        re.findall(r'https?://[^"\s<)]+', page)
    )


@pytest.mark.slow
def test_a_report_of_a_running_period_has_a_note():
    """Its numbers cover only a part of the period; future weeks are not drawn as empty weeks."""
    today = dt.datetime.now(dt.UTC).date()
    kn.report("r.html", demo=True, start=today - dt.timedelta(days=30), end=today + dt.timedelta(days=90))
    page = Path("r.html").read_text()
    calls_per_week = page[page.index("<svg") : page.index("</svg>")]
    weeks = re.findall(r">(\d+ \w{3} \d{4})<", calls_per_week)

    assert "still running" in page
    assert 5 <= len(weeks)
    assert all(dt.datetime.strptime(week, "%d %b %Y").date() <= today for week in weeks)  # noqa: DTZ007 - days


@pytest.mark.slow
def test_a_report_of_the_time_before_all_calls_has_a_note():
    """Calls of this time are not known: the API no longer lists them, or there were none."""
    kn.report("r.html", demo=True, month="2024-01")
    page = Path("r.html").read_text()

    assert re.search(r"The oldest known call is from \d+ \w+ 20\d\d:", page)
    cards = {name: value for value, name in re.findall(r"<strong>([^<]*)</strong> ([^<]*)<", page)}
    for unknown in (
        "calls",
        "providers who held them",
        "providers without a call in 30 days",
        "rooms idle for 30 days",
    ):
        assert "–" == cards[unknown]
    assert "Calls of this time are not known" in page
    assert re.search(r"Not listed: \d+ users without a known call", page)
    listed = page[page.index("Providers without a call in the last 30 days") :]
    assert "@" not in listed[: listed.index("Rooms that were idle")]


@pytest.mark.slow
def test_a_report_of_a_partly_known_period_has_the_first_known_day():
    """The number of calls covers the known days, and its label has the first of them."""
    with kn.DemoOrganization() as demo:
        client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
        oldest = kn.fetch_calls(kn.fetch_users(client=client), client=client)["created_at"].min()
    kn.report("r.html", demo=True, start=oldest.date() - dt.timedelta(days=9), end=oldest.date() + dt.timedelta(days=9))
    page = Path("r.html").read_text()

    assert re.search(rf"<strong>[1-9]\d*</strong> calls \(known from {oldest.day} {oldest:%B %Y}\)<", page)


@pytest.mark.slow
def test_a_copy_of_the_notebook_gets_the_options():
    """Options replace its parameters, other parameters stay, and code, tagged cells and stderr are left out."""
    own = notebook(
        ("print(tz, demo, month, other)",),
        ("print('secret of the analyst')", "not-in-report"),
        ("import sys; print('noise', file=sys.stderr)",),
        parameters="tz = 'UTC'; demo = True; month = None; other = 7",
    )
    kn.report("own.html", notebook=own, tz="America/New_York", month="2026-02")
    page = Path("own.html").read_text()

    assert "America/New_York False 2026-02 7" in page
    for left_out in ("print(", "analyst", "noise"):
        assert left_out not in page


@pytest.mark.slow
def test_a_view_in_a_report_is_its_first_page():
    """The page contains only the ten rows that it shows, and no state of widgets."""
    cell = """
import kismet_nb as kn, pandas as pd
kn.view(pd.DataFrame({"email": [f"user{row}@example.org" for row in range(131)]}))
"""
    own = notebook((cell,))
    kn.report("own.html", notebook=own)
    page = Path("own.html").read_text()

    assert [f"user{row}@example.org" for row in range(10)] == re.findall(r"user\d+@example\.org", page)
    assert "131 rows × 1 columns" in page
    assert "<script" not in page
    assert "widget" not in page


def test_a_page_has_no_state_of_widgets():
    """The state of a widget of another library may contain a whole table."""
    book = nbformat.v4.new_notebook()
    book.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": {"1": {"state": "ada@example.org"}}}
    }

    assert "ada@example.org" not in render_page(book)


@pytest.mark.slow
@pytest.mark.usefixtures("_demo_environment")
def test_the_notebook_gets_no_credentials(demo):
    """The kernel reads them from the environment, and they are neither in a parameter nor in the page."""
    kn.report("own.html", notebook=notebook(("import kismet_nb as kn; kn.login(); print(In)",)))
    page = Path("own.html").read_text()

    assert "Logged in: 131 users" in page
    assert "demo = False" in page
    assert demo.client_secret not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("import kismet_nb as kn; kn.login()", "uses the two environment variables or .env; --demo"),
        ("import altair\naltair.vconcat().properties(width=1)", "An error was raised by code cell 2 of own.ipynb"),
        ("1\n1 / 0", "ZeroDivisionError was raised by code cell 2 of own.ipynb, line 2."),
    ],
)
def test_a_failure_is_one_line_and_leaves_the_old_report(cell, why, capsys):
    """A scheduler gets exit code 1 and one line; the old report is unchanged, and there is no other file."""
    Path("r.html").write_text("the old one")
    own = notebook((cell,))

    assert 1 == main(["report", "--out", "r.html", "--notebook", own])
    said = capsys.readouterr().err
    assert why in said
    assert 1 == said.count("\n")
    assert "the old one" == Path("r.html").read_text()
    assert ["own.ipynb", "r.html"] == sorted(path.name for path in Path().iterdir() if path.name[:4] != ".ipy")


@pytest.mark.slow
def test_an_interrupt_ends_the_report_and_its_kernel():
    """The exit code is 130 with one line, without delay; no process and no report is left."""
    own = notebook(
        ("import os, time; open('part', 'w').write(str(os.getpid())); os.rename('part', 'pid')\ntime.sleep(90)",)
    )
    code = (
        f"from kismet_nb.cli import main; raise SystemExit(main(['report', '--out', 'r.html', '--notebook', '{own}']))"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if Path("pid").exists():
            break
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=20)[1]

    assert 130 == run.returncode
    assert "kismet-nb: interrupted\n" == said
    assert not Path("r.html").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)


@pytest.mark.slow
def test_an_error_of_this_package_keeps_its_class():
    """The message of another error is not repeated, because it may quote values."""
    own = notebook(("from kismet_nb import IncompleteError\nraise IncompleteError('the list kept moving')",))
    with pytest.raises(kn.IncompleteError, match=r"kept moving It was raised by code cell 2 of own.ipynb, line 2\.$"):
        kn.report("r.html", notebook=own)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"path": "r.docx"}, "html or .htm or .pdf"),
        ({"path": 7}, "file name"),
        ({"month": "2026-13"}, "month"),
        ({"month": "2026-1"}, "month"),
        ({"month": "\uff12026-10"}, "month"),
        ({"month": "2026-10", "start": "2026-10-01"}, "either month"),
        ({"start": "2026-10-01"}, "both start and end"),
        ({"start": "2026-10-05", "end": "2026-10-01"}, "before start"),
        ({"start": "1 October", "end": "2026-10-01"}, "must be a day"),
        ({"month": "2199-01"}, "in the future"),
        ({"quarter": "2026-Q5"}, "quarter must be a quarter"),
        ({"quarter": 3}, "quarter must be a quarter"),
        ({"quarter": "2026-Q3", "month": "2026-10"}, "either month, or quarter"),
        ({"title": " "}, "title must be text"),
        ({"organization": 7}, "organization must be text"),
        ({"logo": "none.png"}, "logo none.png cannot be used: No such file"),
        ({"logo": 7}, "logo must be a file name"),
        ({"tz": "Mars/Olympus"}, "time zone"),
        ({"fail_rate_unit": "share"}, "fail_rate_unit"),
        ({"notebook": "none.ipynb"}, "none.ipynb does not exist"),
        ({"notebook": 7}, "file name"),
        ({"notebook": "broken.ipynb"}, "cannot be read"),
        ({"notebook": "untagged.ipynb"}, "parameters"),
        ({"notebook": "list.ipynb"}, "cannot be read as a notebook"),
        ({"notebook": "cells.ipynb"}, "cannot be read as a notebook"),
    ],
)
def test_bad_input_is_refused_before_anything_is_fetched(options, why):
    """All options are checked first; the notebook does not run and nothing is written."""
    Path("broken.ipynb").write_text("no notebook")
    nbformat.write(nbformat.v4.new_notebook(), "untagged.ipynb")
    Path("list.ipynb").write_text("[]")
    Path("cells.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1]}')
    own = notebook(("open('ran', 'w').close()",))
    with pytest.raises(kn.InvalidInputError, match=why):
        kn.report(**{"path": "r.html", "notebook": own} | options)

    assert not Path("ran").exists()
    assert not Path("r.html").exists()


def test_without_the_extra_it_is_named(monkeypatch):
    """If a library is not installed, the error has the command that installs it."""
    monkeypatch.setitem(sys.modules, "nbconvert", None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[report\]"):
        kn.report("r.html", demo=True)


def kernel_processes(folder):
    """Return the command lines of processes that have a file of the folder in them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # the process has ended
            lines.append(path.read_bytes().replace(b"\0", b" ").decode())
    return [line for line in lines if str(folder) in line]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Return an empty folder for temporary files, in which the kernel's own files must be."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def start(*arguments, cwd="."):
    """Start the report command in a separate process."""
    code = f"from kismet_nb.cli import main; raise SystemExit(main({['report', *arguments]}))"
    return subprocess.Popen([sys.executable, "-c", code], cwd=cwd, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_the_kernel_leaves_nothing_in_the_working_directory_or_elsewhere(temporary):
    """While it runs, its sockets are in a private temporary folder, which is removed afterwards."""
    own = notebook(
        ("import os; print(sorted(os.listdir()), os.environ['TMPDIR'], len(os.listdir(os.environ['TMPDIR'])))",)
    )
    kn.report("r.html", notebook=own)
    page = Path("r.html").read_text()

    assert re.search(rf"\['own.ipynb', 'temporary'\] {temporary} 1\b", page.replace("&#39;", "'"))
    assert [] == list(temporary.iterdir())


@pytest.mark.slow
def test_a_report_can_be_made_in_a_folder_that_cannot_be_written(tmp_path):
    """The working directory of a service is often read-only; only the folder of the report must be writable."""
    own = notebook(("import os; print(os.getcwd())",))
    run = start("--out", str(tmp_path / "r.html"), "--notebook", str(tmp_path / own), cwd="/proc")

    assert "" == run.communicate(timeout=60)[1]
    assert 0 == run.returncode
    assert "/proc" in Path("r.html").read_text()


@pytest.mark.slow
def test_two_reports_in_one_folder_at_the_same_time():
    """Both are written, and neither changes the other."""
    own = notebook(("import time; time.sleep(1); print('both')",))
    runs = [start("--out", f"{name}.html", "--notebook", own) for name in "abc"]

    assert ["", "", ""] == [run.communicate(timeout=90)[1] for run in runs]
    assert [0, 0, 0] == [run.returncode for run in runs]


@pytest.mark.slow
def test_sigterm_ends_the_report_and_leaves_nothing(temporary):
    """A service manager stops a report with SIGTERM: the kernel ends, and no file and no report is left."""
    own = notebook(
        ("import os, time; open('part', 'w').write(str(os.getpid())); os.rename('part', 'pid')\ntime.sleep(90)",)
    )
    run = start("--out", "r.html", "--notebook", own)
    for _ in range(600):
        if Path("pid").exists():
            break
        time.sleep(0.1)
    run.terminate()
    said = run.communicate(timeout=20)[1]

    assert -signal.SIGTERM == run.returncode
    assert "" == said
    assert [] == list(temporary.iterdir())
    assert ["own.ipynb", "pid", "temporary"] == sorted(path.name for path in Path().iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "code", "line"), [("SIGTERM", -15, ""), ("SIGINT", 130, "kismet-nb: interrupted\n")])
def test_a_report_that_is_stopped_while_the_kernel_starts_leaves_no_kernel(temporary, stop, code, line):
    """The kernel ends with the report, even before the first cell."""
    run = start("--out", "r.html", "--notebook", notebook(("1",)))
    for _ in range(6000):
        if kernel_processes(temporary):
            break
        time.sleep(0.01)
    run.send_signal(signal.Signals[stop])

    assert line == run.communicate(timeout=20)[1]
    assert code == run.returncode
    assert [] == kernel_processes(temporary)
    assert [] == list(temporary.iterdir())


@pytest.mark.slow
def test_the_kernel_is_this_interpreter(tmp_path, monkeypatch):
    """Another kernel that is registered with the name python3 is not used."""
    spec = tmp_path / "jupyter/kernels/python3"
    spec.mkdir(parents=True)
    argv = ["/bin/false", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    kn.report("r.html", notebook=notebook(("import sys; print(sys.executable)",)))

    assert sys.executable in Path("r.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "why"),
    [("import os; os.write(2, b'noise\\n' * 300); os._exit(3)", "DeadKernelError"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_kernel_that_ends_is_one_line(cell, why):
    """Only this package's line is on stderr, without the output of the kernel."""
    run = start("--out", "r.html", "--notebook", notebook((cell,)))
    said = run.communicate(timeout=60)[1]

    assert 1 == run.returncode
    assert why in said
    assert 1 == said.count("\n")


def test_without_a_folder_for_temporary_files_the_reason_is_one_line(tmp_path, capsys, monkeypatch):
    """If no temporary folder is writable, the exit code is 1, and the line names TMPDIR."""

    def refuse(*_args, **_options):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert 1 == main(["report", "--out", "r.html", "--notebook", notebook(("1",))])
    said = capsys.readouterr().err

    assert "TMPDIR" in said
    assert 1 == said.count("\n")


@pytest.mark.slow
def test_metric_cards_have_the_change_since_the_period_before():
    """The changes equal the differences between two reports, and the means are weighted by calls."""
    with kn.DemoOrganization() as demo:
        client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
        users = kn.fetch_users(client=client)
        calls = kn.fetch_calls(users, client=client)
        (start, end), waits, counts = report_period(), [], []
        for first, last in (period_before(start, end), (start, end)):
            days = kn.fetch_call_metrics(first, last, client=client)
            waits.append((days["average_wait_time"] * days["total_calls"]).sum() / days["total_calls"].sum())
            counts.append(calls["created_at"].dt.date.between(first, last).sum())
    kn.report("r.html", demo=True)
    page = Path("r.html").read_text()
    changes = dict(re.findall(r'</strong> ([^<]*)<span class="change"> ([^<]*)<', page))

    difference = counts[1] - counts[0]
    assert f"{difference:+,d} ({difference / counts[0]:+,.1%})" == changes["calls"]
    wait = waits[1] - waits[0]
    assert f"{wait:+,.1f} ({wait / waits[0]:+,.1%})" == changes["mean wait (seconds)"]
    assert f"against the period before: {period_name(*period_before(start, end))}." in page


@pytest.mark.slow
def test_metrics_of_a_partly_known_period_before_have_no_change():
    """If only some days of the period before are known, neither counts nor means are compared with it."""
    with kn.DemoOrganization() as demo:
        client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
        oldest = kn.fetch_calls(kn.fetch_users(client=client), client=client)["created_at"].min().date()
    kn.report("r.html", demo=True, start=oldest + dt.timedelta(days=5), end=oldest + dt.timedelta(days=18))
    changes = dict(re.findall(r'</strong> ([^<]*)<span class="change"> ([^<]*)<', Path("r.html").read_text()))

    for name in ("calls", "mean wait (seconds)", "mean duration (minutes)", "rooms idle for 30 days"):
        assert "change unknown" == changes[name]
    assert "change unknown" != changes["users"]


@pytest.mark.slow
def test_a_table_of_pandas_looks_like_the_others():
    """A DataFrame at the end of a cell has words as headings, and no None, NaN or offset."""
    cell = """
import pandas as pd
pd.DataFrame({"display_name": ["Ada", None], "waits": [1.5, float("nan")],
              "created_at": pd.to_datetime(["2026-02-03T15:00:01Z", None])})
"""
    kn.report("own.html", notebook=notebook((cell,)))
    page = Path("own.html").read_text()

    assert re.search("<th[^>]*>Name</th><th[^>]*>Waits</th><th[^>]*>Created \\(UTC\\)</th>", page)
    assert 3 == page.count(">–</td>")
    assert ">2026-02-03 15:00</td>" in page
    for raw in ("None", "NaN", "NaT", "+00:00", 'dataframe"'):
        assert raw not in page[page.index("<main>") :]


@pytest.mark.slow
def test_fail_rates_are_left_out_in_one_sentence_if_their_unit_is_unknown():
    """In an organization without calls, failed calls, means and changes are unknown."""
    lists = {
        "/organization_users": "organization_users",
        "/waiting_rooms": "waiting_rooms",
        "/invites": "organization_invites",
    }

    def answer(query, _count):
        if query.path == "/call_metrics":
            return daily_figures()
        if query.path.endswith("/calls"):
            return page_of([], query, envelope="calls")
        rows = [user(number) for number in range(3)] if query.path == "/organization_users" else []
        return page_of(rows, query, envelope=lists[query.path])

    with serving(answer) as (url, _):
        kn.login(kn.KismetClient(CLIENT_ID, SECRET, api_url=url))
        kn.report("r.html", month="2026-02")
    page = Path("r.html").read_text()
    cards = {name: value for value, name in re.findall(r"<strong>([^<]*)</strong> ([^<]*)<", page)}

    assert "Fail rates are left out, because the numbers do not show in which unit the server sends them." in page
    assert "No call is known:" in page
    assert 3 == int(cards["users"])
    for unknown in ("calls", "providers who held them", "mean wait (seconds)", "mean duration (minutes)"):
        assert "–" == cards[unknown]
    assert SECRET not in page


@pytest.mark.slow
def test_headings_are_in_plain_words():
    """No heading of the report is a name of the API."""
    kn.report("r.html", demo=True)
    headings = set(re.findall("<th[^>]*>([^<]*)</th>", Path("r.html").read_text()))

    assert {"Name", "E-mail", "Room", "Owner", "Complete", "Rows"} <= headings
    assert not {"Id", "ID", "Slug", "Gone", "Verdict", "Resource", "User display name", "Display name"} & headings
