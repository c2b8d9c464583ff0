"""Tables read from a store: dtypes, provenance, organizations, and files for other engines."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from store.clinic import moment, versions
from support.rows import user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES
from kismet_nb.store import read as reading

TABLES = ["users", "egresses", "call_metrics", "waiting_room_subs", "invites", "roles"]


@pytest.fixture
def synced(clinic):
    """Return a clinic whose first version is written."""
    clinic.sync()
    return clinic


def test_every_table_equals_a_fetch(client, demo):
    """Values, dtypes and order of columns are the same, for every table of the demo organization."""
    kn.sync("store", TABLES, client=client, participants=True)
    calls, participants = kn.fetch_calls(client=client, participants=True)
    fetched = {
        "users": kn.fetch_users(client=client),
        "calls": calls,
        "participants": participants,
        "egresses": kn.fetch_egresses(calls, client=client),
        "call_metrics": kn.fetch_call_metrics("2020-01-01", dt.datetime.now(dt.UTC).date(), client=client),
        "waiting_rooms": kn.fetch_waiting_rooms(client=client),
        "waiting_room_subs": kn.fetch_waiting_room_subs(client=client),
        "invites": kn.fetch_invites(client=client),
        "roles": kn.fetch_roles(client=client),
    }

    assert set(RESOURCES) == set(fetched)
    for name, table in fetched.items():
        key = list(RESOURCES[name].key)
        stored = kn.read_store("store", name).drop(columns="organization")
        pd.testing.assert_frame_equal(
            table.sort_values(key, ignore_index=True), stored.sort_values(key, ignore_index=True), obj=name
        )
        assert len(table) > 0


def test_an_empty_table_has_its_columns_and_dtypes(clinic):
    """A synced table without rows can be read, even if it has no file because its files are by month."""
    clinic.users, clinic.calls = [], {}
    clinic.sync("calls")
    for name in ("users", "calls"):
        frame = kn.read_store("store", name)
        assert list(zip(frame.columns, map(str, frame.dtypes), strict=True)) == [
            ("organization", "str"),
            *((column.name, column.dtype) for column in RESOURCES[name].columns),
        ]

    assert ([], 1) == (kn.store_files("store", "calls"), len(kn.store_files("store", "users")))


def test_attrs_have_the_provenance(synced):
    """It has the keys and types of a fetch's provenance, because other functions read it."""
    recorded = kn.read_store("store", "users").attrs["kismet"]
    fetched = kn.fetch_users(client=synced.client).attrs["kismet"]

    assert {key: type(value) for key, value in fetched.items()} | {"organizations": list} == {
        key: type(value) for key, value in recorded.items()
    }
    same = ("resource", "filters", "rows", "pages", "walks", "lists", "verdict", "proof")
    assert {key: fetched[key] for key in same} == {key: recorded[key] for key in same}
    assert moment(versions()[0]) == dt.datetime.fromisoformat(recorded["fetched_at"])
    assert (["clinic-a"], "127.0.0.1") == (recorded["organizations"], recorded["api_host"])


def test_tables_as_of_two_moments_are_compared(synced):
    """The result is that of a comparison of two fetches."""
    synced.users = [user(1, display_name="Ada"), user(3)]
    synced.sync()
    changes = kn.compare(kn.read_store("store", "users", at=moment(versions()[0])), kn.read_store("store", "users"))

    assert [("added", 3), ("removed", 2), ("changed", 1)] == list(zip(changes["change"], changes["id"], strict=True))


def test_organizations_are_one_table(synced):
    """A table has the rows of all organizations, or of those that are named."""
    synced.users = [user(1)]
    synced.sync(organization="clinic-b")

    assert ["clinic-a", "clinic-a", "clinic-b"] == kn.read_store("store", "users")["organization"].tolist()
    assert ["clinic-b"] == kn.read_store("store", "users", organizations="clinic-b")["organization"].tolist()
    assert 2 == len(kn.store_files("store", "users"))
    assert 1 == len(kn.store_files("store", "users", organizations=["clinic-a"]))


