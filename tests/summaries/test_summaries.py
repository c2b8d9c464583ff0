"""Summaries: small tables with correct numbers and dtypes, which add up to the number of rows."""

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import summaries
from kismet_nb.resources import RESOURCES

NEW_YORK = "America/New_York"


def times(*texts):
    """Return a column of times, UTC."""
    return pd.to_datetime(pd.Series(texts), format="ISO8601", utc=True).astype("datetime64[us, UTC]")


def days(*texts):
    """Return a column of days without a time zone."""
    return pd.to_datetime(pd.Series(texts), format="ISO8601").astype("datetime64[us]")


def table(resource, **columns):
    """Return a table with the declared columns; columns that are not passed have missing values."""
    length = max(map(len, columns.values()))
    dtypes = {column.name: column.dtype for column in RESOURCES[resource].columns}
    filled = {name: columns.get(name, [None] * length) for name in dtypes}
    return pd.DataFrame({name: pd.Series(values, dtype=dtypes[name]) for name, values in filled.items()})


def with_provenance(df, **about):
    """Return the table with this provenance."""
    df = df.copy()
    df.attrs["kismet"] = about
    return df


def metrics(**columns):
    """Return two days of the whole organization: nine calls on Monday, one on Tuesday."""
    usual = {
        "date": days("2026-02-02", "2026-02-03"),
        "total_calls": [9, 1],
        "average_duration": [600, 900],
        "call_fail_rate": [0, 1],
        "average_wait_time": [10, 60],
    }
    return table("call_metrics", **usual | columns)


CALLS = table(
    "calls",
    organization_user_id=[11, 11, 12],
    # Sunday evening in New York, which is Monday in UTC; the Monday two weeks later; the Wednesday between.
    created_at=times("2026-02-02T03:00Z", "2026-02-16T15:00Z", "2026-02-11T15:00Z"),
)
USERS = table(
    "users",
    id=[11, 12, 13],
    display_name=["Ada Ferris", "Dee Park", None],
    email=["ada@example.org", "dee@example.org", "cy@example.org"],
    waiting_room_url=["https://app.example.org/meet/ada", None, None],
    created_at=times("2025-12-31T23:00Z", "2026-01-01T02:00Z", "2026-03-01T12:00Z"),
)


def test_users_over_time_counts_in_the_time_zone_and_has_every_month():
    """A time in January in UTC may be in December in New York. A month without new users has the number 0."""
    grown = summaries.users_over_time(USERS, tz=NEW_YORK)

    assert ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"] == grown["month"].dt.date.map(str).tolist()
    assert [2, 0, 0, 1] == grown["new_users"].tolist()
    assert [2, 2, 2, 3] == grown["users"].tolist()


def test_users_without_a_date_are_counted_last():
    """The counts add up to the number of rows, even if a time is missing or unreadable."""
    users = USERS.assign(created_at=pd.Series(["2026-01-05T09:00:00Z", None, "soon"], dtype=object))
    grown = summaries.users_over_time(users)

    assert [1, 2] == grown["new_users"].tolist()
    assert grown["month"].isna().tolist() == [False, True]


def test_other_objects_in_a_column_of_times_are_missing():
    """Such a value is counted without a date, in a column of any length."""
    users = pd.DataFrame({"created_at": pd.Series(["2026-01-05T09:00:00Z"] * 60 + [{}, [1], 5], dtype=object)})

    assert [60, 3] == summaries.users_over_time(users)["new_users"].tolist()


def test_rights_are_counted_in_both_fields():
    """Booleans and lists of roles are both counted, including empty lists and missing values."""
    users = table("users", is_admin=[True, None, False, None], roles=[["provider", "b"], ["provider"], [], None])
    rights = summaries.admins_and_roles(users)

    assert [
        ("is_admin", "admin", 1),
        ("is_admin", "not an admin", 1),
        ("is_admin", "unknown", 2),
        ("roles", "provider", 2),
        ("roles", "b", 1),
        ("roles", "no role", 1),
        ("roles", "unknown", 1),
    ] == list(rights[["field", "value", "users"]].itertuples(index=False, name=None))
    assert 0.25 == rights["share"][0]


def test_roles_from_a_parquet_file_are_counted(tmp_path):
    """pandas reads lists from Parquet as arrays."""
    users = table("users", roles=[["provider", "b"], [], None])
    users.to_parquet(tmp_path / "users.parquet")
    rights = summaries.admins_and_roles(pd.read_parquet(tmp_path / "users.parquet"))

    pd.testing.assert_frame_equal(summaries.admins_and_roles(users), rights)


