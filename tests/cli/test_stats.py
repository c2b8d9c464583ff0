"""--stats: the requests of a command by endpoint, on stderr, also if it fails or is terminated."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from support.environment import set_environment
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.rows import page_of, role

from kismet_nb.cli import main

HEADER = ["endpoint", "requests", "retries", "refusals", "bytes", "seconds"]


def counts(lines):
    """Check the header, and return the requests of each endpoint in the order of the lines."""
    rows = [line.split() for line in lines]
    assert HEADER == rows[0]
    return {row[0]: int(row[1].replace(",", "")) for row in rows[1:]}


@pytest.mark.usefixtures("_demo_environment")
@pytest.mark.parametrize(
    ("command", "requests"),
    [
        (["export", "users", "users.csv"], {"/organization_users": 3}),
        (["snapshot", "users", "roles"], {"/organization_users": 3, "/roles": 1, "total": 4}),
        (["sync", "store", "--tables", "roles"], {"/roles": 1}),
    ],
)
def test_a_command_writes_its_requests_at_the_end(command, requests, capsys):
    """They are on stderr and in the log. stdout is the same as without --stats."""
    assert 0 == main([*command, "--stats", "--log", "kismet.log"])
    said = capsys.readouterr()
    lines = said.err.splitlines()

    assert requests == counts(lines)
    assert "endpoint" not in said.out
    assert [] == [line for line in lines if f" INFO {line}\n" not in Path("kismet.log").read_text()]


def test_the_demo_writes_its_requests_too(capsys):
    """One of them is the login."""
    assert 0 == main(["demo", "--stats"])
    assert {"/organization_users": 4} == counts(capsys.readouterr().err.splitlines())


@pytest.mark.usefixtures("_demo_environment")
def test_without_the_option_nothing_is_written(capsys):
    """cron sends an email for every output."""
    assert 0 == main(["export", "users", "users.csv", "--quiet"])
    assert "" == capsys.readouterr().err


@pytest.mark.usefixtures("_demo_environment")
def test_compare_now_writes_its_requests(capsys):
    """The comparison itself is on stdout."""
    assert 0 == main(["snapshot", "roles"])
    capsys.readouterr()
    assert 0 == main(["compare", "--now", "roles", "--stats"])
    said = capsys.readouterr()

    assert {"/roles": 1} == counts(said.err.splitlines())
    assert "endpoint" not in said.out


def test_a_failed_command_writes_its_requests_before_the_error(monkeypatch, capsys):
    """The last line on stderr is the error, as without --stats."""
    with serving(lambda *_: (401, {}, b"{}")) as (url, _):
        set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url=url)
        assert 1 == main(["export", "roles", "roles.csv", "--stats", "--quiet"])
    *lines, error = capsys.readouterr().err.splitlines()

    assert {"/roles": 1} == counts(lines)
    assert ["1", "0", "1"] == lines[1].split()[1:4]
    assert "The server refused the credentials" in error


def test_without_a_request_the_command_says_so(capsys):
    """Without credentials, no request is sent."""
    assert 1 == main(["export", "users", "users.csv", "--stats"])
    assert capsys.readouterr().err.startswith("No requests were counted.\nkismet-nb: No credentials")


@pytest.mark.slow
@pytest.mark.usefixtures("_demo_environment")
def test_a_full_disk_under_the_requests_changes_nothing():
    """The table was written, so the exit code is 0. /dev/full takes no byte."""
    code = "import sys; from kismet_nb.cli import main; sys.exit(main())"
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", code, "export", "users", "users.csv", "--stats"]
        run = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=full, text=True)

    assert (0, "Wrote 131 users to users.csv\n") == (run.returncode, run.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_terminated_command_writes_its_requests(number, code):
    """After Ctrl-C and SIGTERM, the table is written, and the exit codes are those without --stats."""
    began, go_on = threading.Event(), threading.Event()

    def answer(query, _):
        if query.path == "/roles":
            return page_of([role(1)], query, envelope="roles")
        began.set()
        go_on.wait(30)
        return b""

    with serving(answer) as (url, _):
        environment = {"KISMET_CLIENT_ID": CLIENT_ID, "KISMET_CLIENT_SECRET": SECRET, "KISMET_API_URL": url}
        command = [Path(sys.executable).with_name("kismet-nb"), "snapshot", "roles", "users", "--stats"]
        with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True) as process:
            assert began.wait(30)
            process.send_signal(number)
            lines = process.communicate(timeout=30)[1].splitlines()
        go_on.set()

    assert code == process.returncode
    assert {"/organization_users": 1, "/roles": 1, "total": 2} == counts(lines[:4])
    assert (["kismet-nb: interrupted"] if number == signal.SIGINT else []) == lines[4:]


@pytest.mark.slow
def test_each_organization_has_its_own_table(capsys):
    """The lines begin with the name of the organization."""
    with serving(lambda query, _: page_of([role(1)], query, envelope="roles")) as (url, _):
        for name in ("clinic-a", "clinic-b"):
            text = f"KISMET_CLIENT_ID={CLIENT_ID}\nKISMET_CLIENT_SECRET={SECRET}\nKISMET_API_URL={url}\n"
            Path(f"{name}.env").write_text(text)
        command = ["sync", "store", "--each", "clinic-a.env", "clinic-b.env", "--tables", "roles"]
        assert 0 == main([*command, "--stats", "--log", "kismet.log"])
    lines = capsys.readouterr().err.splitlines()

    for name in ("clinic-a", "clinic-b"):
        own = [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]
        assert {"/roles": 1} == counts(own)
    assert 4 == len(lines)
    assert "WARNING" not in Path("kismet.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("last", ["len(users)", "1 / 0"])
def test_a_report_counts_the_requests_of_its_kernel(last, demo, monkeypatch, capsys):
    """It counts those before a failing cell too."""
    set_environment(monkeypatch, client_id=demo.client_id, client_secret=demo.client_secret, api_url=demo.api_url)
    sources = ["import kismet_nb as kn; kn.login(); users = kn.fetch_users(progress=False)", last]
    cells = [nbformat.v4.new_code_cell("demo = False", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), "own.ipynb")
    code = main(["report", "--notebook", "own.ipynb", "--stats"])
    lines = capsys.readouterr().err.splitlines()

    assert (1 if last == "1 / 0" else 0) == code
    assert {"/organization_users": 4} == counts(lines[:2])
    assert bool(code) == bool(re.search("ZeroDivisionError", "".join(lines[2:])))