def test_an_organization_without_the_table_is_left_out_unless_it_is_named(synced):
    """The provenance names the organizations in the table; a named organization without it is an error."""
    synced.sync("roles", organization="clinic-b")

    assert ["clinic-a"] == kn.read_store("store", "users").attrs["kismet"]["organizations"]
    with pytest.raises(kn.InvalidInputError, match=r"clinic-b has no users in the store.*organization='clinic-b'"):
        kn.read_store("store", "users", organizations=["clinic-a", "clinic-b"])


def test_columns_are_chosen_in_order(synced):
    """The store's own column ``seen_from`` can be chosen too."""
    frame = kn.read_store("store", "users", columns=["seen_from", "id"])

    assert ["seen_from", "id"] == list(frame.columns)
    assert {moment(versions()[0])} == set(frame["seen_from"])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"table": "nonsense"}, "There is no table 'nonsense'"),
        ({"table": "roles"}, "clinic-a has no roles in the store"),
        ({"folder": "nowhere"}, "nowhere has no finished sync"),
        ({"organizations": "clinic-x"}, "no organization 'clinic-x'. The organizations are: clinic-a"),
        ({"organizations": []}, "at least one organization"),
        ({"columns": ["nonsense"]}, "users has no column 'nonsense'"),
        ({"columns": "id"}, "columns must be a list"),
        ({"at": "yesterday"}, "at must be a time"),
        ({"at": "2020-01-01"}, "before the first sync"),
        ({"at": "2126-01-01", "history": True}, "either at or history"),
        ({"table": "lists", "history": True}, "lists has no history"),
    ],
)
def test_wrong_arguments_are_refused(synced, options, why):
    """The message names the argument or the table."""
    with pytest.raises(kn.InvalidInputError, match=why):
        kn.read_store(**{"folder": "store", "table": "users"} | options)


def test_a_moment_without_a_zone_is_utc(synced):
    """Text, dates and datetimes are read as UTC; a moment with a zone is converted."""
    one = moment(versions()[0])
    in_berlin = pd.Timestamp(one).tz_convert("Europe/Berlin")
    for at in (one.replace(tzinfo=None), f"{one:%Y-%m-%dT%H:%M:%S}", in_berlin, one.date() + dt.timedelta(days=1)):
        assert 2 == len(kn.read_store("store", "users", at=at))


def test_the_files_of_a_table_have_the_same_schema(synced):
    """Months and organizations have one schema, even if a column has no values."""
    synced.sync("calls")
    synced.calls = {1: [{"id": 30, "participants": None}]}
    with pytest.warns(kn.SchemaDriftWarning, match="calls: name is missing in every row|state is missing"):
        synced.sync("calls", organization="clinic-b")
    files = kn.store_files("store", "calls")

    assert 3 == len(files)
    assert 1 == len({str(pq.read_schema(file)) for file in files})


def test_a_version_that_is_removed_while_it_is_read_is_looked_up_again(synced, monkeypatch):
    """The rows are those of a newer version."""
    find = reading.chosen_organizations
    calls = []

    def slow(folder, organizations):
        found = find(folder, organizations)
        if not calls:
            calls.append(1)
            synced.users.append(user(3))
            synced.sync(keep=1)
        return found

    monkeypatch.setattr(reading, "chosen_organizations", slow)

    assert 3 == len(kn.read_store("store", "users"))


