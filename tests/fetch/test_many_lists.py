"""Lists that belong to something: the calls of a user, the recordings of a call, the substitutions of a room."""

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
from support.faulty_server import SECRET, page_of, serving, user

import kismet_nb as kn


def call(number, **fields):
    """Return an invented call as the API sends it."""
    return {
        "id": number,
        "name": "Intake visit",
        "livekit_session_id": f"lk-{number}",
        "state": "ended",
        "has_egresses": False,
        "is_recording": False,
        "is_canvas_locked": False,
        "is_ended": True,
        "created_at": "2026-02-03T15:00:00Z",
        "updated_at": "2026-02-03T15:20:00Z",
        "participants": [{"id": number * 10, "participant_type": "Recipient", "name": "Guest One"}],
        **fields,
    }


class Clinic:
    """Users and their calls; ``before`` may answer a request in the server's place."""

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


def fetch(clinic, *args, fetching=kn.fetch_calls, client=None, **options):
    """Fetch from a server that answers as ``clinic`` does."""
    with (
        serving(clinic) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url, page_size=10, retries=0, timeout=5, **client or {}) as lent,
    ):
        return fetching(*args, client=lent, **options)


def test_calls_come_user_by_user_with_one_request_a_user():
    """All calls of all users come in the order of users, and a list of one page costs one request."""
    clinic = Clinic({key: [call(key * 100 + number) for number in range(key % 5)] for key in range(1, 40)})
    calls = fetch(clinic)

    assert [(key, row["id"]) for key, rows in clinic.calls.items() for row in rows] == list(
        zip(calls["organization_user_id"], calls["id"], strict=True)
    )
    assert {1} == {count for path, count in clinic.visits.items() if path.endswith("/calls")}
    assert (39, "complete") == (calls.attrs["kismet"]["lists"], calls.attrs["kismet"]["verdict"])


def test_one_user_with_most_of_the_calls_is_read_beside_the_others():
    """Other lists are begun while one waits for its next page to be known."""
    clinic, order = Clinic({key: [call(key)] for key in range(1, 30)} | {30: [call(n) for n in range(300)]}), []
    clinic.before = lambda query: order.append(query.path)
    calls = fetch(clinic, range(30, 0, -1))

    assert 329 == len(calls)
    assert 3 <= len(set(order[:31]))


def test_a_list_that_is_begun_is_read_on_before_others_begin():
    """So most of what was read before a failure is whole lists, and need not be read again."""
    clinic = Clinic({key: [call(key * 100 + number) for number in range(25)] for key in range(1, 21)})
    failing = [True]

    def before(_query):
        return (500, {}, b"") if failing[0] and sum(clinic.visits.values()) > 20 else None

    clinic.before = before
    with (
        serving(clinic) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url, page_size=10, retries=0, max_in_flight=1) as client,
    ):
        with pytest.raises(kn.UnavailableError) as caught:
            kn.fetch_calls(range(1, 21), client=client)
        failing[0] = False
        calls = kn.fetch_calls(range(1, 21), client=client, resume=True)

    read = int(str(caught.value).rpartition(" of 20 lists are read")[0].rpartition(" ")[2])
    assert 4 <= read  # at four requests each, and perhaps one more list begun
    assert 500 == calls["id"].nunique()
    assert sum(clinic.visits.values()) <= 22 + (20 - read) * 4


@pytest.mark.parametrize(
    "given", [[3, 1], (number for number in (3, 1)), pd.DataFrame({"id": [3, 1, 3]}), [3, "1", "3", 1]]
)
def test_only_the_users_given_are_asked_about(given):
    """Ids or a table of users, each once, in their order."""
    clinic = Clinic({key: [call(key)] for key in (1, 2, 3)})

    assert [3, 1] == fetch(clinic, given)["id"].tolist()
    assert {"/organization_users/3/calls": 1, "/organization_users/1/calls": 1} == clinic.visits


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
def test_what_are_no_users_is_refused(given):
    """Missing values, numbers that are no ids, and other tables are refused before anything is sent."""
    clinic = Clinic({1: []})
    with pytest.raises(kn.InvalidInputError, match="users must be"):
        fetch(clinic, given)

    assert {} == clinic.visits


