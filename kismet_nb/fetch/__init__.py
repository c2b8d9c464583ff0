"""Fetch whole lists, prove them complete, and return them as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.fetch.call_metrics import fetch_call_metrics
from kismet_nb.fetch.calls import fetch_calls, fetch_egresses
from kismet_nb.fetch.invites import fetch_invites, fetch_roles
from kismet_nb.fetch.users import fetch_users
from kismet_nb.fetch.waiting_rooms import fetch_waiting_room_subs, fetch_waiting_rooms

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = [
    "FETCHERS",
    "fetch_call_metrics",
    "fetch_calls",
    "fetch_egresses",
    "fetch_invites",
    "fetch_roles",
    "fetch_users",
    "fetch_waiting_room_subs",
    "fetch_waiting_rooms",
]

# The fetch functions by resource.
FETCHERS: dict[str, Callable[..., pd.DataFrame]] = {
    "users": fetch_users,
    "calls": fetch_calls,
    "egresses": fetch_egresses,
    "call_metrics": fetch_call_metrics,
    "waiting_rooms": fetch_waiting_rooms,
    "waiting_room_subs": fetch_waiting_room_subs,
    "invites": fetch_invites,
    "roles": fetch_roles,
}
