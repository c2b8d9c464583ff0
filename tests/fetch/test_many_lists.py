"""Many lists in one fetch: the calls of users, the recordings of calls, the substitutions of waiting rooms."""

import _thread
import contextlib
import json
import logging
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from support.faulty_server import SECRET, serving
from support.fetching import client_of
from support.rows import call, egress, page_of, user

import kismet_nb as kn


class CallsServer:
    """A server of users and their calls. If ``before`` returns a response, it replaces the server's."""

    def __init__(self, calls, before=lambda _query: None):
        self.calls = calls
        self.before = before
        self.visits = Counter()

    def __call__(self, query, _count):
        """Answer a request."""
        self.visits[query.path] += 1
        reply = self.before(query)
        if reply is not None:
            return reply
        if query.path == "/organization_users":
            return page_of([user(key) for key in self.calls], query)
        key = int(query.path.split("/")[2])
        return page_of(self.calls[key], query, envelope="calls") if key in self.calls else (404, {}, b"")


def fetch_from(server, *args, fetch=kn.fetch_calls, client=None, **options):
    """Return the result of a fetch function from a server. ``client`` are options of the client."""
    with client_of(server, page_size=10, retries=0, timeout=5, **client or {}) as connected:
        return fetch(*args, client=connected, **options)


def test_calls_are_in_the_order_of_users_with_one_request_each():
    """All calls of all users are in the order of users, and a list of one page costs one request."""
    server = CallsServer({key: [call(key * 100 + number) for number in range(key % 5)] for key in range(1, 40)})
    calls = fetch_from(server)

    assert [(key, row["id"]) for key, rows in server.calls.items() for row in rows] == list(
        zip(calls["organization_user_id"], calls["id"], strict=True)
    )
    assert {1} == {count for path, count in server.visits.items() if path.endswith("/calls")}
    assert (39, "complete") == (calls.attrs["kismet"]["lists"], calls.attrs["kismet"]["verdict"])


def test_one_user_with_most_calls_is_read_in_parallel_with_others():
    """Other lists are started while a list waits for its page count."""
    server, order = CallsServer({key: [call(key)] for key in range(1, 30)} | {30: [call(n) for n in range(300)]}), []
    server.before = lambda query: order.append(query.path)
    calls = fetch_from(server, range(30, 0, -1))

    assert 329 == len(calls)
    assert 3 <= len(set(order[:31]))


def test_a_started_list_is_finished_before_others_start():
    """After a failure, most lists that were started are complete and need not be read again."""
    server = CallsServer({key: [call(key * 100 + number) for number in range(25)] for key in range(1, 21)})
    failing = [True]

    def before(_query):
        return (500, {}, b"") if failing[0] and sum(server.visits.values()) > 20 else None

    server.before = before
    with client_of(server, page_size=10, retries=0, max_in_flight=1) as client:
        with pytest.raises(kn.UnavailableError) as caught:
            kn.fetch_calls(range(1, 21), client=client)
        failing[0] = False
        calls = kn.fetch_calls(range(1, 21), client=client, resume=True)

    read = int(str(caught.value).rpartition(" of 20 lists are read")[0].rpartition(" ")[2])
    assert 4 <= read  # at four requests each, and perhaps one more list begun
    assert 500 == calls["id"].nunique()
    assert sum(server.visits.values()) <= 22 + (20 - read) * 4


@pytest.mark.parametrize(
    "given", [[3, 1], (number for number in (3, 1)), pd.DataFrame({"id": [3, 1, 3]}), [3, "1", "3", 1]]
)
def test_only_the_given_users_are_requested(given):
    """Ids or a table of users are requested once each, in their order."""
    server = CallsServer({key: [call(key)] for key in (1, 2, 3)})

    assert [3, 1] == fetch_from(server, given)["id"].tolist()
    assert {"/organization_users/3/calls": 1, "/organization_users/1/calls": 1} == server.visits


@pytest.mark.parametrize(
    "given",
    [
        [None],
        1.5,
        [True],
        [".."],
        ["\ud800"],
        "ada.ferris@example.org",
        ["Ada Ferris"],
        pd.DataFrame({"key": [1]}),
        object(),
    ],
)
def test_invalid_users_are_refused(given):
    """Missing values, numbers that are not ids, and other tables are refused before anything is sent."""
    server = CallsServer({1: []})
    with pytest.raises(kn.InvalidInputError, match="users must be"):
        fetch_from(server, given)

    assert {} == server.visits


