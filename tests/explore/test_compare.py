"""Every difference between two tables is listed exactly once, and nothing else is listed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kismet_nb as kn

CHANGES = ["added", "removed", "changed"]
COLUMNS = ["email", "is_admin", "score", "seen_at", "roles"]
# Few values, so that two tables often share some; ids that a float64 cannot distinguish.
IDS = st.integers(2**53, 2**53 + 5)
VALUES = st.tuples(
    st.sampled_from([None, "", "ada@example.org", "Ada@example.org"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, 0, 1, 2**53, 2**53 + 1]),
    st.sampled_from([None, dt.datetime(2026, 10, 31, 9, tzinfo=dt.UTC), dt.datetime(2026, 10, 31, 9, 0, 0, 5, dt.UTC)]),
    st.sampled_from([None, [], ["admin"], ["admin", "provider"], ["provider", "admin"]]),
)
TABLES = st.dictionaries(IDS, VALUES, max_size=6)
often = settings()


def frame(table):
    """Build a table like a fetched one."""
    email, is_admin, score, seen_at, roles = zip(*table.values(), strict=True) if table else ((),) * 5
    return pd.DataFrame(
        {
            "id": pd.array(list(table), dtype="Int64"),
            "email": pd.array(email, dtype="str"),
            "is_admin": pd.array(is_admin, dtype="boolean"),
            "score": pd.array(score, dtype="Int64"),
            "seen_at": pd.Series(pd.to_datetime(list(seen_at), utc=True, format="ISO8601")).astype(
                "datetime64[us, UTC]"
            ),
            "roles": pd.Series(list(roles), dtype=object),
        }
    )


def disguised(table):
    """Return the same values in another order, with other dtypes, another time zone, and other missing values."""
    others = {"id": None, "email": np.nan, "is_admin": pd.NaT, "score": None, "roles": np.nan}
    for name, missing in others.items():
        column = np.empty(len(table), dtype=object)
        column[:] = [missing if value is pd.NA or value is None else value for value in table[name].tolist()]
        table[name] = pd.Series(column, dtype=object)
    table["seen_at"] = table["seen_at"].dt.tz_convert("America/New_York").astype("datetime64[ns, America/New_York]")
    return table.iloc[::-1]


def as_tuples(changes):
    """Return the changes as tuples, with None for missing values."""
    facts = changes[["change", "id", "column", "before", "after"]].astype(object)
    return list(facts.where(facts.notna(), None).itertuples(index=False, name=None))


def shown(value):
    """Return a value as compare writes it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, dt.datetime) else value


@given(before=TABLES, after=TABLES)
@often
def test_every_difference_is_listed_once_and_in_order(before, after):
    """Added, removed and changed rows are listed by key, then in the order of the columns."""
    expected = [("added", key, None, None, None) for key in sorted(after.keys() - before.keys())]
    expected += [("removed", key, None, None, None) for key in sorted(before.keys() - after.keys())]
    expected += [
        ("changed", key, column, shown(old), shown(new))
        for key in sorted(before.keys() & after.keys())
        for column, old, new in zip(COLUMNS, before[key], after[key], strict=True)
        if old != new
    ]

    assert expected == as_tuples(kn.compare(frame(before), frame(after), key="id"))
    assert expected == as_tuples(kn.compare(frame(before), disguised(frame(after)), key="id"))


@given(table=TABLES)
@often
def test_a_table_does_not_differ_from_itself(table):
    """The same values in another order, with other dtypes, another zone and other missing values, are no change."""
    same = kn.compare(frame(table), disguised(frame(table)), key="id")

    assert ["change", "id", "email", "column", "before", "after"] == list(same.columns)
    assert [] == as_tuples(same)


