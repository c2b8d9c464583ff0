"""A profile of a table: a summary of each column without a text value."""

import pandas as pd
import pytest

import kismet_nb as kn


def test_a_profile_describes_each_column(client):
    """Counts, ranges and meanings are from the table and its declaration. There is no name or address."""
    users = kn.fetch_users(client=client)
    profile = kn.profile(users).set_index("column")

    assert kn.describe("users")["column"].tolist() == profile.index.tolist()
    assert [25, 106] == profile.loc["waiting_room_url", ["missing", "distinct"]].tolist()
    assert "1002 to 1334" == profile.loc["id", "content"]
    assert "true 8, false 123" == profile.loc["is_admin", "content"]
    assert "2023-01-12 to 2026-10-28 (UTC)" == profile.loc["created_at", "content"]
    assert "2 to 85 characters" == profile.loc["display_name", "content"]
    assert "all missing" == profile.loc["roles", "content"]
    assert "Display name." == profile.loc["display_name", "meaning"]
    assert not {"Ximena Park", "ximena.park@example.com"} & set(profile.astype(str).to_numpy().ravel())


def test_a_profile_names_undocumented_codes_and_columns(client):
    """A new state, theme or role is named, in lists too."""
    calls = kn.profile(kn.fetch_calls([1005], client=client)).set_index("column")
    invites = kn.fetch_invites(client=client)
    invites.at[0, "roles"] = ["provider", "auditor"]
    invites["score"] = 1.5
    notes = kn.profile(invites).set_index("column")["note"]

    assert "not in the documentation: ended" == calls.loc["state", "note"]
    assert "not in the documentation: auditor" == notes["roles"]
    assert "not documented" == notes["score"]
    assert "" == notes["status"]


def test_a_profile_of_any_table():
    """Without a declaration there are no meanings and notes. The profile of an empty table has one row per column."""
    table = pd.DataFrame({"a": [[1], [2, 3]], "b": [0.5, None]})
    table.attrs["kismet"] = "my table"

    assert ["1 to 2 entries", "0.5 to 0.5"] == kn.profile(table)["content"].tolist()
    assert ["", ""] == kn.profile(table)["note"].tolist()
    assert ["no rows", "no rows"] == kn.profile(table.head(0))["content"].tolist()
    with pytest.raises(kn.InvalidInputError, match="not dict"):
        kn.profile({})


def test_a_profile_accepts_a_lone_surrogate():
    """Names and codes that the str dtype cannot contain are counted, and a new code is named."""
    table = pd.DataFrame({"display_name": pd.Series(["Ada \ud83d", "Dee"], dtype=object), "roles": [["\ud83d"], []]})
    table.attrs["kismet"] = {"resource": "invites"}
    profile = kn.profile(table).set_index("column")

    assert "3 to 5 characters" == profile.loc["display_name", "content"]
    assert "not in the documentation: \ud83d" == profile.loc["roles", "note"]


def test_a_profile_of_categories_describes_their_values():
    """A categorical column is described like the same values without categories."""
    table = pd.DataFrame({"a": ["xx", "xx", None], "b": [9, 7, 7], "c": pd.to_datetime(["2026-02-03"] * 3)})
    plain, categories = kn.profile(table), kn.profile(table.astype("category"))

    assert ["category"] * 3 == categories["dtype"].tolist()
    pd.testing.assert_frame_equal(plain.drop(columns="dtype"), categories.drop(columns="dtype"))


@pytest.mark.parametrize("fetch", [kn.fetch_users, kn.fetch_invites, kn.fetch_waiting_rooms])
def test_pandas_shows_every_text_of_a_profile_in_full(client, fetch):
    """A notebook truncates texts of 50 characters, so only the most frequent of a hundred codes are named."""
    table = fetch(client=client)
    name = next(name for name in ("state", "status", "theme", "roles") if name in table)
    codes = [f"code number {number}" for number in range(100)]
    values = ["code number 99", *(codes[number % 100] for number in range(len(table) - 1))]
    table[name] = [[value] for value in values] if name == "roles" else values
    profile = kn.profile(table).set_index("column")

    assert profile.select_dtypes("str").apply(lambda texts: texts.str.len().max()).max() <= 49
    assert "..." not in profile._repr_html_()
    assert profile.loc[name, "content"].startswith("code number 99 ")
    assert profile.loc[name, "note"].endswith(f"{len(set(values)) - 1} more")


@pytest.mark.parametrize(("width", "shown"), [(80, ["content"]), (120, ["dtype", "distinct", "content"])])
def test_a_narrow_terminal_shows_the_content_of_each_column(client, monkeypatch, width, shown):
    """pandas omits columns in the middle: the meaning, which describe() shows, and not the content."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "40")
    profile = kn.profile(kn.fetch_calls([1005], client=client))
    with pd.option_context("display.max_columns", 0):
        heading = repr(profile).splitlines()[0].split()

    assert {"column", "...", *shown} == set(heading)
