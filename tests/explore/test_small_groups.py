"""Combinations of values that few people share."""

import pandas as pd
import pytest

import kismet_nb as kn

KEY = "an invented key, long enough for a test"


def test_each_combination_below_k_is_found_with_its_counts():
    """The smallest comes first. The values keep their dtypes, and a missing value counts as a value."""
    users = pd.DataFrame(
        {
            "is_admin": pd.array([True, True, False, False, False, None], "boolean"),
            "roles": [["provider"], ["provider"], [], [], [], None],
            "created_at": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-01", "2026-02-01", "2026-02-01", None]),
        }
    )
    small = kn.small_groups(users, ["is_admin", "roles", "created_at"], k=2)

    assert ["is_admin", "roles", "created_at", "people", "rows"] == small.columns.tolist()
    assert [*users.dtypes.tolist(), "Int64", "Int64"] == small.dtypes.astype("object").tolist()
    assert [[False, [], 1], [None, None, 1]] == small[["is_admin", "roles", "people"]].astype(object).replace(
        {pd.NA: None}
    ).to_numpy().tolist()
    assert [1, 1, 2, 2] == kn.small_groups(users, users.columns, k=3)["people"].tolist()
    assert kn.small_groups(users, "is_admin", k=2)["rows"].tolist() == [1]


def test_calls_count_people_not_rows(client):
    """A group of one person with many calls is found. Another column can identify the person."""
    calls, participants = kn.fetch_calls([1005, 1002], participants=True, client=client)
    calls["state"] = calls["state"].where(calls["organization_user_id"] != 1005, "unusual")
    [one] = kn.small_groups(calls, "state", k=2).query("state == 'unusual'").itertuples()

    assert (1, (calls["organization_user_id"] == 1005).sum()) == (one.people, one.rows)
    assert one.rows > 5
    assert kn.small_groups(calls, "organization_user_id", of="id")["people"].ge(5).sum() == 0
    assert len(participants) == kn.small_groups(participants, "organization_user_id", k=10**6)["rows"].sum()


def test_rows_without_a_person_count_as_one():
    """They may all belong to one person."""
    metrics = pd.DataFrame({"user_id": pd.array([None, None, 11], "Int64"), "theme": ["ocean"] * 3})

    assert [2] == kn.small_groups(metrics, "theme", k=3)["people"].tolist()


def test_one_id_in_two_organizations_is_two_people():
    """Ids are unique within one organization."""
    calls = pd.DataFrame({"organization": ["a", "b"], "organization_user_id": [11, 11], "state": ["ended", "ended"]})

    assert [2] == kn.small_groups(calls, "state", k=3)["people"].tolist()


def test_a_user_with_several_rows_is_one_person():
    """A history of a store has a row for each state. Ten states of one user hide nobody."""
    users = pd.DataFrame({"id": [11] * 10, "theme": ["forest"] * 10})

    assert [[1, 10]] == kn.small_groups(users, "theme")[["people", "rows"]].to_numpy().tolist()


def test_a_category_that_no_row_has_is_no_group():
    """Nobody has a combination that does not occur, so it identifies nobody."""
    users = pd.DataFrame({"theme": pd.Categorical(["ocean"] * 5, ["ocean", "forest"]), "is_admin": [True] * 5})
    none = kn.small_groups(users, ["theme", "is_admin"])

    assert (0, ["category", "bool", "Int64", "Int64"]) == (len(none), none.dtypes.astype("str").tolist())
    assert 1 == len(kn.small_groups(users.head(4), ["theme", "is_admin"]))
    assert 0 == len(kn.small_groups(users.head(0), "theme"))


def test_an_extract_of_the_demo_has_small_groups(client):
    """Codes and months do not hide the only admin who joined in a month. The result records its source."""
    users = kn.fetch_users(client=client)
    extract = kn.pseudonymize(users, key=KEY, ids=True, dates="month")
    columns = ["created_at", "is_admin"]
    small = kn.small_groups(extract, columns)
    sizes = extract.groupby(columns, dropna=False).size()

    assert len(small) == (sizes < 5).sum() > 10
    assert small["people"].sum() == sizes[sizes < 5].sum()
    assert "users" == small.attrs["kismet"]["made_from"][0]["resource"]
    assert ["people", "rows"] == [name for name in kn.pseudonymize(small, key=KEY, dates="year") if name not in columns]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"columns": "nobody"}, "no column nobody"),
        ({"columns": []}, "columns must be"),
        ({"columns": None}, "columns must be"),
        ({"of": "nobody"}, "no column nobody"),
        ({"of": ["theme"]}, "of must be"),
        ({"k": 1}, "k must be"),
        ({"k": True}, "k must be"),
        ({"k": 2.5}, "k must be"),
        ({"df": {}}, "DataFrame"),
        ({"df": pd.DataFrame([[1, 2]], columns=["theme", "theme"])}, "must be unique"),
        ({"df": pd.DataFrame({"people": [1]}), "columns": "people"}, "its own column people"),
    ],
)
def test_wrong_arguments_are_refused(arguments, reason):
    """The error names the argument or the column."""
    with pytest.raises(kn.InvalidInputError, match=reason):
        kn.small_groups(**{"df": pd.DataFrame({"theme": ["ocean"]}), "columns": "theme", **arguments})
