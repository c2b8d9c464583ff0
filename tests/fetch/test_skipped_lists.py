"""Lists that cannot be read: an error that names the list, or a table without it on request."""

import pytest
from support.fetching import Recorded, client_of
from support.rows import call, page_of

import kismet_nb as kn

FAILURES = pytest.mark.parametrize(
    "failure",
    [(403, {}, b""), (422, {}, b""), (500, {}, b""), (200, {}, b'{"calls": ['), {"calls": [1]}],
    ids=["403", "422", "500", "broken JSON", "another format"],
)


def failing_for(user, failure):
    """Return an answer function for the calls of users, with a failure for one user."""

    def answer(query, _):
        key = int(query.path.split("/")[2])
        return failure if key == user else page_of([call(key * 10)], query, envelope="calls")

    return answer


@FAILURES
def test_an_error_names_the_list_and_does_not_blame_the_credentials(failure):
    """Whatever is wrong with the calls of one user, the error says whose, and on which page."""
    with client_of(failing_for(1017, failure), retries=0) as client, pytest.raises(kn.KismetError) as caught:
        kn.fetch_calls([11, 1017, 12], client=client)

    assert str(caught.value).startswith("calls of user 1017, page 1: ")
    assert "user 1017" == caught.value.list_of
    assert "credentials" not in str(caught.value).replace("These credentials have no permission to read it", "")
    assert not isinstance(caught.value, kn.AuthenticationError)


@FAILURES
def test_a_list_that_cannot_be_read_is_left_out_on_request(failure):
    """The table has the other lists, a warning names the one that is missing, and the verdict is incomplete."""
    with (
        client_of(failing_for(1017, failure), retries=0) as client,
        pytest.warns(kn.IncompleteWarning, match=r"calls: 1 of 3 lists were left out\. calls of user 1017, page 1: "),
    ):
        calls = kn.fetch_calls([11, 1017, 12], on_error="skip", client=client)

    assert [110, 120] == calls["id"].tolist()
    about = calls.attrs["kismet"]
    assert (1, "incomplete") == (about["skipped"], about["verdict"])


def test_a_list_that_is_refused_does_not_change_the_page_size_of_others():
    """If a list is refused with every page size, the page size was not the reason."""
    server = Recorded(failing_for(1017, (422, {}, b"")))
    with client_of(server, max_in_flight=1) as client, pytest.warns(kn.IncompleteWarning):
        kn.fetch_calls([1017, 11, 12, 13], on_error="skip", client=client)

    assert {"500"} == {query["per_page"] for query in server.queries if "1017" not in query.path}


@pytest.mark.parametrize("failure", [(401, {}, b""), (407, {}, b""), (503, {}, b"")])
def test_a_failure_that_concerns_every_list_is_never_skipped(failure):
    """Refused credentials and an overloaded server end the fetch."""
    with client_of(failing_for(1017, failure), retries=0) as client, pytest.raises(kn.KismetError):
        kn.fetch_calls([11, 1017, 12], on_error="skip", client=client)


def test_if_every_list_fails_there_is_no_table():
    """An empty table would look like users without calls."""
    with (
        client_of(lambda *_: (500, {}, b""), retries=0) as client,
        pytest.raises(kn.UnavailableError, match="calls of user 11, page 1"),
    ):
        kn.fetch_calls([11], on_error="skip", client=client)


def test_a_strict_client_raises_the_error_of_the_list():
    """For a scheduled run, a list that is left out is an error."""
    with (
        client_of(failing_for(1017, (500, {}, b"")), retries=0, strict=True) as client,
        pytest.raises(kn.UnavailableError, match="calls of user 1017"),
    ):
        kn.fetch_calls([11, 1017, 12], on_error="skip", client=client)


def test_a_room_is_named_without_its_slug():
    """A slug is a person's name, and stays out of errors."""
    with client_of(lambda *_: (403, {}, b""), retries=0) as client, pytest.raises(kn.KismetError) as caught:
        kn.fetch_waiting_room_subs(["ada-ferris"], client=client)

    assert "ada" not in str(caught.value)


@pytest.mark.parametrize("fetch", [kn.fetch_calls, kn.fetch_egresses, kn.fetch_waiting_room_subs])
def test_an_invalid_on_error_is_refused_before_anything_is_sent(fetch):
    """Only raise and skip are valid."""
    with pytest.raises(kn.InvalidInputError, match="on_error"):
        fetch(on_error="ignore")
