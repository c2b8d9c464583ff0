"""The days of a report, the period before them, and its name."""

import datetime as dt

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.reports import period_before, period_days, period_name, report_period


def day(text):
    """Return a date."""
    return dt.date.fromisoformat(text)


def test_a_month_has_all_its_days():
    """The default is last month in the time zone; days can be passed instead."""
    assert (dt.date(2024, 2, 1), dt.date(2024, 2, 29)) == report_period(month="2024-02")
    assert (dt.date(2026, 1, 5), dt.date(2026, 1, 7)) == report_period(start="2026-01-05", end=dt.date(2026, 1, 7))
    first, last = report_period(tz="Pacific/Kiritimati")
    assert 1 == first.day
    assert last + dt.timedelta(days=1) == pd.Timestamp.now("Pacific/Kiritimati").date().replace(day=1)


@pytest.mark.parametrize(
    ("quarter", "first", "last"),
    [("2026-Q1", "2026-01-01", "2026-03-31"), ("2024-Q4", "2024-10-01", "2024-12-31")],
)
def test_a_quarter_is_three_months(quarter, first, last):
    """The last quarter of a year ends on its last day."""
    assert (day(first), day(last)) == report_period(quarter=quarter)


@pytest.mark.parametrize(
    ("first", "last", "before", "until"),
    [
        ("2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28"),
        ("2026-01-01", "2026-01-31", "2025-12-01", "2025-12-31"),
        ("2026-01-01", "2026-03-31", "2025-10-01", "2025-12-31"),
        ("2024-01-01", "2024-12-31", "2023-01-01", "2023-12-31"),
        ("2026-02-01", "2026-04-30", "2025-11-04", "2026-01-31"),  # three months, but not a quarter
        ("2026-03-02", "2026-03-08", "2026-02-23", "2026-03-01"),
        ("2026-01-01", "2026-01-01", "2025-12-31", "2025-12-31"),
    ],
)
def test_the_period_before_ends_on_the_day_before(first, last, before, until):
    """For a month it is the previous month, of any length; for other days it has the same number of days."""
    assert (day(before), day(until)) == period_before(day(first), day(last))


def test_before_the_year_1_there_is_no_period():
    """The error has the first possible day."""
    with pytest.raises(kn.InvalidInputError, match="no period before 0001-01-02"):
        period_before(dt.date(1, 1, 2), dt.date(1, 1, 5))


@pytest.mark.parametrize(
    ("first", "last", "name", "days"),
    [
        ("2026-03-01", "2026-03-31", "March 2026", "1 to 31 March 2026"),
        ("2026-10-01", "2026-12-31", "Q4 2026", "1 October to 31 December 2026"),
        ("2026-01-01", "2026-12-31", "2026", "1 January to 31 December 2026"),
        ("2026-03-03", "2026-03-03", "3 March 2026", "3 March 2026"),
        ("2025-12-15", "2026-01-14", "15 December 2025 to 14 January 2026", "15 December 2025 to 14 January 2026"),
        ("2026-03-01", "2026-03-30", "1 to 30 March 2026", "1 to 30 March 2026"),
    ],
)
def test_a_period_has_a_name(first, last, name, days):
    """A calendar month, quarter or year has a name; other periods are named by their days."""
    assert name == period_name(day(first), day(last))
    assert days == period_days(day(first), day(last))
