"""The command line: its commands, its exit codes, and errors of one line on stderr."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kismet_nb as kn
from kismet_nb.cli import main


def test_demo_fetches_shows_and_exports(capsys):
    """One command fetches and exports users without an account."""
    assert 0 == main(["demo"])
    said = capsys.readouterr().out
    assert "131 users, complete" in said
    for name in ("exports/users.csv", "exports/users.parquet"):
        assert name in said
        assert 131 == len(kn.read_export(name))


@pytest.mark.usefixtures("_demo_environment")
def test_export_writes_the_fetched_table(capsys):
    """With credentials in the environment, a table is fetched and written."""
    assert 0 == main(["export", "users", "out/users.csv"])
    assert "131 users" in capsys.readouterr().out
    assert Path("out/users.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["export", "users", "users.csv"], 1, "No credentials"),
        (["export", "users", "users.doc"], 2, "must end in"),
        (["export", "users", "users.csv", "--tz", "UTC"], 2, "tz is for Excel"),
        (["export", "users", "users.xlsx", "--tz", "Mars/X"], 2, "time zone"),
        (["report", "--demo", "--out", "~nosuchuser/r.html"], 2, "cannot be used"),
        (["report", "--demo", "--month", "2026-13"], 2, "month must be a month"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(capsys, arguments, code, why):
    """The code is 1 for missing credentials and 2 for invalid arguments. There is no traceback and no file."""
    assert code == main(arguments)
    said = capsys.readouterr().err
    assert why in said
    assert 1 == said.count("\n")
    assert [] == list(Path().iterdir())


def test_lab_raises_for_a_folder_that_cannot_be_written(capsys, monkeypatch):
    """JupyterLab is not opened."""
    monkeypatch.setattr("kismet_nb.cli.commands.find_spec", lambda _: True)  # it may not be installed

    assert 1 == main(["lab", "/proc/nothing"])
    assert "could not be copied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(["nonsense", "x.csv"], "users"), (["users", "x.csv", "--since", "2026-2-1"], "such as '2026-02-01'")],
)
def test_wrong_usage_is_exit_code_2(capsys, arguments, why):
    """An unknown table or a day in another format is wrong usage, and the message says what is valid."""
    with pytest.raises(SystemExit) as caught:
        main(["export", *arguments])

    assert 2 == caught.value.code
    assert why in capsys.readouterr().err


@pytest.mark.slow
def test_importing_has_no_side_effects():
    """Importing the package loads no libraries for notebooks, opens no connection and reads no .env."""
    Path(".env").write_text("KISMET_CLIENT_ID=half\n")
    code = """
import sys
seen = []
sys.addaudithook(lambda name, args: seen.append(name)
    if name == "socket.connect" or (name == "open" and str(args[0]).endswith(".env")) else None)
import kismet_nb
heavy = ("ipywidgets", "anywidget", "IPython", "tqdm", "altair", "vl_convert", "itables", "nbconvert", "nbclient")
print(seen + [name for name in heavy if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == run.stdout.strip()


@pytest.mark.slow
def test_lab_copies_missing_notebooks(monkeypatch, capsys):
    """lab copies missing notebooks and their data, and reports that JupyterLab failed."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", "config")
    Path("config").mkdir()
    Path("config/jupyter_server_config.py").write_text("raise SystemExit(3)")

    assert 1 == main(["lab"])
    said = capsys.readouterr()
    assert "JupyterLab ended with code" in said.err
    assert "kismet-nb lab -- --allow-root" in said.err
    assert "Copied missing files to notebooks\n" in said.out
    assert Path("notebooks/01_login_and_fetch.ipynb").is_file()
    assert Path("data/users-2026-10-01T0600Z.parquet").is_file()


@pytest.mark.slow
def test_lab_takes_options_runs_as_root_and_ends_jupyterlab_on_sigterm(tmp_path):
    """Options after -- are passed to JupyterLab. After a service manager's SIGTERM, no server is left."""
    arguments = ["lab", "books", "--", "--allow-root", "--no-browser", "--port=0", "--ServerApp.ip=127.0.0.1"]
    code = f"from kismet_nb.cli import main; main({arguments})"
    places = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, env={**os.environ, **places}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        server = {}
        for _ in range(600):
            for file in (tmp_path / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json"):
                with contextlib.suppress(ValueError):  # not yet complete
                    server = json.loads(file.read_text())
            if server or run.poll() is not None:
                break
            time.sleep(0.1)
        run.terminate()

    assert -signal.SIGTERM == run.returncode
    assert server["root_dir"].endswith("books")
    with pytest.raises(ProcessLookupError):
        os.kill(server["pid"], 0)


@pytest.mark.parametrize(
    ("days", "code", "why"),
    [(["--since", "2026-02-01", "--until", "2026-01-01"], 2, "before"), ([], 1, "No credentials")],
)
def test_days_in_the_wrong_order_are_refused_before_anything_is_fetched(capsys, days, code, why):
    """An end before the start would write an empty file."""
    assert code == main(["export", "users", "users.csv", *days])
    assert why in capsys.readouterr().err


@pytest.mark.usefixtures("_demo_environment")
def test_exports_of_different_days_are_not_compared(capsys):
    """Rows that only one file was filtered for would look removed."""
    for file, since in (("a.parquet", "2023-01-01"), ("b.parquet", "2026-01-01")):
        assert 0 == main(["export", "waiting_rooms", file, "--since", since])
        assert f"(created_at from {since} UTC)" in capsys.readouterr().out

    assert 2 == main(["compare", "a.parquet", "b.parquet"])
    assert "filters" in capsys.readouterr().err


@pytest.mark.slow
def test_tables_are_listed_and_a_closed_pipe_is_no_error(capsys):
    """The command lists the columns of one table, or all tables. ``| head`` causes no traceback."""
    assert 0 == main(["tables", "users"])
    assert "waiting_room_url" in capsys.readouterr().out
    command = [sys.executable, "-c", "import kismet_nb.cli as c; raise SystemExit(c.main(['tables']))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        listing.stdout.close()
        said = listing.stderr.read()

    assert b"" == said
