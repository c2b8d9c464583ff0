"""Changed and removed rows: a sync counts them, keeps their history, and can read them as of any moment."""

import dataclasses
import datetime as dt
import json
import os
import shutil
import time
from pathlib import Path

import hypothesis.strategies as st
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from store.clinic import moment, open_clinic, stored_text, versions
from support.faulty_server import SECRET
from support.fetching import client_of
from support.rows import call, invite, page_of, role, user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

MICROSECOND = dt.timedelta(microseconds=1)


def fetched(clinic, table="users"):
    """Return a table of the server, sorted by its key."""
    fetch = {"users": kn.fetch_users, "calls": kn.fetch_calls, "roles": kn.fetch_roles, "invites": kn.fetch_invites}
    return fetch[table](client=clinic.client).sort_values(list(RESOURCES[table].key), ignore_index=True)


def stored(table="users", **options):
    """Return a table of the store as a fetch would return it, sorted by its key."""
    frame = kn.read_store("store", table, **options).drop(columns="organization")
    return frame.sort_values(list(RESOURCES[table].key), ignore_index=True)


def history(table="users"):
    """Return id, ended, seen_from and seen_until of the history, the oldest first."""
    rows = kn.read_store("store", table, history=True).sort_values(["seen_until", "id"])
    return list(rows[["id", "ended", "seen_from", "seen_until"]].itertuples(index=False, name=None))


def counts(found):
    """Return a sync's counts for a table, without seconds and requests."""
    return tuple(found[name] for name in ("rows", "added", "changed", "removed"))


def test_added_changed_and_removed_rows(clinic):
    """The counts, the current rows with ``seen_from``, and the earlier states are correct."""
    clinic.users.append(user(3))
    clinic.sync()
    clinic.users = [user(1), user(3, display_name="Ada"), user(4)]
    found = clinic.sync()["users"]
    one, two = map(moment, versions())

    assert (3, 1, 1, 1) == counts(found)
    assert [(2, "removed", one, two), (3, "changed", one, two)] == history()
    seen = kn.read_store("store", "users", columns=["id", "seen_from"])
    assert [(1, one), (3, two), (4, two)] == list(seen.itertuples(index=False, name=None))
    pd.testing.assert_frame_equal(fetched(clinic), stored())


NAMES = st.dictionaries(st.integers(1, 6), st.sampled_from(["Ada", "Bo", None]), min_size=1)


@pytest.mark.slow
@given(st.lists(NAMES, min_size=2, max_size=5))
def test_the_rows_as_of_every_version_and_a_microsecond_before(tmp_path_factory, states):
    """After any changes between syncs, the rows as of a moment are those of the last sync before it."""
    os.chdir(tmp_path_factory.mktemp("store"))
    tables = []
    with open_clinic() as clinic:
        for state in states:
            clinic.users = [user(number, display_name=name) for number, name in sorted(state.items())]
            clinic.sync(keep=9)
            tables.append(fetched(clinic))
    moments = [moment(version) for version in versions()]

    for position, at in enumerate(moments):
        pd.testing.assert_frame_equal(tables[position], stored(at=at))
        if position:
            pd.testing.assert_frame_equal(tables[position - 1], stored(at=at - MICROSECOND))
    with pytest.raises(kn.InvalidInputError, match="is before the first sync of users of clinic-a"):
        stored(at=moments[0] - MICROSECOND)


def test_a_row_that_returns_is_added_again(clinic):
    """Its first state stays in the history."""
    clinic.users.append(user(3))
    clinic.sync()
    clinic.users.pop()
    clinic.sync()
    clinic.users.append(user(3))
    assert (3, 1, 0, 0) == counts(clinic.sync()["users"])
    one, two, three = map(moment, versions())

    assert [(3, "removed", one, two)] == history()
    assert [three] == kn.read_store("store", "users", columns=["seen_from"])["seen_from"][2:].tolist()


