"""Codes instead of names: they are the same for the same key, and no name remains."""

import base64
import hashlib
import hmac

import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

KEY = "an invented key, long enough for a test"


@pytest.fixture
def users(client):
    """Fetch the demo's users."""
    return kn.fetch_users(client=client)


def texts(table):
    """Return all values of a table as one text."""
    return table.to_csv(index=False) + repr(table.attrs)


def test_no_name_is_left(users):
    """Names, addresses and links are codes. Other columns, the dtypes and missing values are unchanged."""
    table = kn.pseudonymize(users, key=KEY)
    personal = ["email", "display_name", "waiting_room_url"]

    for name in personal:
        assert not set(users[name].dropna()) & set(table[name].dropna())
        assert users[name].isna().equals(table[name].isna())
        assert table[name].dropna().str.fullmatch("[a-z2-7]{16}").all()
    pd.testing.assert_frame_equal(users.drop(columns=personal), table.drop(columns=personal))
    assert users.dtypes.equals(table.dtypes)


def test_the_table_records_the_replaced_columns_without_the_key(users):
    """attrs keep the provenance and name the replaced columns. The key and other attrs are not kept."""
    users.attrs["note"] = "for Ada Ferris"
    table = kn.pseudonymize(users, key=KEY)

    columns, key = ["email", "display_name", "waiting_room_url"], table.attrs["kismet"]["pseudonym_key"]
    assert {"kismet": users.attrs["kismet"] | {"pseudonymized": columns, "pseudonym_key": key}} == table.attrs
    assert KEY not in texts(table)
    assert key != kn.pseudonymize(users, key=KEY[::-1]).attrs["kismet"]["pseudonym_key"]


def test_codes_are_the_same_across_tables_and_runs(users):
    """A join by address or name has the same rows as before. Text and its bytes are the same key."""
    invites = pd.DataFrame({"email": users["email"][:9], "display_name": users["display_name"][:9]})
    rooms = pd.DataFrame({"user_display_name": users["display_name"][9:19].dropna()})
    u, i, r = (kn.pseudonymize(table, key=KEY) for table in (users, invites, rooms))

    assert 9 == u["email"].isin(i["email"]).sum()
    assert u["display_name"].isin(r["user_display_name"]).equals(users["display_name"].isin(rooms["user_display_name"]))
    pd.testing.assert_frame_equal(u, kn.pseudonymize(users, key=KEY.encode()))


def test_the_code_is_an_hmac():
    """A code is the start of HMAC-SHA256 in base 32, so another program can compute it with the same key."""
    table = pd.DataFrame({"email": ["ada.ferris@example.org"]})
    code = kn.pseudonymize(table, key=KEY)["email"][0].upper()
    digest = hmac.new(KEY.encode(), b"ada.ferris@example.org", hashlib.sha256).hexdigest()

    assert digest[:20] == base64.b32decode(code).hex()
    assert code != kn.pseudonymize(table, key=KEY + "!")["email"][0].upper()


@pytest.mark.parametrize("key", ["", "short", b"x" * 31, None, 12, "short" * 9 + "\udcff"])
def test_a_key_that_can_be_guessed_is_refused(users, key):
    """A key below 32 bytes, or not in UTF-8, is refused. The error says how to make one, and does not contain it."""
    with pytest.raises(kn.InvalidInputError, match="token_hex") as caught:
        kn.pseudonymize(users, key=key)

    assert "short" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_undocumented_column_is_refused(users):
    """It must be named in columns or in keep."""
    table = users[["email"]].assign(nickname="Ada", visits=3)
    with pytest.raises(kn.InvalidInputError, match="nickname, visits"):
        kn.pseudonymize(table, key=KEY)
    done = kn.pseudonymize(table, key=KEY, columns=["nickname"], keep=["visits"])

    assert "Ada" not in texts(done)
    assert 3 == done["visits"][0]


def test_summaries_are_replaced_without_naming_their_counts(client, users):
    """Counts and times of a summary stay. Names of roles, and text in a column named like a count, are refused."""
    calls = kn.fetch_calls(users["id"][:3].tolist(), client=client)
    weekly = kn.summaries.calls_per_period(calls, users)

    pd.testing.assert_frame_equal(
        weekly.drop(columns="display_name"), kn.pseudonymize(weekly, key=KEY).drop(columns="display_name")
    )
    first = kn.summaries.first_calls(users[users["id"].isin(calls["organization_user_id"])], calls)
    expiring = kn.summaries.invites_expiring(kn.fetch_invites(client=client))
    assert first["days_to_first_call"].equals(kn.pseudonymize(first, key=KEY)["days_to_first_call"])
    assert expiring["days_left"].equals(kn.pseudonymize(expiring, key=KEY)["days_left"])
    with pytest.raises(kn.InvalidInputError, match="contain names: field, value"):
        kn.pseudonymize(kn.summaries.admins_and_roles(users), key=KEY)
    with pytest.raises(kn.InvalidInputError, match="contain names: users"):
        kn.pseudonymize(pd.DataFrame({"users": ["Ada Ferris"]}), key=KEY)


