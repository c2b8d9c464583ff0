"""Summaries for everyday questions: hours, pivots, changes, first calls, expiring invites and domains."""

import openpyxl
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import summaries

CHICAGO = "America/Chicago"


def times(*texts):
    """Return a column of times, UTC."""
    return pd.to_datetime(pd.Series(texts), format="ISO8601", utc=True).astype("datetime64[us, UTC]")


def calls(*rows):
    """Return calls, each given as its provider and its time."""
    ids = pd.array([provider for provider, _ in rows], "Int64")
    return pd.DataFrame({"organization_user_id": ids, "created_at": times(*(time for _, time in rows))})


def fetched(df, moment):
    """Return the table with the time of its fetch."""
    df.attrs["kismet"] = {"fetched_at": moment}
    return df


USERS = pd.DataFrame(
    {
        "id": [11, 12, 13],
        "display_name": ["Ada Ferris", "Dee Park", "Cy Moss"],
        "email": ["ada@example.org", "dee@example.org", "cy@example.org"],
        "created_at": times("2026-01-05T09:00Z", "2026-02-10T09:00Z", "2026-02-20T09:00Z"),
    }
)
CALLS = calls(
    (11, "2026-02-02T15:00Z"), (11, "2026-02-17T15:00Z"), (12, "2026-03-10T15:00Z"), (11, "2026-03-12T15:00Z")
)


def metrics(**days):
    """Return daily metrics of the whole organization, each day given as its calls and its mean wait."""
    return pd.DataFrame(
        {
            "user_id": pd.array([None] * len(days), "Int64"),
            "date": pd.to_datetime([f"2026-02-{day[1:]}" for day in days]),
            "total_calls": [count for count, _ in days.values()],
            "average_duration": 600.0,
            "call_fail_rate": 0.0,
            "average_wait_time": [wait for _, wait in days.values()],
        }
    )


def test_calls_by_hour_are_counted_in_the_time_zone():
    """Monday 3:00 in UTC is Sunday 21:00 in Chicago; all other hours have 0."""
    hours = summaries.calls_by_hour(
        calls((11, "2026-02-02T03:10Z"), (12, "2026-02-09T03:50Z"), (11, "2026-02-10T20:00Z")), tz=CHICAGO
    )
    some = hours[hours["calls"] > 0]

    assert [("Sunday", 21, 2, 2, 1.0), ("Tuesday", 14, 2, 1, 0.5)] == sorted(some.itertuples(index=False, name=None))
    assert 3 == hours["calls"].sum()
    assert ["Monday", "Sunday"] == hours["weekday"].iloc[[0, -1]].tolist()
    assert list(range(24)) == hours["hour"].iloc[:24].tolist()


def test_a_weekday_outside_the_known_calls_is_missing_and_not_zero():
    """The range is a week, but calls are known only from Tuesday to Thursday, the day of the fetch."""
    known = fetched(calls((11, "2026-02-03T15:00Z")), "2026-02-05T12:00:00+00:00")
    hours = summaries.calls_by_hour(known, start="2026-02-02", end="2026-02-08")
    by_day = hours.groupby("weekday", sort=False).agg({"days": "first", "calls": "max"})

    assert [0, 1, 1, 1, 0, 0, 0] == by_day["days"].tolist()
    assert [pd.NA, 1, 0, 0, pd.NA, pd.NA, pd.NA] == by_day["calls"].tolist()
    assert hours["calls_per_day"].isna().equals(hours["calls"].isna())


def test_calls_per_day_are_divided_by_the_number_of_weekdays():
    """Two Tuesdays and one Wednesday are in the range, which includes ``start`` and ``end``."""
    hours = summaries.calls_by_hour(
        calls(
            (11, "2026-02-03T15:00Z"), (11, "2026-02-04T15:00Z"), (11, "2026-02-10T15:00Z"), (11, "2026-02-10T16:00Z")
        ),
        start="2026-02-03",
        end="2026-02-10",
    )
    at_three = hours[hours["hour"] == 15].set_index("weekday")

    assert (2, 2, 1.0) == tuple(at_three.loc["Tuesday", ["days", "calls", "calls_per_day"]])
    assert (1, 1, 1.0) == tuple(at_three.loc["Wednesday", ["days", "calls", "calls_per_day"]])
    assert 0.5 == hours.loc[(hours["weekday"] == "Tuesday") & (hours["hour"] == 16), "calls_per_day"].item()


def test_calls_without_a_date_have_no_hour_and_are_counted_last():
    """The counts add up to the number of rows."""
    hours = summaries.calls_by_hour(calls((11, "2026-02-03T15:00Z"), (11, None)))

    assert [1] == hours.loc[hours["weekday"].isna(), "calls"].tolist()
    assert 2 == hours["calls"].sum()


