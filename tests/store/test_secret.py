"""No file of a store has the secret of the credentials; a planted secret shows that the search would find it."""

import pickle

import pytest
from store.clinic import stored_text, versions
from support.faulty_server import SECRET
from support.rows import user

import kismet_nb as kn

TABLES = ["calls", "call_metrics", "invites", "roles", "waiting_rooms"]


def test_the_secret_is_in_no_file(clinic):
    """The journal of a failed sync does not have it, and neither does a version."""
    clinic.failures["/roles"] = (500, {}, SECRET.encode())
    with pytest.raises(kn.UnavailableError):
        clinic.sync(TABLES)
    unfinished = stored_text()
    clinic.failures = {}
    clinic.sync(TABLES)

    assert ("User 1" in unfinished, versions() != []) == (True, True)
    assert (False, False) == (SECRET in unfinished, SECRET in stored_text())


def test_a_secret_in_a_row_would_be_found(clinic):
    """The search finds it in the journal, which is compressed, and in a version."""
    clinic.users = [user(number, display_name=f"User {number} has {SECRET}") for number in range(1, 50)]
    clinic.failures["/roles"] = (500, {}, b"")
    with pytest.raises(kn.UnavailableError):
        clinic.sync(["users", "roles"])
    assert stored_text().count(f" has {SECRET}") >= len(clinic.users)
    assert [] == versions()
    clinic.failures = {}
    clinic.sync(["users", "roles"])

    assert SECRET in stored_text()


def test_what_a_sync_returns_or_raises_can_be_pickled_without_the_secret(clinic):
    """A report, a table and an error do not have it. The search would find a column with the secret."""
    report = kn.sync("store", "users", client=clinic.client)
    clinic.failures["/organization_users"] = (401, {}, SECRET.encode())
    with pytest.raises(kn.KismetError, match="401") as caught:
        clinic.sync()
    things = [report, kn.read_store("store", "users"), caught.value]

    assert SECRET.encode() not in pickle.dumps(things)
    assert SECRET.encode() in pickle.dumps([*things, {"note": SECRET}])