@pytest.mark.parametrize("read", [kn.read_store, kn.store_files])
def test_a_version_that_is_removed_before_its_files_are_listed_is_looked_up_again(synced, monkeypatch, read):
    """Its folder then has no files, but the rows of the organization must be in the result."""
    synced.sync(organization="clinic-b")
    read_version, calls = reading.read_version, []

    def slow(version):
        about = read_version(version)
        if not calls:
            calls.append(version.parent.name)
            synced.sync(keep=1)
        return about

    monkeypatch.setattr(reading, "read_version", slow)
    found = read("store", "users")

    assert (["clinic-a"], 1) == (calls, len(versions()))
    if read is kn.store_files:
        assert ["clinic-a", "clinic-b"] == [file.parts[1] for file in found]
    else:
        assert ["clinic-a", "clinic-b"] == sorted(set(found["organization"]))


def test_a_version_with_a_missing_file_is_an_error(synced):
    """It is not read as an empty table."""
    Path("store/clinic-a", versions()[0], "version.json").unlink()
    with pytest.raises(kn.ExportError, match=r"version\.json is missing"):
        kn.read_store("store", "users")


def test_a_damaged_file_is_an_error_that_names_it(synced):
    """A Parquet page that differs in one bit is never read, because pages have checksums."""
    [file] = kn.store_files("store", "users")
    content, metadata = file.read_bytes(), pq.read_metadata(file)
    file.chmod(0o600)
    for column in map(metadata.row_group(0).column, range(metadata.num_columns)):
        last = column.data_page_offset if column.dictionary_page_offset is None else column.dictionary_page_offset
        last += column.total_compressed_size - 1
        file.write_bytes(content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :])
        with pytest.raises(kn.ExportError, match=r"users/all\.parquet cannot be read"):
            kn.read_store("store", "users")


@pytest.fixture
def _two_clinics(client):
    """Sync the same rows as two organizations, so that both have the same ids."""
    for name in ("birch", "oak"):
        kn.sync("store", ["users", "calls"], organization=name, client=client)


@pytest.mark.usefixtures("_two_clinics")
def test_a_summary_refuses_tables_of_two_organizations():
    """Two people may have the same id, so a summary accepts only the rows of one organization."""
    users, calls = kn.read_store("store", "users"), kn.read_store("store", "calls")
    for ask in (kn.summaries.calls_per_period, kn.charts.calls_per_period, kn.summaries.calls_pivot):
        with pytest.raises(kn.InvalidInputError, match=r"several organizations.*\['organization'\] == 'birch'"):
            ask(calls, users)
    with pytest.raises(kn.InvalidInputError, match="several organizations"):
        kn.summaries.admins_and_roles(users)
    rights = kn.summaries.admins_and_roles(users, by_organization=True)
    one = kn.summaries.calls_per_period(calls[calls["organization"] == "oak"], users[users["organization"] == "oak"])

    assert len(calls) == 2 * one["calls"].sum()
    assert ["birch", "oak"] == rights["organization"].unique().tolist()
    for name, part in rights.groupby("organization"):
        alone = kn.summaries.admins_and_roles(users[users["organization"] == name])
        pd.testing.assert_frame_equal(part.drop(columns="organization").reset_index(drop=True), alone)


@pytest.mark.usefixtures("_two_clinics")
def test_tables_of_two_organizations_are_compared_by_both_keys():
    """The organization is part of the key and a column of the result."""
    users = kn.read_store("store", "users")
    fewer = users.drop(users.index[users["organization"].eq("oak") & users["id"].eq(users["id"].min())])
    fewer.attrs["kismet"] = users.attrs["kismet"] | {"rows": len(fewer)}
    changes = kn.compare(users, fewer)

    assert [["removed", "oak", users["id"].min()]] == changes[["change", "organization", "id"]].to_numpy().tolist()


@pytest.mark.parametrize(
    "options", [{"columns": 5}, {"columns": "id"}, {"organizations": 5}, {"organizations": [["a"]]}]
)
def test_wrong_names_are_refused(synced, options):
    """Numbers, and a text instead of a list of columns, are no names."""
    with pytest.raises(kn.InvalidInputError, match=r"columns must be|organizations must be|no organization"):
        kn.read_store("store", "users", **options)
