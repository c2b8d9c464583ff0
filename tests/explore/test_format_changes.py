"""Changes as text for a terminal: aligned, on one line each, nothing rounded."""

import pandas as pd

import kismet_nb as kn
from kismet_nb.explore.format_changes import format_changes


def test_the_text_for_a_terminal_holds_no_control_characters():
    """An escape sequence is escaped, columns are aligned beside wide letters, missing is not empty."""
    before = pd.DataFrame({"id": [1, 2], "name": ["佐藤", "Bo"], "note": ["", None], "old": [1, 1]})
    after = pd.DataFrame({"id": [1, 2], "name": ["佐藤", "\x1b[2JBo"], "note": [["a", "é"], "x\ny"], "new": [1, 1]})

    assert [
        "0 added, 0 removed, 2 changed (3 values)",
        "",
        "CHANGED",
        "id  name       column  before  after",
        '1   佐藤       note    ""      ["a", "é"]',
        "2   \\x1b[2JBo  name    Bo      \\x1b[2JBo",
        "2   \\x1b[2JBo  note    (none)  x\\ny",
        "",
        "COLUMN ADDED: new",
        "",
        "COLUMN REMOVED: old",
    ] == format_changes(kn.compare(before, after, key="id")).splitlines()


def test_a_day_in_the_key_is_written_as_a_day():
    """Metrics are identified by their date, which has no time of day."""
    before = pd.DataFrame({"date": pd.to_datetime(["2026-02-03"]), "total_calls": [1]})

    assert "2026-02-03  total_calls  1       2" in format_changes(
        kn.compare(before, before.assign(total_calls=2), key="date")
    )