def test_rights_are_counted_for_each_organization():
    """The shares are of the users of one organization; without rows the dtypes are the same."""
    users = table("users", is_admin=[True, False, True, True]).assign(organization=["oak", "oak", "birch", None])
    rights = summaries.admins_and_roles(users, by_organization=True)

    assert ["birch", "oak", "oak"] == rights["organization"].dropna().tolist()
    assert [1, 0.5, 0.5, 1] == rights["share"].tolist()
    assert summaries.admins_and_roles(users.head(0), by_organization=True).dtypes.equals(rights.dtypes)
    for given, reason in ((users.drop(columns="organization"), "no column organization"), ([], "DataFrame")):
        with pytest.raises(kn.InvalidInputError, match=reason):
            summaries.admins_and_roles(given, by_organization=True)


def test_users_without_a_waiting_room_are_listed_newest_first():
    """Users with a missing link are listed, with times in the time zone."""
    without = summaries.users_without_waiting_room(USERS, tz=NEW_YORK)

    assert [13, 12] == without["id"].tolist()
    assert "2025-12-31 21:00:00-05:00" == str(without["created_at"][1])


def test_calls_per_period_has_a_row_for_every_provider_and_week():
    """A week without a call has 0 calls, weeks begin on Monday, and ``days`` is the number of days in the range."""
    weekly = summaries.calls_per_period(CALLS, USERS, tz=NEW_YORK)

    assert ["Ada Ferris"] * 4 + ["Dee Park"] * 4 == weekly["display_name"].tolist()
    assert ["2026-01-26", "2026-02-02", "2026-02-09", "2026-02-16"] == weekly["week"][:4].dt.date.map(str).tolist()
    assert [1, 0, 0, 1, 0, 0, 1, 0] == weekly["calls"].tolist()
    assert [1, 7, 7, 1] == weekly["days"][:4].tolist()


def test_calls_per_period_counts_only_the_range():
    """``start`` and ``end`` are included, other days are not, and a range without calls is empty."""
    weekly = summaries.calls_per_period(CALLS, start="2026-02-11", end="2026-02-16")
    later = summaries.calls_per_period(CALLS, start="2026-03-01", end="2026-03-31")

    assert [(11, 0), (11, 1), (12, 1), (12, 0)] == list(
        weekly[["organization_user_id", "calls"]].itertuples(index=False, name=None)
    )
    assert [5, 1, 5, 1] == weekly["days"].tolist()
    assert later.empty


def test_weeks_outside_the_known_calls_are_missing_and_not_zero():
    """Calls before the oldest call and after the fetch are not known."""
    before = summaries.calls_per_period(CALLS, start="2026-01-20", end="2026-02-16")
    fetched = with_provenance(CALLS, fetched_at="2026-02-18T12:00:00+00:00")
    after = summaries.calls_per_period(fetched, start="2026-02-09", end="2026-03-01")
    early = with_provenance(CALLS, fetched_at="2026-02-03T12:00:00+00:00")  # a slow clock must hide no call

    assert [pd.NA, pd.NA, 1, 0, 1] == before.loc[before["organization_user_id"] == 11, "calls"].tolist()
    assert [0, 0, 7, 7, 1] == before.loc[before["organization_user_id"] == 11, "days"].tolist()
    assert [0, 1, pd.NA] == after.loc[after["organization_user_id"] == 11, "calls"].tolist()
    assert [7, 3, 0] == after.loc[after["organization_user_id"] == 11, "days"].tolist()
    assert 3 == summaries.calls_per_period(early, end="2026-02-16")["calls"].sum()
    assert summaries.calls_per_period(CALLS)["calls"].notna().all()


def test_calls_without_a_date_are_counted_last():
    """A call with an unreadable time is counted too."""
    calls = CALLS.assign(created_at=pd.Series(["2026-02-02T03:00:00Z", "?", "2026-02-03T03:00:00Z"], dtype=object))
    weekly = summaries.calls_per_period(calls)

    assert 3 == weekly["calls"].sum()
    assert [11] == weekly.loc[weekly["week"].isna(), "organization_user_id"].tolist()