def test_a_summary_of_codes_is_not_coded_again(client, users):
    """The second codes would join with nothing."""
    calls = kn.fetch_calls(users["id"][:3].tolist(), client=client)
    coded_calls, coded_users = (kn.pseudonymize(table, key=KEY, ids=True) for table in (calls, users))
    weekly = kn.summaries.calls_per_period(coded_calls, coded_users)

    with pytest.raises(kn.InvalidInputError, match="already has codes in display_name"):
        kn.pseudonymize(weekly, key=KEY)


def test_column_names_may_be_numbers():
    """Columns are replaced and kept whatever their names are."""
    table = pd.DataFrame({5: ["Ada Ferris"], 6: pd.to_datetime(["2026-02-17"]), 7: pd.Categorical(["ocean"])})
    coded = kn.pseudonymize(table, key=KEY, columns=[5], keep=[6, 7], dates="month")

    assert "Ada" not in texts(coded)
    assert [pd.Timestamp("2026-02-01"), "ocean"] == coded.loc[0, [6, 7]].tolist()


@pytest.mark.parametrize("column", ["year", "month", "last_call"])
def test_a_number_in_a_column_named_like_a_time_of_a_summary_is_refused(users, column):
    """It can be personal, for example a year of birth."""
    with pytest.raises(kn.InvalidInputError, match=f"contain names: {column}"):
        kn.pseudonymize(users.assign(**{column: 1957}), key=KEY)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"keep": ["email"]}, "Leave out: email"),
        ({"keep": ["nobody"]}, "no column nobody"),
        ({"keep": ["nobody", 5]}, "no column 5, nobody"),
        ({"columns": ["nobody"]}, "no column nobody"),
        ({"columns": "email"}, "must be a list"),
        ({"columns": None}, "must be a list"),
        ({"keep": [["email"]]}, "must be a list"),
    ],
)
def test_a_wrong_column_name_is_refused(users, options, reason):
    """Personal columns in keep, unknown names, and text instead of a list are refused."""
    with pytest.raises(kn.InvalidInputError, match=reason):
        kn.pseudonymize(users, key=KEY, **options)


@pytest.mark.parametrize(
    "change",
    [
        lambda users: users.set_index("email"),
        lambda users: users.set_axis(users["email"]),
        lambda users: users[["email", "email"]],
        lambda users: users.assign(display_name=7),
        lambda users: users.assign(email=[["ada.ferris@example.org"]] * len(users)),
        lambda users: users["email"],
    ],
)
def test_a_table_in_which_a_name_could_remain_is_refused(users, change):
    """Names in the index, in duplicate columns, or in values other than text are refused."""
    with pytest.raises(kn.InvalidInputError):
        kn.pseudonymize(change(users), key=KEY)


def test_a_joined_table_is_judged_by_every_declaration(client, users):
    """A column that is personal in any table is replaced, unless the table's own declaration differs."""
    roles = kn.fetch_roles(client=client)
    joined = users[["id", "is_admin"]].assign(name="Ada Ferris")

    assert roles["name"].equals(kn.pseudonymize(roles, key=KEY)["name"])
    assert "Ada" not in texts(kn.pseudonymize(joined, key=KEY))


def test_a_table_with_foreign_attrs_is_treated_as_not_fetched(users):
    """A fetch writes a dictionary, so other values are ignored."""
    users.attrs["kismet"] = "my users"

    assert {"pseudonymized", "pseudonym_key"} == kn.pseudonymize(users, key=KEY).attrs["kismet"].keys()


def test_an_empty_table_stays_unchanged(client):
    """The columns and dtypes are as before."""
    nobody = kn.fetch_users("nobody@example.org", client=client)

    pd.testing.assert_frame_equal(nobody, kn.pseudonymize(nobody, key=KEY))


def test_every_declared_name_is_personal():
    """Every column with the name of a name, address or link is replaced, except those of roles and organizations."""
    left = {
        (resource.name, column.name)
        for resource in RESOURCES.values()
        for column in resource.columns
        if not column.personal and any(part in column.name for part in ("email", "name", "url", "slug"))
    }
    assert {("roles", "name"), ("invites", "organization_name")} == left


def test_the_dictionary_says_which_columns_are_personal():
    """An analyst can look up which columns will be replaced."""
    words = kn.describe("users").set_index("column")["personal"]

    assert ["email", "display_name", "waiting_room_url"] == words[words].index.tolist()


def test_a_lone_surrogate_has_a_code():
    """A name that the str dtype cannot contain is replaced like any other."""
    table = pd.DataFrame({"display_name": pd.Series(["Ada \ud83d", "Dee", None], dtype=object)})
    codes = kn.pseudonymize(table, key=KEY)["display_name"]

    assert 2 == codes.str.fullmatch("[a-z2-7]{16}").sum() == codes.nunique()
