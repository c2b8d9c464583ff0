"""The README: its Python runs, its first two commands are one line each, and its links exist."""

import datetime as dt
import re
import shutil
from pathlib import Path

import pytest

import kismet_nb as kn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)\n```", README, re.DOTALL)


def test_the_first_two_commands_are_one_line_each():
    """The first line runs the main job, the second the tests."""
    main, tests, *_ = blocks("sh")

    assert main.endswith("kismet-nb demo")
    assert tests.endswith("pytest -n auto")
    assert "\n" not in main + tests


@pytest.mark.usefixtures("_demo_environment")
def test_the_python_of_the_readme_runs(client, monkeypatch):
    """All Python blocks run in order, in one session, with credentials in the environment."""
    with monkeypatch.context() as patch:  # a store that is older than the dates in the README
        september = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
        patch.setattr("kismet_nb.store.sync._moment", lambda _: september)
        kn.sync("store", ["users", "calls"], client=client)
    Path("snapshots").mkdir()
    month = "users-2026-10-01T0600Z.parquet"
    shutil.copy(ROOT / "data" / month, Path("snapshots") / month)
    session = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), session)  # noqa: S102 - the README is ours

    assert Path("exports/users.parquet").is_file()
    assert ([], 131) == (session["left"]["id"].tolist(), len(session["october"]))
    assert {"organization", "month", "calls"} == set(session["monthly"])


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_a_file_that_the_readme_links_to_exists(path):
    """No link of the README is broken."""
    folder = Path(kn.__file__).parents[1] if path.startswith("kismet_nb/") else ROOT

    assert (folder / path).exists()
