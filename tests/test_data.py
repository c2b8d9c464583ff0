"""The sample data in data/ is what the code in data/README.md writes."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

DATA = Path(__file__).parents[1] / "data"
FILES = sorted(file.name for file in DATA.iterdir() if file.name != "README.md")
TABLES = [name for name in FILES if not name.endswith(".json")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Run the Python of the README in a folder, and return the folder."""
    folder = tmp_path_factory.mktemp("data")
    code = "\n".join(re.findall(r"```python\n(.*?)```", (DATA / "README.md").read_text(), re.DOTALL))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - the README is ours
    return folder


def without_version(text):
    """Return a sidecar without the version of the package that wrote it."""
    sidecar = json.loads(text)
    sidecar["attrs"]["kismet"].pop("version")
    return sidecar


def test_every_file_is_made_by_the_readme(made):
    """data/ holds no other file, and every table has a CSV."""
    assert FILES == sorted(file.name for file in made.iterdir())
    assert {f"{name}.csv" for name in RESOURCES} == {name for name in TABLES if name.endswith(".csv")}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_reads_back_as_it_is_made(made, name):
    """The values, the dtypes and the provenance are the same; only the version may be a later one."""
    new, kept = kn.read_export(made / name), kn.read_export(DATA / name)

    pd.testing.assert_frame_equal(new, kept)
    assert new.attrs["kismet"] | {"version": "any"} == kept.attrs["kismet"] | {"version": "any"}


@pytest.mark.parametrize("name", [name for name in TABLES if name.endswith(".csv")])
def test_a_csv_is_what_export_writes_today(made, name):
    """Text and sidecar are the same, so that people who open the file see the current format."""
    assert (made / name).read_bytes() == (DATA / name).read_bytes()
    assert without_version((made / f"{name}.json").read_text()) == without_version((DATA / f"{name}.json").read_text())


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_later_than_the_fetch(name):
    """No row was created, changed, ended or used after its table was fetched; the files are small."""
    table = kn.read_export(DATA / name)
    fetched_at = pd.Timestamp(table.attrs["kismet"]["fetched_at"])

    for column in {"created_at", "updated_at", "ended_at", "used_at"} & set(table):
        assert not (table[column] > fetched_at).any(), column
    assert 100_000 > (DATA / name).stat().st_size


def test_the_invites_have_every_status():
    """Some invites are open, some used and some expired, as of the time of the fetch."""
    assert {"open", "used", "expired"} == set(kn.read_export(DATA / "invites.csv")["status"])