@given(before=TABLES, after=TABLES)
@often
def test_swapping_before_and_after_swaps_the_changes(before, after):
    """Added rows become removed rows, and old and new values are swapped."""
    forth = as_tuples(kn.compare(frame(before), frame(after), key="id"))
    back = as_tuples(kn.compare(frame(after), frame(before), key="id"))
    swap = {"added": "removed", "removed": "added", "changed": "changed"}

    assert sorted(forth, key=repr) == sorted(((swap[c], k, n, new, old) for c, k, n, old, new in back), key=repr)


def one(value, dtype=object):
    """Build a table of one value."""
    column = np.empty(1, dtype=object)
    column[0] = value
    return pd.DataFrame({"id": [1], "x": pd.Series(column, dtype=object).astype(dtype)})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (True, 1),
        (5, "5"),
        ([1], [True]),
        ([["a"]], [["b"]]),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ("", None),
        (0, None),
        ([], None),
        (2**53, 2**53 + 1),
        (float(2**53), 2**53 + 1),
        ("Zoe\u0308", "Zoë"),
        (pd.Timestamp("2026-10-31T09:00:00"), pd.Timestamp("2026-10-31T09:00:00Z")),
        (pd.Timestamp("2026-10-31T09:00:00Z"), pd.Timestamp("2026-10-31T09:00:00.000000001Z")),
        (dt.date(2026, 10, 31), dt.date(2026, 11, 1)),
    ],
)
def test_values_that_only_look_alike_are_changes(old, new):
    """A boolean is not a number, a number is not text, an empty text is not missing, and every digit counts."""
    assert [("changed", 1, "x")] == [row[:3] for row in as_tuples(kn.compare(one(old), one(new), key="id"))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, float("nan")),
        (pd.NaT, pd.NA),
        (5, 5.0),
        (["a", None], np.array(["a", float("nan")], dtype=object)),
        ({"a": [1], "b": 2}, {"b": 2.0, "a": (1,)}),
        (pd.Timestamp("2026-10-31T09:00Z"), pd.Timestamp("2026-10-31T05:00", tz="America/New_York")),
        (pd.Timestamp("2026-10-31T09:00Z"), dt.datetime(2026, 10, 31, 9, tzinfo=dt.UTC)),
        (pd.Timestamp("2026-10-31T09:00Z"), "2026-10-31T09:00:00Z"),
        (pd.Timestamp("2026-10-31"), dt.date(2026, 10, 31)),
        (pd.Timestamp("2026-10-31"), "2026-10-31"),
        (pd.Period("2026-10-31", "D"), dt.date(2026, 10, 31)),
    ],
)
def test_the_same_value_in_another_representation_is_no_change(old, new):
    """Neither for missing values, numbers and lists, nor for times in another zone or as the API's text."""
    assert [] == as_tuples(kn.compare(one(old), one(new), key="id"))


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "Float64", "str", "category", "datetime64[us]"])
@pytest.mark.parametrize("other", ["same", "object"])
def test_every_dtype_is_compared(dtype, other):
    """In each dtype, changed values are found and equal values are not, also against the same values as objects."""
    columns = (
        pd.Series(["2026", "2027"]).astype("datetime64[us]" if dtype == "datetime64[us]" else "int64").astype(dtype)
    )
    before = pd.DataFrame({"id": [1, 2], "x": columns})
    after = pd.DataFrame({"id": [1, 2], "x": columns.iloc[[0, 0]].to_numpy()}).astype({"x": dtype})
    if other == "object":
        after["x"] = after["x"].astype(object)

    assert [("changed", 2, "x")] == [row[:3] for row in as_tuples(kn.compare(before, after, key="id"))]


