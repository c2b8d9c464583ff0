"""Syncs that skip known rows store the same rows as if they read every list whole, with fewer requests."""

import contextlib
import datetime as dt
import json
import os
import shutil
import threading
from pathlib import Path

import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from store.clinic import open_clinic, versions
from support.rows import call, egress, user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

pytestmark = pytest.mark.usefixtures("_no_pauses")

CALLS = "/organization_users/{}/calls"
RANDOM = settings(derandomize=False)  # each run tries other examples


def ago(days):
    """Return the time some days ago as text."""
    return (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).isoformat()


@pytest.fixture
def clinic():
    """Serve an organization; its first user has 30 old calls, three pages of ten."""
    with open_clinic() as clinic:
        clinic.calls = {1: [call(10 * number) for number in range(1, 31)], 2: [call(5)]}
        yield clinic


def age_lists(days, **columns):
    """Simulate passing time: move ``read_at`` and ``whole_at`` of the newest version into the past."""
    file = Path("store/clinic-a", versions()[-1], "lists/all.parquet")
    lists = pq.read_table(file)
    for name in ("read_at", "whole_at"):
        times = lists[name].to_pandas() - pd.Timedelta(days=columns.get(name, days))
        lists = lists.set_column(lists.column_names.index(name), lists.schema.field(name), pa.array(times))
    file.chmod(0o600)
    pq.write_table(lists, file)


def sync(clinic, tables="calls", **options):
    """Sync, and return the counts of the calls and the paths of the requests for them."""
    clinic.requests = []
    found = clinic.sync(tables, **options)
    return found["calls"], [path for path in clinic.requests if path.endswith("calls")]


def whole(clinic, **options):
    """Sync, and return whether the list of the first user was read whole."""
    sync(clinic, **options)
    lists = kn.read_store("store", "lists").set_index("key")
    return lists.loc['{"organization_user_id": 1}', "read_from"] == 1


def stored(table="calls", **options):
    """Return a table of the store as a fetch would return it, sorted by its key."""
    frame = kn.read_store("store", table, **options).drop(columns="organization")
    return frame.sort_values(list(RESOURCES[table].key), ignore_index=True)


def check_equal(clinic):
    """Assert that the store has the calls of the server."""
    calls = kn.fetch_calls(client=clinic.client).sort_values(["organization_user_id", "id"], ignore_index=True)
    pd.testing.assert_frame_equal(calls, stored())


def test_a_list_with_nothing_new_costs_one_request(clinic):
    """Its last page is requested, even if that page is full; rows and files stay as they were."""
    sync(clinic)
    found, requests = sync(clinic)

    assert sorted(requests) == [CALLS.format(1), CALLS.format(2)]
    assert (31, 0, 0, 0) == tuple(found[name] for name in ("rows", "added", "changed", "removed"))
    one, two = (Path("store/clinic-a", version, "calls/2026-02.parquet") for version in versions())
    assert one.samefile(two)


def test_the_store_says_which_lists_were_not_read_whole(clinic):
    """The table of lists has the first row read and the time of the last whole reading; provenance counts the lists."""
    sync(clinic)
    first = kn.read_store("store", "lists").set_index("key")
    assert "whole since" not in stored().attrs["kismet"]["proof"]
    sync(clinic)
    lists = kn.read_store("store", "lists").set_index("key")
    key = '{"organization_user_id": 1}'

    assert (1, 21) == (first.loc[key, "read_from"], lists.loc[key, "read_from"])
    assert first.loc[key, "whole_at"] == lists.loc[key, "whole_at"] < lists.loc[key, "read_at"]
    about = stored().attrs["kismet"]
    assert f"1 of 2 lists read from a later row on, whole since {lists.loc[key, 'whole_at']:%Y-%m-%d}" in about["proof"]
    assert "complete" == about["verdict"]


def test_new_calls_are_found_at_the_end(clinic):
    """They may be on the last page and on pages after it."""
    sync(clinic)
    for count in (4, 25):
        known = [record["id"] for record in clinic.calls[1]]
        clinic.calls[1] += [call(known[-1] + 10 * number) for number in range(1, count + 1)]
        assert count == sync(clinic)[0]["added"]
        assert 1 < kn.read_store("store", "lists")["read_from"].max()
        check_equal(clinic)


@pytest.mark.parametrize(
    "fields", [{"is_ended": False}, {"created_at": ago(6)}, {"is_ended": None}, {"created_at": None}]
)
def test_calls_that_may_still_change_are_read_again(clinic, fields):
    """The list is read from the first call that had not ended, or was younger than a week, when it was read."""
    clinic.calls[1][13].update(fields)
    sync(clinic)
    clinic.calls[1][13]["name"] = "Edited"
    assert 1 == sync(clinic)[0]["changed"]

    assert 11 == kn.read_store("store", "lists")["read_from"].max()
    check_equal(clinic)