def test_without_changes_no_table_is_written(clinic):
    """The files of the second version are links to those of the first, except lists and version.json."""
    tables = ["calls", "call_metrics", "roles", "waiting_rooms", "invites"]
    clinic.sync(tables)
    found = clinic.sync(tables)
    one, two = (Path("store/clinic-a", version) for version in versions())
    files = [file.relative_to(one) for file in one.rglob("*.*")]

    assert {(0, 0, 0)} == {counts(table)[1:] for table in found.values()}
    assert sorted(files) == sorted(file.relative_to(two) for file in two.rglob("*.*"))
    written = [str(file) for file in files if not (one / file).samefile(two / file)]
    assert ["lists/all.parquet", "version.json"] == sorted(written)


def test_only_the_month_with_a_difference_is_written(clinic):
    """The files of other months are links to the same file."""
    clinic.sync("calls")
    clinic.calls[1][1]["name"] = "Another"
    clinic.sync("calls")
    one, two = (Path("store/clinic-a", version, "calls") for version in versions())

    assert (one / "2026-01.parquet").samefile(two / "2026-01.parquet")
    assert not (one / "2026-02.parquet").samefile(two / "2026-02.parquet")
    assert [11] == pq.read_table(f"store/clinic-a/{versions()[1]}/calls_history")["id"].to_pylist()


