"""Summaries of an extract: they never use days that pseudonymize has replaced."""

import pandas as pd
import pytest
from summaries.test_made_from import SUMMARIES

import kismet_nb as kn
from kismet_nb import summaries

KEY = "an invented key, long enough for a test"
# Summaries that use no time, or of months.
WITHOUT_DAYS = {"admins_and_roles", "calls_pivot", "email_domains", "users_over_time", "users_without_waiting_room"}


def extract(tables, dates):
    """Return the tables with coarse times, names and ids as codes."""
    return {name: kn.pseudonymize(table, key=KEY, ids=True, dates=dates) for name, table in tables.items()}


def by_month(tables):
    """Return the calls of each month, and the means of each month."""
    calls = summaries.calls_per_period(tables["calls"], by="month").groupby("month")["calls"].sum()
    means = summaries.wait_and_duration(tables["call_metrics"], by="month").set_index("month")
    return calls, means.drop(columns="days")


@pytest.mark.parametrize("name", sorted(SUMMARIES.keys() - WITHOUT_DAYS))
def test_a_summary_that_needs_days_refuses_months(tables, name):
    """Counts by week would be wrong, and so would the days since a call."""
    with pytest.raises(kn.InvalidInputError, match=r"only the start of each month.*cannot know the (day|week|hour)"):
        SUMMARIES[name][0](extract(tables, "month"))


def test_weeks_are_refused_after_a_merge(tables):
    """A merge loses the record of coarse times. All calls of a month would be in its first week."""
    users, calls = (extract(tables, "month")[name] for name in ("users", "calls"))
    merged = calls.merge(users[["id"]], left_on="organization_user_id", right_on="id", suffixes=("", "_user"))
    assert {} == merged.attrs

    with pytest.raises(kn.InvalidInputError, match=r"only the start of each month.*cannot know the week"):
        summaries.calls_per_period(merged, by="week")
    assert len(calls) == summaries.calls_per_period(merged, by="month")["calls"].sum()


@pytest.mark.parametrize("dates", ["day", "month"])
def test_months_are_the_same_as_before(tables, dates):
    """Each exact time is in the month of its coarse time."""
    for before, after in zip(by_month(tables), by_month(extract(tables, dates)), strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(before), pd.DataFrame(after))


def test_the_number_of_days_is_unknown(tables):
    """Only the first day of each month is left. The chart has no note on incomplete months."""
    metrics = extract(tables, "month")["call_metrics"]

    assert summaries.combine_days(metrics, by="month")["days"].isna().all()
    assert "of its" not in str(kn.charts.wait_and_duration(metrics, by="month").title)


def test_another_time_zone_is_refused_if_the_day_differs(tables):
    """In New York, the start of a month in UTC is in the month before. In Tokyo it is in the same month."""
    users = extract(tables, "month")["users"]
    with pytest.raises(kn.InvalidInputError, match=r"start of each month.* in UTC\. In America/New_York"):
        summaries.users_over_time(users, tz="America/New_York")

    assert summaries.users_over_time(users).equals(summaries.users_over_time(users, tz="Asia/Tokyo"))


@pytest.mark.parametrize("dates", ["week", "quarter", "year"])
def test_other_units_are_not_parts_of_a_month(tables, dates):
    """A week can be in two months."""
    with pytest.raises(kn.InvalidInputError, match=f"only the start of each {dates}"):
        summaries.users_over_time(extract(tables, dates)["users"], by="month")