@pytest.mark.parametrize("second", ["2026-02-16T15:00:00Z", "?"])
def test_calls_without_a_provider_are_counted_too(second):
    """A missing id counts as a provider, so that the counts add up to the number of rows, with or without dates."""
    created = pd.Series(["2026-02-02T03:00:00Z", second, "2026-02-03T03:00:00Z"], dtype=object)
    calls = CALLS.assign(organization_user_id=pd.array([11, None, None], dtype="Int64"), created_at=created)
    weekly = summaries.calls_per_period(calls, USERS)

    assert 1 == weekly.loc[weekly["organization_user_id"].eq(11), "calls"].sum()
    assert 2 == weekly.loc[weekly["organization_user_id"].isna(), "calls"].sum()
    assert weekly["display_name"].isna().equals(weekly["organization_user_id"].isna())


def test_providers_without_any_call_come_first():
    """The others are ordered by their last call. Calls and users created after as_of are left out."""
    silent = summaries.providers_without_calls(USERS, CALLS, days=4, as_of="2026-02-16")

    assert [(11, 13), (12, 4)] == list(silent[["id", "days_since_call"]].itertuples(index=False, name=None))
    assert [11] == summaries.providers_without_calls(USERS, CALLS, days=5, as_of="2026-02-16")["id"].tolist()
    assert [13, 12, 11] == summaries.providers_without_calls(USERS, CALLS, days=0, as_of="2026-04-01")["id"].tolist()


@pytest.mark.parametrize(
    ("as_of", "days", "known"),
    [("2026-03-20", 30, True), ("2026-02-10", 8, True), ("2026-02-10", 9, False), ("2026-01-15", 1, False)],
)
def test_whether_a_provider_held_calls_before_the_oldest_call_is_unknown(as_of, days, known):
    """``calls_known`` is false if the calls of some of these days are not in the table."""
    rooms = table("waiting_rooms", id=[1], user_id=[13], created_at=times("2026-01-01T09:00Z"))
    users = USERS.assign(created_at=times(*["2026-01-01T09:00Z"] * 3))
    calls = CALLS.assign(created_at=CALLS["created_at"].dt.normalize())

    for listed in (
        summaries.providers_without_calls(users, calls, days=days, as_of=as_of),
        summaries.idle_rooms(rooms, users, calls, days=days, as_of=as_of),
    ):
        assert "calls_known" == listed.columns[-1]
        assert {known} == set(listed.loc[listed["last_call"].isna(), "calls_known"])
        assert listed.loc[listed["last_call"].notna(), "calls_known"].all()


@pytest.mark.parametrize(("day", "zone"), [("2026-04-24", "Africa/Cairo"), ("2026-11-01", "America/Havana")])
def test_a_day_with_a_missing_or_duplicate_midnight_has_a_first_moment(day, zone):
    """In some countries clocks change at midnight."""
    assert 3 == len(summaries.providers_without_calls(USERS, CALLS, days=0, as_of=day, tz=zone))


def test_idle_rooms_are_open_rooms_of_owners_without_calls():
    """A closed room is not idle. ``owner_known`` marks a room whose owner is not in the table of users."""
    rooms = table(
        "waiting_rooms",
        id=[1, 2, 3, 4],
        user_id=[11, 12, 99, 12],
        slug=["a", "b", "c", "d"],
        is_active=[True, True, None, False],
        created_at=times(*["2026-01-05T09:00Z"] * 4),
    )
    calls = with_provenance(CALLS, lists=2)  # the calls of the two owners that are in the table of users
    idle = summaries.idle_rooms(rooms, USERS, calls, days=4, as_of="2026-02-16T16:00Z")

    assert [3, 2] == idle["id"].tolist()
    assert [False, True] == idle["owner_known"].tolist()


def test_days_are_weighted_by_their_calls():
    """A day with few calls counts less than a day with many."""
    week = summaries.combine_days(metrics()).iloc[0]

    assert (2, 10) == (week["days"], week["total_calls"])
    assert (630, 0.1, 15) == (week["average_duration"], week["call_fail_rate"], week["average_wait_time"])


@pytest.mark.parametrize("calls", [0, None])
def test_a_day_without_calls_or_average_is_left_out_of_the_means(calls):
    """The average of a day without calls has no meaning, and a missing average is not 0."""
    week = summaries.combine_days(metrics(total_calls=[9, calls], average_wait_time=[None, 60])).iloc[0]

    assert 600 == week["average_duration"]
    assert pd.isna(week["average_wait_time"])
    assert 9 == week["total_calls"]
    assert [10] == summaries.combine_days(metrics(average_wait_time=[10, None]))["average_wait_time"].tolist()


