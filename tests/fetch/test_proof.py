"""The proof that a list did not change while it was read: one reading if no row is fresh, otherwise two."""

import datetime as dt
import email.utils
import json
import time

import pytest
from support.faulty_server import CLIENT_ID, SECRET, serving
from support.fetching import Recorded, client_of, fetch_users_from
from support.rows import page_of, user

import kismet_nb as kn

ONCE, TWICE = "keys in order", "every page read twice"


def ago(seconds):
    """Return a time before now, as the API writes it."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
    return then.isoformat(timespec="seconds").replace("+00:00", "Z")


def proof_of(rows, *, date="now", **options):
    """Return the proof of a fetch of users, ten a page, and the number of requests. ``date`` is the server's."""

    def respond(query, _count):
        headers = {} if date == "now" else {"Date": date}
        return 200, headers, json.dumps(page_of(rows, query)).encode()

    answer = Recorded(respond)
    users = fetch_users_from(answer, **options)
    about = users.attrs["kismet"]

    assert [row["id"] for row in rows] == users["id"].tolist()
    assert ("complete", 1) == (about["verdict"], about["walks"])
    return about["proof"], len(answer.queries)


def test_a_list_without_fresh_rows_is_read_once():
    """24 pages with rising ids and old rows cost at most 27 requests."""
    proof, requests = proof_of([user(number) for number in range(240)])

    assert ONCE == proof
    assert requests <= 27


@pytest.mark.parametrize("field", ["created_at", "updated_at"])
@pytest.mark.parametrize(("seconds", "proof"), [(200, TWICE), (600, ONCE)])
def test_a_list_with_a_fresh_row_is_read_twice(field, seconds, proof):
    """If a row was created or changed within five minutes, a transaction with older ids may still be open."""
    rows = [user(number) for number in range(40)]
    rows[17][field] = ago(seconds)

    assert proof == proof_of(rows)[0]


@pytest.mark.parametrize(
    "rest", [{"created_at": None}, {"updated_at": "yesterday"}, {"updated_at": "2026-01-05T09:00:00"}]
)
@pytest.mark.filterwarnings("ignore::kismet_nb.SchemaDriftWarning")
def test_a_list_with_a_row_of_unknown_age_is_read_twice(rest):
    """A row without a usable time may be fresh."""
    assert TWICE == proof_of([user(number, **(rest if number == 17 else {})) for number in range(40)])[0]


def test_a_server_that_sends_no_date_is_read_twice():
    """Without the server's clock, it is not known which rows are fresh."""
    assert TWICE == proof_of([user(number) for number in range(40)], date=None)[0]


@pytest.mark.parametrize("ahead", [-86_400, 86_400])
def test_the_clock_of_this_computer_does_not_matter(ahead):
    """The age of rows counts from the server's Date, even if its clock is a day away from ours."""
    date = email.utils.formatdate(time.time() + ahead, usegmt=True)
    old = [user(number, created_at=ago(600 - ahead), updated_at=ago(600 - ahead)) for number in range(40)]
    fresh = [row | {"updated_at": ago(100 - ahead)} for row in old]

    assert [ONCE, TWICE] == [proof_of(rows, date=date)[0] for rows in (old, fresh)]


def test_verify_twice_reads_every_page_twice():
    """A client can read each list twice. A list of one page is a consistent snapshot, and is read once."""
    proof, requests = proof_of([user(number) for number in range(45)], verify="twice")

    assert TWICE == proof
    assert requests >= 10
    assert ("one page", 1) == proof_of([user(number) for number in range(5)], verify="twice")


def test_no_page_may_come_from_a_cache():
    """Every request says no-cache, because two cached pages may be from different days."""
    rows = [user(number) for number in range(40)]
    with (
        serving(lambda query, _: page_of(rows, query)) as (url, visits),
        kn.KismetClient(CLIENT_ID, SECRET, api_url=url, page_size=10) as client,
    ):
        kn.fetch_users(client=client)

    assert ["no-cache"] * len(visits) == [headers.get("Cache-Control") for headers in visits]


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize(
    ("shows", "verify"), [("its time of insertion", "auto"), ("its time of restoring", "auto"), ("nothing", "twice")]
)
def test_a_row_that_appears_late_hides_no_other(shows, verify, in_flight):
    """A database gives an id at insertion, and shows the row at commit; a deleted row may be restored.

    The row appears on a page that is still to be read, while another disappears from a page that was read. So total,
    lengths and order are right, but a user who existed throughout is on no page. If ``updated_at`` does not change,
    only ``verify="twice"`` detects this.
    """
    rows = [user(number * 10) for number in range(1, 101)]
    throughout = {row["id"] for row in rows} - {170}
    late = user(905, **{"its time of insertion": {"created_at": ago(60), "updated_at": ago(60)}}.get(shows, {}))
    if shows == "its time of restoring":
        late["updated_at"] = ago(0)

    def answer(query, _count):
        if query["page"] == "9" and late not in rows:
            rows.insert(90, late)
            del rows[16]
        return page_of(rows, query)

    with client_of(answer, page_size=10, max_in_flight=in_flight, verify=verify) as client:
        users = kn.fetch_users(client=client)

    assert throughout <= set(users["id"])
    assert [row["id"] for row in rows] == users["id"].tolist()
    assert "complete" == users.attrs["kismet"]["verdict"]
