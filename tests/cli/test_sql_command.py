"""kismet-nb sql: run a query in the terminal, and print its result or write it to a file."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.cli import main


@pytest.fixture
def _store(client):
    """Sync the users of the demo organization."""
    kn.sync("store", "users", organization="clinic-a", client=client)


@pytest.mark.usefixtures("_store")
def test_a_result_is_printed_as_a_table(capsys):
    """It has a heading and one line per row. Missing values are shown as (none)."""
    query = "SELECT is_admin, count(*) AS users, max(roles[1]) AS role FROM users GROUP BY ALL ORDER BY ALL"
    assert 0 == main(["sql", "store", query])

    assert ["is_admin  users  role", "false     123    (none)", "true      8      (none)"] == [
        line.rstrip() for line in capsys.readouterr().out.splitlines()
    ]


@pytest.mark.usefixtures("_store")
def test_control_characters_are_escaped(capsys):
    """A name cannot move the cursor or begin a new line."""
    assert 0 == main(["sql", "store", "SELECT E'a\\x1b[2Jb\\nc' AS name, 1 AS name"])

    assert 2 == len((said := capsys.readouterr().out).splitlines())
    assert "\x1b" not in said


@pytest.mark.usefixtures("_store")
def test_many_rows_are_cut(capsys):
    """A line on stderr says how many rows are shown, and what to do."""
    assert 0 == main(["sql", "store", "SELECT id FROM users"])
    said = capsys.readouterr()

    assert 101 == len(said.out.splitlines())
    assert said.err == "kismet-nb: 100 of 131 rows are shown. Write all of them to a file with --out.\n"


@pytest.mark.usefixtures("_store")
@pytest.mark.parametrize("name", ["result.csv", "result.parquet", "result.xlsx"])
def test_a_result_is_written_to_a_file(name, capsys):
    """read_export reads it back."""
    query = "SELECT id, display_name, created_at, is_admin FROM users ORDER BY id"
    assert 0 == main(["sql", "store", query, "--out", name])

    assert f"Wrote 131 rows to {name}\n" == capsys.readouterr().out
    pd.testing.assert_frame_equal(kn.sql("store", query), kn.read_export(name))


@pytest.mark.usefixtures("_store")
def test_the_query_is_read_from_stdin(monkeypatch, capsys):
    """It is UTF-8 for any encoding of the terminal. A byte order mark is skipped."""
    text = "\ufeffSELECT count(*) AS n\nFROM users WHERE display_name = '王芳'"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="cp1252"))
    assert 0 == main(["sql", "store", "-"])
    assert ["n", "1"] == capsys.readouterr().out.split()

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT '\xff'"), encoding="cp1252"))
    assert 2 == main(["sql", "store", "-"])
    assert "is not UTF-8" in capsys.readouterr().err


@pytest.mark.usefixtures("_store")
def test_the_error_of_an_invalid_query_shows_the_position(capsys):
    """The error has DuckDB's line and caret. The exit code is that of wrong usage."""
    assert 2 == main(["sql", "store", "SELECT nam FROM users"])
    *_, line, caret = capsys.readouterr().err.splitlines()

    assert line == "LINE 1: SELECT nam FROM users"
    assert caret.index("^^^") == line.index("nam")


@pytest.mark.usefixtures("_store")
def test_a_file_that_cannot_be_written_is_refused_first(capsys):
    """The query does not run."""
    assert 2 == main(["sql", "store", "SELECT nonsense", "--out", "result.doc"])
    assert "result.doc" in capsys.readouterr().err
    assert not Path("result.doc").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("_store")
def test_a_name_that_cannot_be_encoded_is_escaped():
    """The command does not fail."""
    code = "import sys; from kismet_nb.cli import main; sys.exit(main())"
    query = "SELECT display_name FROM users WHERE display_name = '王芳'"
    run = subprocess.run(
        [sys.executable, "-c", code, "sql", "store", query],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (0, b"") == (run.returncode, run.stderr)
    assert rb"\u738b\u82b3" in run.stdout
