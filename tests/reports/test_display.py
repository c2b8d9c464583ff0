"""What a report's notebook shows: metric cards and tables, and their old names."""

import subprocess
import sys

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import reports
from kismet_nb.reports import html_table, metric_cards


def test_a_table_shows_text_as_text():
    """Markup in a name is shown as text, times are readable, a missing value is a dash, and ids get no separators."""
    table = pd.DataFrame(
        {
            "display_name": ["<img src=x onerror=alert(1)>", None, "Ada"],
            "user_id": pd.array([1234567, 2, 3], dtype="Int64"),
            "last_call": pd.to_datetime(["2026-02-03T15:00:01Z", None, None]).tz_convert("America/New_York"),
        }
    )
    shown = html_table(table, rows=2).data

    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img" not in shown
    assert ">1234567<" in shown
    assert ">2026-02-03 10:00<" in shown
    assert "Last call (America/New_York)" in shown
    assert 2 == shown.count(">–<")
    assert "… and 1 more." in shown
    assert "None." in html_table(table.head(0)).data


def test_metric_values_are_grouped_and_escaped():
    """Whole numbers get separators, a missing value is a dash, and a name is plain text."""
    shown = metric_cards({"calls <b>": pd.Series([1204]).sum(), "wait": None}).data

    assert "<strong>1,204</strong> calls &lt;b&gt;" in shown
    assert "<strong>–</strong> wait" in shown


@pytest.mark.parametrize(
    ("old", "new"), [("listing", "html_table"), ("numbers", "metric_cards"), ("period", "report_period")]
)
def test_an_old_name_still_works_and_warns(old, new):
    """A user's notebook that imports from kismet_nb.report gets the new function, and a warning that names it."""
    imported = {}
    with pytest.warns(DeprecationWarning, match=f"from kismet_nb.reports import {new}$") as caught:
        exec(f"from kismet_nb.report import {old}", imported)  # noqa: S102 - our own code

    assert "<string>" == caught[0].filename  # the line that imports
    assert getattr(reports, new) is imported[old]


@pytest.mark.slow
def test_an_import_of_an_old_name_leaves_the_function_report_alone():
    """In a new process, kn.report is the function before and after a notebook imports from kismet_nb.report."""
    code = """
import kismet_nb as kn
before = kn.report
from kismet_nb.report import listing, numbers, period, report
import kismet_nb.report
print(callable(kn.report), before is kn.report is report)
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], capture_output=True, text=True, check=True
    )

    assert "True True\n" == run.stdout


def test_an_unknown_name_is_an_import_error():
    """The module has the old names only."""
    with pytest.raises(ImportError, match="cannot import name 'chart'"):
        from kismet_nb.report import chart  # noqa: F401 - it does not exist

    assert callable(kn.report)
