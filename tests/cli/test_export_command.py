"""kismet-nb export of several tables: each to its own file, or all to the sheets of one file."""

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.environment import set_environment
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.rows import call, invite, page_of, role, user

import kismet_nb as kn
from kismet_nb.cli import main
from kismet_nb.cli.options import parse

TABLES = ["users", "roles", "invites"]


@contextlib.contextmanager
def clinic(monkeypatch, failing=None, status=500):
    """Serve some tables and set the environment for them. A path that ends in ``failing`` gets this status."""

    def answer(query, _count):
        paths.append(query.path)
        if failing and query.path.endswith(failing):
            return status, {}, b"{}"
        if query.path.endswith("/calls"):
            return page_of([call(7)], query, envelope="calls")
        envelope, row = {"/roles": ("roles", role(1)), "/invites": ("organization_invites", invite(1))}.get(
            query.path, ("organization_users", user(1))
        )
        return page_of([row], query, envelope=envelope)

    paths = []
    with serving(answer) as (url, _):
        set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url=url)
        yield paths


def files_in(folder):
    """Return the names of all files, including hidden ones."""
    return sorted(file.name for file in Path(folder).iterdir())


@pytest.mark.parametrize("names", [[*TABLES, "out/night"], [*TABLES, "--out", "out/night"], [*TABLES, "out/night/"]])
def test_several_tables_get_a_file_each(monkeypatch, capsys, names):
    """OUT is a folder, which is created. There is one line per file."""
    with clinic(monkeypatch):
        assert 0 == main(["export", *names])

    assert ["invites.parquet", "roles.parquet", "users.parquet"] == files_in("out/night")
    assert [f"Wrote 1 {name} to out/night/{name}.parquet" for name in TABLES] == capsys.readouterr().out.splitlines()
    assert [1] == kn.read_export("out/night/roles.parquet")["id"].tolist()


@pytest.mark.parametrize("names", [["users", "roles", "--out", "night"], ["users", "--out", "night"]])
def test_the_format_of_the_files_can_be_chosen(monkeypatch, names):
    """With --format, OUT is a folder, even for one table."""
    with clinic(monkeypatch):
        assert 0 == main(["export", *names, "--format", "csv.gz"])

    tables = names[: names.index("--out")]
    assert sorted(f"{name}.csv.gz" for name in tables) == [name for name in files_in("night") if ".json" not in name]


def test_an_excel_file_gets_a_sheet_for_each_table(monkeypatch, capsys):
    """read_export reads each sheet back."""
    with clinic(monkeypatch):
        assert 0 == main(["export", "users", "roles", "clinic.xlsx"])

    assert "Wrote 1 users, 1 roles to clinic.xlsx\n" == capsys.readouterr().out
    assert [1] == kn.read_export("clinic.xlsx", sheet="roles")["id"].tolist()
    assert ["user1@example.org"] == kn.read_export("clinic.xlsx", sheet="users")["email"].tolist()


def test_a_failed_table_does_not_stop_the_others(monkeypatch, capsys):
    """Its earlier file stays. The last lines say why it failed, and which tables failed and were written."""
    with clinic(monkeypatch):
        main(["export", *TABLES, "night", "--quiet"])
    before = Path("night/roles.parquet").read_bytes()
    with clinic(monkeypatch, failing="/roles", status=400):
        assert 1 == main(["export", *TABLES, "night", "--quiet"])
    said = capsys.readouterr()
    reason, last = said.err.splitlines()

    assert reason.startswith("kismet-nb: roles failed: roles, page 1: The server refused the request (400)")
    assert last == (
        "kismet-nb: 1 of 3 tables failed: roles. The reasons are above; existing files of these tables are untouched. "
        "Written: users, invites."
    )
    assert "" == said.out
    assert before == Path("night/roles.parquet").read_bytes()
    assert ["invites.parquet", "roles.parquet", "users.parquet"] == files_in("night")


