"""Changes as text: aligned lines without rounding for a terminal, and Markdown for an email."""

import re

import mistune
import pandas as pd
import pytest

import kismet_nb as kn


def test_the_text_for_a_terminal_contains_no_control_characters():
    """An escape sequence is escaped, columns are aligned after wide letters, and a missing value is not empty."""
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
    ] == kn.format_changes(kn.compare(before, after, key="id")).splitlines()


def test_a_day_in_the_key_is_written_as_a_day():
    """Metrics are identified by their date, which has no time of day."""
    before = pd.DataFrame({"date": pd.to_datetime(["2026-02-03"]), "total_calls": [1]})

    assert "2026-02-03  total_calls  1       2" in kn.format_changes(
        kn.compare(before, before.assign(total_calls=2), key="date")
    )


def test_markdown_shows_the_values_as_they_are():
    """A Markdown renderer shows each value in its own cell, whichever characters it contains."""
    before = pd.DataFrame({"id": [1, 2], "name": ["A|b", "<b>_x_</b> `*` &amp; [y](z) ~~w~~"], "a | b": ["", "1"]})
    after = pd.DataFrame({"id": [2, 3], "name": ["# y\\", "z"], "a | b": ["2", "3"]})
    text = kn.format_changes(kn.compare(before, after, key="id"), markdown=True)
    html = mistune.create_markdown(plugins=["table", "strikethrough"])(text)
    cells = re.findall(r"<td>(.*?)</td>", html)

    assert ["3", "z"] == cells[:2]
    assert ["1", "A|b"] == cells[2:4]
    assert ["2", "# y\\", "name", "&lt;b&gt;_x_&lt;/b&gt; `*` &amp;amp; [y](z) ~~w~~", "# y\\"] == cells[4:9]
    assert ["2", "# y\\", "a | b", "1", "2"] == cells[9:]
    assert "<p>1 added, 1 removed, 1 changed (2 values)</p>" in html


def test_markdown_begins_with_the_compared_tables(client):
    """It names host, time and number of rows of both."""
    users = kn.fetch_users(client=client)
    text = kn.format_changes(kn.compare(users, users), markdown=True)

    assert re.match(r"- before 131 users of 127\.0\.0\.1:\d+, fetched .* UTC\n- after 131 users", text)


def test_tables_of_a_store_are_named_by_their_organization(client, tmp_path):
    """The text names the organization and the time of the state, because nothing was fetched."""
    kn.sync(tmp_path / "store", "users", organization="clinic-a", client=client)
    users = kn.read_store(tmp_path / "store", "users")

    assert re.match(
        r"before  131 users of clinic-a, as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n",
        kn.format_changes(kn.compare(users, users)),
    )


def test_another_table_is_refused():
    """format_changes accepts only the result of compare."""
    with pytest.raises(kn.InvalidInputError, match="compare"):
        kn.format_changes(pd.DataFrame({"id": [1]}))


def test_a_summary_is_described_by_its_sources(client):
    """Its rows are not those of a fetch. Control characters in the record of a file are escaped."""
    users = kn.fetch_users(client=client)
    rooms = kn.summaries.users_without_waiting_room(users)
    text = kn.format_changes(kn.compare(rooms, rooms, key="id"))
    strange = users.copy()
    strange.attrs["kismet"] |= {"api_host": "\x1b"}

    assert re.match(r"before  a summary of 131 users of 127\.0\.0\.1:\d+, fetched .* UTC\nafter   a summary", text)
    assert r"131 users of \x1b, fetched" in kn.format_changes(kn.compare(strange, strange))