@pytest.mark.parametrize("dtype", ["object", "category", "date32[pyarrow]", "period[D]"])
def test_a_date_equals_the_timestamp_of_its_midnight(dtype):
    """A date in another dtype is no change, as a value and as a key."""
    days = pd.DataFrame({"id": [1, 2], "date": pd.to_datetime(["2026-09-01", "2026-09-02"])})
    dates = days["date"] if dtype == "period[D]" else days["date"].dt.date
    others = days.assign(date=dates.astype(dtype))
    later = pd.DataFrame({"id": [1, 2], "date": pd.to_datetime(["2026-09-01", "2026-09-03"])})

    for key in ("id", "date"):
        assert kn.compare(days, others, key=key).empty
        assert kn.compare(others, days, key=key).empty
        assert kn.compare(others, others, key=key).empty
    assert [("changed", 2, "date", "2026-09-02", "2026-09-03")] == as_tuples(kn.compare(others, later, key="id"))
    assert ["added", "removed"] == kn.compare(others, later, key="date")["change"].tolist()


def test_an_added_and_a_removed_column_are_one_change_each():
    """Each is one row without a key, for any number of rows in the table."""
    before, after = (pd.DataFrame({"id": [1, 2], name: ["a", "b"]}) for name in ("old", "new"))

    assert [("column added", None, "new", None, None), ("column removed", None, "old", None, None)] == as_tuples(
        kn.compare(before, after, key="id")
    )


def fetched(source=None, **columns):
    """Build a table of users with provenance."""
    size = len(next(iter(columns.values()), [1, 2]))
    table = pd.DataFrame({"id": pd.array([1, 2][:size], dtype="Int64"), **columns})
    table.attrs["kismet"] = {
        "resource": "users",
        "filters": [],
        "api_host": "api.kismethealth.com",
        "rows": size,
        "verdict": "complete",
    } | (source or {})
    return table


def test_a_column_that_the_server_stopped_sending_is_removed():
    """If a column that is never empty is missing in every row, the server did not send it."""
    before = fetched(is_admin=[True, False], roles=[None, None])
    after = fetched(is_admin=pd.array([None, None], dtype="boolean"), roles=[["provider"], []])

    assert [("column added", "roles"), ("column removed", "is_admin")] == [
        (row[0], row[2]) for row in as_tuples(kn.compare(before, after))
    ]


def test_a_column_that_may_be_empty_is_compared_row_by_row():
    """The first waiting room of an organization is a change of its user. An empty table has no removed columns."""
    before = fetched(waiting_room_url=pd.array([None, None], dtype="str"))
    after = fetched(waiting_room_url=["https://app.example.org/meet/a", None])

    assert [("changed", 1, "waiting_room_url", None, "https://app.example.org/meet/a")] == as_tuples(
        kn.compare(before, after)
    )
    nobody, both = fetched(is_admin=[]), fetched(is_admin=[True, False])
    assert ["added", "added"] == kn.compare(nobody, both)["change"].tolist()


def test_names_follow_the_key():
    """Each change shows the latest name of its row, even if that column is ignored."""
    before = pd.DataFrame(
        {"id": [1, 2], "display_name": ["Bo Chen", "Ada"], "email": ["bo@example.org", "a@example.org"]}
    )
    after = pd.DataFrame(
        {"id": [2, 3], "display_name": ["Ada Ferris", None], "email": ["a@example.org", "desk@example.org"]}
    )
    changes = kn.compare(before, after, key="id", ignore="email")

    assert ["change", "id", "display_name", "email", "column", "before", "after"] == list(changes.columns)
    assert ["desk@example.org", "bo@example.org", "a@example.org"] == changes["email"].tolist()
    assert ["Bo Chen", "Ada Ferris"] == changes["display_name"].tolist()[1:]


def test_ignored_columns_do_not_count():
    """One or several columns are left out. An unknown name is refused, because it may be a typing error."""
    before = pd.DataFrame({"id": [1], "a": [1], "b": [1], "updated_at": [1]})
    after = before + pd.DataFrame({"id": [0], "a": [1], "b": [1], "updated_at": [1]})

    assert ["a", "b"] == kn.compare(before, after, key="id", ignore="updated_at")["column"].tolist()
    assert ["b"] == kn.compare(before, after, key="id", ignore=("updated_at", "a"))["column"].tolist()
    for name in ("update_at", "id", 3):
        with pytest.raises(kn.InvalidInputError):
            kn.compare(before, after, key="id", ignore=[name])


