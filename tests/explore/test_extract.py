"""A de-identified extract: ids are codes that still join, times are coarse, and no unknown values remain."""

import datetime as dt
import re

import pandas as pd
import pyarrow as pa
import pytest

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

KEY = "an invented key, long enough for a test"


@pytest.fixture(scope="module")
def clinic(demo):
    """Fetch the demo's users, the calls of some of them with names of participants, and the other tables."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        users = kn.fetch_users(client=client)
        calls, participants = kn.fetch_calls(users.head(9), participants=True, participant_names=True, client=client)
        metrics = kn.fetch_call_metrics("2026-10-01", "2026-10-31", by_user=True, client=client)
        egresses = kn.fetch_egresses(calls.head(90), client=client)
        rooms, roles = kn.fetch_waiting_rooms(client=client), kn.fetch_roles(client=client)
        tables = [users, calls, participants, metrics, egresses, rooms, roles, kn.fetch_invites(client=client)]
    return {table.attrs["kismet"]["resource"]: table for table in tables}


def extract(table, **options):
    """Return a table as an extract to give away."""
    return kn.pseudonymize(table, **{"key": KEY, "ids": True, "dates": "month", **options})


def test_no_name_id_or_time_of_the_source_is_in_a_file(clinic):
    """The cells and the raw bytes of CSV and Parquet contain no name, address, id or time of the tables."""
    secret, files = set(), []
    for resource, table in clinic.items():
        coded = extract(table)
        for suffix, options in ((".csv", {}), (".parquet", {"compression": None})):
            files.append(kn.export(coded, f"{resource}{suffix}", **options))
            assert kn.read_export(files[-1]).equals(coded)
        files.append(files[-2].with_suffix(".csv.json"))
        for name in coded.attrs["kismet"]["pseudonymized"]:
            secret |= {str(value) for value in table[name].dropna()}
        for name in table.columns[table.dtypes == "datetime64[us, UTC]"]:
            secret |= {f"{time:%Y-%m-%d %H:%M:%S}" for time in table[name].dropna()}
    ids = {text for text in secret if text.isdigit() and len(text) > 3}

    assert len(secret) > 3000
    assert len(ids) > 900
    for file in files:
        text = file.read_bytes().decode("utf-8", "ignore")
        assert not ids & set(re.findall(r"(?<![\w.])\d+(?![\w.])", text))
        assert not [value for value in secret if not value.isdigit() and value in text]


def test_the_coded_tables_join_as_before(clinic):
    """Users, calls, participants and metrics have as many matches as their sources, also with ids of other dtypes."""
    users, calls, participants, metrics = (clinic[name] for name in ("users", "calls", "participants", "call_metrics"))
    u, c, p, m = (extract(table) for table in (users, calls, participants, metrics))
    one, two = ["organization_user_id", "id"], ["organization_user_id", "call_id"]

    assert len(calls) == len(u.merge(c, left_on="id", right_on="organization_user_id"))
    assert len(participants) == len(c.merge(p, left_on=one, right_on=two))
    assert len(metrics) == len(u.merge(m, left_on="id", right_on="user_id"))
    for dtype in ("str", "float64", "object"):
        assert set(extract(users.astype({"id": dtype}))["id"]) == set(u["id"])


def test_all_dtypes_except_those_of_ids_are_kept(clinic):
    """Ids become text, and missing values stay missing. A table without rows is no error."""
    for resource, table in clinic.items():
        ids = {column.name for column in RESOURCES[resource].columns if column.name in table and column.identifying}
        coded = extract(table)

        assert coded.dtypes.to_dict() == {
            **table.dtypes.to_dict(),
            **dict.fromkeys(ids, pd.StringDtype(na_value=float("nan"))),
        }
        assert coded.isna().sum().equals(table.isna().sum())
        assert extract(table.head(0)).dtypes.equals(coded.dtypes)


def test_every_id_of_the_api_is_declared():
    """Every column whose name ends in "id" is replaced. The other replaced columns contain labels or free text."""
    names = {
        column.name: column for resource in RESOURCES.values() for column in resource.columns if column.identifying
    }
    keys = {
        column.name
        for resource in RESOURCES.values()
        for column in resource.columns
        if column.name.endswith("id") and not column.personal
    }

    assert {"organization_name", "error", "description"} == names.keys() - keys
    assert keys <= names.keys()


def test_without_options_nothing_is_different(clinic):
    """Without ids and dates, rows, ids and times stay unchanged."""
    users = clinic["users"]
    plain = kn.pseudonymize(users, key=KEY)

    assert plain[["id", "created_at"]].equals(users[["id", "created_at"]])
    assert "coarse_times" not in plain.attrs["kismet"]
    assert not set(kn.pseudonymize(users, key=KEY, ids=True)["id"]) & set(users["id"].astype("str"))
    assert set(kn.pseudonymize(users, key=KEY, dates="day")["id"]) == set(users["id"])


def test_the_order_of_rows_reveals_nothing(clinic):
    """The API lists users in the order of joining. An extract has another order, the same each time for one key."""
    users = clinic["users"]
    one, other = (kn.pseudonymize(users[users["id"] > 1005], key=KEY, dates="day") for _ in range(2))

    assert not one["id"].is_monotonic_increasing
    assert pd.RangeIndex(len(one)).equals(one.index)
    pd.testing.assert_frame_equal(one, other)


def test_the_order_of_one_table_does_not_reveal_that_of_another(clinic):
    """The days of a summary show how its rows were mixed. A table of as many users was mixed in another way."""
    users = clinic["users"].head(30)
    days = pd.DataFrame({"day": pd.date_range("2026-01-01", periods=30, unit="us"), "calls": 1})
    mixed = kn.pseudonymize(days, key=KEY, dates="day")["day"].rank().tolist()

    assert mixed != kn.pseudonymize(users, key=KEY, dates="day")["id"].rank().tolist()


@pytest.mark.parametrize(
    ("unit", "start"),
    [
        ("day", "2026-11-05"),
        ("week", "2026-11-02"),
        ("month", "2026-11-01"),
        ("quarter", "2026-10-01"),
        ("year", "2026-01-01"),
    ],
)
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "Asia/Tokyo"])
def test_a_time_becomes_the_first_moment_of_its_unit(unit, start, zone):
    """The unit is in the column's own zone. The dtype and missing times stay."""
    times = pd.Series(pd.to_datetime(["2026-11-05 23:30:01.25", None])).dt.tz_localize(zone).astype("object")
    for dtype in ("us", "ns"):
        column = pd.to_datetime(times).dt.as_unit(dtype)
        coarse = kn.pseudonymize(pd.DataFrame({"created_at": column}), key=KEY, dates=unit)["created_at"]

        assert column.dtype == coarse.dtype
        assert [pd.Timestamp(start, tz=zone)] == coarse.dropna().tolist()
        assert 1 == coarse.isna().sum()


