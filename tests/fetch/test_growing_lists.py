"""Lists that get rows at their end while they are read: complete without these rows, if nothing else changed."""

import pytest
from support.fetching import fetch_users_from
from support.rows import page_of, user

import kismet_nb as kn

pytestmark = pytest.mark.usefixtures("_no_pauses")


class GrowingList:
    """A server with a list of users. It calls ``change(server, number of requests)`` before each response."""

    def __init__(self, count, change):
        self.rows = [user(number * 10) for number in range(1, count + 1)]
        self.change = change
        self.asked = []

    def __call__(self, query, count):
        """Change the list and return the page asked for."""
        self.asked.append(int(query["page"]))
        self.change(self, count)
        return page_of(self.rows, query)

    def append(self):
        """Add a row at the end."""
        self.rows.append(user(max(row["id"] for row in self.rows) + 10))


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize(("count", "kept"), [(58, 59), (60, 62), (55, 56), (59, 60)])
def test_rows_added_while_a_list_is_read_are_left_for_the_next_fetch(count, kept, in_flight):
    """A row is added before each response. The table is the list that the first reading of its last page counted."""
    server = GrowingList(count, lambda server, number: server.append() if number > 1 else None)
    users = fetch_users_from(server, max_in_flight=in_flight)

    assert list(range(10, kept * 10 + 1, 10)) == users["id"].tolist()
    assert ("complete", 1) == (users.attrs["kismet"]["verdict"], users.attrs["kismet"]["walks"])


def test_a_list_of_one_page_that_grows_by_another_is_read_again():
    """A row after the only page, which that page did not count, costs a second attempt."""
    server = GrowingList(10, lambda server, number: server.append() if number == 2 else None)
    users = fetch_users_from(server)

    assert list(range(10, 111, 10)) == users["id"].tolist()
    assert 2 == users.attrs["kismet"]["walks"]


def insert_further_up(server, number):
    """Add a row at the end, and one further up, before different responses."""
    if number == 4:
        server.append()
    if number == 6:
        server.rows.insert(35, user(355))


def fall_back(server, number):
    """Add two rows at the end, and delete one of the rows that were read."""
    if number == 4:
        server.append()
        server.append()
    if number == 6:
        del server.rows[14]


def replace_further_up(server, number):
    """Add a row at the end; then delete one further up and add another, so that the total stays."""
    if number == 4:
        server.append()
    if number == 6:
        del server.rows[14]
        server.append()


@pytest.mark.parametrize("change", [insert_further_up, fall_back, replace_further_up])
def test_growth_together_with_another_change_is_read_again(change):
    """If anything but the end of the list changed, another attempt gives the list as it then is."""
    server = GrowingList(55, change)
    users = fetch_users_from(server, max_in_flight=1)

    assert [row["id"] for row in server.rows] == users["id"].tolist()
    assert 2 == users.attrs["kismet"]["walks"]


def test_a_list_that_grows_and_gets_shorter_is_read_again():
    """Two rows are added and one of them is removed. The table would be right, but the list did not only grow."""

    def change(server, number):
        if number == 4:
            server.append()
            server.append()
        if server.asked[1:].count(6) == 2:  # at the second reading of the last page
            del server.rows[-1]

    users = fetch_users_from(GrowingList(55, change), max_in_flight=1)

    assert 2 == users.attrs["kismet"]["walks"]


def test_an_unsorted_list_that_grows_is_an_error():
    """If ids do not rise, it is not known which rows are new."""

    def change(server, number):
        if number == 1:
            server.rows = server.rows[7:] + server.rows[:7]
        server.append()

    with pytest.raises(kn.IncompleteError, match="total_count was"):
        fetch_users_from(GrowingList(55, change), max_in_flight=1)