def test_several_columns_can_be_the_key():
    """All parts of the key together identify a row, and the result is in the order of the key."""
    before = pd.DataFrame({"user": [2, 1, 1], "day": ["b", "b", "a"], "calls": [1, 2, 3]})
    after = pd.DataFrame({"user": [1, 2, 2], "day": ["b", "a", "b"], "calls": [2, 5, 6]})
    changes = kn.compare(before, after, key=["user", "day", "user"])

    assert [["added", 2, "a"], ["removed", 1, "a"], ["changed", 2, "b"]] == changes.iloc[:, :3].values.tolist()


def test_a_part_of_the_key_that_is_always_missing_is_left_out():
    """Metrics of the whole organization have no user in any row. They cannot be compared with metrics by user."""
    whole = pd.DataFrame({"user_id": pd.array([None, None], dtype="Int64"), "date": ["a", "b"], "calls": [1, 2]})
    changes = kn.compare(whole, whole.assign(calls=[1, 3]), key=("user_id", "date"))

    assert ["change", "date", "column", "before", "after"] == list(changes.columns)
    assert ["b"] == changes["date"].tolist()
    with pytest.raises(kn.InvalidInputError, match="before has 2 rows without user_id and date"):
        kn.compare(whole, whole.assign(user_id=1), key=("user_id", "date"))


def test_keys_of_any_type_identify_rows():
    """Numbers and texts in one column, times, and integers of another dtype are keys."""
    mixed = pd.DataFrame({"id": pd.Series(["b", 2, "a", 1], dtype=object)})
    assert [1, 2, "a", "b"] == kn.compare(mixed[:0], mixed, key="id")["id"].tolist()
    times = pd.DataFrame({"id": pd.to_datetime(["2026-10-31T09:00Z", "2026-10-31T10:00Z"])})
    local = times.assign(id=times["id"].dt.tz_convert("Europe/Berlin").astype("datetime64[ns, Europe/Berlin]"))
    assert kn.compare(times, local, key="id").empty
    ids = pd.DataFrame({"id": np.array([2**63 - 1, 2**63 - 2])})
    assert kn.compare(ids, ids.astype("Int64"), key="id").empty
    rounded = pd.DataFrame({"id": np.array([2.0**63])})
    assert ["added", "removed", "removed"] == kn.compare(ids, rounded, key="id")["change"].tolist()
    assert "Int64" == kn.compare(ids, ids[:1], key="id")["id"].dtype
    flags = pd.DataFrame({"id": [True, False]})
    assert kn.compare(flags, flags.astype(object), key="id").empty
    assert ["added"] * 2 + ["removed"] * 2 == kn.compare(flags, flags.astype(int), key="id")["change"].tolist()