def test_times_of_every_origin_become_coarse():
    """The metrics' days, a summary's times, a kept column of the user, and Arrow's times are coarse."""
    time = pd.to_datetime(["2026-02-17T15:04:05Z"])
    arrow = pd.Series(time).astype(pd.ArrowDtype(pa.timestamp("us", "UTC")))
    table = pd.DataFrame({"date": time.tz_localize(None), "last_call": time, "visit": time, "again": arrow})
    coded = kn.pseudonymize(table, key=KEY, keep=["visit", "again"], dates="month")

    assert ["2026-02-01"] * 4 == [f"{coded[name][0]:%Y-%m-%d}" for name in table]
    assert table.dtypes.equals(coded.dtypes)


def test_a_midnight_that_a_zone_does_not_have():
    """If clocks change at midnight, the day begins an hour later, or at the first of two midnights."""
    times = pd.to_datetime(["2026-09-06T12:00", "2026-04-04T12:00"]).tz_localize("America/Santiago")
    coded = kn.pseudonymize(pd.DataFrame({"created_at": times}), key=KEY, dates="day")["created_at"]

    assert {"2026-09-06 01:00", "2026-04-04 00:00"} == set(coded.dt.strftime("%Y-%m-%d %H:%M"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda users: users.assign(team="Ada's team"), "contain names: team"),
        (lambda users: users.assign(team=[{"lead": "Ada Ferris"}] * len(users)), "contain names: team"),
        (lambda users: users.assign(is_admin="Ada Ferris"), "is_admin contains values other than booleans"),
        (
            lambda users: users.assign(created_at=users["created_at"].astype("str")),
            "created_at contains values other than",
        ),
        (lambda users: users.assign(roles=[["ada_ferris_assistant"]] * len(users)), "roles contains values other than"),
        (lambda users: users.assign(roles=[[{"by": "Ada"}]] * len(users)), "roles contains values other than"),
        (lambda users: users.assign(id=[[11]] * len(users)), "id contains values other than text and whole"),
        (lambda users: users.assign(id=1.5), "id contains values other than text and whole"),
        (lambda users: users.assign(id=2.0**53), "id contains values other than text and whole"),
        (lambda users: users.assign(id=True), "id contains values other than text and whole"),
        (lambda users: users.assign(days_since_call=3), "reveals the day"),
        (lambda users: users.assign(days_left=3), "reveals the day"),
    ],
)
def test_a_column_that_could_identify_a_person_is_refused(clinic, change, reason):
    """A new column, a documented one with other values, an unknown role, and a number of days are errors."""
    with pytest.raises(kn.InvalidInputError, match=reason):
        extract(change(clinic["users"]))


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2026, 2, 17)],
        [pd.Period("2026-02-17", "D")],
        pd.Categorical([pd.Timestamp("2026-02-17")]),
        pd.array([dt.date(2026, 2, 17)], pd.ArrowDtype(pa.date32())),
        pd.cut(pd.to_datetime(["2026-02-17"]), pd.to_datetime(["2026-02-16", "2026-02-18"])),
        [[pd.Timestamp("2026-02-17")]],
    ],
)
def test_times_in_another_dtype_are_refused(values):
    """They could not be made coarse. The error says how to convert them."""
    table = pd.DataFrame({"visit": values})
    with pytest.raises(kn.InvalidInputError, match=r"visit contains times.*to_datetime"):
        kn.pseudonymize(table, key=KEY, keep=["visit"], dates="month")


