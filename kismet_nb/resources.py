"""The declarations of the API's resources.

The data dictionary, the dtypes of a table, the command line and the contract tests follow from ``RESOURCES``.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import Literal

__all__ = ["ORGANIZATION", "RESOURCES", "Column", "Dtype", "Layout", "Resource"]

Dtype = Literal["Int64", "boolean", "str", "Float64", "datetime64[us, UTC]", "datetime64[us]", "object"]
Layout = Literal["pages", "list", "maps", "part"]

ORGANIZATION = "organization"  # the column that a store adds to every table


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as the API documents it.

    Attributes
    ----------
    name
        The name of the field in the API, and of the column.
    dtype
        The pandas dtype of the column, also when the table is empty.
    meaning
        Text for the data dictionary, of at most 49 characters: pandas cuts longer ones in a notebook.
    nullable
        Whether a missing value is normal.
    expected
        Whether every server sends the field. False for a field that only one generation of the API has.
    blank_is_missing
        Whether an empty text becomes a missing value.
    codes
        The documented values, if there are few. The server may send others.
    personal
        Whether the values may identify a person. ``pseudonymize`` replaces them.
    identifying
        Whether the values are ids, names of an organization, or text that can mention one of them.
        ``pseudonymize(ids=True)`` replaces them too.
    """

    name: str
    dtype: Dtype
    meaning: str
    nullable: bool = False
    expected: bool = True
    blank_is_missing: bool = False
    codes: tuple[str, ...] = ()
    personal: bool = False
    identifying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One table of the API.

    Attributes
    ----------
    name
        The name of the table, as in ``fetch_<name>`` and ``kismet-nb export <name>``.
    path
        The endpoint below the API's prefix. Each name in braces is also a column of the table.
    envelope
        The key of the response that holds the rows. For a ``part``, the field of the other table's rows. Empty for
        ``maps``.
    key
        The columns that identify a row.
    columns
        The documented columns, in the API's order.
    layout
        How the server sends the rows: in ``pages``, as one ``list``, as ``maps`` from a day to a value (one map per
        column), or as a ``part`` of another table's rows.
    opened
        Fields that hold one object: each of its keys becomes a column ``<field>_<key>``.
    counted
        Fields that hold a list of objects, each with the column for its length.
    withheld
        Fields that are never put into a table.
    """

    name: str
    path: str
    envelope: str = ""
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    layout: Layout = "pages"
    opened: tuple[str, ...] = ()
    counted: tuple[tuple[str, str], ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in braces in ``path``."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.path) if name)


_ROLE_NAMES = ("provider", "provider_assistant", "organization_admin")
_CREATED = Column("created_at", "datetime64[us, UTC]", "When it was created, UTC.")
_UPDATED = Column("updated_at", "datetime64[us, UTC]", "When it was last changed, UTC.")

_USERS = Resource(
    name="users",
    path="/organization_users",
    envelope="organization_users",
    key=("id",),
    columns=(
        Column("id", "Int64", "Key of the user.", identifying=True),
        Column("email", "str", "Email address.", personal=True),
        Column("is_admin", "boolean", "Has admin rights. Newer servers send roles."),
        Column("roles", "object", "List of role names. Only newer servers send it.", expected=False, codes=_ROLE_NAMES),
        Column("display_name", "str", "Display name.", nullable=True, personal=True),
        Column(
            "waiting_room_url",
            "str",
            "Link to the waiting room; missing without one.",
            nullable=True,
            blank_is_missing=True,
            personal=True,
        ),
        _CREATED,
        _UPDATED,
    ),
)

_CALLS = Resource(
    name="calls",
    path="/organization_users/{organization_user_id}/calls",
    envelope="calls",
    # Whether one call can appear under two users is not documented.
    key=("organization_user_id", "id"),
    columns=(
        Column("organization_user_id", "Int64", "User whose call it is: the id in the users table.", identifying=True),
        Column("id", "Int64", "Key of the call.", identifying=True),
        Column("name", "str", "Title of the call.", nullable=True, personal=True),
        Column("livekit_session_id", "str", "Key of the underlying video session.", nullable=True, identifying=True),
        Column("state", "str", "State as sent, such as active. See also is_ended.", codes=("active",)),
        Column("has_egresses", "boolean", "Has recordings."),
        Column("is_recording", "boolean", "Is being recorded now."),
        Column("is_canvas_locked", "boolean", "Its canvas is locked now."),
        Column("is_ended", "boolean", "Has ended."),
        Column("created_at", "datetime64[us, UTC]", "Creation, UTC. The API has no start time."),
        Column("updated_at", "datetime64[us, UTC]", "Last change, UTC. The API has no end time."),
        Column("participant_count", "Int64", "How many participants are listed."),
    ),
    counted=(("participants", "participant_count"),),
)

_PARTICIPANTS = Resource(
    name="participants",
    path=_CALLS.path,
    envelope="participants",
    key=("organization_user_id", "call_id", "id"),
    columns=(
        Column("organization_user_id", "Int64", "User whose call it is.", identifying=True),
        Column("call_id", "Int64", "Call: the id in the calls table.", identifying=True),
        Column("id", "Int64", "Key of the participant.", identifying=True),
        Column("participant_type", "str", "Kind, such as Recipient. More values may come.", codes=("Recipient",)),
        Column(
            "name",
            "str",
            "Name, often a patient's. Only if requested.",
            nullable=True,
            expected=False,
            personal=True,
        ),
    ),
    layout="part",
)

_EGRESSES = Resource(
    name="egresses",
    path="/organization_users/{organization_user_id}/calls/{call_id}/egresses",
    envelope="egresses",
    key=("organization_user_id", "call_id", "id"),
    columns=(
        Column("organization_user_id", "Int64", "User whose call was recorded.", identifying=True),
        Column("call_id", "Int64", "Recorded call: the id in the calls table.", identifying=True),
        Column("id", "Int64", "Key of the recording.", identifying=True),
        Column("egress_id", "str", "Key in the recording service.", identifying=True),
        Column(
            "status",
            "str",
            "Status, such as egress_ended. More may come.",
            codes=("egress_starting", "egress_ended"),
        ),
        Column("error", "str", "Why it failed; missing if it succeeded.", nullable=True, identifying=True),
        Column("is_stopped", "boolean", "Has been stopped."),
        Column("ended_at", "datetime64[us, UTC]", "End of the recording, UTC.", nullable=True),
        _CREATED,
        _UPDATED,
    ),
    layout="list",
    # Anyone with this link can download the recording.
    withheld=("url",),
)

_CALL_METRICS = Resource(
    name="call_metrics",
    path="/call_metrics",
    key=("user_id", "date"),
    columns=(
        Column(
            "user_id",
            "Int64",
            "User; missing in figures of the organization.",
            nullable=True,
            identifying=True,
        ),
        Column("date", "datetime64[us]", "Day. Its time zone is not documented."),
        Column("total_calls", "Int64", "Calls on that day.", nullable=True),
        Column("average_duration", "Float64", "Mean length of these calls, seconds.", nullable=True),
        Column(
            "call_fail_rate",
            "Float64",
            "Share of failed calls, as sent. Unit is unclear.",
            nullable=True,
        ),
        Column("average_wait_time", "Float64", "Mean wait before the call started, seconds.", nullable=True),
    ),
    layout="maps",
)

_WAITING_ROOMS = Resource(
    name="waiting_rooms",
    path="/waiting_rooms",
    envelope="waiting_rooms",
    key=("id",),
    columns=(
        Column("id", "Int64", "Key of the room.", identifying=True),
        Column("user_id", "Int64", "Owner, presumably the id in the users table.", identifying=True),
        Column("slug", "str", "Key of the room in links.", personal=True),
        Column(
            "theme",
            "str",
            "Theme, such as ocean or forest. More may come.",
            nullable=True,
            codes=("ocean", "forest"),
        ),
        Column("is_active", "boolean", "Is active."),
        _CREATED,
        _UPDATED,
        Column("user_display_name", "str", "Display name of the owner.", nullable=True, personal=True),
    ),
    opened=("user",),
)

_WAITING_ROOM_SUBS = Resource(
    name="waiting_room_subs",
    path="/waiting_rooms/{waiting_room_slug}/waiting_room_subs",
    envelope="waiting_room_subs",
    key=("waiting_room_slug", "id"),
    columns=(
        Column(
            "waiting_room_slug",
            "str",
            "Slug of the room that needs the substitute.",
            personal=True,
        ),
        Column("id", "Int64", "Key of the substitution.", identifying=True),
        Column(
            "waiting_room_id",
            "Int64",
            "Id of the room that needs the substitute.",
            identifying=True,
        ),
        Column("user_id", "Int64", "Substitute; missing until there is one.", nullable=True, identifying=True),
        Column(
            "sub_waiting_room_slug",
            "str",
            "Slug of the substitute's room, if there is one.",
            nullable=True,
            personal=True,
        ),
        Column("datetime_start", "datetime64[us, UTC]", "Start of the period, UTC."),
        Column("datetime_end", "datetime64[us, UTC]", "End of the period, UTC."),
        _CREATED,
        _UPDATED,
    ),
    layout="list",
)

_INVITES = Resource(
    name="invites",
    path="/invites",
    envelope="organization_invites",
    key=("id",),
    columns=(
        Column("id", "Int64", "Key of the invite.", identifying=True),
        Column("email", "str", "Email address of the invited person.", personal=True),
        Column("display_name", "str", "Name of the invited person.", nullable=True, personal=True),
        Column("roles", "object", "Granted roles, a list. Only from newer servers.", expected=False, codes=_ROLE_NAMES),
        Column("is_admin", "boolean", "Will be an admin. Only older servers send it.", expected=False),
        Column("organization_id", "Int64", "Key of the inviting organization.", identifying=True),
        Column("organization_name", "str", "Name of the inviting organization.", identifying=True),
        Column("expires_at", "datetime64[us, UTC]", "When it expires, UTC."),
        Column("used_at", "datetime64[us, UTC]", "When it was used, UTC; missing if it was not.", nullable=True),
        _CREATED,
        _UPDATED,
        Column(
            "status",
            "str",
            "Computed by the fetch: used, expired or open.",
            expected=False,
            codes=("used", "expired", "open"),
        ),
    ),
)

_ROLES = Resource(
    name="roles",
    path="/roles",
    envelope="roles",
    key=("id",),
    columns=(
        Column("id", "Int64", "Key of the role.", identifying=True),
        Column("name", "str", "Name for programs, as in the invites' roles."),
        Column("description", "str", "Text for people.", nullable=True, identifying=True),
    ),
)

RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        _USERS,
        _CALLS,
        _PARTICIPANTS,
        _EGRESSES,
        _CALL_METRICS,
        _WAITING_ROOMS,
        _WAITING_ROOM_SUBS,
        _INVITES,
        _ROLES,
    )
}