def test_a_table_of_another_resource_is_refused(client):
    """The ids of invites are not those of users."""
    with pytest.raises(kn.InvalidInputError, match="table of users"):
        kn.fetch_calls(kn.fetch_invites(client=client), client=client)


def test_a_missing_user_is_named_in_a_warning():
    """After a 404 for one user the table has the calls of the others, and a warning names the missing user."""
    server = CallsServer({key: [call(key)] for key in (1, 2, 4)})
    with pytest.warns(kn.GoneWarning, match=r"calls: 1 of 4 .* missing \(404\): 3\. The table is complete"):
        calls = fetch_from(server, [1, 2, 3, 4])

    assert [1, 2, 4] == calls["id"].tolist()
    assert 1 == calls.attrs["kismet"]["gone"]


@pytest.mark.parametrize(("given", "strict"), [([7, 8], False), ([1, 7], True)])
def test_missing_users_are_an_error_if_all_are_missing_or_the_client_is_strict(given, strict):
    """If all ids are unknown, they are a mistake. For a strict client, one unknown id is an error."""
    with pytest.raises(kn.NotFoundError, match="7"):
        fetch_from(CallsServer({1: [call(1)]}), given, client={"strict": strict})


def test_a_failed_fetch_can_be_resumed():
    """The error says how to resume, and lists that were read are not read again."""
    server, broken = CallsServer({key: [call(key)] for key in range(1, 40)}), [True]
    server.before = lambda query: (500, {}, b"") if "/30/" in query.path and broken[0] else None
    with client_of(server, retries=0, max_in_flight=2) as client:
        with pytest.raises(kn.UnavailableError, match=r"of 39 lists are read\. .* resume=True") as caught:
            kn.fetch_calls(client=client)
        broken[0] = False
        calls = kn.fetch_calls(client=client, resume=True)
        server.visits.clear()
        kn.fetch_calls(client=client)

    assert "500" in str(caught.value)
    assert list(range(1, 40)) == calls["id"].tolist()
    assert calls.attrs["kismet"]["resumed"]
    assert 40 == server.visits.total()  # the next fetch starts afresh


@contextlib.contextmanager
def after_a_failure(server, user):
    """Yield a client with one request in flight, whose fetch of all calls has just failed at a user."""
    server.before = lambda query: (500, {}, b"") if f"/{user}/" in query.path else None
    with client_of(server, retries=0, max_in_flight=1) as client:
        with pytest.raises(kn.UnavailableError):
            kn.fetch_calls(server.calls, client=client)
        server.before = lambda _: None
        yield client


def test_a_progress_bar_is_shown_on_request(capsys):
    """The bar names the table and counts pages. By default a short fetch shows none."""
    server = CallsServer({key: [call(key)] for key in range(1, 4)})
    fetch_from(server)
    assert not capsys.readouterr().err
    fetch_from(server, progress=True)

    assert re.search(r"calls: 100%\|.*\| 3/3 ", capsys.readouterr().err)


def test_a_progress_bar_in_a_notebook_grows_with_the_known_pages(kernel):
    """When a list turns out to have several pages, the widget's maximum increases."""
    server = CallsServer({1: [call(number) for number in range(45)]})
    with serving(server) as (url, _):
        messages = kernel.run(
            f"import kismet_nb as kn; client = kn.KismetClient('an-id', '{SECRET}', api_url='{url}', page_size=10)\n"
            "len(kn.fetch_calls([1], client=client, progress=True))"
        )

    assert "'45'" in messages.replace('"', "'")
    assert '"max": 1.0' in messages
    assert '"max": 5' in messages
    assert "20px" not in messages


