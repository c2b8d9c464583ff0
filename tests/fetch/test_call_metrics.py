"""The daily figures: four maps joined by day, only the days asked for, nothing filled in."""

import datetime as dt

import pandas as pd
import pytest
from support.faulty_server import SECRET
from support.fetching import Recorded, client_of
from support.rows import daily_figures

import kismet_nb as kn


def fetch_metrics(answer, start="2026-02-01", end="2026-02-28", **options):
    """Return the call metrics that a server gives, and the queries of all requests."""
    answer = Recorded(answer)
    with client_of(answer, retries=0, max_in_flight=2) as client:
        return kn.fetch_call_metrics(start, end, client=client, **options), answer.queries


def test_the_maps_are_joined_by_day_and_what_is_missing_stays_missing():
    """A day in one map only is a row; null and absent are missing, zero is zero, and numbers are as sent."""
    body = daily_figures(
        total_calls={"2026-02-02": 8, "2026-02-01": 0},
        average_duration={"2026-02-02": 410.000197, "2026-02-01": None},
        call_fail_rate={"2026-02-03": 12.5},
    )
    metrics, _ = fetch_metrics(lambda *_: body)

    assert ["2026-02-01", "2026-02-02", "2026-02-03"] == metrics["date"].dt.strftime("%Y-%m-%d").tolist()
    assert "datetime64[us]" == str(metrics["date"].dtype)
    assert [0, 8] == metrics["total_calls"].tolist()[:2]
    assert 410.000197 == metrics["average_duration"][1]
    assert [True, True, False] == metrics["call_fail_rate"].isna().tolist()
    assert metrics["user_id"].isna().all()


def test_both_days_are_sent_and_others_left_out():
    """A server that sends more days than asked for does not widen the table."""
    body = daily_figures(total_calls={f"2026-02-{day:02}": day for day in range(1, 20)})
    metrics, queries = fetch_metrics(lambda *_: body, dt.date(2026, 2, 3), pd.Timestamp("2026-02-05"))

    assert [("2026-02-03", 1)] == [(query["date_start"], len(queries)) for query in queries]
    assert [3, 4, 5] == metrics["total_calls"].tolist()
    assert ["date from 2026-02-03 to 2026-02-05"] == metrics.attrs["kismet"]["filters"]


class MetricsServer:
    """Gives a call for each day, with or without the last one asked for, of ranges that it does not refuse."""

    def __init__(self, end_counts, *, widest=400, newest="2999-12-31", suffix=""):
        self.end_counts = end_counts
        self.widest = widest
        self.newest = newest
        self.suffix = suffix

    def __call__(self, query, _):
        """Answer one request."""
        first, last = (dt.date.fromisoformat(query[name]) for name in ("date_start", "date_end"))
        count = (last - first).days + self.end_counts
        if not 1 <= count <= self.widest or query["date_end"] > self.newest:
            return 400, {}, b'{"error": "too wide, too late, or nothing"}'
        days = [(first + dt.timedelta(days=number)).isoformat() + self.suffix for number in range(count)]
        return daily_figures(total_calls=dict.fromkeys(days, 1))


@pytest.mark.parametrize("widest", [1, 31, 32, 365])
@pytest.mark.parametrize("end_counts", [True, False])
def test_a_range_that_is_refused_is_asked_for_in_parts(end_counts, widest):
    """A server that gives some days at a time is asked for as many; every day comes once, counts the end or not."""
    widest += end_counts  # for the day after
    metrics, queries = fetch_metrics(MetricsServer(end_counts, widest=widest), "2025-01-01", "2026-02-28")

    assert pd.date_range("2025-01-01", "2026-02-28").tolist() == metrics["date"].tolist()
    assert len(queries) < 2 * 424 / widest + 14


@pytest.mark.parametrize("newest", [0, 1, 400])
@pytest.mark.parametrize("ahead", [-2, -1, 0])
@pytest.mark.parametrize("widest", [31, 400])
@pytest.mark.parametrize("end_counts", [True, False])
def test_every_day_comes_up_to_today(ahead, newest, widest, end_counts):
    """Whatever the server refuses, every day that it can give is there; one whose day ends earlier has no today."""
    today = dt.datetime.now(dt.UTC).date()
    first, last = (today + dt.timedelta(days=days) for days in (ahead - 61, ahead))
    server = MetricsServer(end_counts, widest=widest, newest=(today + dt.timedelta(days=newest)).isoformat())
    metrics, queries = fetch_metrics(server, first, last)

    cannot = not end_counts and ahead == newest  # the day itself is only given with the one after it
    assert pd.date_range(first, last - dt.timedelta(days=cannot)).tolist() == metrics["date"].tolist()
    assert len(queries) < 16


def test_days_ahead_that_are_refused_are_an_error_soon():
    """A range that ends where the server gives nothing yet is not asked for day by day."""
    today, seen = dt.datetime.now(dt.UTC).date(), []
    server = MetricsServer(end_counts=True, newest=today.isoformat())
    with pytest.raises(kn.RequestRefusedError):
        fetch_metrics(lambda *request: seen.append(0) or server(*request), "2026-01-01", today + dt.timedelta(days=5))

    assert len(seen) < 12


