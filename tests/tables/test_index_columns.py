"""An index that holds data is shown like the columns; one that only numbers the rows is not."""

import ast
import html
import json
import re

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.reports import html_table

CALLS = pd.DataFrame({"user": ["a", "a", "b"], "month": ["x", "y", "y"], "calls": [1, 2, 3]})
MONTHS = ["2026-02-01", "2026-03-01"]
BY_MONTH = CALLS.assign(month=pd.to_datetime([MONTHS[0], MONTHS[1], MONTHS[1]]))


def heading(name):
    """Return the heading in a report: words, with the levels of a name joined."""
    first, *others = ast.literal_eval(name) if name.startswith("(") else [name]
    return " · ".join([first[:1].upper() + first[1:].replace("_", " "), *others])


@pytest.mark.parametrize(
    ("table", "names", "first"),
    [
        (CALLS.groupby("user").size().to_frame("calls"), ["user", "calls"], "a"),
        (CALLS.groupby(["user", "month"]).sum(), ["user", "month", "calls"], "a"),
        (CALLS.groupby("user").size().rename_axis(None).to_frame("calls"), ["index", "calls"], "a"),
        (CALLS.set_index("calls", drop=False), ["calls", "user", "month", "calls"], "1"),
        (CALLS.set_index(["user", "month"]).rename_axis([None, None]), ["level_0", "level_1", "calls"], "a"),
        (CALLS[CALLS["calls"] > 2], ["user", "month", "calls"], "b"),
        (pd.concat([CALLS, CALLS]), ["user", "month", "calls"], "a"),
        (CALLS.iloc[:0], ["user", "month", "calls"], None),
        (CALLS.rename_axis(columns="kind"), ["user", "month", "calls"], "a"),
        (CALLS.pivot_table(index="user", columns="month", values="calls"), ["user", "x", "y"], "a"),
        (CALLS.pivot_table(index="user", columns="month"), ["user", "('calls', 'x')", "('calls', 'y')"], "a"),
        (BY_MONTH.pivot_table(index="user", columns="month", values="calls"), ["user", *MONTHS], "a"),
        (BY_MONTH.pivot_table(index="user", columns="month"), ["user", *[f"('calls', '{m}')" for m in MONTHS]], "a"),
        (
            BY_MONTH.assign(month=BY_MONTH["month"].dt.to_period("M")).pivot_table(
                index="user", columns="month", values="calls"
            ),
            ["user", "2026-02", "2026-03"],
            "a",
        ),
    ],
)
def test_an_index_with_data_is_shown(table, names, first):
    """A group, a pivot and a name in the index are columns of a view, of a profile and of a report's table."""
    options = kn.view(table)._dt_args
    rows = json.loads(options["data_json"])

    headings = re.findall("<th[^>]*>([^<]*)</th>", html_table(table).data)
    assert [heading(name) for name in names] == list(map(html.unescape, headings))
    assert names == kn.profile(table)["column"].tolist()
    assert all(f">{name}<" in options["table_html"].replace("&#x27;", "'") for name in names)
    assert [len(names)] * len(table) == list(map(len, rows))
    assert first == next((row[0] for row in rows), None)