def test_users_are_combined_or_kept_apart():
    """There is one row per day, or one per user and day. A mix with rows of the organization is refused."""
    two = metrics(user_id=[11, 12], date=days("2026-02-02", "2026-02-02"))

    assert [630] == summaries.combine_days(two, by="day")["average_duration"].tolist()
    assert [600, 900] == summaries.combine_days(two, per_user=True)["average_duration"].tolist()
    with pytest.raises(kn.InvalidInputError, match="twice"):
        summaries.combine_days(metrics(user_id=[11, None]))


DAYS = days("2026-09-01", "2026-09-02")


@pytest.mark.parametrize(
    "dates",
    [
        DAYS.dt.tz_localize("Europe/Berlin"),
        DAYS.dt.tz_localize("America/New_York").astype("datetime64[ns, America/New_York]"),
        DAYS.dt.to_period("D"),
        DAYS.dt.date,
        DAYS.astype("category"),
        DAYS.dt.date.astype("date32[pyarrow]"),
        DAYS.astype("timestamp[us][pyarrow]"),
        pd.Series(["2026-09-01", "2026-09-02"]),
        pd.Series(["2026-09-01T00:00:00+02:00", "2026-09-02T00:00:00-04:00"]),
        DAYS.dt.tz_localize("Asia/Kolkata").astype(object),
        DAYS.dt.to_period("D").astype(object),
    ],
    ids=lambda dates: str(dates.dtype),
)
def test_a_day_stays_the_same_day_in_any_dtype(dates):
    """Midnight in Berlin is not the day before, and a Period is a day."""
    month = summaries.combine_days(metrics().assign(date=dates), by="month")

    assert [["2026-09-01", "10"]] == month[["month", "total_calls"]].astype(str).values.tolist()


@pytest.mark.parametrize("dtype", ["object", "category", "timestamp[us, tz=UTC][pyarrow]", "string[pyarrow]"])
def test_times_of_any_dtype_are_counted(dtype):
    """Times may have another dtype, for example after a round trip through another program."""
    users = USERS.assign(created_at=USERS["created_at"].astype(dtype))

    pd.testing.assert_frame_equal(summaries.users_over_time(USERS), summaries.users_over_time(users))


def test_rights_and_rooms_in_other_spellings_are_booleans():
    """Other programs write true and false as 1 and 0, or as text."""
    for flags in (
        [1, 0],
        [1.0, 0.0],
        ["TRUE", "false"],
        pd.array([1, 0], "Int64"),
        pd.Series([True, False], dtype=object),
    ):
        rights = summaries.admins_and_roles(pd.DataFrame({"is_admin": flags}))
        assert ["admin", "not an admin"] == rights["value"].tolist()
    room = table("waiting_rooms", id=[1], user_id=[11], created_at=times("2026-01-05T09:00Z"))
    for flag, count in ((0, 0), ("false", 0), (1, 1), ("?", 1), (None, 1)):
        rooms = room.assign(is_active=pd.Series([flag], dtype=object))
        assert count == len(summaries.idle_rooms(rooms, USERS, CALLS, as_of="2026-04-01"))


def test_a_range_over_two_years_has_one_mean():
    """In a mean of two yearly means, one call in January would have the weight of nine in December."""
    winter = metrics(date=days("2025-12-31", "2026-01-01"))
    whole = summaries.combine_days(winter, by="all")
    users = summaries.combine_days(metrics(user_id=[11, 12]), by="all", per_user=True)

    assert ["first_day", "last_day", "days", "total_calls"] == list(whole.columns)[:4]
    assert [["2025-12-31", "2026-01-01"]] == whole[["first_day", "last_day"]].astype(str).values.tolist()
    assert [(2, 10, 630, 15)] == list(
        whole[["days", "total_calls", "average_duration", "average_wait_time"]].itertuples(index=False, name=None)
    )
    assert [[11, 9], [12, 1]] == users[["user_id", "total_calls"]].values.tolist()
    assert [15] == summaries.wait_and_duration(winter, by="all")["average_wait_time"].tolist()
    assert [10] == summaries.fail_rate(winter, unit="fraction", by="all")["fail_rate_percent"].tolist()


