"""What the API offers: one frozen declaration a resource, nouns and literals only.

Adding a resource is adding one entry to ``RESOURCES``; the data dictionary, the typed table and the command
line follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RESOURCES", "Column", "Dtype", "Resource"]

Dtype = Literal["Int64", "boolean", "str", "Float64", "datetime64[us, UTC]", "object"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as the API documents it.

    Attributes
    ----------
    name
        The API's field name, and the column's.
    dtype
        The pandas dtype of the column, also when the table is empty.
    meaning
        One line for the data dictionary.
    nullable
        Whether a missing value is normal.
    expected
        Whether every server sends the field. False for a field that only one generation of the API has.
    blank_is_missing
        Whether an empty text means "none" and becomes a missing value.
    """

    name: str
    dtype: Dtype
    meaning: str
    nullable: bool = False
    expected: bool = True
    blank_is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """One paginated list of the API.

    Attributes
    ----------
    name
        What the toolkit calls the table: ``fetch_<name>``, ``kismet-nb export <name>``.
    path
        The endpoint below the API's prefix.
    envelope
        The key of the answer under which the rows sit.
    key
        The column that tells rows apart.
    columns
        The documented columns, in the API's order.
    """

    name: str
    path: str
    envelope: str
    key: str
    columns: tuple[Column, ...]


USERS = Resource(
    name="users",
    path="/organization_users",
    envelope="organization_users",
    key="id",
    columns=(
        Column("id", "Int64", "Key of the user."),
        Column("email", "str", "Address."),
        Column("is_admin", "boolean", "Has admin rights. Newer servers may send roles instead."),
        Column("roles", "object", "List of role names. Only newer servers send it.", expected=False),
        Column("display_name", "str", "Shown name.", nullable=True),
        Column(
            "waiting_room_url",
            "str",
            "Link to the user's waiting room; missing when there is none.",
            nullable=True,
            blank_is_missing=True,
        ),
        Column("created_at", "datetime64[us, UTC]", "When the user was created, UTC."),
        Column("updated_at", "datetime64[us, UTC]", "When the user was last changed, UTC."),
    ),
)

RESOURCES: dict[str, Resource] = {resource.name: resource for resource in (USERS,)}
