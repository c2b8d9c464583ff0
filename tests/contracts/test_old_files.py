"""Files written by an earlier version read back equal: analysts keep exports and snapshots for years."""

import json
from pathlib import Path

import pytest
from contracts.literals import to_literals

import kismet_nb as kn

FOLDER = Path(__file__).parent / "old_files"
EXPECTED = {name: entry for entry in json.loads((FOLDER / "expected.json").read_text()) for name in entry.pop("files")}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_an_earlier_version_reads_back_equal(name):
    """Columns, their order, dtypes, values and attrs are those that were written, without a warning."""
    back = to_literals(kn.read_export(FOLDER / name))

    assert list(EXPECTED[name]["columns"]) == list(back["columns"])
    assert EXPECTED[name] == back


def test_every_old_file_is_read():
    """Each file of the folder has expected values."""
    exports = {path.name for path in FOLDER.iterdir() if path.suffix != ".json"}

    assert exports == set(EXPECTED)