def test_refused_credentials_end_the_export(monkeypatch, capsys):
    """The other tables would be refused too, so they are not tried."""
    with clinic(monkeypatch, failing="/organization_users", status=401) as paths:
        assert 1 == main(["export", "roles", "users", "invites", "night"])
    reason, last = capsys.readouterr().err.splitlines()

    assert ["/roles", "/organization_users"] == paths
    assert "users failed: " in reason
    assert "(401" in reason
    assert last.endswith("Written: roles. Not tried: invites.")


def test_an_unreachable_server_ends_the_export(monkeypatch, capsys):
    """The other tables are not tried."""
    set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url="http://127.0.0.1:9")
    monkeypatch.setattr("kismet_nb.transport.workers.Workers.pause", lambda *_: None)
    monkeypatch.setattr("kismet_nb.transport.client.RetryPolicy", lambda *_: RetryPolicy(0, 0))
    from kismet_nb.transport.retry import RetryPolicy

    assert 1 == main(["export", *TABLES, "night"])
    assert capsys.readouterr().err.endswith("Written: nothing. Not tried: roles, invites.\n")
    assert not Path("night").exists()


def test_a_server_that_asks_to_wait_gets_no_other_request(monkeypatch, capsys):
    """The other tables would be requested within the hour that it asked for."""
    requested = []
    with serving(lambda query, _: requested.append(query.path) or (429, {"Retry-After": "3600"}, b"{}")) as (url, _):
        set_environment(monkeypatch, client_id=CLIENT_ID, client_secret=SECRET, api_url=url)
        assert 1 == main(["export", *TABLES, "night"])

    assert ["/organization_users"] == requested
    assert capsys.readouterr().err.endswith("Written: nothing. Not tried: roles, invites.\n")


def test_a_workbook_is_not_written_if_a_table_fails(monkeypatch, capsys):
    """The error names the table, and the earlier file stays."""
    Path("clinic.xlsx").write_bytes(b"old")
    with clinic(monkeypatch, failing="/roles", status=400):
        assert 1 == main(["export", *TABLES, "clinic.xlsx"])
    said = capsys.readouterr()

    assert said.err.startswith("kismet-nb: roles failed, so clinic.xlsx was not written: roles, page 1: ")
    assert ("", 1) == (said.out, said.err.count("\n"))
    assert (b"old", ["clinic.xlsx"]) == (Path("clinic.xlsx").read_bytes(), files_in("."))