def test_keep_keeps_the_named_columns(clinic):
    """A documented column with unexpected values, a label and an id can be kept; a personal column cannot."""
    users = clinic["users"].assign(roles=[["nurse"]] * len(clinic["users"]), days_since_call=3, organization="North")
    coded = extract(users, keep=["roles", "days_since_call", "organization", "id"])

    assert [["nurse"], 3, "North"] == coded.loc[0, ["roles", "days_since_call", "organization"]].tolist()
    assert set(coded["id"]) == set(users["id"])
    with pytest.raises(kn.InvalidInputError, match="Leave out: email"):
        extract(users, keep=["email"])


def test_a_file_contains_no_unused_category(clinic):
    """A filtered column of categories would keep the unused ones."""
    rooms = clinic["waiting_rooms"].astype({"theme": "category"})
    rooms["site"] = pd.Categorical(["North"] * (len(rooms) - 1) + ["Ada's practice"])
    coded = extract(rooms[(rooms["theme"] == "forest") & (rooms["site"] == "North")], keep=["site"])

    assert ["forest"] == coded["theme"].cat.categories.tolist()
    assert b"Ada's practice" not in kn.export(coded, "rooms.parquet", compression=None).read_bytes()


@pytest.mark.parametrize("dates", ["hour", "months", "", True, 1, ["month"]])
def test_an_unknown_unit_is_refused(clinic, dates):
    """The error names the units."""
    with pytest.raises(kn.InvalidInputError, match="day, week, month, quarter, year"):
        kn.pseudonymize(clinic["users"], key=KEY, dates=dates)


def test_the_columns_of_a_store_need_no_arguments(client):
    """The store's label and times are documented. With ids, the label is a code, also in attrs."""
    kn.sync("store", "users", organization="north clinic", client=client)
    users = kn.read_store("store", "users", history=True)
    now = kn.read_store("store", "users")
    plain, coded = kn.pseudonymize(now, key=KEY), extract(now)

    assert {"north clinic"} == set(plain["organization"])
    assert coded["organization"].unique().tolist() == coded.attrs["kismet"]["organizations"]
    assert "north clinic" not in coded.to_csv() + repr(coded.attrs)
    assert "north clinic" not in repr(kn.pseudonymize(now, key=KEY, columns=["organization"]).attrs)
    assert "north clinic" not in repr(extract(now.drop(columns="organization")).attrs)
    assert extract(users).columns.equals(users.columns)


def test_the_record_of_a_query_is_left_out(client):
    """A query can contain a name, and the versions that it read are recorded by organization."""
    kn.sync("store", "users", organization="north clinic", client=client)
    found = kn.sql("store", "SELECT organization, is_admin FROM users WHERE display_name = 'Ximena Park'")

    assert {"query", "versions"} <= found.attrs["kismet"].keys()
    for coded in (kn.pseudonymize(found, key=KEY), extract(found)):
        assert not {"query", "versions"} & coded.attrs["kismet"].keys()
    assert not re.search("Ximena|north clinic", coded.to_csv() + repr(coded.attrs))


@pytest.mark.parametrize("column", ["organization", "ended"])
def test_a_users_own_column_with_a_name_of_the_store_is_refused(clinic, column):
    """The values differ: the store's label is text, and its rows end as removed or changed."""
    table = clinic["users"].assign(**{column: [["Ada Ferris"]] * len(clinic["users"])})
    with pytest.raises(kn.InvalidInputError, match=f"contain names: {column}"):
        kn.pseudonymize(table, key=KEY)


def test_extracts_with_different_options_are_not_compared(clinic):
    """Every time would look like a change. Extracts with the same options are compared by their codes."""
    users = clinic["users"]
    later = extract(users[users["id"] != 1005])

    later.attrs["kismet"]["rows"] = len(later)
    assert ["removed"] == kn.compare(extract(users), later)["change"].tolist()
    with pytest.raises(kn.InvalidInputError, match=r"with times by month, after has .* with times by year"):
        kn.compare(extract(users), extract(users, dates="year"))


def test_codes_are_not_coded_again(clinic):
    """Otherwise the second codes would be the same in no other table."""
    with pytest.raises(kn.InvalidInputError, match=r"already has codes in .*email"):
        kn.pseudonymize(extract(clinic["users"]).assign(team="north"), key=KEY, columns=["team"])


def test_coarse_times_stay_recorded(client):
    """A table without codes could lose the record of its unit in a second call."""
    coarse = kn.pseudonymize(
        kn.fetch_roles(client=client).assign(seen_from=pd.Timestamp("2026-02-17")), key=KEY, dates="week"
    )
    with pytest.raises(kn.InvalidInputError, match="already has times by week"):
        kn.pseudonymize(coarse, key=KEY, ids=True)


def test_a_summary_records_that_its_source_has_coarse_times(clinic):
    """The times of a summary are only as exact as those of its table."""
    summary = kn.summaries.users_over_time(extract(clinic["users"]))

    assert "month" == summary.attrs["kismet"]["made_from"][0]["coarse_times"]
