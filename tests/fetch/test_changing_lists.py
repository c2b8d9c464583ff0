"""Lists that change while they are read: the table is a consistent snapshot, or there is an error."""

import datetime as dt
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.fetching import client_of
from support.rows import page_of, user

import kismet_nb as kn

pytestmark = pytest.mark.usefixtures("_no_pauses")

# New examples in each run. Fewer than 120 seldom find a last page that is not read first.
MANY = settings(max_examples=3 * settings().max_examples, derandomize=False)
# Each event: before which response it happens, what happens, and at which row (as a share of the list).
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 6), st.sampled_from(["both", "both", "delete", "insert"]), st.floats(0, 1, exclude_max=True)
    ),
    min_size=1,
    max_size=4,
)


class ChangingList:
    """A server with a list of users that ``events`` change. It keeps every state of the list in ``states``."""

    def __init__(self, ids, events, *, newest_first=False, anywhere=False):
        self.ids = ids
        self.events = events
        self.newest_first = newest_first
        self.anywhere = anywhere
        self.states = [list(ids)]
        self.next_id = 100_000
        self.count = 0  # requests so far
        self.answered = 0  # requests before the fetch under test
        self.lock = threading.Lock()

    def row(self, number):
        """Return a row of the list."""
        return user(number)

    def __call__(self, query, count):
        """Apply the events that are due, and return one response."""
        with self.lock:
            self.count = count
            for _, what, where in [event for event in self.events if event[0] == count - self.answered]:
                if what != "insert" and self.ids:
                    del self.ids[int(where * len(self.ids))]
                if what != "delete":
                    self.next_id += 1
                    place = int(where * len(self.ids)) if self.anywhere else 0 if self.newest_first else len(self.ids)
                    self.ids.insert(place, self.next_id if not self.anywhere else -self.next_id)
                self.states.append(list(self.ids))  # both are one change: no request is answered in between
            return page_of([self.row(number) for number in self.ids], query)


def fetch_ids(server, in_flight, page_size, *, again=False):
    """Return the ids of the table, or None after an IncompleteError. ``again`` tests the client's second fetch."""
    with client_of(server, max_in_flight=in_flight, page_size=page_size) as client:
        if again:
            events, server.events = server.events, []
            kn.fetch_users(client=client)
            server.events, server.answered = events, server.count
        try:
            return kn.fetch_users(client=client)["id"].tolist()
        except kn.IncompleteError:
            return None


@MANY
@given(EVENTS, st.sampled_from([1, 3, 8]), st.integers(8, 35), st.sampled_from([5, 10]), st.booleans(), st.booleans())
# Only the second reading of page 1 detects this one.
@example(events=[(2, "both", 0.0)], in_flight=1, count=30, page_size=5, newest_first=False, again=False)
# Between pages 1 and 3, two rows are added and one is removed: the total grows, but no row may be left out.
@example(
    events=[(2, "insert", 0.0), (2, "insert", 0.0), (2, "delete", 0.5)],
    in_flight=1,
    count=30,
    page_size=10,
    newest_first=False,
    again=False,
)
def test_a_sorted_list_is_read_as_a_consistent_snapshot(events, in_flight, count, page_size, newest_first, again):
    """Whatever is deleted and inserted between the responses, the table is one state of the list."""
    ids = list(range(count, 0, -1) if newest_first else range(1, count + 1))
    server = ChangingList(ids, events, newest_first=newest_first)
    table = fetch_ids(server, in_flight, page_size, again=again)

    assert table is None or table in server.states


@MANY
@given(EVENTS, st.sampled_from([1, 8]), st.permutations(range(1, 31)))
def test_an_unsorted_list_is_read_as_a_consistent_snapshot(events, in_flight, ids):
    """New rows may be anywhere. Reading every page twice detects them."""
    server = ChangingList(list(ids), events, anywhere=True)
    table = fetch_ids(server, in_flight, 10)

    assert table is None or table in server.states


def test_a_fresh_row_is_found_whatever_the_offset_of_its_time():
    """With offsets, the latest time is not the last in the order of texts."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    fresh = now.astimezone(dt.timezone(dt.timedelta(hours=-5))).isoformat()
    old = (now - dt.timedelta(hours=1)).astimezone(dt.timezone(dt.timedelta(hours=5))).isoformat()
    rows = [user(number, created_at=old, updated_at=fresh if number == 3 else old) for number in range(1, 21)]
    with client_of(lambda query, _: page_of(rows, query), page_size=10) as client:
        users = kn.fetch_users(client=client)

    assert "every page read twice" == users.attrs["kismet"]["proof"]


# Each event: before which response it happens, what happens, where a row appears, and which row is deleted.
LATE_EVENTS = st.lists(
    st.tuples(
        st.integers(1, 14),
        st.sampled_from(["late, delete", "late, delete", "late", "delete", "append", "append, delete"]),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
    ),
    min_size=1,
    max_size=4,
)


class DatabaseList(ChangingList):
    """A server with a list sorted by id, in which rows with smaller ids appear late: at commit, not at insertion."""

    def __call__(self, query, count):
        """Apply the events that are due, and return one response."""
        with self.lock:
            for _, what, place, where in [event for event in self.events if event[0] == count]:
                if "delete" in what and self.ids:
                    del self.ids[int(where * len(self.ids))]
                if "late" in what:
                    self.next_id += 1
                    number = int(place * len(self.ids)) * 1000 + self.next_id % 1000
                    self.ids = sorted([*self.ids, number])
                if "append" in what:
                    self.next_id += 1
                    self.ids.append(self.next_id)
                self.states.append(list(self.ids))
            return page_of([self.row(number) for number in self.ids], query)

    def row(self, number):
        """Return a row. If it was added later, it was created just now."""
        return user(number, created_at=dt.datetime.now(dt.UTC).isoformat()) if number % 1000 else user(number)


@MANY
@given(LATE_EVENTS, st.sampled_from([1, 3, 8]), st.integers(30, 55), st.sampled_from([5, 10]))
@example(events=[(4, "late, delete", 0.7, 0.3)], in_flight=1, count=50, page_size=10)
# Only the count of the last page shows that a row appeared before it was read, and moved its last row to a new page.
@example(events=[(2, "late", 0.5, 0.0)], in_flight=1, count=50, page_size=10)
@example(events=[(2, "late", 0.5, 0.0)], in_flight=1, count=45, page_size=10)
def test_rows_that_appear_late_hide_no_other(events, in_flight, count, page_size):
    """The table is one state of the list, without rows that were added at its end after the fetch began."""
    server = DatabaseList([1000 * number for number in range(1, count + 1)], events)
    table = fetch_ids(server, in_flight, page_size)

    first = set(server.states[0])
    assert table is None or any(
        table == state[: len(table)] and not first & set(state[len(table) :]) for state in server.states
    )