def test_a_table_of_something_else_is_refused(client):
    """The ids of invites are not those of users."""
    with pytest.raises(kn.InvalidInputError, match="table of users"):
        kn.fetch_calls(kn.fetch_invites(client=client), client=client)


def test_a_user_who_is_gone_is_told_in_a_warning():
    """A 404 for one user leaves the calls of the others, and the warning names who is gone."""
    clinic = Clinic({key: [call(key)] for key in (1, 2, 4)})
    with pytest.warns(kn.GoneWarning, match=r"calls: 1 of 4 .* gone \(404\): 3\. The table is complete"):
        calls = fetch(clinic, [1, 2, 3, 4])

    assert [1, 2, 4] == calls["id"].tolist()
    assert 1 == calls.attrs["kismet"]["gone"]


@pytest.mark.parametrize(("given", "strict"), [([7, 8], False), ([1, 7], True)])
def test_when_all_are_gone_or_the_client_is_strict_it_is_an_error(given, strict):
    """Nothing but unknown ids is a mistake; and a scheduled run must not pass over a single one."""
    with pytest.raises(kn.NotFoundError, match="7"):
        fetch(Clinic({1: [call(1)]}), given, client={"strict": strict})


def test_a_failed_fetch_goes_on_where_it_stopped():
    """After a failure the error says how to go on, and what is read already is not read again."""
    clinic, broken = Clinic({key: [call(key)] for key in range(1, 40)}), [True]
    clinic.before = lambda query: (500, {}, b"") if "/30/" in query.path and broken[0] else None
    with (
        serving(clinic) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url, retries=0, max_in_flight=2) as client,
    ):
        with pytest.raises(kn.UnavailableError, match=r"of 39 lists are read: .* resume=True") as caught:
            kn.fetch_calls(client=client)
        broken[0] = False
        calls = kn.fetch_calls(client=client, resume=True)
        clinic.visits.clear()
        kn.fetch_calls(client=client)

    assert "500" in str(caught.value)
    assert list(range(1, 40)) == calls["id"].tolist()
    assert calls.attrs["kismet"]["resumed"]
    assert 40 == clinic.visits.total()  # the next fetch starts afresh


@contextlib.contextmanager
def after_a_failure(clinic, user):
    """Lend a client, of one request at a time, whose fetch of all calls has just failed at a user."""
    clinic.before = lambda query: (500, {}, b"") if f"/{user}/" in query.path else None
    with (
        serving(clinic) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url, retries=0, max_in_flight=1) as client,
    ):
        with pytest.raises(kn.UnavailableError):
            kn.fetch_calls(clinic.calls, client=client)
        clinic.before = lambda _: None
        yield client


def test_a_progress_bar_is_shown_when_it_is_asked_for(capsys):
    """It names the table and counts pages; without being asked, a short fetch shows nothing."""
    clinic = Clinic({key: [call(key)] for key in range(1, 4)})
    fetch(clinic)
    assert not capsys.readouterr().err
    fetch(clinic, progress=True)

    assert re.search(r"calls: 100%\|.*\| 3/3 ", capsys.readouterr().err)


def test_a_progress_bar_in_a_notebook_grows_with_what_is_known(kernel):
    """One list turns out to be several pages: the widget's end moves along."""
    clinic = Clinic({1: [call(number) for number in range(45)]})
    with serving(clinic) as (url, _):
        said = kernel.run(
            f"import kismet_nb as kn; client = kn.KismetClient('an-id', '{SECRET}', api_url='{url}', page_size=10)\n"
            "len(kn.fetch_calls([1], client=client, progress=True))"
        )

    assert "'45'" in said.replace('"', "'")
    assert '"max": 1.0' in said
    assert '"max": 5' in said
    assert "20px" not in said


def test_ids_that_only_look_alike_are_different_users():
    """Users 7 and 007 are two; the same id as number and as text is one."""
    of_each = {"007": [call(1)], "7": [call(2)]}
    with (
        serving(lambda query, _: page_of(of_each[query.path.split("/")[2]], query, envelope="calls")) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url) as client,
        pytest.warns(kn.SchemaDriftWarning),
    ):
        calls = kn.fetch_calls(["007", "7", 7], client=client)

    assert [("007", 1), (7, 2)] == list(calls[["organization_user_id", "id"]].itertuples(index=False, name=None))