def test_similar_ids_are_different_users():
    """7 and 007 are different users. The same id as number and as text is one user."""
    of_each = {"007": [call(1)], "7": [call(2)]}
    with (
        client_of(lambda query, _: page_of(of_each[query.path.split("/")[2]], query, envelope="calls")) as client,
        pytest.warns(kn.SchemaDriftWarning),
    ):
        calls = kn.fetch_calls(["007", "7", 7], client=client)

    assert [("007", 1), (7, 2)] == list(calls[["organization_user_id", "id"]].itertuples(index=False, name=None))


def test_a_field_with_the_name_of_a_label_is_kept():
    """No field of a row overwrites a label or another field."""
    row = call(1) | {"organization_user_id": 99, "own.organization_user_id": 5}
    with (
        client_of(CallsServer({7: [row]})) as client,
        pytest.warns(kn.SchemaDriftWarning),
    ):
        calls = kn.fetch_calls([7], client=client)

    own = ["organization_user_id", "own.organization_user_id", "own..organization_user_id"]
    assert [7, 5, 99] == calls[own].iloc[0].tolist()


def test_participants_that_are_not_objects_are_reported():
    """They are counted but have no row. A warning says how many there are."""
    row = call(1) | {"participants": ["x", {"id": 3, "participant_type": "Recipient"}, None]}
    with (
        client_of(CallsServer({7: [row]})) as client,
        pytest.warns(kn.SchemaDriftWarning, match="participants: 2 are not objects"),
    ):
        calls, people = kn.fetch_calls([7], participants=True, client=client)

    assert ([3], [3]) == (calls["participant_count"].tolist(), people["id"].tolist())


def test_a_resumed_fetch_requests_only_the_rest():
    """Lists that were read before the failure are not requested again."""
    server = CallsServer({key: [call(key)] for key in range(1, 40)})
    with after_a_failure(server, 30) as client:
        kn.fetch_calls(server.calls, client=client, resume=True)

    assert 2 == server.visits["/organization_users/30/calls"]
    assert 39 + 2 >= server.visits.total()  # one more may have been under way


def test_smaller_and_failing_fetches_keep_what_can_be_resumed():
    """Neither a fetch of some of the lists, nor one that read nothing, discards what a larger one had read."""
    server = CallsServer({key: [call(key)] for key in range(1, 40)})
    with after_a_failure(server, 30) as client:
        kn.fetch_calls([3, 5], client=client)
        server.before = lambda _: (401, {}, b"")
        with pytest.raises(kn.AuthenticationError):
            kn.fetch_calls(server.calls, client=client)
        server.before = lambda _: None
        server.visits.clear()
        kn.fetch_calls(server.calls, client=client, resume=True)
        # The two users' lists were read again in between and are not resumed.
        assert 12 >= server.visits.total()
        kn.fetch_calls(server.calls, client=client, resume=True)

    assert 12 + 39 >= server.visits.total() >= 39  # there was nothing left to resume


def test_a_returned_table_is_not_resumed():
    """After a successful fetch, resumed or not, the same call reads everything again, although one user is missing."""
    server = CallsServer({key: [call(key)] for key in range(1, 8)})
    with after_a_failure(server, 6) as client:
        del server.calls[2]
        resumed = kn.fetch_calls(client=client, resume=True)
        for key, calls in server.calls.items():
            calls.append(call(key * 100))
        again = kn.fetch_calls(client=client, resume=True)

    assert [1, 3, 4, 5, 6, 7] == resumed["id"].tolist()
    assert [row["id"] for calls in server.calls.values() for row in calls] == again["id"].tolist()
    assert [True, False] == [table.attrs["kismet"]["resumed"] for table in (resumed, again)]


def test_threads_can_share_a_client():
    """Parallel fetches of the same table each return all of it."""
    server = CallsServer({key: [call(key)] for key in range(1, 40)})
    with (
        client_of(server) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        tables = list(threads.map(lambda _: kn.fetch_calls(range(1, 40), client=client), range(6)))

    assert [list(range(1, 40))] * 6 == [table["id"].tolist() for table in tables]


def test_an_interrupted_fetch_can_be_resumed(caplog):
    """After Ctrl-C a log line says how to resume, and ``resume=True`` returns the whole table."""
    server, go_on = CallsServer({key: [call(key)] for key in range(1, 20)}), threading.Event()

    def before(query):
        if "/15/" in query.path and not go_on.is_set():  # five lists or more have been read then
            threading.Timer(1, _thread.interrupt_main).start()
            assert go_on.wait(30)

    server.before = before
    with client_of(server) as client:
        with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.WARNING):
            kn.fetch_calls(client=client)
        go_on.set()
        calls = kn.fetch_calls(client=client, resume=True)

    assert re.search(r"[0-9]+ of 19 lists are read\. .*resume=True", caplog.text)
    assert list(range(1, 20)) == calls["id"].tolist()


