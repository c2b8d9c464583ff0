"""kismet-nb sync --each: many organizations, each in its own process."""

import contextlib
import itertools
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.rows import page_of, role

import kismet_nb as kn
from kismet_nb.cli import each, main
from kismet_nb.cli.options import parse


def write_env(name, url, client_id=CLIENT_ID):
    """Write the file with the credentials of an organization, and return its name."""
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(f"KISMET_CLIENT_ID={client_id}\nKISMET_CLIENT_SECRET={SECRET}\nKISMET_API_URL={url}\n")
    return name


@contextlib.contextmanager
def roles_server(before=lambda _: None):
    """Serve one role. Before each response, ``before`` is called with the number of the request."""

    def answer(query, count):
        before(count)
        return page_of([role(1)], query, envelope="roles")

    with serving(answer) as served:
        yield served


@pytest.mark.slow
def test_each_file_is_an_organization(capsys):
    """There is one line for each when it ends, and one at the end. The files may be a pattern."""
    with roles_server() as (url, _):
        for name in ("clinic-a", "clinic-b"):
            write_env(f"secrets/{name}.env", url)
        assert 0 == main(["sync", "store", "--each", "secrets/*.env", "--jobs", "2", "--tables", "roles"])
    *lines, last = capsys.readouterr().out.splitlines()

    assert [
        "clinic-a: 1 rows, 1 added, 0 changed, 0 removed, in",
        "clinic-b: 1 rows, 1 added, 0 changed, 0 removed, in",
    ] == sorted(line.rsplit(" ", 2)[0] for line in lines)
    assert last.startswith("Synced 2 organizations in ")
    assert ["clinic-a", "clinic-b"] == kn.read_store("store", "roles")["organization"].tolist()


@pytest.mark.slow
def test_a_failed_sync_does_not_stop_the_others(capsys):
    """The exit code is 1, the reason is on stderr, and the last line names the organization."""
    with roles_server() as (url, _), serving(lambda *_: (401, {}, b"{}")) as (refusing, _):
        files = [write_env("clinic-a.env", refusing), write_env("clinic-b.env", url), write_env("clinic-c.env", url)]
        assert 1 == main(["sync", "store", "--each", *files, "--jobs", "1", "--tables", "roles"])
    said = capsys.readouterr()
    first, last = said.err.splitlines()

    assert first.startswith("kismet-nb: clinic-a failed (exit code 1): ")
    assert "401" in first
    assert last.startswith("kismet-nb: 1 of 3 organizations failed, after ")
    assert ["clinic-b", "clinic-c"] == [line.partition(":")[0] for line in said.out.splitlines()]
    assert ["clinic-b", "clinic-c"] == kn.read_store("store", "roles")["organization"].tolist()
    assert SECRET not in said.out + said.err


@pytest.mark.slow
def test_jobs_bounds_the_syncs_at_a_time():
    """With one job, the next organization starts when the previous one has ended."""
    with roles_server() as (url, visits):
        files = [write_env(f"{name}.env", url, client_id=f"client-id-{name}") for name in ("aa", "bb", "cc")]
        assert 0 == main(["sync", "store", "--each", *files, "--jobs", "1", "--tables", "roles", "--quiet"])

    assert ["client-id-aa", "client-id-bb", "client-id-cc"] == [
        name for name, _ in itertools.groupby(visit["X-Client-ID"] for visit in visits)
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--each", "clinic-a.env", "other/clinic-a.env"], "both name the organization clinic-a"),
        (["--each", "clinic-a.env", "other/Clinic-A.env"], "both name the organization Clinic-A"),
        (["--each", "clinic-a.env", "missing.env"], "missing.env"),
        (["--each", "clinic-a.env", "empty.env"], "has no credentials"),
        (["--each", "clinic-a.env", "_b.env"], "organization must be usable as the name of a folder"),
        (["--each", "none/*.env"], "No file matches none/"),
        (["--each", "clinic-a.env", "--jobs", "0"], "--jobs must be at least 1"),
        (["--each", "clinic-a.env", "--organization", "clinic-b"], "Leave out --organization and --env-file"),
        (["--each", "clinic-a.env", "--env-file", "clinic-a.env"], "Leave out --organization and --env-file"),
        (["--jobs", "2"], "--jobs requires --each"),
    ],
)
def test_unusable_arguments_are_refused_before_anything_starts(arguments, why, capsys):
    """The error has one line, and no request is sent."""
    with roles_server() as (url, visits):
        for name in ("clinic-a.env", "other/clinic-a.env", "other/Clinic-A.env", "_b.env"):
            write_env(name, url)
        Path("empty.env").write_text("")
        code = main(["sync", "store", "--tables", "roles", *arguments])
    said = capsys.readouterr().err

    assert code in {1, 2}
    assert why in said
    assert 1 == said.count("\n")
    assert ([], False) == (visits, Path("store").exists())


def test_a_file_in_a_folder_that_may_not_be_read_is_refused(monkeypatch, capsys):
    """Path.exists raises there. The superuser of a test may read every folder, so the refusal is imitated."""

    def refuse(_path):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.exists", refuse)

    assert 2 == main(["sync", "store", "--each", "closed/*.env", "--tables", "roles"])
    assert "No file matches closed/*.env" in capsys.readouterr().err


def test_each_process_gets_the_options_of_sync(monkeypatch):
    """Only folder, organization, file and --quiet differ."""
    commands = []

    class Process:
        returncode = 0

        def __init__(self, command, **_):
            commands.append(command)

        def poll(self):
            return 0

    monkeypatch.setattr(each.subprocess, "Popen", Process)
    file = write_env("clinic-a.env", "http://127.0.0.1:9")
    given = ["--tables", "users", "roles", "--strict", "--accept-removals", "--max-in-flight", "3", "--verify", "twice"]
    main(["sync", "store", "--each", file, *given])
    [command] = commands
    passed, expected = vars(parse(command[command.index("sync") :])), vars(parse(["sync", "store", *given]))

    assert {"organization": "clinic-a", "env_file": file, "quiet": True} == {
        name: value for name, value in passed.items() if value != expected[name]
    }


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_signal_ends_all_processes(number, code):
    """The running syncs end, so their organizations can be synced again."""
    reached, released = threading.Semaphore(0), threading.Event()

    def wait(_):
        reached.release()
        released.wait(20)

    with roles_server(wait) as (url, _):
        files = [write_env(f"clinic-{letter}.env", url) for letter in "abc"]
        code_of_main = "import sys; from kismet_nb.cli import main; sys.exit(main())"
        arguments = ["sync", "store", "--each", *files, "--jobs", "2", "--tables", "roles"]
        with subprocess.Popen([sys.executable, "-c", code_of_main, *arguments], stderr=subprocess.PIPE) as process:
            assert reached.acquire(timeout=30)
            processes = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            started = time.monotonic()
            process.send_signal(number)
            assert code == process.wait(timeout=15)

            assert time.monotonic() - started < 8
            assert processes
            assert not [one for one in processes if Path(f"/proc/{one}").exists()]
            assert b"Traceback" not in process.stderr.read()
        released.set()

        assert 0 == main(["sync", "store", "--each", *files, "--tables", "roles", "--quiet"])