def test_a_field_that_is_called_as_a_label_is_kept():
    """Whatever a row calls its own fields, none takes another's place."""
    row = call(1) | {"organization_user_id": 99, "own.organization_user_id": 5}
    with (
        serving(Clinic({7: [row]})) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url) as client,
        pytest.warns(kn.SchemaDriftWarning),
    ):
        calls = kn.fetch_calls([7], client=client)

    own = ["organization_user_id", "own.organization_user_id", "own..organization_user_id"]
    assert [7, 5, 99] == calls[own].iloc[0].tolist()


def test_participants_that_are_no_objects_are_told():
    """They are counted, have no row, and a warning says how many."""
    row = call(1) | {"participants": ["x", {"id": 3, "participant_type": "Recipient"}, None]}
    with (
        serving(Clinic({7: [row]})) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url) as client,
        pytest.warns(kn.SchemaDriftWarning, match="participants: 2 are no objects"),
    ):
        calls, people = kn.fetch_calls([7], participants=True, client=client)

    assert ([3], [3]) == (calls["participant_count"].tolist(), people["id"].tolist())


def test_what_was_read_is_not_asked_for_again():
    """A resumed fetch sends requests for the rest only."""
    clinic = Clinic({key: [call(key)] for key in range(1, 40)})
    with after_a_failure(clinic, 30) as client:
        kn.fetch_calls(clinic.calls, client=client, resume=True)

    assert 2 == clinic.visits["/organization_users/30/calls"]
    assert 39 + 2 >= clinic.visits.total()  # one more may have been under way


def test_what_was_read_outlasts_smaller_and_failing_fetches():
    """Neither a fetch of some of the lists, nor one that read nothing, forgets what a larger one had read."""
    clinic = Clinic({key: [call(key)] for key in range(1, 40)})
    with after_a_failure(clinic, 30) as client:
        kn.fetch_calls([3, 5], client=client)
        clinic.before = lambda _: (401, {}, b"")
        with pytest.raises(kn.AuthenticationError):
            kn.fetch_calls(clinic.calls, client=client)
        clinic.before = lambda _: None
        clinic.visits.clear()
        kn.fetch_calls(clinic.calls, client=client, resume=True)
        # Those two were read again in between, and are no longer part of what was left.
        assert 12 >= clinic.visits.total()
        kn.fetch_calls(clinic.calls, client=client, resume=True)

    assert 12 + 39 >= clinic.visits.total() >= 39  # there was nothing left to resume


def test_what_a_fetch_has_returned_is_not_resumed():
    """After a fetch that went well, resumed or not, the same call reads all anew, though one user has gone."""
    clinic = Clinic({key: [call(key)] for key in range(1, 8)})
    with after_a_failure(clinic, 6) as client:
        del clinic.calls[2]
        resumed = kn.fetch_calls(client=client, resume=True)
        for key, calls in clinic.calls.items():
            calls.append(call(key * 100))
        again = kn.fetch_calls(client=client, resume=True)

    assert [1, 3, 4, 5, 6, 7] == resumed["id"].tolist()
    assert [row["id"] for calls in clinic.calls.values() for row in calls] == again["id"].tolist()
    assert [True, False] == [table.attrs["kismet"]["resumed"] for table in (resumed, again)]


