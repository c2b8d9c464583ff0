"""A table to browse: it has every row, and every cell is text."""

import json
import re
import sys

import nbclient
import nbconvert
import nbformat
import numpy as np
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.widgets import table_view

HOSTILE = "<img src=x onerror=alert(1)>"


def addresses(text):
    """Return the invented addresses in a text."""
    return set(re.findall(r"user\d+@example\.org", text))


def browse(view):
    """Return the cells and the line below the table that are sent when the browser draws the table."""
    sent = []
    view.send = lambda content, buffers: sent.append((content["info"], json.loads(buffers[0])))
    view._handle_custom_msg({"kind": "rows"}, [])
    [(info, cells)] = sent
    return cells, info


def shown(df, **options):
    """Return the cells that are sent to the browser."""
    return browse(kn.view(df, **options))[0]


def test_every_value_is_shown_as_text():
    """Large ids keep all digits, times are in the given zone, missing values are empty, and markup is text."""
    table = pd.DataFrame(
        {
            "id": pd.array([9007199254740993, None], dtype="Int64"),
            "display_name": pd.Series([HOSTILE, None], dtype="str"),
            "is_admin": pd.array([True, None], dtype="boolean"),
            "roles": pd.Series([["provider", "<b>"], None], dtype=object),
            "created_at": pd.to_datetime(["2026-02-03T15:00:00Z", None]).astype("datetime64[us, UTC]"),
            "wait": pd.array([1.5, None], dtype="Float64"),
        }
    )
    view = kn.view(table, tz="America/New_York")

    assert [
        [
            "9007199254740993",
            "&lt;img src=x onerror=alert(1)&gt;",
            "True",
            "provider, &lt;b&gt;",
            "2026-02-03 10:00:00",
            "1.5",
        ],
        [""] * 6,
    ] == browse(view)[0]
    assert "created_at (America/New_York)" in view._dt_args["table_html"]


def test_days_and_arrays_are_readable():
    """A day has no time of day. An array, which pandas reads from Parquet, is shown like a list."""
    table = pd.DataFrame(
        {"date": pd.to_datetime(["2026-02-03"]), "roles": pd.Series([np.array(["a", "b"], dtype=object)])}
    )

    assert [["2026-02-03", "a, b"]] == shown(table)


def test_all_rows_are_sent(monkeypatch, client):
    """If a table has too many rows, the first are sent, and the line below the table says so."""
    users = kn.fetch_users(client=client)
    assert 131 == len(shown(users))
    monkeypatch.setattr(table_view, "MAX_ROWS", 100)
    cells, info = browse(kn.view(users))
    assert 100 == len(cells)
    assert "the first of 131" in info


def test_only_the_first_page_can_be_saved():
    """The saved state and outputs of a widget contain ten rows and say that there are more."""
    view = kn.view(pd.DataFrame({"email": [f"user{row}@example.org" for row in range(131)]}))
    saved = json.dumps([view.get_state(), view._repr_mimebundle_()], default=str)

    assert 131 == len(browse(view)[0])
    assert 10 == len(json.loads(view._dt_args["data_json"]))
    assert "The first 10 of 131 rows" in view._dt_args["language"]["info"]
    assert 10 == len(addresses(saved))
    assert "131 rows × 1 columns" in view._repr_mimebundle_()[0]["text/html"]
    assert repr(view).endswith("[131 rows x 1 columns]")


def test_a_short_table_requests_no_more_rows():
    """Up to ten rows are the whole table, and the line below it says so."""
    view = kn.view(pd.DataFrame({"id": range(10)}))

    assert not view._has_more
    assert "Rows _START_ to _END_ of _TOTAL_" == view._dt_args["language"]["info"]
    assert view.get_state()["_has_more"] is False
    assert kn.view(pd.DataFrame({"id": range(11)})).get_state()["_has_more"] is True


@pytest.mark.slow
@pytest.mark.parametrize("rows", [55, 131])
def test_an_executed_notebook_contains_the_first_page_only(rows):
    """nbclient, which papermill and nbconvert use, saves the state of each widget in the notebook."""
    cell = f"""
import kismet_nb as kn, pandas as pd
kn.view(pd.DataFrame({{"email": [f"user{{row}}@example.org" for row in range({rows})]}}))
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbclient.NotebookClient(book, kernel_name="python3", timeout=60).execute()
    html, _ = nbconvert.HTMLExporter().from_notebook_node(book)

    assert 10 == len(addresses(nbformat.writes(book)))
    assert 10 == len(addresses(html))


def test_a_viewer_without_widgets_gets_pandas_display():
    """pandas' HTML and text are shown, and markup in a name is text."""
    table = pd.DataFrame({"display_name": [HOSTILE]})
    view = kn.view(table)
    data, *_ = view._repr_mimebundle_()

    assert table._repr_html_() == data["text/html"]
    assert "<img" not in data["text/html"]
    assert repr(table) == repr(view)


def test_view_raises_for_invalid_arguments(monkeypatch):
    """If there is no table, no such zone, or no itables, the error says what to do."""
    table = pd.DataFrame({"id": [1]})
    with pytest.raises(kn.InvalidInputError, match="not list"):
        kn.view([])
    with pytest.raises(kn.InvalidInputError, match="time zone"):
        kn.view(table, tz="Mars/Olympus")
    monkeypatch.setitem(sys.modules, "itables", None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[view\]"):
        kn.view(table)