@pytest.mark.parametrize("names", [["users", "calls"], ["calls", "users"]])
def test_users_are_fetched_once_for_their_calls(monkeypatch, names):
    """The two files agree, even if only the users of some days are written."""
    with clinic(monkeypatch) as paths:
        assert 0 == main(["export", *names, "night", "--since", "2026-01-06"])

    assert 1 == paths.count("/organization_users")
    assert 1 == len(kn.read_export("night/calls.parquet"))
    assert kn.read_export("night/users.parquet").empty


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["users", "roles", "night.csv"], "can contain only one table. For several, name a folder or"),
        (["users", "roles", "night.xls"], "If it is a new folder, end it in a slash: night.xls/"),
        (["users", "roles", "file"], "file is a file. Name a folder"),
        (["users", "roles", "night", "--tz", "UTC"], "tz is for Excel"),
        (["users", "night.csv", "--format", "csv"], "--format is for a folder"),
        (["users", "call_metrics", "night"], "call_metrics needs --since"),
        (["users", "call_metrics", "night", "--since", "2999-01-01"], "--since is after today"),
        (["users", "roles", ""], "OUT is empty"),
        (["users", "roles", "night", "--since", "2026-01-01"], "roles has no column created_at"),
    ],
)
def test_unusable_arguments_are_refused_before_anything_is_fetched(monkeypatch, capsys, arguments, why):
    """The error has one line, and the exit code is 2."""
    Path("file").touch()
    with clinic(monkeypatch) as paths:
        assert 2 == main(["export", *arguments])
    said = capsys.readouterr().err

    assert why in said
    assert 1 == said.count("\n")
    assert ([], ["file"]) == (paths, files_in("."))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["users"], "the following arguments are required: OUT"),
        (["users", "roles"], "the last name must be OUT"),
        (["users", "users", "night"], "users is named twice"),
        (["users", "x.csv", "--out", "night"], "invalid choice: 'x.csv'"),
        (["users", "night", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["users", "night", "--each", "a.env"], "--each is for sync. Run export once for each organization"),
    ],
)
def test_wrong_names_are_refused_by_the_parser(capsys, arguments, why):
    """The usage is shown, and the exit code is 2."""
    with pytest.raises(SystemExit) as caught:
        main(["export", *arguments])
    said = capsys.readouterr().err

    assert 2 == caught.value.code
    assert said.startswith("usage: kismet-nb export [-h] TABLE [TABLE ...] OUT")
    assert why in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["users", "users.csv", "--quiet"],
        ["users", "--quiet", "users.csv"],
        ["--quiet", "users", "users.csv"],
        ["users", "--out", "users.csv", "--quiet"],
        ["--out=users.csv", "--quiet", "users"],
    ],
)
def test_options_may_be_anywhere(arguments):
    """They may be before, between or after the names."""
    options = parse(["export", *arguments])

    assert (["users"], "users.csv", True) == (options.tables, options.out, options.quiet)


def test_credentials_may_come_from_a_named_file(demo, capsys):
    """A scheduler can then export several organizations."""
    Path("clinic-a.env").write_text(
        f"KISMET_CLIENT_ID={demo.client_id}\nKISMET_CLIENT_SECRET={demo.client_secret}\nKISMET_API_URL={demo.api_url}\n"
    )
    assert 0 == main(["export", "users", "roles", "clinic-a", "--env-file", "clinic-a.env"])
    assert "Wrote 131 users to clinic-a/users.parquet" in capsys.readouterr().out


@pytest.mark.slow
def test_a_full_disk_leaves_earlier_files_unchanged(monkeypatch):
    """A limit on the file size simulates it. The message says so, and no temporary file is left."""
    Path("night").mkdir()
    Path("night/users.csv").write_text("old")
    code = "import sys; from kismet_nb.cli import main; sys.exit(main())"
    arguments = ["users", "roles", "night", "--format", "csv"]
    with clinic(monkeypatch):
        run = subprocess.run(
            ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-c", code, "export", *arguments],
            check=False,
            capture_output=True,
            text=True,
        )

    assert 1 == run.returncode
    assert re.match(r"kismet-nb: users failed: .*night/users\.csv could not be written: File too large\.", run.stderr)
    assert run.stderr.endswith(
        "2 of 2 tables failed: users, roles. The reasons are above; existing files of these "
        "tables are untouched. Written: nothing.\n"
    )
    assert ("old", ["users.csv"]) == (Path("night/users.csv").read_text(), files_in("night"))


@pytest.mark.slow
def test_sigterm_leaves_no_temporary_file(monkeypatch):
    """SIGTERM arrives while the second file is written. The first file stays."""
    code = """
import os, signal, sys
from kismet_nb.cli import main
from kismet_nb.files import export
write = export.write_parquet
def write_and_end(file, table, **options):
    if "name" in table.frame:
        file.flush()
        os.kill(os.getpid(), signal.SIGTERM)
    write(file, table, **options)
export.write_parquet = write_and_end
sys.exit(main())
"""
    with clinic(monkeypatch):
        run = subprocess.run(
            [sys.executable, "-c", code, "export", "invites", "roles", "night"],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    assert (-signal.SIGTERM, b"") == (run.returncode, run.stderr)
    assert ["invites.parquet"] == files_in("night")