def test_a_list_read_before_a_wait_can_be_resumed(caplog):
    """If another request got 429, an interrupt during the wait does not lose a list that was already read."""
    under_way, refused = threading.Event(), threading.Event()
    server = CallsServer({key: [call(key)] for key in range(1, 10)})

    def refusal():
        assert under_way.wait(20)
        threading.Timer(1.5, refused.set).start()  # when the client has the refusal
        yield b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 20\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def after_the_refusal(query):
        assert refused.wait(20)
        body = json.dumps(page_of([call(2)], query, envelope="calls")).encode()
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
        threading.Timer(1.5, _thread.interrupt_main).start()  # when the client has the list

    def before(query):
        if "/1/" in query.path:
            return refusal()
        under_way.set()
        return after_the_refusal(query)

    with (
        client_of(server, max_in_flight=2) as client,
        caplog.at_level(logging.WARNING),
    ):
        kn.fetch_users(client=client)  # until one request has succeeded, none is sent in parallel
        server.before = before
        with pytest.raises(KeyboardInterrupt):
            kn.fetch_calls(range(1, 10), client=client)

    assert "1 of 9 lists are read" in caplog.text


def test_only_the_list_that_changed_is_read_again():
    """A change in one user's list costs another attempt for that list alone."""
    server = CallsServer({key: [call(key * 1000 + number) for number in range(30)] for key in range(1, 6)})

    def before(query):
        if query.path == "/organization_users/3/calls" and server.visits[query.path] == 3:
            del server.calls[3][2]

    server.before = before
    calls = fetch_from(server)

    assert 149 == len(calls)
    quiet = {count for path, count in server.visits.items() if path.endswith("/calls") and "/3/" not in path}
    assert 1 == len(quiet)
    assert server.visits["/organization_users/3/calls"] > quiet.pop()


def test_a_list_that_keeps_changing_is_an_error_with_all_rows_read():
    """The error has the rows of the other users too, and the fetch can be resumed."""
    server = CallsServer({1: [call(1)], 2: [call(number) for number in range(500)]})

    def before(query):
        if "/2/" in query.path:
            del server.calls[2][0]

    server.before = before
    with client_of(server, page_size=10) as client:
        with pytest.raises(kn.IncompleteError, match="resume=True") as caught:
            kn.fetch_calls(client=client)
        server.before = lambda _: None
        calls = kn.fetch_calls(client=client, resume=True)

    assert 1 + len(server.calls[2]) == len(calls)
    assert 1 in caught.value.partial["organization_user_id"].tolist()
    assert "incomplete" == caught.value.partial.attrs["kismet"]["verdict"]


def test_participants_are_counted_without_their_names():
    """By default no participant's name is in either table."""
    people = [{"id": 1, "participant_type": "Recipient", "name": "Guest One"}, {"id": 2, "participant_type": "Robot"}]
    server = CallsServer({5: [call(50, participants=people), call(51, participants=[]), call(52, participants=None)]})
    calls, participants = fetch_from(server, participants=True)

    assert [2, 0, pd.NA] == calls["participant_count"].tolist()
    assert [(5, 50, 1), (5, 50, 2)] == list(participants.iloc[:, :3].itertuples(index=False, name=None))
    assert ["Recipient", "Robot"] == participants["participant_type"].tolist()
    assert "Guest One" not in calls.to_csv() + participants.to_csv()


def test_participant_names_are_returned_on_request():
    """``participant_names=True`` fills the second table's name, and is refused without that table."""
    server = CallsServer({5: [call(50)]})

    assert ["Guest One"] == fetch_from(server, participants=True, participant_names=True)[1]["name"].tolist()
    with pytest.raises(kn.InvalidInputError, match="participants=True"):
        fetch_from(server, participant_names=True)