def test_the_fail_rate_needs_its_unit():
    """Both units are converted to percent. A rate that does not fit the unit is refused, and there is no default."""
    assert [10] == summaries.fail_rate(metrics(), unit="fraction", by="month")["fail_rate_percent"].tolist()
    percent = metrics(call_fail_rate=[0, 2.5])
    assert [0, 2.5] == summaries.fail_rate(percent, unit="percent")["fail_rate_percent"].tolist()
    for unit, rate in (("fraction", 1.5), ("percent", 101), ("share", 0)):
        with pytest.raises(kn.InvalidInputError, match="unit"):
            summaries.fail_rate(metrics(call_fail_rate=[0, rate]), unit=unit)


INVITES = table(
    "invites",
    id=[1, 2, 3, 4],
    expires_at=times(*["2026-02-10T00:00Z"] * 3, "2026-04-01T00:00Z"),
    used_at=times(None, "2026-02-05T00:00Z", "2026-02-20T00:00Z", None),
    created_at=times(*["2026-01-11T00:00Z"] * 3, "2026-03-01T00:00Z"),
)


def test_the_status_of_invites_is_as_of_a_moment():
    """An invite used later counts as open or expired; one created later is left out."""
    then = summaries.invites_by_status(INVITES, as_of="2026-02-15")

    assert [("expired", 2), ("used", 1)] == list(then[["status", "invites"]].itertuples(index=False, name=None))
    assert [1] == summaries.invites_expired_unused(INVITES, as_of="2026-03-02")["id"].tolist()
    assert ["open"] == summaries.invites_by_status(INVITES, as_of="2026-02-01")["status"].unique().tolist()


def test_by_default_as_of_is_the_time_of_the_fetch(client):
    """The time of the summary does not count."""
    invites = kn.fetch_invites(client=client)
    expired = summaries.invites_expired_unused(invites)
    invites.attrs["kismet"]["fetched_at"] = "2023-01-01T00:00:00+00:00"

    assert len(expired) == (invites["status"] == "expired").sum()
    assert summaries.invites_expired_unused(invites).empty


