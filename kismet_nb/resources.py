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
        One line for the data dictionary.
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
    """

    name: str
    dtype: Dtype
    meaning: str
    nullable: bool = False
    expected: bool = True
    blank_is_missing: bool = False
    codes: tuple[str, ...] = ()
    personal: bool = False


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
        Column("id", "Int64", "Key of the user."),
        Column("email", "str", "Email address.", personal=True),
        Column("is_admin", "boolean", "Has admin rights. Newer servers may send roles instead."),
        Column("roles", "object", "List of role names. Only newer servers send it.", expected=False, codes=_ROLE_NAMES),
        Column("display_name", "str", "Display name.", nullable=True, personal=True),
        Column(
            "waiting_room_url",
            "str",
            "Link to the user's waiting room; missing if there is none.",
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
        Column("organization_user_id", "Int64", "User whose call it is: the id in the users table."),
        Column("id", "Int64", "Key of the call."),
        Column("name", "str", "Title of the call.", nullable=True, personal=True),
        Column("livekit_session_id", "str", "Key of the underlying video session.", nullable=True),
        Column("state", "str", "State, such as active. More values may come.", codes=("active",)),
        Column("has_egresses", "boolean", "Has recordings."),
        Column("is_recording", "boolean", "Is being recorded now."),
        Column("is_canvas_locked", "boolean", "Its canvas is locked now."),
        Column("is_ended", "boolean", "Has ended."),
        Column("created_at", "datetime64[us, UTC]", "When it was created, UTC. The API has no start time."),
        Column("updated_at", "datetime64[us, UTC]", "When it was last changed, UTC. The API has no end time."),
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
        Column("organization_user_id", "Int64", "User whose call it is."),
        Column("call_id", "Int64", "Call: the id in the calls table."),
        Column("id", "Int64", "Key of the participant."),
        Column("participant_type", "str", "Kind, such as Recipient. More values may come.", codes=("Recipient",)),
        Column(
            "name",
            "str",
            "Name, often a patient's; missing unless it is requested.",
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
        Column("organization_user_id", "Int64", "User whose call was recorded."),
        Column("call_id", "Int64", "Call that was recorded: the id in the calls table."),
        Column("id", "Int64", "Key of the recording."),
        Column("egress_id", "str", "Key in the recording service."),
        Column(
            "status",
            "str",
            "Status, such as egress_starting or egress_ended. More values may come.",
            codes=("egress_starting", "egress_ended"),
        ),
        Column("error", "str", "Why the recording failed; missing if it succeeded.", nullable=True),
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
        Column("user_id", "Int64", "User asked for; missing if the figures are the organization's.", nullable=True),
        Column("date", "datetime64[us]", "Day. The API does not say in which time zone its days begin."),
        Column("total_calls", "Int64", "Calls on that day.", nullable=True),
        Column("average_duration", "Float64", "Mean length of these calls, seconds.", nullable=True),
        Column(
            "call_fail_rate",
            "Float64",
            "Share of failed calls, as sent. The API's documentation says that it lies between 0 and 100, then reads "
            "0.125 as 12.5 percent: state the unit yourself.",
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
        Column("id", "Int64", "Key of the room."),
        Column("user_id", "Int64", "Owner. The API does not say that this is the id in the users table."),
        Column("slug", "str", "Key of the room in links.", personal=True),
        Column(
            "theme",
            "str",
            "Theme, such as ocean or forest. More values may come.",
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
            "Room that needs the substitute: the slug in the waiting rooms table.",
            personal=True,
        ),
        Column("id", "Int64", "Key of the substitution."),
        Column("waiting_room_id", "Int64", "Room that needs the substitute: the id in the waiting rooms table."),
        Column("user_id", "Int64", "Substitute; missing until there is one.", nullable=True),
        Column(
            "sub_waiting_room_slug",
            "str",
            "Room that visitors are sent to; missing until there is a substitute.",
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
        Column("id", "Int64", "Key of the invite."),
        Column("email", "str", "Email address of the invited person.", personal=True),
        Column("display_name", "str", "Name of the invited person.", nullable=True, personal=True),
        Column(
            "roles", "object", "List of roles granted. Only newer servers send it.", expected=False, codes=_ROLE_NAMES
        ),
        Column("is_admin", "boolean", "Will be an admin. Only older servers send it.", expected=False),
        Column("organization_id", "Int64", "Key of the inviting organization."),
        Column("organization_name", "str", "Name of the inviting organization."),
        Column("expires_at", "datetime64[us, UTC]", "When it expires, UTC."),
        Column("used_at", "datetime64[us, UTC]", "When it was used, UTC; missing if it was not.", nullable=True),
        _CREATED,
        _UPDATED,
        Column(
            "status",
            "str",
            "Computed at the time of the fetch, not sent: used, expired, or open.",
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
        Column("id", "Int64", "Key of the role."),
        Column("name", "str", "Name for programs, as in the invites' roles."),
        Column("description", "str", "Text for people.", nullable=True),
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