def test_without_links_files_are_copied(clinic, monkeypatch):
    """If the file system has no hard links, files are copied."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    clinic.sync("calls")
    clinic.sync("calls")
    one, two = (Path("store/clinic-a", version, "calls") for version in versions())

    assert not (one / "2026-01.parquet").samefile(two / "2026-01.parquet")
    assert (one / "2026-01.parquet").read_bytes() == (two / "2026-01.parquet").read_bytes()
    assert 0o400 == (two / "2026-01.parquet").stat().st_mode & 0o777


def test_a_row_in_another_month_is_changed_and_not_removed(clinic):
    """A corrected time moves a call to another file; a missing time moves it to unknown.parquet."""
    clinic.sync("calls")
    clinic.calls[1][0]["created_at"] = "2026-02-01T00:00:00Z"
    clinic.calls[2][0]["created_at"] = None
    assert (3, 0, 2, 0) == counts(clinic.sync("calls")["calls"])

    assert [(10, "changed"), (20, "changed")] == [row[:2] for row in history("calls")]
    assert ["2026-02.parquet", "unknown.parquet"] == [file.name for file in kn.store_files("store", "calls")]
    pd.testing.assert_frame_equal(fetched(clinic, "calls"), stored("calls"))


@pytest.mark.usefixtures("_small_slices")
def test_a_large_month_is_compared_in_slices(clinic):
    """The result is the same as without slices: rows are sorted by time, and an unchanged file is linked."""
    days = [f"2026-03-{day:02}T09:00:00Z" for day in range(1, 32)]
    clinic.calls[1] = [call(1000 + number, created_at=days[number % 31]) for number in range(100)]
    clinic.sync("calls")
    assert (101, 0, 0, 0) == counts(clinic.sync("calls")["calls"])
    one, two = (Path("store/clinic-a", version, "calls/2026-03.parquet") for version in versions())
    assert one.samefile(two)
    clinic.calls[1] = [call(1000 + number, created_at=days[number % 30]) for number in range(1, 101)]
    found = clinic.sync("calls")["calls"]

    assert (1, 1) == (found["added"], found["removed"])
    pd.testing.assert_frame_equal(fetched(clinic, "calls"), stored("calls"))
    times = kn.read_store("store", "calls", columns=["created_at"])["created_at"]
    assert times.is_monotonic_increasing


@pytest.fixture
def _small_slices(monkeypatch):
    monkeypatch.setattr("kismet_nb.store.partition.MAX_SLICE_ROWS", 7)
    monkeypatch.setattr("kismet_nb.store.partition.MAX_HELD_ROWS", 20)


@pytest.mark.usefixtures("_small_slices")
def test_a_large_table_without_months_is_compared_in_slices(clinic):
    """Slices of such a table are ranges of the key."""
    clinic.users = [user(number) for number in range(1, 40)]
    clinic.sync()
    clinic.users = [user(number, display_name="x" if number == 20 else None) for number in range(2, 42)]
    clinic.sync()
    clinic.users = clinic.users[::-1]

    assert (40, 0, 0, 0) == counts(clinic.sync()["users"])
    pd.testing.assert_frame_equal(fetched(clinic), stored())


def test_most_of_a_table_is_not_removed_without_consent(clinic):
    """The removal of more than half and more than 20 rows is refused, and the older version stays."""
    clinic.users = [user(number) for number in range(1, 50)]
    clinic.sync()
    clinic.users = [user(number) for number in range(1, 25)]
    with pytest.raises(kn.KismetError, match=r"This sync would remove 25 of 49 users.*accept_removals=True") as caught:
        clinic.sync()
    assert not isinstance(caught.value, kn.InvalidInputError)
    assert (49, 1) == (len(stored()), len(versions()))
    lost, clinic.users = clinic.users, [user(number) for number in range(1, 50)]
    assert (49, 0, 0, 0) == counts(clinic.sync()["users"])
    clinic.users = lost

    assert 25 == clinic.sync(accept_removals=True)["users"]["removed"]
    clinic.users = clinic.users[:4]
    assert 20 == clinic.sync()["users"]["removed"]


def test_half_of_a_table_may_be_removed(clinic):
    """The limit is more than half."""
    clinic.users = [user(number) for number in range(1, 51)]
    clinic.sync()
    clinic.users = clinic.users[:25]

    assert 25 == clinic.sync()["users"]["removed"]


def test_history_files_of_a_year_are_merged(clinic, monkeypatch):
    """Above a number of files, those of a year become one; no row is lost."""
    monkeypatch.setattr("kismet_nb.store.history.MAX_FILES", 3)
    for number in range(6):
        clinic.users[0]["display_name"] = str(number)
        clinic.sync()
    files = kn.store_files("store", "users_history")

    assert [f"{versions()[-1]}.parquet", f"{moment(versions()[-1]).year}.parquet"] == [file.name for file in files]
    names = kn.read_store("store", "users", history=True).sort_values("seen_from")["display_name"]
    assert list("01234") == names.tolist()


def test_a_user_who_is_removed_during_a_sync(clinic):
    """The list is marked as missing, there is a warning, and the history has the calls as removed."""
    clinic.sync("calls")
    clinic.failures["/organization_users/2/calls"] = (404, {}, b"{}")
    with pytest.warns(kn.GoneWarning, match=r"calls: the server no longer has 1 of 2 lists \(404\)"):
        assert 1 == clinic.sync("calls")["calls"]["removed"]

    assert [(20, "removed")] == [row[:2] for row in history("calls")]
    lists = kn.read_store("store", "lists")
    assert ['{"organization_user_id": 2}'] == lists.loc[lists["missing"], "key"].tolist()


def test_a_list_that_the_server_does_not_have_is_an_error_that_says_what_to_do(clinic):
    """Older servers have no roles; the error says how to sync without them."""
    clinic.failures["/roles"] = (404, {}, b"{}")
    with pytest.raises(kn.NotFoundError, match="To sync without roles, pass the names of the other tables"):
        clinic.sync(["users", "roles"])


def test_if_all_lists_are_missing_there_is_no_version(clinic):
    """There is an error, because an empty table would look like users without calls."""
    for number in (1, 2):
        clinic.failures[f"/organization_users/{number}/calls"] = (404, {}, b"{}")
    with pytest.raises(kn.NotFoundError, match="2 of 2 lists"):
        clinic.sync("calls")

    assert [] == versions()


def test_undeclared_fields_and_values_are_kept(clinic):
    """They are in rest, one warning counts them, and read_store returns them as columns."""
    clinic.sync()
    known = pq.read_schema(kn.store_files("store", "users")[0])
    clinic.users = [user(1, team="North", created_at="some day"), user(2, is_admin="no"), user(3)]
    said = (
        r"users: created_at has 1 values that are not datetime64\[us, UTC\], and are kept in rest; team is new in 1 "
        r"rows, and kept in rest; is_admin has 1 values that are not boolean, and are kept in rest\.$"
    )
    with pytest.warns(kn.SchemaDriftWarning, match=said):
        clinic.sync()
    [file] = kn.store_files("store", "users")
    table = pq.read_table(file)

    assert known == table.schema
    assert [{"created_at": "some day", "team": "North"}, {"is_admin": "no"}, None] == [
        text and json.loads(text) for text in table["rest"].to_pylist()
    ]
    frame = kn.read_store("store", "users")
    assert ["some day", pd.Timestamp("2026-01-05T09:00Z")] == frame["created_at"].tolist()[:2]
    assert [False, "no", False] == frame["is_admin"].tolist()
    assert ("North", "str") == (frame["team"][0], str(frame["team"].dtype))
    assert ["North"] == kn.read_store("store", "users", columns=["team"])["team"].dropna().tolist()


@pytest.mark.parametrize("record", [user(1, team="North"), user(1, email=7), {"id": 1}])
def test_a_strict_client_fails_before_the_commit(record):
    """A strict client refuses undeclared fields, unexpected values, and columns missing in every row."""
    with open_clinic(strict=True) as clinic:
        clinic.sync()
        clinic.users = [record]
        with pytest.raises(kn.SchemaDriftError, match=r"^users: "):
            clinic.sync()

        assert (1, 2) == (len(versions()), len(stored()))
        clinic.users = [user(1)]
        assert 1 == clinic.sync()["users"]["removed"]


@pytest.mark.parametrize("key", ["1", None, 2**70])
def test_a_key_that_does_not_fit_is_an_error(clinic, key):
    """Such a key does not identify a row, so there is no new version."""
    clinic.sync()
    clinic.users = [user(key)]
    with pytest.raises(kn.SchemaDriftError, match="id is missing or is not Int64"):
        clinic.sync()

    assert 1 == len(versions())


def test_columns_that_a_newer_version_knows_are_filled_from_rest(clinic, monkeypatch):
    """Files of current rows and history are rewritten once, and no row counts as changed."""
    full = RESOURCES["roles"]
    monkeypatch.setitem(RESOURCES, "roles", dataclasses.replace(full, columns=full.columns[:2]))
    clinic.roles = [role(1, description="One"), role(2, description="Two"), role(3, description=7)]
    with pytest.warns(kn.SchemaDriftWarning, match="description is new in 3 rows"):
        clinic.sync("roles")
    clinic.roles = clinic.roles[1:]
    with pytest.warns(kn.SchemaDriftWarning):
        clinic.sync("roles")
    monkeypatch.setitem(RESOURCES, "roles", full)
    assert ["Two", 7] == kn.read_store("store", "roles")["description"].tolist()
    with pytest.warns(kn.SchemaDriftWarning, match="description has 1 values that are not str"):
        assert (2, 0, 0, 0) == counts(clinic.sync("roles")["roles"])

    assert ["Two", None] == pq.read_table(kn.store_files("store", "roles")[0])["description"].to_pylist()
    assert ["One"] == pq.read_table(kn.store_files("store", "roles_history")[0])["description"].to_pylist()
    assert ["One"] == kn.read_store("store", "roles", history=True)["description"].tolist()


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("2026-01-05T10:00:00+01:00", True),
        ("2026-01-05 09:00:00.000000Z", True),
        ("0000-01-05T09:00:00Z", False),
        ("2026-01-05T09:00:00", False),
        ("2026-01-05T09:00:00.0000001Z", False),
        ("9999-12-31T23:59:59-01:00", False),
    ],
)
@pytest.mark.filterwarnings("ignore::kismet_nb.SchemaDriftWarning")
def test_times_are_those_of_a_fetch(clinic, text, held):
    """A time that the column cannot hold exactly, or pandas cannot represent, stays text."""
    clinic.users = [user(1, created_at=text), user(2)]
    clinic.sync()
    value = kn.read_store("store", "users")["created_at"][0]

    assert value == (pd.Timestamp("2026-01-05T09:00Z") if held else text)
    assert value == kn.fetch_users(client=clinic.client)["created_at"][0]


@pytest.mark.usefixtures("_no_pauses")
def test_a_list_that_keeps_changing_is_an_error(clinic):
    """The sync fails and writes no version."""

    def answer(query, count):
        return page_of([user(number) for number in range(100 - count, 140)], query)

    with client_of(answer, page_size=10) as client, pytest.raises(kn.IncompleteError, match="changed during each of 5"):
        clinic.sync(client=client)

    assert [] == versions()


def test_recordings_are_requested_only_for_calls_that_may_have_some(clinic):
    """A call with a missing ``has_egresses`` may have some."""
    clinic.calls[1][0]["has_egresses"] = None
    clinic.sync("egresses")

    asked = {path.split("/")[4] for path in clinic.requests if path.endswith("egresses")}
    assert {"10", "20"} == asked


def test_an_invite_has_the_status_of_the_sync(clinic):
    """The API sends no status. An invite that expires counts as changed, as in a comparison of two fetches."""
    for seconds in (2, 8, 32):  # a busy machine may need more until both tables are read
        shutil.rmtree("store", ignore_errors=True)
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        clinic.invites = [
            invite(1),
            invite(2, used_at="2026-02-14T00:00:00Z"),
            invite(3, expires_at="2126-01-01T00:00:00Z"),
            invite(4, expires_at=None),
            invite(5, expires_at=soon.isoformat()),
        ]
        clinic.sync("invites")
        tables = fetched(clinic, "invites"), stored("invites")
        if dt.datetime.now(dt.UTC) < soon:
            break
    pd.testing.assert_frame_equal(*tables)
    time.sleep(max(0, (soon - dt.datetime.now(dt.UTC)).total_seconds()) + 1)
    assert (5, 0, 1, 0) == counts(clinic.sync("invites")["invites"])

    assert [(5, "changed")] == [row[:2] for row in history("invites")]


def test_withheld_values_are_in_no_file(clinic):
    """No file has names of participants, links of recordings or the secret. Permitted values are found."""
    clinic.failures["/roles"] = (500, {}, b"")
    for tables in (["egresses", "roles"], ["egresses"]):
        try:
            clinic.sync(tables, participants=True)
        except kn.UnavailableError:
            assert Path("store/clinic-a/.sync/journal.sqlite").stat().st_size
        text = stored_text()
        assert [] == [word for word in ("Guest One", "recordings.example.org", SECRET) if word in text]

    assert "user1@example.org" in text
    assert "EG_200" in text


def test_lists_of_names_are_compared(clinic):
    """A column of lists stores lists. Another order, another name, or an empty list for a missing one is a change."""
    lists = [["provider"], [], None, ["a", "b"]]
    clinic.users = [user(number, roles=roles) for number, roles in enumerate(lists, 1)]
    clinic.sync()
    assert lists == kn.read_store("store", "users")["roles"].tolist()
    assert 0 == clinic.sync()["users"]["changed"]
    clinic.users = [user(number, roles=roles) for number, roles in enumerate([["provider"], None, [], ["b", "a"]], 1)]

    assert 3 == clinic.sync()["users"]["changed"]


def test_participants_may_have_the_same_key(clinic):
    """Their keys may have duplicates, so the rows with one key are compared in their order."""
    twice = [{"id": 5, "participant_type": kind, "name": "x"} for kind in ("Recipient", "Guest")]
    clinic.calls[1][0]["participants"] = twice
    clinic.sync("calls", participants=True)
    assert (4, 0, 0, 0) == counts(clinic.sync("calls", participants=True)["participants"])
    clinic.calls[1][0]["participants"] = [*twice, {"participant_type": "Recipient"}]

    assert (5, 1, 0, 0) == counts(clinic.sync("calls", participants=True)["participants"])


def test_a_table_that_is_not_named_stays_as_it_was(clinic):
    """Its rows, history and lists stay in the newest version."""
    clinic.sync(["calls", "roles"])
    clinic.roles = [role(1, name="another")]
    clinic.sync("roles")
    clinic.users[0]["display_name"] = "Ada"
    clinic.roles = [role(1, name="third")]
    assert {"users"} == set(clinic.sync("users"))

    assert ["another"] == kn.read_store("store", "roles")["name"].tolist()
    assert ["provider"] == kn.read_store("store", "roles", history=True)["name"].tolist()
    assert {"users", "calls", "roles"} == set(kn.read_store("store", "lists")["resource"])
    assert 4 == len(kn.read_store("store", "lists"))
