"""The display of a report's notebook: metric cards and tables, and their deprecated names."""

import re
import subprocess
import sys

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import reports
from kismet_nb.reports import html_table, metric_cards


def test_a_table_shows_text_as_text():
    """Markup in a name is escaped, times are to the minute, a missing value is a dash, and ids have no separators."""
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
    """Whole numbers have separators, a missing value is a dash, and a name is plain text."""
    shown = metric_cards({"calls <b>": pd.Series([1204]).sum(), "wait": None}).data

    assert "<strong>1,204</strong> calls &lt;b&gt;" in shown
    assert "<strong>–</strong> wait" in shown


@pytest.mark.parametrize(
    ("value", "before", "change"),
    [
        (1204, 1200, "+4 (+0.3%)"),
        (90, 120, "-30 (-25.0%)"),
        (5000, 1, "+4,999 (+499,900.0%)"),
        (40.25, 38.0, "+2.2 (+5.9%)"),
        (3, 0, "+3"),
        (7, 7, "no change"),
        (7.01, 7.0, "no change"),  # equal at the displayed precision
        (7, None, "change unknown"),
        (None, 7, "change unknown"),
        (pd.NA, float("nan"), "change unknown"),
        (pd.Series([3]).sum(), pd.Series([4]).sum(), "-1 (-25.0%)"),
    ],
)
def test_a_card_shows_the_change_since_the_period_before(value, before, change):
    """It is absolute and in percent; it is unknown for a missing value, and a change from 0 has no percentage."""
    assert f'<span class="change"> {change}</span>' in metric_cards({"calls": value}, before={"calls": before}).data


def test_a_card_without_a_period_before_shows_no_change():
    """If only this metric has no earlier value, the change is unknown."""
    assert "change" not in metric_cards({"calls": 1}).data
    assert "change unknown" in metric_cards({"calls": 1}, before={}).data


def test_headings_are_words():
    """Names of columns become words, and the argument ``headings`` has priority."""
    table = pd.DataFrame(
        {"id": [1], "is_admin": [True], "created_at": ["x"], "user_display_name": ["Ada"], ("calls", "2026-01"): [3]}
    )
    shown = html_table(table, headings={"created_at": "Joined"}).data

    assert ["ID", "Admin", "Joined", "User", "Calls · 2026-01"] == re.findall("<th[^>]*>([^<]*)</th>", shown)


def wide(columns):
    """Return a table with e-mail addresses in so many columns."""
    return pd.DataFrame({f"contact_{n}": [f"somebody.{n:02}@example.org"] for n in range(columns)})


@pytest.mark.parametrize(("columns", "css_class"), [(1, " narrow"), (3, ""), (4, " small"), (5, " smaller")])
def test_a_wide_table_has_smaller_type(columns, css_class):
    """An address is broken only if it does not fit with the smallest font."""
    shown = html_table(wide(columns)).data

    assert f'<div class="report-table{css_class}">' in shown
    assert 1 == shown.count("<table>")
    assert "broken" not in shown


def test_each_part_of_a_very_wide_table_begins_with_the_first_column():
    """The parts have all cells, and no part is wider than the page."""
    shown = html_table(wide(20)).data
    parts = [re.findall(r">somebody\.(\d\d)@", part) for part in shown.split("<table>")[1:]]

    assert 1 < len(parts)
    assert all("00" == part[0] and 5 >= len(part) for part in parts)
    assert [f"{n:02}" for n in range(1, 20)] == [name for part in parts for name in part[1:]]


def test_words_that_do_not_fit_are_broken():
    """If a table fits with broken words, it has one part."""
    shown = html_table(pd.DataFrame({f"link_{n}": ["https://example.org/" + "x" * 40] for n in range(4)})).data

    assert 1 == shown.count("<table>")
    assert 'class="text broken"' in shown


@pytest.mark.parametrize(
    ("old", "new"), [("listing", "html_table"), ("numbers", "metric_cards"), ("period", "report_period")]
)
def test_a_deprecated_name_works_and_warns(old, new):
    """An import from kismet_nb.report returns the new function, and the warning has its name."""
    imported = {}
    with pytest.warns(DeprecationWarning, match=f"from kismet_nb.reports import {new}$") as caught:
        exec(f"from kismet_nb.report import {old}", imported)  # noqa: S102 - our own code

    assert "<string>" == caught[0].filename  # the line that imports
    assert getattr(reports, new) is imported[old]


@pytest.mark.slow
def test_an_import_of_a_deprecated_name_does_not_replace_the_function_report():
    """In a new process, kn.report is the function before and after an import from kismet_nb.report."""
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
    """The module has only the deprecated names."""
    with pytest.raises(ImportError, match="cannot import name 'chart'"):
        from kismet_nb.report import chart  # noqa: F401 - it does not exist

    assert callable(kn.report)