def test_participants_that_are_not_a_list_are_an_error_without_names():
    """They cannot be counted, and the error does not show a name."""
    with pytest.raises(kn.UnexpectedAnswerError, match="participants holds") as caught:
        fetch_from(CallsServer({5: [call(50, participants={"name": "Guest One"})]}))

    assert "Guest" not in str(caught.value)


def test_recordings_are_requested_only_if_there_are_some_and_without_their_link():
    """A call without recordings costs no request, and the presigned link is in no table."""
    server = CallsServer({5: [call(50, has_egresses=True), call(51), call(52, has_egresses=None)]})
    server.before = lambda query: {"egresses": [egress(7)]} if query.path.endswith("egresses") else None
    egresses = fetch_from(server, fetch=kn.fetch_egresses)

    assert [(5, 50, 7), (5, 52, 7)] == list(egresses.iloc[:, :3].itertuples(index=False, name=None))
    assert "recordings.example" not in egresses.to_csv()


@pytest.mark.parametrize("given", [pd.DataFrame({"id": [1]}), [1], "ab", [(1, None)], 7, 3.5])
def test_invalid_calls_are_refused(given):
    """A table without users, or values that are not pairs of ids, are refused."""
    with pytest.raises(kn.InvalidInputError, match="calls must be"):
        fetch_from(CallsServer({}), given, fetch=kn.fetch_egresses)


def test_a_list_documented_without_pages_is_read_to_the_end_if_it_has_pages():
    """If a server adds pages to a list that is documented without, no page is missed."""
    subs = [{"id": number} for number in range(35)]

    def answer(query, _):
        return page_of(subs, {"per_page": 10, **query}, envelope="waiting_room_subs")

    with pytest.warns(kn.SchemaDriftWarning):
        table = fetch_from(answer, "ada", fetch=kn.fetch_waiting_room_subs)

    assert list(range(35)) == table["id"].tolist()


def test_a_list_that_gets_shorter_is_read_again_and_not_missing():
    """A 404 for a later page, because rows were deleted, costs another attempt and no row."""
    server = CallsServer({7: [call(number) for number in range(12)]})

    def before(query):
        if query["page"] == "2":
            del server.calls[7][:3]
            return 404, {}, b""
        return None

    server.before = before

    assert list(range(3, 12)) == fetch_from(server, [7])["id"].tolist()


def test_a_field_that_contradicts_a_label_or_a_count_is_kept():
    """The requested user stays in its column. The row's own value is in an extra column, with a warning."""
    server = CallsServer({7: [call(1, organization_user_id=99, participant_count=5), call(2)]})
    with pytest.warns(kn.SchemaDriftWarning, match=r"own\.organization_user_id is new"):
        calls = fetch_from(server, 7)

    assert [7, 7] == calls["organization_user_id"].tolist()
    assert 99 == calls["own.organization_user_id"][0]
    assert (5, 1) == (calls["participant_count"][0], calls["participants.count"][0])


def test_a_missing_room_is_reported_without_its_slug():
    """A slug is a person's name, and is in no warning or log."""

    def answer(query, _):
        return (404, {}, b"") if "ada-ferris" in query.path else {"waiting_room_subs": []}

    with pytest.warns(kn.GoneWarning) as caught:
        fetch_from(answer, ["ada-ferris", "bo-chen"], fetch=kn.fetch_waiting_room_subs)

    assert "ada" not in str(caught[0].message)


def test_users_who_are_missing_do_not_slow_down_the_others():
    """A 404 is a normal response: after the first one, lists are read in parallel."""
    lock, active = threading.Lock(), [0, 0]

    def answer(query, _):
        return count_active(page_of([call(1)], query, envelope="calls") if "/9/" in query.path else None)

    def count_active(body):
        with lock:
            active[0] += 1
            active[1] = max(active)
        time.sleep(0.3)
        with lock:
            active[0] -= 1
        status, content = (b"404 Not Found", b"") if body is None else (b"200 OK", json.dumps(body).encode())
        yield b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(content), content)

    with client_of(answer) as client, pytest.warns(kn.GoneWarning):
        kn.fetch_calls(range(1, 10), client=client)

    assert active[1] > 2
