"""kismet-nb compare: two files, the newest snapshots of a folder, or the newest one and the server."""

import re

import openpyxl
import pandas as pd
import pytest
from support.faulty_server import serving
from support.rows import page_of, user

import kismet_nb as kn
from kismet_nb.cli import main


def keep(name, moment, ids):
    """Write a snapshot of a table with ids."""
    table = pd.DataFrame({"id": pd.array(ids, "Int64")})
    table.attrs["kismet"] = {"resource": name, "fetched_at": f"{moment[:13]}:{moment[13:15]}:00+00:00"}
    kn.export(table, f"snapshots/{name}-{moment}.parquet")


@pytest.fixture
def _snapshots():
    for moment, ids in (("2026-09-01T0600Z", [9]), ("2026-10-01T0600Z", [1, 2]), ("2026-11-01T0600Z", [2, 3, 4])):
        keep("users", moment, ids)
        keep("roles", moment, ids[:1])
    kn.export(pd.DataFrame({"id": [99]}), "snapshots/users-of-mine.parquet")


@pytest.mark.usefixtures("_snapshots")
def test_the_two_newest_snapshots_of_several_tables(capsys):
    """Each table has its own heading, and its own sheet in a workbook."""
    assert 0 == main(["compare", "--latest", "users", "roles", "--out", "changes.xlsx"])
    said = capsys.readouterr().out

    assert re.search(r"^users:\n.*2 added, 1 removed, 0 changed.*\n\nroles:\n.*1 added, 1 removed", said, re.DOTALL)
    assert ["users", "roles", "about"] == openpyxl.load_workbook("changes.xlsx").sheetnames


@pytest.mark.usefixtures("_snapshots")
def test_markdown_for_an_email(capsys):
    """Rows are in a Markdown table. A single table has no heading."""
    assert 0 == main(["compare", "--latest", "users", "--markdown"])
    said = capsys.readouterr().out

    assert "users:" not in said
    assert "**Removed**\n\n| id |\n|---|\n| 1 |" in said


def test_the_newest_snapshot_and_the_server(capsys, monkeypatch):
    """--now compares the newest snapshot with the present state on the server."""
    present = [1, 2]
    with serving(lambda query, _: page_of([user(number) for number in present], query)) as (url, _):
        for name, value in (("CLIENT_ID", "client-id"), ("CLIENT_SECRET", "planted-secret"), ("API_URL", url)):
            monkeypatch.setenv(f"KISMET_{name}", value)
        assert 0 == main(["snapshot", "users"])
        present[:] = [2, 3, 4]
        assert 0 == main(["compare", "--now", "users"])

    assert "2 added, 1 removed, 0 changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--latest"),
        (["a.csv"], "two files"),
        (["a.csv", "b.csv", "--latest", "users"], "two files"),
        (["--latest", "users", "--now", "users"], "two files"),
        (["--latest", "users"], "has 0 snapshots of users"),
    ],
)
def test_invalid_combinations_of_arguments_are_refused(capsys, arguments, why):
    """Files, --latest and --now exclude each other, and the snapshots must exist."""
    assert 2 == main(["compare", *arguments])
    assert why in capsys.readouterr().err
