"""A table to browse: every row is there, every cell is text."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.widgets import table_view

HOSTILE = "<img src=x onerror=alert(1)>"


def shown(df, **options):
    """Return the cells that go to the browser."""
    return json.loads(kn.view(df, **options)._dt_args["data_json"])


def test_every_value_is_shown_as_text():
    """Large ids keep all digits, times are readable in the named zone, missing values are empty, and markup is text."""
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
    ] == json.loads(view._dt_args["data_json"])
    assert "created_at (America/New_York)" in view._dt_args["table_html"]


def test_days_and_arrays_are_readable():
    """A day has no time of day; a list that pandas read from Parquet as an array is shown like a list."""
    table = pd.DataFrame(
        {"date": pd.to_datetime(["2026-02-03"]), "roles": pd.Series([np.array(["a", "b"], dtype=object)])}
    )

    assert [["2026-02-03", "a, b"]] == shown(table)


def test_all_rows_are_there(monkeypatch, client):
    """All rows are sent; of a larger table the first ones are, and the line below the table says so."""
    users = kn.fetch_users(client=client)
    assert 131 == len(shown(users))
    monkeypatch.setattr(table_view, "MAX_ROWS", 100)
    cut = kn.view(users)
    assert 100 == len(json.loads(cut._dt_args["data_json"]))
    assert "the first of 131" in cut._dt_args["language"]["info"]


def test_without_widgets_pandas_own_display_stands():
    """A viewer without widgets gets pandas' HTML and text, in which a name is text too."""
    table = pd.DataFrame({"display_name": [HOSTILE]})
    view = kn.view(table)
    data, *_ = view._repr_mimebundle_()

    assert table._repr_html_() == data["text/html"]
    assert "<img" not in data["text/html"]
    assert repr(table) == repr(view)


def test_view_refuses_what_it_cannot_show(monkeypatch):
    """No table, no such zone, or no itables: the error says what to do."""
    table = pd.DataFrame({"id": [1]})
    with pytest.raises(kn.InvalidInputError, match="not list"):
        kn.view([])
    with pytest.raises(kn.InvalidInputError, match="time zone"):
        kn.view(table, tz="Mars/Olympus")
    monkeypatch.setitem(sys.modules, "itables", None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[view\]"):
        kn.view(table)