def test_a_call_that_was_young_when_it_was_read_is_read_again_later(clinic):
    """It may have been edited after that reading."""
    clinic.calls[1][13]["created_at"] = ago(9)
    sync(clinic)
    age_lists(3, whole_at=0)
    clinic.calls[1][13]["name"] = "Edited"

    assert 1 == sync(clinic)[0]["changed"]


def remove(calls):
    """Remove a call before the last page."""
    del calls[3]


def add_late(calls):
    """Add a call before the last page, like a transaction that commits late."""
    calls.insert(3, call(35))


def empty(calls):
    """Remove all calls but one."""
    del calls[1:]


@pytest.mark.parametrize("change", [remove, add_late, empty])
def test_additions_and_removals_on_earlier_pages_are_found_in_the_same_sync(clinic, change):
    """The page begins with another call than before, so the list is read whole."""
    sync(clinic)
    change(clinic.calls[1])

    assert sync(clinic, accept_removals=True)[1].count(CALLS.format(1)) > 1
    check_equal(clinic)


def test_changes_that_a_partial_reading_misses_are_found_after_some_days(clinic):
    """It misses edits of old calls, and a removed and an added call that leave all other positions as they were."""
    sync(clinic)
    clinic.calls[1][2]["name"] = "Edited"
    remove(clinic.calls[1])
    add_late(clinic.calls[1])
    assert 0 == sync(clinic)[0]["changed"]
    assert 31 == len(stored())
    age_lists(7)
    found, _ = sync(clinic)

    assert (1, 1, 1) == (found["added"], found["changed"], found["removed"])
    check_equal(clinic)


def test_recheck_days(clinic):
    """After so many days a list is read whole; with 0 or with verify="twice", it always is."""
    sync(clinic)
    assert not whole(clinic)
    age_lists(1, read_at=0)
    assert not whole(clinic, recheck_days=10**6)
    assert not whole(clinic, recheck_days=10**6)
    assert whole(clinic, recheck_days=1)
    assert whole(clinic, recheck_days=0)
    assert not whole(clinic)
    clinic.client.verify = "twice"
    assert whole(clinic)


def test_whole_readings_are_spread_over_the_days(clinic):
    """A day after all lists were read whole, one user's list in seven is due, and only once on that day."""
    clinic.users = [user(number) for number in range(1, 15)]
    clinic.calls = {number: [call(100 * number + place) for place in range(20)] for number in range(1, 15)}
    sync(clinic)
    age_lists(1)
    sync(clinic)
    lists = kn.read_store("store", "lists").query("resource == 'calls'")
    again = [json.loads(key)["organization_user_id"] for key in lists.loc[lists["read_from"] == 1, "key"]]

    assert (2, 1) == (len(again), len({number % 7 for number in again}))
    sync(clinic)
    assert 14 == (kn.read_store("store", "lists")["read_from"] > 1).sum()


@pytest.mark.parametrize("days", [-1, True, 1.5, "7"])
def test_days_that_are_no_whole_number_are_refused(clinic, days):
    """Nothing is sent."""
    with pytest.raises(kn.InvalidInputError, match="recheck_days must be a whole number of at least 0"):
        sync(clinic, recheck_days=days)


def test_lists_whose_keys_do_not_rise_are_read_whole(clinic):
    """New rows may be anywhere in them, so the second sync sends the same requests as the first."""
    clinic.calls[1].reverse()
    _, requests = sync(clinic)

    assert sorted(requests) == sorted(sync(clinic)[1])
    assert whole(clinic)


def test_a_list_whose_order_changes_is_read_whole(clinic):
    """The first page that is read again begins with another call."""
    sync(clinic)
    clinic.calls[1][20:] = reversed(clinic.calls[1][20:])

    assert whole(clinic)
    check_equal(clinic)


def test_a_list_whose_order_changes_after_the_first_row_is_read_whole(clinic):
    """The keys on its last page no longer rise."""
    sync(clinic)
    clinic.calls[1][21:] = reversed(clinic.calls[1][21:])

    assert whole(clinic)


def test_pages_of_another_size_are_read_whole(clinic):
    """Known rows are counted in pages, so another page size makes the count useless."""
    sync(clinic)
    clinic.client.page_size = 7
    clinic.calls[1].append(call(999))
    assert whole(clinic)

    check_equal(clinic)