@pytest.mark.parametrize(
    ("after", "key", "why"),
    [
        (pd.DataFrame({"id": [1, 1, 1]}), "id", "after has 2 rows with a duplicate id"),
        (pd.DataFrame({"id": [1, None]}), "id", "after has 1 rows without id"),
        (pd.DataFrame({"id": [None]}), "id", "after has 1 rows without id"),
        (pd.DataFrame({"no": [1]}), "id", "after has no column id"),
        (pd.DataFrame({"id": [1]}).set_index("id"), "id", "reset_index"),
        (pd.DataFrame({"id": [[1]]}), "id", "lists or objects"),
        (pd.DataFrame({"id": [1]}), (), "key='id'"),
        (pd.DataFrame({"id": [1]}), [1], "name of a column"),
        (pd.DataFrame({"id": [1]}), None, "name of a column"),
        (pd.DataFrame({"id": [1], "before": [1]}), "before", "own column before"),
        (pd.DataFrame([[1, 2]], columns=["id", "id"]), "id", "without duplicates"),
        ("users.parquet", "id", "kn.read_export"),
    ],
)
def test_rows_that_cannot_be_identified_are_refused(after, key, why):
    """If a key has missing or duplicate values, does not exist or is not named, the error shows no value."""
    with pytest.raises(kn.InvalidInputError, match=why):
        kn.compare(pd.DataFrame({"id": [1], "before": [1]}), after, key=key)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"resource": "roles"}, "before has users, after has roles"),
        ({"api_host": "api.example.org"}, "before has api.kismethealth.com, after has api.example.org"),
        ({"filters": ["email"]}, "filters"),
        ({"verdict": "incomplete"}, "after is incomplete"),
        ({"rows": 131}, "after was filtered"),
        ({"pseudonymized": ["email"], "pseudonym_key": "abc234"}, "before has none, after has some in email"),
    ],
)
def test_tables_of_different_origin_are_refused(source, why):
    """Another resource, host or filter, or an incomplete or filtered table, would look like changes."""
    with pytest.raises(kn.InvalidInputError, match=why):
        kn.compare(fetched(), fetched(source))
    with pytest.raises(kn.InvalidInputError):
        kn.compare(fetched(source), fetched(), key="id")


def test_tables_in_the_wrong_order_are_refused():
    """Added rows would look removed."""
    with pytest.raises(kn.InvalidInputError, match="Swap them"):
        kn.compare(fetched({"fetched_at": "2026-11-02T09:00:00+00:00"}), fetched({"fetched_at": "2026-11-01T09:00:00"}))


def test_two_filtered_tables_are_compared():
    """Both tables may be filtered after the fetch."""
    before, after = fetched({"rows": 131}), fetched({"rows": 140}, email=["a@example.org", "b@example.org"])

    assert ["column added"] == kn.compare(before, after)["change"].tolist()


def test_the_demo_is_compared_across_ports_and_the_result_exported(demo, client, tmp_path):
    """Two demo organizations count as the same host, and the result can be exported."""
    users = kn.fetch_users(client=client)
    with (
        kn.DemoOrganization() as again,
        kn.KismetClient("demo-client-id", again.client_secret, api_url=again.api_url) as c,
    ):
        later = kn.fetch_users(client=c)
    assert kn.compare(users, later).empty
    later.loc[3, ["is_admin", "updated_at"]] = [True, pd.Timestamp("2026-11-01", tz="UTC")]
    changes = kn.compare(users, later)

    assert [(False, True), (users["updated_at"][3].isoformat().replace("+00:00", "Z"), "2026-11-01T00:00:00Z")] == list(
        zip(changes["before"], changes["after"], strict=True)
    )
    for name in ("changes.csv", "changes.parquet"):
        pd.testing.assert_frame_equal(changes, kn.read_export(kn.export(changes, tmp_path / name)))
    assert later.attrs["kismet"] == changes.attrs["kismet_compare"]["after"]


def test_comparing_changes_neither_table():
    """Index and attrs stay unchanged too."""
    before, after = fetched(email=["a", "b"]), fetched(email=["a", "c"]).iloc[::-1].set_axis([7, 7])
    copies = before.copy(), after.copy()
    assert ["c"] == kn.compare(before, after)["after"].tolist()

    pd.testing.assert_frame_equal(copies[0], before)
    pd.testing.assert_frame_equal(copies[1], after)
    assert copies[1].attrs == after.attrs


def test_a_lone_surrogate_is_compared():
    """A name that the str dtype cannot contain works as a key, a label and a value."""
    before = pd.DataFrame({"id": [1, 2], "name": pd.Series(["Ada", "Bo \ud83d"], dtype=object)})
    after = before.assign(name=pd.Series(["Ada \ud83d", "Bo \ud83d"], dtype=object))

    assert [("changed", 1, "name", "Ada", "Ada \ud83d")] == as_tuples(kn.compare(before, after, key="id"))
    assert ["Ada \ud83d", "Ada"] == kn.compare(before, after, key="name")["name"].tolist()