def test_a_pivot_has_providers_without_calls_and_totals():
    """The provider with the most calls is first; the totals are the last row and the last column."""
    pivot = summaries.calls_pivot(CALLS, USERS)

    assert ["Ada Ferris", "Dee Park", "Cy Moss", "total"] == pivot.index.get_level_values("display_name").tolist()
    assert [11, 12, 13, pd.NA] == pivot.index.get_level_values("organization_user_id").tolist()
    assert ["2026-02", "2026-03", "total"] == list(map(str, pivot.columns))
    assert [[2, 1, 3], [0, 1, 1], [0, 0, 0], [2, 2, 4]] == pivot.to_numpy().tolist()


def test_a_month_of_a_pivot_before_the_oldest_call_is_missing():
    """It is missing in the row of totals too. The total counts the known calls."""
    pivot = summaries.calls_pivot(CALLS, USERS, start="2026-01-01", end="2026-03-31")

    assert pivot[pd.Period("2026-01", "M")].isna().all()
    assert [3, 1, 0, 4] == pivot["total"].tolist()


def test_a_pivot_counts_every_call():
    """Calls without a provider, of a provider who is not in ``users``, and without a date are counted."""
    more = pd.concat([CALLS, calls((None, "2026-03-12T15:00Z"), (99, "2026-03-12T15:00Z"), (11, None))])
    pivot = summaries.calls_pivot(more, USERS, by="year").droplevel("display_name")

    assert ["2026", "no date", "total"] == list(map(str, pivot.columns))
    assert len(more) == pivot["total"].iloc[-1]
    assert [1, 0, 1] == pivot.loc[99].tolist()
    assert {11, 12, 13, 99} == set(pivot.index.dropna())


@pytest.mark.parametrize("by", ["day", "week", "month", "year"])
def test_a_pivot_is_exported_and_reads_back(by, tmp_path):
    """The totals are outside the filter and bold; the label of a week has its first and last day."""
    pivot = summaries.calls_pivot(CALLS, USERS, by=by, start="2026-02-02", end="2026-02-15")
    sheet = openpyxl.load_workbook(kn.export(pivot, tmp_path / "pivot.xlsx")).worksheets[0]

    assert sheet.auto_filter.ref.endswith(str(sheet.max_row - 1))
    assert "total" == sheet.cell(sheet.max_row, 1).value
    for suffix in ("xlsx", "csv", "parquet"):
        pd.testing.assert_frame_equal(pivot, kn.read_export(kn.export(pivot, tmp_path / f"pivot.{suffix}")))
    if by == "week":
        assert ["2026-02-02/2026-02-08", "2026-02-09/2026-02-15"] == list(map(str, pivot.columns[:2]))


def row(table, measure):
    """Return the row of a measure."""
    return table.set_index("measure").loc[measure]


def test_a_period_is_compared_with_as_many_days_before_it():
    """The change is absolute and in percent. Means are weighted by calls."""
    compared = summaries.compare_periods(
        calls(
            (11, "2026-02-02T15:00Z"), (11, "2026-02-04T15:00Z"), (12, "2026-02-05T15:00Z"), (11, "2026-02-05T16:00Z")
        ),
        metrics(d02=(1, 10), d03=(9, 30), d04=(3, 10), d05=(1, 50)),
        USERS.assign(created_at=times("2026-02-02T00:00Z", "2026-02-05T00:00Z", "2026-02-05T23:00Z")),
        start="2026-02-04",
        end="2026-02-05",
    )

    assert ["calls", "providers", "average_wait_time", "average_duration", "new_users"] == compared["measure"].tolist()
    assert [3, 1, 2, 200, 2, 2] == row(compared, "calls").tolist()
    assert [2, 1, 1, 100, 2, 2] == row(compared, "providers").tolist()
    assert [20, 28, -8] == row(compared, "average_wait_time")[["current", "before", "change"]].tolist()
    assert [2, 1, 1] == row(compared, "new_users")[["current", "before", "change"]].tolist()


def test_a_partly_unknown_period_before_is_missing():
    """The oldest call and the first metrics are in the middle of the period before."""
    compared = summaries.compare_periods(
        calls((11, "2026-02-03T15:00Z"), (11, "2026-02-04T15:00Z"), (11, "2026-02-05T15:00Z")),
        metrics(d03=(1, 10), d04=(3, 10), d05=(1, 50)),
        start="2026-02-04",
        end="2026-02-05",
    )

    assert [2, 1] == row(compared, "calls")[["days", "days_before"]].tolist()
    for measure in compared["measure"]:
        assert row(compared, measure)[["before", "change", "change_percent"]].isna().all()
        assert pd.notna(row(compared, measure)["current"])


