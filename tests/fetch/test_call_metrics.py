"""Call metrics: four maps joined by day, only the requested days, missing values stay missing."""

import datetime as dt

import pandas as pd
import pytest
from support.faulty_server import SECRET
from support.fetching import Recorded, client_of
from support.rows import daily_figures

import kismet_nb as kn


def fetch_metrics(answer, start="2026-02-01", end="2026-02-28", **options):
    """Return the call metrics of a server, and the queries of all requests."""
    answer = Recorded(answer)
    with client_of(answer, retries=0, max_in_flight=2) as client:
        return kn.fetch_call_metrics(start, end, client=client, **options), answer.queries


def test_maps_are_joined_by_day_and_missing_values_stay_missing():
    """A day in one map only is a row. Null and absent values are missing, zero is zero, and numbers are as sent."""
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


def test_only_requested_days_are_in_the_table():
    """Both days are sent. Days that the server sends beyond them are left out."""
    body = daily_figures(total_calls={f"2026-02-{day:02}": day for day in range(1, 20)})
    metrics, queries = fetch_metrics(lambda *_: body, dt.date(2026, 2, 3), pd.Timestamp("2026-02-05"))

    assert [("2026-02-03", 1)] == [(query["date_start"], len(queries)) for query in queries]
    assert [3, 4, 5] == metrics["total_calls"].tolist()
    assert ["date from 2026-02-03 to 2026-02-05"] == metrics.attrs["kismet"]["filters"]


class MetricsServer:
    """A server with one call a day, which refuses ranges that are too wide, empty or too late.

    With ``end_counts`` the last day of a range is included.
    """

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
def test_a_refused_range_is_requested_in_parts(end_counts, widest):
    """If the server limits the range, every day is in the table once, whether or not the server includes the end."""
    widest += end_counts  # the day after is requested too
    metrics, queries = fetch_metrics(MetricsServer(end_counts, widest=widest), "2025-01-01", "2026-02-28")

    assert pd.date_range("2025-01-01", "2026-02-28").tolist() == metrics["date"].tolist()
    assert len(queries) < 2 * 424 / widest + 14


@pytest.mark.parametrize("newest", [0, 1, 400])
@pytest.mark.parametrize("ahead", [-2, -1, 0])
@pytest.mark.parametrize("widest", [31, 400])
@pytest.mark.parametrize("end_counts", [True, False])
def test_every_available_day_up_to_today_is_fetched(ahead, newest, widest, end_counts):
    """Every day that the server can give is in the table. If its days end earlier than UTC's, today is not."""
    today = dt.datetime.now(dt.UTC).date()
    first, last = (today + dt.timedelta(days=days) for days in (ahead - 61, ahead))
    server = MetricsServer(end_counts, widest=widest, newest=(today + dt.timedelta(days=newest)).isoformat())
    metrics, queries = fetch_metrics(server, first, last)

    cannot = not end_counts and ahead == newest  # the server returns a day only with the one after it
    assert pd.date_range(first, last - dt.timedelta(days=cannot)).tolist() == metrics["date"].tolist()
    assert len(queries) < 16


def test_refused_future_days_are_an_error_after_few_requests():
    """A range that ends in the future is not requested day by day."""
    today, seen = dt.datetime.now(dt.UTC).date(), []
    server = MetricsServer(end_counts=True, newest=today.isoformat())
    with pytest.raises(kn.RequestRefusedError):
        fetch_metrics(lambda *request: seen.append(0) or server(*request), "2026-01-01", today + dt.timedelta(days=5))

    assert len(seen) < 12


def test_days_with_a_time_are_in_the_table_once():
    """If the server adds a time to the day, days beyond the requested ones are left out too."""
    with pytest.warns(kn.SchemaDriftWarning, match="date has"):
        metrics, _ = fetch_metrics(
            MetricsServer(end_counts=True, widest=31, suffix=" 00:00:00 UTC"), "2026-01-01", "2026-02-28"
        )

    assert pd.date_range("2026-01-01", "2026-02-28").tolist() == pd.to_datetime(metrics["date"].str[:10]).tolist()


def test_keys_that_are_not_days_are_kept():
    """Keys that only begin like a day, or have other digits, are rows. A new map may have such keys too."""
    keys = {"2026-02-05 note": 1, "\uff12026-02-02": 7, "sum": 9}
    with pytest.warns(kn.SchemaDriftWarning):
        metrics, _ = fetch_metrics(
            lambda *_: daily_figures(total_calls=keys, new={"2026-02-01": 5, "all": 6}), end="2026-02-03"
        )

    assert {*keys, "2026-02-01", "all"} == set(metrics["date"])
    assert {5, 6} == set(metrics["new"].dropna())