def test_threads_may_share_a_client():
    """Fetches of the same table side by side each return all of it."""
    clinic = Clinic({key: [call(key)] for key in range(1, 40)})
    with (
        serving(clinic) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        tables = list(threads.map(lambda _: kn.fetch_calls(range(1, 40), client=client), range(6)))

    assert [list(range(1, 40))] * 6 == [table["id"].tolist() for table in tables]


def test_an_interrupted_fetch_goes_on_where_it_stopped(caplog):
    """After Ctrl-C a line says how to go on, and resume=True gives the whole table."""
    clinic, slow = Clinic({key: [call(key)] for key in range(1, 20)}), [3.0]
    clinic.before = lambda query: time.sleep(slow[0]) if "/15/" in query.path else None
    with serving(clinic) as (url, _), kn.KismetClient("client-id", SECRET, api_url=url) as client:
        threading.Timer(0.5, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.WARNING):
            kn.fetch_calls(client=client)
        slow[0] = 0
        calls = kn.fetch_calls(client=client, resume=True)

    assert re.search("[0-9]+ of 19 lists are read: .*resume=True", caplog.text)
    assert list(range(1, 20)) == calls["id"].tolist()


def test_what_is_read_counts_while_all_have_to_wait(caplog):
    """A list that was read just before another request is refused (429) is not lost by an interrupt during the wait."""
    under_way, refused = threading.Event(), threading.Event()
    clinic = Clinic({key: [call(key)] for key in range(1, 10)})

    def refusal():
        under_way.wait(5)
        threading.Timer(0.5, refused.set).start()
        yield b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 20\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def after_the_refusal(query):
        refused.wait(5)
        body = json.dumps(page_of([call(2)], query, envelope="calls")).encode()
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)

    def before(query):
        if "/1/" in query.path:
            return refusal()
        under_way.set()
        return after_the_refusal(query)

    with (
        serving(clinic) as (url, _),
        kn.KismetClient("client-id", SECRET, api_url=url, max_in_flight=2) as client,
        caplog.at_level(logging.WARNING),
    ):
        kn.fetch_users(client=client)  # until one request has succeeded, no second one is sent beside it
        clinic.before = before
        threading.Timer(1.5, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            kn.fetch_calls(range(1, 10), client=client)

    assert "1 of 9 lists are read" in caplog.text


def test_a_list_that_moves_is_read_again_without_the_others():
    """Movement in one user's list costs another reading of that list alone."""
    clinic = Clinic({key: [call(key * 1000 + number) for number in range(30)] for key in range(1, 6)})

    def before(query):
        if query.path == "/organization_users/3/calls" and clinic.visits[query.path] == 3:
            del clinic.calls[3][2]

    clinic.before = before
    calls = fetch(clinic)

    assert 149 == len(calls)
    quiet = {count for path, count in clinic.visits.items() if path.endswith("/calls") and "/3/" not in path}
    assert 1 == len(quiet)
    assert clinic.visits["/organization_users/3/calls"] > quiet.pop()


def test_a_list_that_never_stands_still_is_an_error_with_all_that_was_read():
    """The error has what was read of the other users too, and can be gone on from."""
    clinic = Clinic({1: [call(1)], 2: [call(number) for number in range(500)]})

    def before(query):
        if "/2/" in query.path:
            del clinic.calls[2][0]

    clinic.before = before
    with serving(clinic) as (url, _), kn.KismetClient("client-id", SECRET, api_url=url, page_size=10) as client:
        with pytest.raises(kn.IncompleteError, match="resume=True") as caught:
            kn.fetch_calls(client=client)
        clinic.before = lambda _: None
        calls = kn.fetch_calls(client=client, resume=True)

    assert 1 + len(clinic.calls[2]) == len(calls)
    assert 1 in caught.value.partial["organization_user_id"].tolist()
    assert "incomplete" == caught.value.partial.attrs["kismet"]["verdict"]


def test_participants_are_counted_and_their_names_left_out():
    """Without asking, no participant's name is in either table."""
    people = [{"id": 1, "participant_type": "Recipient", "name": "Guest One"}, {"id": 2, "participant_type": "Robot"}]
    clinic = Clinic({5: [call(50, participants=people), call(51, participants=[]), call(52, participants=None)]})
    calls, participants = fetch(clinic, participants=True)

    assert [2, 0, pd.NA] == calls["participant_count"].tolist()
    assert [(5, 50, 1), (5, 50, 2)] == list(participants.iloc[:, :3].itertuples(index=False, name=None))
    assert ["Recipient", "Robot"] == participants["participant_type"].tolist()
    assert "Guest One" not in calls.to_csv() + participants.to_csv()


def test_participants_names_come_when_asked_for():
    """participant_names=True fills the second table's name, and is refused without that table."""
    clinic = Clinic({5: [call(50)]})

    assert ["Guest One"] == fetch(clinic, participants=True, participant_names=True)[1]["name"].tolist()
    with pytest.raises(kn.InvalidInputError, match="participants=True"):
        fetch(clinic, participant_names=True)


def test_participants_that_are_no_list_are_an_error_that_shows_none():
    """They cannot be counted, and are not put into the table, where they could show a name."""
    with pytest.raises(kn.UnexpectedAnswerError, match="participants holds") as caught:
        fetch(Clinic({5: [call(50, participants={"name": "Guest One"})]}))

    assert "Guest" not in str(caught.value)


def test_recordings_are_asked_for_where_there_are_some_and_never_with_their_link():
    """A call without recordings costs no request, and the presigned link is in no table."""
    clinic = Clinic({5: [call(50, has_egresses=True), call(51), call(52, has_egresses=None)]})
    egress = {
        "id": 7,
        "egress_id": "EG_1",
        "status": "egress_ended",
        "error": None,
        "is_stopped": True,
        "ended_at": "2026-02-02T15:44:00Z",
        "created_at": "2026-02-02T15:01:00Z",
        "updated_at": "2026-02-02T15:44:00Z",
        "url": "https://recordings.example.org/secret",
    }
    clinic.before = lambda query: {"egresses": [egress]} if query.path.endswith("egresses") else None
    egresses = fetch(clinic, fetching=kn.fetch_egresses)

    assert [(5, 50, 7), (5, 52, 7)] == list(egresses.iloc[:, :3].itertuples(index=False, name=None))
    assert "recordings.example" not in egresses.to_csv()


@pytest.mark.parametrize("given", [pd.DataFrame({"id": [1]}), [1], "ab", [(1, None)], 7, 3.5])
def test_what_are_no_calls_is_refused(given):
    """A table without users, or anything but pairs, is refused."""
    with pytest.raises(kn.InvalidInputError, match="calls must be"):
        fetch(Clinic({}), given, fetching=kn.fetch_egresses)


def test_a_whole_list_that_turns_out_to_have_pages_is_read_to_the_end():
    """Should a server begin to cut a list that is documented as whole, no page is missed."""
    subs = [{"id": number} for number in range(35)]

    def answer(query, _):
        return page_of(subs, {"per_page": 10, **query}, envelope="waiting_room_subs")

    with pytest.warns(kn.SchemaDriftWarning):
        table = fetch(answer, "ada", fetching=kn.fetch_waiting_room_subs)

    assert list(range(35)) == table["id"].tolist()


def test_a_list_that_gets_shorter_is_read_again_and_not_taken_for_gone():
    """A page that is absent because rows went meanwhile costs another reading, and no row."""
    clinic = Clinic({7: [call(number) for number in range(12)]})

    def before(query):
        if query["page"] == "2":
            del clinic.calls[7][:3]
            return 404, {}, b""
        return None

    clinic.before = before

    assert list(range(3, 12)) == fetch(clinic, [7])["id"].tolist()


def test_a_field_that_contradicts_a_label_or_a_count_is_kept_beside_it():
    """The user asked for stays in its column; what the row says itself is a column of its own, and told."""
    clinic = Clinic({7: [call(1, organization_user_id=99, participant_count=5), call(2)]})
    with pytest.warns(kn.SchemaDriftWarning, match=r"own\.organization_user_id is new"):
        calls = fetch(clinic, 7)

    assert [7, 7] == calls["organization_user_id"].tolist()
    assert 99 == calls["own.organization_user_id"][0]
    assert (5, 1) == (calls["participant_count"][0], calls["participants.count"][0])


def test_a_room_that_is_gone_is_told_without_its_slug():
    """A slug is a person's name, and stays out of warnings and logs."""

    def answer(query, _):
        return (404, {}, b"") if "ada-ferris" in query.path else {"waiting_room_subs": []}

    with pytest.warns(kn.GoneWarning) as caught:
        fetch(answer, ["ada-ferris", "bo-chen"], fetching=kn.fetch_waiting_room_subs)

    assert "ada" not in str(caught[0].message)