def test_a_period_that_is_still_running_has_no_change():
    """A part of a month is not compared with a full month."""
    known = fetched(calls((11, "2026-02-01T15:00Z"), (11, "2026-02-05T15:00Z")), "2026-02-06T12:00:00+00:00")
    compared = row(summaries.compare_periods(known, start="2026-02-05", end="2026-02-08"), "calls")

    assert (1, 1, 2, 4) == tuple(compared[["current", "before", "days", "days_before"]])
    assert pd.isna(compared["change"])


def test_a_change_from_zero_has_no_percentage():
    """The change in percent is missing."""
    known = calls((11, "2026-02-01T15:00Z"), (11, "2026-02-06T15:00Z"))
    compared = row(summaries.compare_periods(known, start="2026-02-05", end="2026-02-06"), "calls")

    assert (1, 0, 1) == tuple(compared[["current", "before", "change"]])
    assert pd.isna(compared["change_percent"])


def test_requested_days_of_metrics_are_known():
    """If the first day of the range has no row, the period before is known nevertheless."""
    asked = fetched(metrics(d02=(1, 10), d03=(3, 10), d04=(1, 50)), "2026-02-20T12:00:00+00:00")
    without = summaries.compare_periods(CALLS, asked, start="2026-02-03", end="2026-02-04")
    asked.attrs["kismet"] |= {"filters": ["date from 2026-02-01 to 2026-02-04"], "rows": len(asked)}
    with_days = summaries.compare_periods(CALLS, asked, start="2026-02-03", end="2026-02-04")

    assert pd.isna(row(without, "average_wait_time")["before"])
    assert 10 == row(with_days, "average_wait_time")["before"]


def test_first_calls_count_the_days_from_the_account_to_the_call():
    """A provider created before the oldest call may have held earlier calls, so the first call is unknown."""
    first = summaries.first_calls(USERS, CALLS).set_index("display_name")

    assert ["Cy Moss", "Dee Park", "Ada Ferris"] == first.index.tolist()
    assert [pd.NA, 28, pd.NA] == first["days_to_first_call"].tolist()
    assert [True, True, False] == first["calls_known"].tolist()
    assert first["first_call"].notna().tolist() == [False, True, False]


def test_first_calls_respect_start_end_and_as_of():
    """Users created on other days are left out, and calls after as_of do not count."""
    listed = summaries.first_calls(USERS, CALLS, start="2026-02-10", end="2026-02-19")
    early = summaries.first_calls(USERS, CALLS, as_of="2026-02-15")

    assert [12] == listed["id"].tolist()
    assert [12, 11] == early["id"].tolist()
    assert early["first_call"].isna().all()


def test_only_open_invites_expire_soon():
    """Used and expired invites are left out, and the first to expire is first."""
    invites = pd.DataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "display_name": "Ada Ferris",
            "email": "ada@example.org",
            "created_at": times(*["2026-02-01T00:00Z"] * 5),
            "expires_at": times(
                "2026-03-08T00:00Z", "2026-03-03T12:00Z", "2026-03-02T00:00Z", "2026-02-28T00:00Z", "2026-03-08T00:01Z"
            ),
            "used_at": times(None, None, "2026-02-20T00:00Z", None, None),
        }
    )
    soon = summaries.invites_expiring(invites, as_of="2026-03-01")

    assert [(2, 2), (1, 7)] == list(soon[["id", "days_left"]].itertuples(index=False, name=None))
    assert [2] == summaries.invites_expiring(invites, days=3, as_of="2026-03-01")["id"].tolist()


def test_domains_are_counted_in_any_case_and_missing_addresses_last():
    """Text without a domain counts as a missing address."""
    users = pd.DataFrame({"email": ["a@Example.org", "b@example.org ", None, "c@example.net", "nobody", "@"]})
    domains = summaries.email_domains(users)

    assert ["example.org", "example.net"] == domains["domain"].tolist()[:2]
    assert pd.isna(domains["domain"].iloc[-1])
    assert [2, 1, 3] == domains["users"].tolist()
    assert 0.5 == domains["share"].iloc[-1]


@pytest.mark.parametrize("module", ["summaries", "charts"])
def test_the_old_name_of_calls_per_period_warns_and_works(module):
    """The warning names the caller's line and the new name."""
    functions = getattr(kn, module)
    with pytest.warns(DeprecationWarning, match=rf"Use {module}\.calls_per_period") as caught:
        old = functions.calls_per_week(CALLS, USERS, by="month")
    new = functions.calls_per_period(CALLS, USERS, by="month")

    assert __file__ == caught[0].filename
    assert old.equals(new) if module == "summaries" else old.to_dict() == new.to_dict()