def test_rows_of_another_version_of_the_package_are_read_again(clinic):
    """That version may have converted rows in another way. The oldest stores do not record how lists were read."""
    sync(clinic)
    file = Path("store/clinic-a", versions()[-1], "version.json")
    about = json.loads(file.read_text())
    file.chmod(0o600)
    file.write_text(json.dumps(about | {"kismet_nb": "0.1"}))
    assert whole(clinic)
    file = Path("store/clinic-a", versions()[-1], "lists/all.parquet")
    lists = pq.read_table(file)
    file.chmod(0o600)
    pq.write_table(lists.drop_columns(["read_from", "whole_at", "per_page", "rising"]), file)
    assert kn.read_store("store", "lists")["whole_at"].isna().all()

    assert whole(clinic)


def test_participants_of_known_calls_are_kept(clinic):
    """If participants were not synced before, the calls are read whole."""
    sync(clinic)
    assert whole(clinic, participants=True)
    clinic.calls[1].append(call(999))
    assert not whole(clinic, participants=True)
    calls, people = kn.fetch_calls(client=clinic.client, participants=True)

    assert len(calls) == len(people) == len(stored("participants"))
    pd.testing.assert_frame_equal(
        people.sort_values(list(RESOURCES["participants"].key), ignore_index=True), stored("participants")
    )
    assert not whole(clinic)
    assert whole(clinic, participants=True)


def test_a_sync_reuses_partly_read_lists_of_a_failed_sync(clinic):
    """If the version with their earlier rows was deleted, the lists are read again."""
    clinic.users.reverse()
    clinic.client.close()
    with kn.KismetClient("x", "y" * 20, api_url=clinic.client.api_url, page_size=10, max_in_flight=1, retries=0) as one:
        clinic.client = one
        sync(clinic)
        clinic.users.reverse()
        clinic.failures[CALLS.format(2)] = (500, {}, b"")
        with pytest.raises(kn.UnavailableError):
            sync(clinic)
        shutil.copytree("store", "copy")
        clinic.failures = {}
        assert [CALLS.format(2)] == sync(clinic)[1]
        check_equal(clinic)
        shutil.rmtree("store")
        Path("copy").rename("store")
        shutil.rmtree(Path("store/clinic-a", versions()[0]))
        assert whole(clinic)
        check_equal(clinic)


def test_recordings_are_read_again_only_if_they_may_have_changed(clinic):
    """They are read if their call is new, changed or young; others are read every few days."""
    for number, record in enumerate(clinic.calls[1]):
        record["has_egresses"] = True
        clinic.egresses[record["id"]] = [egress(1000 + number)]
    clinic.calls[1][20]["created_at"] = ago(3)

    def asked():
        clinic.requests = []
        clinic.sync("egresses")
        return sorted(int(path.split("/")[4]) for path in clinic.requests if path.endswith("egresses"))

    assert 30 == len(asked())
    clinic.calls[1][25]["name"] = "Edited"
    clinic.calls[1].append(call(310, has_egresses=True))
    clinic.egresses[310] = [egress(2000)]
    assert [210, 260, 310] == asked()
    egresses = kn.fetch_egresses(client=clinic.client).sort_values(["call_id", "id"], ignore_index=True)
    pd.testing.assert_frame_equal(egresses, stored("egresses"))
    assert "lists read from a later row on" in stored("egresses").attrs["kismet"]["proof"]
    clinic.calls[1][3]["has_egresses"] = False
    age_lists(7)

    assert 30 == len(asked())
    assert 30 == len(stored("egresses"))
    clinic.calls[1][25]["name"] = "Edited again"
    clinic.sync("calls")
    assert 30 == len(asked())  # the sync of calls saw the change, but did not read recordings


def test_daily_figures_are_read_again_for_the_last_weeks(clinic):
    """The rows of earlier months are kept for some days."""
    clinic.users[0]["created_at"] = "2025-01-01T00:00:00Z"
    clinic.figures["2025-03-05"] = 7
    clinic.sync("call_metrics")
    clinic.figures["2025-03-05"] = 8
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    clinic.figures[today] = 9
    found = clinic.sync("call_metrics")["call_metrics"]

    assert (3, 1, True) == (found["rows"], found["changed"], found["requests"] <= 3)
    assert [7, 3, 9] == stored("call_metrics")["total_calls"].tolist()
    age_lists(7)
    clinic.sync("call_metrics")
    assert [8, 3, 9] == stored("call_metrics")["total_calls"].tolist()


# ---- Random changes between and during syncs

CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "end", "edit", "remove", "late", "restore", "remove, late"]),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=4,
)


