"""What the commands write to a terminal, a pipe, a scheduler and a log."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.environment import set_environment
from support.faulty_server import serving
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.cli import main

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def start(arguments, **options):
    """Start a command in its own process, which first prints a line."""
    code = f"""
print('on', flush=True)
import sys
sys.argv[1:] = {arguments}
from kismet_nb.cli import main
sys.exit(main())
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
def test_a_name_that_cannot_be_encoded_is_escaped():
    """On Windows, a redirected output has 256 characters. The text contains escapes; --out contains the names."""
    for file, name in (("a.parquet", "Łukasz"), ("b.parquet", "佐藤")):
        kn.export(pd.DataFrame({"id": [1], "display_name": [name]}), file)
    run = start(
        ["compare", "a.parquet", "b.parquet", "--key", "id", "--out", "c.csv"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
    )
    said, problem = run.communicate(timeout=60)

    assert (0, b"") == (run.returncode, problem)
    assert rb"\u4f50\u85e4" in said
    assert "佐藤" in Path("c.csv").read_text(encoding="utf-8")


def test_without_a_command_the_output_names_three_commands_to_try(capsys):
    """The exit code is that of wrong usage, because a script may have an empty command by mistake."""
    with pytest.raises(SystemExit) as caught:
        main([])
    said, problem = capsys.readouterr()
    tried = re.findall(r"^  kismet-nb (\w+)", said, re.MULTILINE)

    assert (2, "") == (caught.value.code, problem)
    assert said.startswith(f"kismet-nb {kn.__version__} ")
    assert ["demo", "lab", "export"] == tried
    assert max(map(len, said.splitlines())) < 80
    for command in tried:
        with pytest.raises(SystemExit, match=r"^0$"):
            main([command, "--help"])


@pytest.mark.usefixtures("_demo_environment")
@pytest.mark.parametrize(
    ("command", "done"),
    [
        (["export", "users", "users.csv"], "Wrote 131 users to users.csv"),
        (["snapshot", "users"], r"Wrote snapshots/users-.*\.parquet"),
    ],
)
def test_a_quiet_success_writes_only_the_log(command, done, capsys):
    """cron sends an email for every output. The log contains the result with its time."""
    assert 0 == main([*command, "--quiet", "--log", "kismet.log"])
    said = capsys.readouterr()

    assert ("", "") == (said.out, said.err)
    assert re.fullmatch(f"{TIME} INFO {done}\n", Path("kismet.log").read_text())


def test_a_failure_is_on_stderr_and_in_the_log(capsys):
    """With --quiet too, stderr says why the command failed. The log is appended to."""
    Path("kismet.log").write_text("before\n")
    assert 1 == main(["export", "users", "users.csv", "--quiet", "--log", "kismet.log"])

    assert capsys.readouterr().err.startswith("kismet-nb: No credentials")
    assert re.fullmatch(f"before\n{TIME} ERROR No credentials[^\n]*\n", Path("kismet.log").read_text())


def test_a_log_that_cannot_be_written_is_wrong_usage(capsys):
    """Nothing is fetched."""
    assert 2 == main(["export", "users", "users.csv", "--log", "none/kismet.log"])
    said = capsys.readouterr().err
    assert "none/kismet.log cannot be written: No such file or directory" in said
    assert 1 == said.count("\n")


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("option", "shown"), [([], True), (["--quiet"], False)])
def test_waits_are_shown_unless_quiet_and_warnings_always(option, shown, capsys, monkeypatch):
    """A wait needs no email from a scheduler; a warning is about the table."""

    def answer(query, count):
        if count == 1:
            return 503, {"Retry-After": "2"}, b""
        return page_of([user(number, nickname="x") for number in range(3)], query)

    with serving(answer) as (url, _):
        set_environment(monkeypatch, client_id="id", client_secret="s3cret-s3cret", api_url=url)
        assert 0 == main(["export", "users", "users.csv", "--log", "kismet.log", *option])
    said, logged = capsys.readouterr().err, Path("kismet.log").read_text()

    assert shown is ("kismet-nb: waiting 2 s before trying again" in said)
    assert re.search(f"{TIME} WARNING waiting 2 s", logged)
    assert "nickname is new" in said
    assert re.search(f"{TIME} WARNING .*nickname is new", logged)
    assert len(said.splitlines()) == 1 + shown


def test_advice_for_a_notebook_is_not_given_in_a_terminal(capsys):
    """Without credentials, the error names the form in a notebook and the variables in a terminal."""
    with pytest.raises(kn.CredentialsError, match=r"In a notebook: run kn.login\(\)"):
        kn.fetch_users()
    assert 1 == main(["export", "users", "users.csv"])
    said = capsys.readouterr().err

    assert "KISMET_CLIENT_SECRET" in said
    assert "kn." not in said


@pytest.mark.usefixtures("_no_pauses")
def test_the_command_line_does_not_advise_to_resume(capsys, monkeypatch):
    """In a terminal, no rows are kept after a command has failed."""

    def answer(query, _count):
        return page_of([user(number) for number in range(3)], query) if "users" in str(query) else (500, {}, b"")

    with serving(answer) as (url, _):
        set_environment(monkeypatch, client_id="id", client_secret="s3cret-s3cret", api_url=url)
        assert 1 == main(["export", "calls", "calls.csv"])

    assert "resume" not in capsys.readouterr().err


@pytest.mark.usefixtures("_demo_environment")
def test_max_in_flight_and_verify_can_be_chosen(capsys):
    """They are passed to the client."""
    assert 0 == main(["export", "users", "users.parquet", "--max-in-flight", "1", "--verify", "twice"])
    assert "every page read twice" == kn.read_export("users.parquet").attrs["kismet"]["proof"]
    assert 0 == main(["snapshot", "roles", "--max-in-flight", "1", "--verify", "twice"])
    assert 2 == main(["export", "users", "users.csv", "--max-in-flight", "0"])
    assert "max_in_flight" in capsys.readouterr().err


@pytest.mark.usefixtures("_demo_environment")
def test_a_log_on_a_full_disk_stops_nothing(capsys):
    """One line on stderr says so, without a traceback. /dev/full accepts no byte."""
    assert 0 == main(["export", "users", "users.csv", "--quiet", "--log", "/dev/full"])
    assert "kismet-nb: The log /dev/full cannot be written: No space left on device.\n" == capsys.readouterr().err
    assert Path("users.csv").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("_demo_environment")
@pytest.mark.parametrize("also_stderr", [False, True])
def test_an_output_on_a_full_disk_stops_nothing(also_stderr):
    """All tables are still written."""
    code = "import sys; from kismet_nb.cli import main; sys.exit(main())"
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, "-c", code, "export", "users", "roles", "night"],
            check=False,
            stdout=full,
            stderr=full if also_stderr else subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )

    assert 0 == run.returncode
    assert also_stderr or "kismet-nb: The output cannot be written: No space left on device.\n" == run.stderr
    assert ["roles.parquet", "users.parquet"] == sorted(file.name for file in Path("night").iterdir())
