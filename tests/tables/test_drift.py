"""Responses of another version of the API: kept, typed and reported in one warning, or an error for a strict client."""

import datetime as dt

import pytest
from support.fetching import client_of
from support.rows import invite, page_of, user, waiting_room

import kismet_nb as kn


def fetch_rows(fetch, rows, envelope, **options):
    """Return the table of a list that has these rows."""
    with client_of(lambda query, _: page_of(rows, query, envelope=envelope), **options) as client:
        return fetch(client=client)


def test_a_strict_client_raises_instead_of_warning():
    """For a scheduled run, a new column is an error that names it."""
    rows = [user(1, nickname="Z")]
    with pytest.warns(kn.SchemaDriftWarning, match="users: nickname is new"):
        assert "nickname" in fetch_rows(kn.fetch_users, rows, "organization_users")
    with pytest.raises(kn.SchemaDriftError, match="nickname is new"):
        fetch_rows(kn.fetch_users, rows, "organization_users", strict=True)


def test_a_warning_has_the_file_of_the_caller():
    """A warning about a list that is fetched first has the file of the caller too."""

    def answer(query, _):
        if query.path.endswith("/waiting_room_subs"):
            return {"waiting_room_subs": []}
        return page_of([waiting_room(1, nickname="Z")], query, envelope="waiting_rooms")

    with (
        client_of(answer) as client,
        pytest.warns(kn.SchemaDriftWarning, match="waiting_rooms: nickname is new") as caught,
    ):
        kn.fetch_waiting_room_subs(client=client)

    assert [__file__] == [warning.filename for warning in caught]


def test_a_nested_object_becomes_columns_and_its_new_keys_are_kept():
    """The user of a room becomes columns. A key with the name of a field gets a name of its own."""
    rows = [waiting_room(1, user={"display_name": "Ada Ferris", "id": 99, "title": "Dr"}), waiting_room(2, user=None)]
    with pytest.warns(kn.SchemaDriftWarning, match=r"user\.id is new.*user_title is new"):
        rooms = fetch_rows(kn.fetch_waiting_rooms, rows, "waiting_rooms")

    assert [11, 11] == rooms["user_id"].tolist()
    assert [("Ada Ferris", 99, "Dr")] == list(
        rooms.loc[:0, ["user_display_name", "user.id", "user_title"]].itertuples(index=False, name=None)
    )
    assert rooms.loc[1, ["user_display_name", "user.id", "user_title"]].isna().all()


def test_a_field_that_is_only_on_a_later_page_keeps_its_column():
    """All pages together decide whether ``user_id`` is a field or in an object. Nothing is overwritten."""
    whole = waiting_room(1, user={"display_name": "Ada Ferris", "id": 99}) | {"user.id": 5}
    nested = {name: value for name, value in waiting_room(2, user={"id": 98}).items() if name != "user_id"}
    rows = [nested | {"id": number} for number in range(2, 1002)]
    with pytest.warns(kn.SchemaDriftWarning, match=r"user\.id is new.*user\.\.id is new"):
        rooms = fetch_rows(kn.fetch_waiting_rooms, [*rows, whole | {"id": 1002}], "waiting_rooms", page_size=1000)

    assert (1000, 11) == (rooms["user_id"].isna().sum(), rooms["user_id"].iloc[-1])
    assert {98} == set(rooms["user..id"][:1000])
    assert [5, 99] == rooms[["user.id", "user..id"]].iloc[-1].tolist()


def test_text_instead_of_an_object_is_kept():
    """Text in place of an object is a column of its own."""
    with pytest.warns(kn.SchemaDriftWarning, match="user_display_name is no longer sent.*user is new"):
        rooms = fetch_rows(kn.fetch_waiting_rooms, [waiting_room(1, user="Ada Ferris")], "waiting_rooms")

    assert ["Ada Ferris"] == rooms["user"].tolist()


def test_both_versions_of_invites_are_fetched_without_a_warning():
    """Older servers send ``is_admin``, newer ones ``roles``. The other column is all missing."""
    older = fetch_rows(kn.fetch_invites, [invite(1, is_admin=True)], "organization_invites")
    newer = fetch_rows(kn.fetch_invites, [invite(1, roles=["provider"])], "organization_invites")

    assert (True, True) == (older["is_admin"][0], older["roles"].isna().all())
    assert (["provider"], True) == (newer["roles"][0], newer["is_admin"].isna().all())
    assert older.dtypes.tolist() == newer.dtypes.tolist()


def test_the_status_of_an_invite_is_derived():
    """Used takes precedence over expired, other invites are open, and without ``expires_at`` the status is missing."""
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    rows = [
        invite(1),
        invite(2, used_at="2026-02-20T00:00:00Z"),
        invite(3, expires_at=soon),
        invite(4, expires_at=None),
    ]
    invites = fetch_rows(kn.fetch_invites, [{**row, "roles": []} for row in rows], "organization_invites")

    assert ["expired", "used", "open"] == invites["status"].tolist()[:3]
    assert [3] == invites.index[invites["status"].isna()].tolist()
    assert "str" == str(invites["status"].dtype)


def test_a_status_from_the_server_is_kept():
    """If the API sends a status, it is not overwritten."""
    invites = fetch_rows(kn.fetch_invites, [invite(1, roles=[], status="revoked")], "organization_invites")

    assert ["revoked"] == invites["status"].tolist()