class ChangingCalls:
    """The calls of a user, which change like rows of a database; ``states`` has every state."""

    def __init__(self, calls):
        self.calls, self.removed, self.late = calls, [], 0
        self.states = [list(calls)]

    def change(self, what, place, other):
        """Change the calls; ``place`` and ``other`` are positions as shares of the list's length."""
        now = dt.datetime.now(dt.UTC).isoformat()
        index = int(place * len(self.calls))
        if what == "append":
            last = max([record["id"] for record in [*self.calls, *self.removed]], default=0)
            self.calls.append(call(last // 10 * 10 + 10, created_at=now, updated_at=now, is_ended=False))
        if what in {"edit", "end"} and self.calls:
            fields = {"is_ended": True} if what == "end" else {"name": f"Edited {other}"}
            self.calls[index] = self.calls[index] | fields | {"updated_at": now}
        if "remove" in what and self.calls:
            self.removed.append(self.calls.pop(index))
        if what == "restore" and self.removed:
            record = self.removed.pop(int(other * len(self.removed)))
            self.calls.append(record | {"updated_at": now})
        if "late" in what:
            self.late += 1
            number = int(other * len(self.calls)) * 10 + self.late % 10
            if all(number != record["id"] for record in [*self.calls, *self.removed]):
                self.calls.append(call(number, created_at=now, updated_at=now))
        self.calls.sort(key=lambda record: record["id"])
        self.states.append(list(self.calls))


def ids(records):
    """Return the ids of calls."""
    return [record["id"] for record in records]


@contextlib.contextmanager
def changing_clinic(folder, count, in_flight):
    """Serve an organization with one user and ``count`` calls, and work in ``folder``."""
    before = Path.cwd()
    os.chdir(folder)
    with open_clinic(page_size=5, max_in_flight=in_flight) as clinic:
        clinic.users = [user(1)]
        model = ChangingCalls([call(10 * number) for number in range(1, count + 1)])
        clinic.calls = {1: model.calls}
        try:
            yield clinic, model
        finally:
            os.chdir(before)


def kept():
    """Return how many rows of the list of calls the last sync kept."""
    return int(kn.read_store("store", "lists").query("resource == 'calls'")["read_from"].iloc[0]) - 1


@pytest.mark.slow
@RANDOM
@given(st.lists(CHANGES, min_size=1, max_size=4), st.integers(6, 26))
@example(steps=[[("remove, late", 0.1, 0.2)], [("append", 0, 0)]], count=20)
def test_changes_between_syncs_lose_or_duplicate_no_row(tmp_path_factory, steps, count):
    """Rows that are read equal the server's. A kept row can differ only by an edit, or an addition and a removal."""
    with changing_clinic(tmp_path_factory.mktemp("store"), count, 2) as (clinic, model):
        clinic.sync("calls")
        whole_ids = set(ids(model.calls))
        for changes in steps:
            before = stored()
            for change in changes:
                model.change(*change)
            clinic.sync("calls", accept_removals=True)
            rows, count_kept = stored(), kept()
            server = kn.fetch_calls(client=clinic.client)

            pd.testing.assert_frame_equal(server[count_kept:], rows[count_kept:])
            pd.testing.assert_frame_equal(before[:count_kept], rows[:count_kept])
            assert rows["id"].is_unique
            if count_kept == 0:
                whole_ids = set(ids(model.calls))
            missing = set(server["id"]) - set(rows["id"])
            removed = set(rows["id"]) - set(server["id"])
            assert len(missing) == len(removed)
            assert removed <= whole_ids
        age_lists(7)
        clinic.sync("calls", accept_removals=True)
        check_equal(clinic)


@pytest.mark.slow
@RANDOM
@given(
    st.lists(
        st.tuples(
            st.integers(2, 7),
            st.sampled_from(["append", "remove", "late", "remove, late", "edit"]),
            st.floats(0, 1, exclude_max=True),
            st.floats(0, 1, exclude_max=True),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 12),
    st.sampled_from([1, 4]),
)
def test_changes_during_a_sync_lose_or_duplicate_no_row(tmp_path_factory, events, new, in_flight):
    """The ids are those of one state of the list, except for rows that were added at its end during the sync."""
    with changing_clinic(tmp_path_factory.mktemp("store"), 23, in_flight) as (clinic, model):
        clinic.sync("calls")
        for _ in range(new):
            model.change("append", 0, 0)
        model.states = [list(model.calls)]
        asked, lock = [], threading.Lock()

        def change(query):
            with lock:
                asked.append(query.path.endswith("calls"))
                for _, *what in [event for event in events if asked[-1] and event[0] == sum(asked)]:
                    model.change(*what)

        clinic.before = change
        try:
            clinic.sync("calls", accept_removals=True)
        except kn.IncompleteError:
            return
        finally:
            clinic.before = None
        rows, count_kept = ids_stored(), kept()

        assert any(
            rows[count_kept:] == ids(state)[count_kept : len(rows)]
            and not set(ids(model.states[0])) & set(ids(state)[len(rows) :])
            for state in model.states
        )
        age_lists(7)
        clinic.sync("calls", accept_removals=True)
        check_equal(clinic)


def ids_stored():
    """Return the ids of the calls in the store."""
    return stored()["id"].tolist()
