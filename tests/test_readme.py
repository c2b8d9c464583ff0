"""The README: its Python runs, its first two commands are one line each, and its links exist."""

import re
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
def test_the_python_of_the_readme_runs():
    """All Python blocks run in order, in one session, with credentials in the environment."""
    session = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), session)  # noqa: S102 - the README is ours

    assert Path("exports/users.parquet").is_file()
    assert Path("calls.svg").is_file()
    assert [] == session["left"]["id"].tolist()
    assert ["organization", "month", "calls"] == session["monthly"].columns.tolist()


def test_the_readme_is_short():
    """A stranger reads it in some minutes; the rest is in the reference."""
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_a_file_that_the_readme_links_to_exists(path):
    """No link of the README is broken."""
    folder = Path(kn.__file__).parents[1] if path.startswith("kismet_nb/") else ROOT

    assert (folder / path).exists()