EMPTY = {name: table(name, **{RESOURCES[name].columns[0].name: [None]}).iloc[:0] for name in RESOURCES}
SUMMARIES = {
    "users_over_time": lambda t: summaries.users_over_time(t["users"]),
    "admins_and_roles": lambda t: summaries.admins_and_roles(t["users"]),
    "users_without_waiting_room": lambda t: summaries.users_without_waiting_room(t["users"]),
    "calls_by_hour": lambda t: summaries.calls_by_hour(t["calls"]),
    "calls_per_period": lambda t: summaries.calls_per_period(t["calls"], t["users"]),
    "email_domains": lambda t: summaries.email_domains(t["users"]),
    "first_calls": lambda t: summaries.first_calls(t["users"], t["calls"]),
    "invites_expiring": lambda t: summaries.invites_expiring(t["invites"], as_of="2026-03-28"),
    "providers_without_calls": lambda t: summaries.providers_without_calls(t["users"], t["calls"]),
    "idle_rooms": lambda t: summaries.idle_rooms(t["waiting_rooms"], t["users"], t["calls"]),
    "combine_days": lambda t: summaries.combine_days(t["call_metrics"]),
    "combine_days_all": lambda t: summaries.combine_days(t["call_metrics"], by="all"),
    "combine_days_per_user": lambda t: summaries.combine_days(t["call_metrics"], per_user=True),
    "wait_and_duration": lambda t: summaries.wait_and_duration(t["call_metrics"]),
    "fail_rate": lambda t: summaries.fail_rate(t["call_metrics"], unit="fraction"),
    "invites_by_status": lambda t: summaries.invites_by_status(t["invites"]),
    "invites_expired_unused": lambda t: summaries.invites_expired_unused(t["invites"]),
}
FULL = {
    "users": USERS.assign(is_admin=pd.array([True, False, None], dtype="boolean")),
    "calls": CALLS,
    "waiting_rooms": table("waiting_rooms", id=[1], user_id=[11], slug=["a"], created_at=times("2026-01-05T09:00Z")),
    "call_metrics": metrics(),
    "invites": INVITES,
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_an_empty_table_has_an_empty_summary_of_the_same_types(name):
    """An empty table gives an empty result with the same columns and dtypes."""
    full, empty = SUMMARIES[name](FULL), SUMMARIES[name](EMPTY)

    assert empty.empty
    assert not full.empty
    assert full.dtypes.to_dict() == empty.dtypes.to_dict()


@pytest.mark.parametrize(
    ("summarize", "why"),
    [
        (lambda: summaries.users_over_time(CALLS.drop(columns="created_at")), "created_at"),
        (lambda: summaries.users_over_time([]), "not list"),
        (lambda: summaries.users_over_time(USERS, tz="Mars/Olympus"), "time zone"),
        (lambda: summaries.users_over_time(USERS, by="fortnight"), "by must be"),
        (lambda: summaries.users_over_time(USERS, by="all"), "by must be"),
        (lambda: summaries.combine_days(metrics(), by="fortnight"), "by must be one of day, week, month, year, all"),
        (lambda: summaries.admins_and_roles(CALLS), "neither"),
        (
            lambda: summaries.users_over_time(with_provenance(CALLS, resource="calls")),
            "needs a table of users, but got a table of calls",
        ),
        (lambda: summaries.calls_per_period(CALLS, start="2026-02-02", end="2026-02-01"), "is before start"),
        (lambda: summaries.providers_without_calls(USERS, with_provenance(CALLS, lists=2)), "for 2 users, .* covers 3"),
        (lambda: summaries.providers_without_calls(USERS, with_provenance(CALLS, rows=99)), "calls has not all calls"),
        (
            lambda: summaries.providers_without_calls(USERS, with_provenance(CALLS, filters=["created_at"])),
            "calls has not all calls",
        ),
        (lambda: summaries.calls_pivot(CALLS, USERS, by="fortnight"), "by must be"),
        (lambda: summaries.calls_pivot(with_provenance(CALLS, lists=2), USERS), "for 2 users, .* covers 3"),
        (lambda: summaries.calls_pivot(with_provenance(CALLS, rows=99), USERS), "calls has not all calls"),
        (lambda: summaries.first_calls(USERS, with_provenance(CALLS, lists=2)), "for 2 users, .* covers 3"),
        (lambda: summaries.first_calls(USERS, CALLS, start="soon"), "start must be a day"),
        (lambda: summaries.calls_by_hour(CALLS, tz="Mars/Olympus"), "time zone"),
        (lambda: summaries.calls_by_hour(CALLS, start="2026-02-02", end="2026-02-01"), "is before start"),
        (lambda: summaries.compare_periods(CALLS, start="2026-02-02", end="2026-02-01"), "is before start"),
        (lambda: summaries.compare_periods(CALLS, start=None, end="2026-02-01"), "start must be a day"),
        (lambda: summaries.email_domains(CALLS), "no column email"),
        (lambda: summaries.invites_expiring(INVITES, days=0), "days must be"),
        (lambda: summaries.calls_per_period(CALLS, start="yesterday"), "start must be a day"),
        (lambda: summaries.calls_per_period(CALLS, start="03/02/2026"), "start must be a day"),
        (lambda: summaries.calls_per_period(CALLS, end="2026-02"), "end must be a day"),
        (lambda: summaries.calls_per_period(CALLS, end="2026-02-03T12:00"), "end must be a day"),
        (lambda: summaries.providers_without_calls(USERS, CALLS, days=-1), "days must be"),
        (lambda: summaries.providers_without_calls(USERS, CALLS, as_of="soon"), "as_of"),
        (lambda: summaries.providers_without_calls(USERS, CALLS, as_of="04/03/2026"), "as_of"),
        (lambda: summaries.providers_without_calls(USERS, CALLS, as_of="2026-13-01"), "as_of"),
        (lambda: summaries.fail_rate(metrics(call_fail_rate=[1 / 3, 1]), unit="percent"), "whole number of calls"),
    ],
)
def test_bad_input_is_refused(summarize, why):
    """The message names the table, zone, period or time that is wrong."""
    with pytest.raises(kn.InvalidInputError, match=why):
        summarize()


def test_concatenated_tables_can_be_summarized():
    """After pd.concat the index has duplicates, but every row counts."""
    room = table("waiting_rooms", id=[1], user_id=[11], is_active=[True], created_at=times("2026-01-05T09:00Z"))
    rooms, calls = pd.concat([room, room.assign(id=2, is_active=False)]), pd.concat([CALLS, CALLS])
    idle = summaries.idle_rooms(rooms, USERS, calls, as_of="2026-03-20")
    silent = summaries.providers_without_calls(USERS, calls, days=0, as_of="2026-02-12")

    assert [(1, 31)] == list(idle[["id", "days_since_call"]].itertuples(index=False, name=None))
    assert [(11, 9), (12, 0)] == list(silent[["id", "days_since_call"]].itertuples(index=False, name=None))
    assert [19] == summaries.combine_days(pd.concat([metrics(total_calls=[9, None]), metrics()]))[
        "total_calls"
    ].tolist()


def test_ids_match_as_numbers_and_as_text():
    """The id 11 matches the text "11", for example from a CSV file, even if other ids are not numbers."""
    rooms = table("waiting_rooms", id=[1], user_id=[12], is_active=[True], created_at=times("2026-01-05T09:00Z"))
    text = USERS.assign(id=["11", "12", "x"])
    for users, calls in ((text, CALLS), (USERS, CALLS.assign(organization_user_id=["11", "11", "12"]))):
        assert 2 == summaries.providers_without_calls(users, calls, as_of="2026-04-01")["last_call"].notna().sum()
        assert {"Ada Ferris", "Dee Park"} == set(summaries.calls_per_period(calls, users)["display_name"])
        assert summaries.idle_rooms(rooms, users, calls, as_of="2026-04-01")["owner_known"].all()


@pytest.mark.parametrize("ids", [["a", "a", "b"], pd.Series([11, "a", "b"], dtype=object)])
def test_ids_that_are_no_numbers_stay_text(ids):
    """Calls and metrics of such providers are counted."""
    weekly = summaries.calls_per_period(CALLS.assign(organization_user_id=ids))
    daily = summaries.combine_days(metrics().assign(user_id=ids[:2]), per_user=True)

    assert 3 == weekly["calls"].sum()
    assert sorted(map(str, set(ids))) == weekly["organization_user_id"].unique().tolist()
    assert set(map(str, ids[:2])) == set(daily["user_id"])


def test_a_lone_surrogate_is_kept():
    """A name or role that cannot be encoded is counted like any other."""
    users = USERS.assign(
        display_name=pd.Series(["Ada \ud83d", "Dee", None], dtype=object),
        roles=pd.Series([["\ud83d"], [], None], dtype=object),
    )

    assert {"Ada \ud83d", "Dee"} == set(summaries.calls_per_period(CALLS, users)["display_name"])
    assert ["no role", "\ud83d", "unknown"] == summaries.admins_and_roles(users)["value"].tolist()


def test_a_time_outside_of_the_years_1_to_9999_is_missing():
    """The first moment of the year 1 in UTC is in the year 0 in New York; such a user is counted without a date."""
    users = USERS.assign(created_at=times("0001-01-01T00:00Z", "2026-01-01T02:00Z", "2026-03-01T12:00Z"))
    without = summaries.users_without_waiting_room(users.assign(waiting_room_url=None), tz=NEW_YORK)
    silent = summaries.providers_without_calls(users, CALLS, as_of="2026-04-01", tz=NEW_YORK)

    for listed in (without, silent):
        assert "0001" not in repr(listed)
        assert [11] == listed.loc[listed["created_at"].isna(), "id"].tolist()
    assert pd.isna(summaries.users_over_time(users, tz=NEW_YORK)["month"].iloc[-1])


def test_a_provider_who_was_created_after_as_of_is_left_out():
    """The same holds if the local time would be after the year 9999."""
    users = USERS.assign(created_at=times(*["9999-12-31T23:00Z"] * 3))

    assert summaries.providers_without_calls(users, CALLS, as_of="2026-04-01", tz="Asia/Tokyo").empty


def test_the_last_year_is_counted():
    """Years that nanoseconds cannot represent are counted, even if another call has no readable time."""
    created = times("9998-02-01T00:00Z", "9999-12-31T23:00Z", None)
    calls = CALLS.assign(organization_user_id=11, created_at=created)
    yearly = summaries.calls_per_period(calls, by="year")

    assert [1, 1, 1] == yearly["calls"].tolist()
    assert yearly["year"].isna().tolist() == [False, False, True]


def test_a_table_with_unexpected_attrs_is_treated_as_not_fetched():
    """A fetch writes a dictionary to attrs, so other values are ignored."""
    calls = CALLS.copy()
    calls.attrs["kismet"] = None

    assert len(USERS) == len(summaries.providers_without_calls(USERS, calls))
