"""What must agree before a release: version, changelog, versions of Python, and pinned tools."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kismet_nb as kn

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    """Return the text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_that_of_the_project():
    """It has one place, pyproject.toml."""
    assert PROJECT["version"] == kn.__version__


def test_the_versions_of_python_are_those_that_ci_tests():
    """A version that is not tested is not claimed, and none is forgotten."""
    claimed = re.findall(
        r"Programming Language :: Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE
    )
    [tested] = re.findall(r"python: \[(.+)\]", read(".github/workflows/ci.yml"))

    assert claimed == re.findall(r'"(3\.\d+)"', tested)
    assert PROJECT["requires-python"] == f">={claimed[0]}"


def test_ruff_has_one_version():
    """Pre-commit and `.venv/bin/ruff` give the same verdict."""
    [pinned] = [line for line in PROJECT["optional-dependencies"]["dev"] if line.startswith("ruff==")]

    assert [pinned] == re.findall(r"ruff==[\d.]+", read(".pre-commit-config.yaml"))


@pytest.mark.parametrize(
    ("tag", "code"),
    [(f"v{PROJECT['version']}", 0), ("v0.0.1", 1), (PROJECT["version"], 1), (f"v{PROJECT['version']}0", 1)],
)
def test_a_tag_must_be_that_of_the_version_and_of_the_changelog(tag, code):
    """The workflow that publishes stops if they differ."""
    run = subprocess.run(
        [sys.executable, ROOT / ".ci" / "release_notes.py", tag], capture_output=True, text=True, check=False
    )

    assert (code, bool(code)) == (run.returncode, bool(run.stderr))
    assert ("### Added" in run.stdout) == (code == 0)


def test_the_decisions_are_short_and_have_the_same_parts():
    """Context, decision, alternatives and consequences; at most 25 lines."""
    decisions = sorted((ROOT / ".github" / "decisions").glob("*.md"))
    assert len(decisions) >= 5
    for number, file in enumerate(decisions, start=1):
        text = file.read_text(encoding="utf-8")

        assert text.startswith(f"# {number}. ")
        assert file.name.startswith(f"{number:04}-")
        assert {"Context", "Decision", "Consequences"} <= set(re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE))
        assert len(text.splitlines()) <= 25