def test_days_with_a_time_come_once():
    """Where the server writes more than the day, days beyond those asked for are left out all the same."""
    with pytest.warns(kn.SchemaDriftWarning, match="date has"):
        metrics, _ = fetch_metrics(
            MetricsServer(end_counts=True, widest=31, suffix=" 00:00:00 UTC"), "2026-01-01", "2026-02-28"
        )

    assert pd.date_range("2026-01-01", "2026-02-28").tolist() == pd.to_datetime(metrics["date"].str[:10]).tolist()


def test_what_is_no_day_is_kept():
    """Keys that only begin like a day, or are written in other digits, are rows; a new map may have such keys too."""
    odd = {"2026-02-05 note": 1, "\uff12026-02-02": 7, "sum": 9}
    with pytest.warns(kn.SchemaDriftWarning):
        metrics, _ = fetch_metrics(
            lambda *_: daily_figures(total_calls=odd, new={"2026-02-01": 5, "all": 6}), end="2026-02-03"
        )

    assert {*odd, "2026-02-01", "all"} == set(metrics["date"])
    assert {5, 6} == set(metrics["new"].dropna())


def test_what_is_refused_for_another_reason_is_an_error_soon():
    """Where a single day is refused too, the range is not cut any further."""
    seen = []
    with pytest.raises(kn.RequestRefusedError, match="colour"):
        fetch_metrics(lambda query, _: seen.append(query) or (422, {}, b'{"error": "colour"}'), "2020-01-01")

    assert 2 == len(seen)


def test_a_day_that_is_always_refused_is_an_error():
    """Where other days are given, the range is cut down to single days, and not for ever."""
    metrics, day = daily_figures(total_calls={"2026-02-01": 1}), "2026-02-10"
    with pytest.raises(kn.RequestRefusedError):
        fetch_metrics(lambda query, _: (400, {}, b"") if query["date_start"] <= day <= query["date_end"] else metrics)


def test_several_users_come_with_their_id():
    """Each of the users given has rows of their own."""
    body = daily_figures(total_calls={"2026-02-01": 3})
    metrics, queries = fetch_metrics(lambda *_: body, user_id=[7, 9])

    assert [7, 9] == metrics["user_id"].tolist()
    assert ["7", "9"] == sorted(query["user_id"] for query in queries)


def test_by_user_is_every_user(client):
    """On the demo, the users' calls of a day add up to the organization's."""
    days = ("2026-11-02", "2026-11-20")
    by_user = kn.fetch_call_metrics(*days, by_user=True, client=client)
    whole = kn.fetch_call_metrics(*days, client=client)

    assert whole.set_index("date")["total_calls"].to_dict() == by_user.groupby("date")["total_calls"].sum().to_dict()


def test_a_map_that_is_new_is_kept():
    """A fifth map of days is a column; whatever else there is is passed over, like any key beside the rows."""
    beside = {"currency": "none", "date": {"2026-02-01": "Sunday"}, "meta": {"unit": "s"}}
    body = daily_figures(total_calls={"2026-02-01": 3}, longest_wait={"2026-02-01": 9.5}, **beside)
    with pytest.warns(kn.SchemaDriftWarning, match="longest_wait is new"):
        metrics, _ = fetch_metrics(lambda *_: body)

    assert [9.5] == metrics["longest_wait"].tolist()
    assert "datetime64[us]" == str(metrics["date"].dtype)


def test_a_key_that_is_no_day_is_kept():
    """A day of another spelling stays as it came, with a warning, and is not left out as a day not asked for."""
    body = daily_figures(total_calls={"02/01/2026": 3, "2026-02-01": 4})
    with pytest.warns(kn.SchemaDriftWarning, match="date has 1 values"):
        metrics, _ = fetch_metrics(lambda *_: body)

    assert {"02/01/2026": 3, "2026-02-01": 4} == dict(zip(metrics["date"], metrics["total_calls"], strict=True))


@pytest.mark.parametrize("body", [{}, [], {"total_calls": 3}, {"calls": {}}, daily_figures(average_duration=[1])])
def test_another_shape_is_an_error(body):
    """Without any map, or with something else in its place, there is no table."""
    with pytest.raises(kn.UnexpectedAnswerError, match="map"):
        fetch_metrics(lambda *_: body)


@pytest.mark.parametrize(
    ("start", "end", "named"),
    [
        ("2026-02-30", "2026-03-01", "start"),
        ("20260201", "2026-03-01", "start"),
        ("2026-02-01", dt.datetime(2026, 3, 1, 12), "end"),  # noqa: DTZ001 - the case
        ("2026-02-01", pd.Timestamp("2026-03-01", tz="UTC"), "end"),
        (None, "2026-03-01", "start"),
        (pd.NaT, "2026-03-01", "start"),
        ("2026-03-02", "2026-03-01", "before"),
        ("2026-03-02", "9999-12-31", "earlier"),
    ],
)
def test_what_is_no_range_of_days_is_refused(start, end, named):
    """Days that do not exist, times, and an end before the start are refused before anything is sent."""
    with pytest.raises(kn.InvalidInputError, match=named):
        kn.fetch_call_metrics(start, end, client=kn.KismetClient("client-id", SECRET))


def test_one_user_and_all_users_at_once_is_refused():
    """user_id and by_user contradict each other."""
    with pytest.raises(kn.InvalidInputError, match="by_user"):
        kn.fetch_call_metrics(
            "2026-02-01", "2026-02-02", user_id=1, by_user=True, client=kn.KismetClient("client-id", SECRET)
        )