def test_a_range_refused_for_another_reason_is_an_error_after_two_requests():
    """If a single day is refused too, the range is not split further."""
    seen = []
    with pytest.raises(kn.RequestRefusedError, match="colour"):
        fetch_metrics(lambda query, _: seen.append(query) or (422, {}, b'{"error": "colour"}'), "2020-01-01")

    assert 2 == len(seen)


@pytest.mark.parametrize("status", [403, 407])
def test_a_refusal_that_is_not_about_the_days_is_an_error_after_one_request(status):
    """If the user is forbidden or the proxy's password is wrong, there is no request with fewer days."""
    seen = []
    with pytest.raises(kn.RequestRefusedError, match=str(status)):
        fetch_metrics(lambda query, _: seen.append(query) or (status, {}, b""), user_id=7)

    assert 1 == len(seen)


def test_a_day_that_is_always_refused_is_an_error():
    """If other days are accepted, the range is split down to single days and no further."""
    metrics, day = daily_figures(total_calls={"2026-02-01": 1}), "2026-02-10"
    with pytest.raises(kn.RequestRefusedError):
        fetch_metrics(lambda query, _: (400, {}, b"") if query["date_start"] <= day <= query["date_end"] else metrics)


def test_each_user_has_rows_with_its_id():
    """Each of several users has rows with its ``user_id``."""
    body = daily_figures(total_calls={"2026-02-01": 3})
    metrics, queries = fetch_metrics(lambda *_: body, user_id=[7, 9])

    assert [7, 9] == metrics["user_id"].tolist()
    assert ["7", "9"] == sorted(query["user_id"] for query in queries)


def test_by_user_covers_every_user(client):
    """In the demo organization, the users' calls of a day add up to the organization's."""
    days = ("2026-11-02", "2026-11-20")
    by_user = kn.fetch_call_metrics(*days, by_user=True, client=client)
    whole = kn.fetch_call_metrics(*days, client=client)

    assert whole.set_index("date")["total_calls"].to_dict() == by_user.groupby("date")["total_calls"].sum().to_dict()


def test_an_undocumented_map_is_kept():
    """A fifth map of days is a column. Other top-level fields are ignored."""
    beside = {"currency": "none", "date": {"2026-02-01": "Sunday"}, "meta": {"unit": "s"}}
    body = daily_figures(total_calls={"2026-02-01": 3}, longest_wait={"2026-02-01": 9.5}, **beside)
    with pytest.warns(kn.SchemaDriftWarning, match="longest_wait is new"):
        metrics, _ = fetch_metrics(lambda *_: body)

    assert [9.5] == metrics["longest_wait"].tolist()
    assert "datetime64[us]" == str(metrics["date"].dtype)


def test_a_day_in_another_format_is_kept():
    """A day in another format stays as it was sent, with a warning."""
    body = daily_figures(total_calls={"02/01/2026": 3, "2026-02-01": 4})
    with pytest.warns(kn.SchemaDriftWarning, match="date has 1 values"):
        metrics, _ = fetch_metrics(lambda *_: body)

    assert {"02/01/2026": 3, "2026-02-01": 4} == dict(zip(metrics["date"], metrics["total_calls"], strict=True))


@pytest.mark.parametrize("body", [{}, [], {"total_calls": 3}, {"calls": {}}, daily_figures(average_duration=[1])])
def test_a_body_without_maps_is_an_error(body):
    """A body without any map, or with another type instead of a map, is an error."""
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
def test_an_invalid_range_of_days_is_refused(start, end, named):
    """Days that do not exist, times, and an end before the start are refused before anything is sent."""
    with pytest.raises(kn.InvalidInputError, match=named):
        kn.fetch_call_metrics(start, end, client=kn.KismetClient("client-id", SECRET))


def test_user_id_and_by_user_together_are_refused():
    """``user_id`` and ``by_user`` contradict each other."""
    with pytest.raises(kn.InvalidInputError, match="by_user"):
        kn.fetch_call_metrics(
            "2026-02-01", "2026-02-02", user_id=1, by_user=True, client=kn.KismetClient("client-id", SECRET)
        )
