"""All pages of lists, proved complete, as tables."""

from collections.abc import Callable
from typing import Any

from kismet_nb.fetch.users import (
    fetch_call_metrics,
    fetch_calls,
    fetch_egresses,
    fetch_invites,
    fetch_roles,
    fetch_users,
    fetch_waiting_room_subs,
    fetch_waiting_rooms,
)

__all__ = ["FETCHERS"]

# The function that fetches each resource.
FETCHERS: dict[str, Callable[..., Any]] = {
    "users": fetch_users,
    "calls": fetch_calls,
    "call_metrics": fetch_call_metrics,
    "egresses": fetch_egresses,
    "waiting_rooms": fetch_waiting_rooms,
    "waiting_room_subs": fetch_waiting_room_subs,
    "invites": fetch_invites,
    "roles": fetch_roles,
}
