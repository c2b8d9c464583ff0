"""Small summary tables of the fetched tables. Nothing is fetched, drawn or written here.

Days, weeks and months are those of the time zone ``tz``. A period is given as its first day, without a time zone; a
week begins on Monday. Rows whose time is missing or unreadable are counted in a last row whose day is missing. So the
counts always add up to the number of rows in the table.
"""

from __future__ import annotations

from kismet_nb.summaries.call_metrics import combine_days, fail_rate, wait_and_duration
from kismet_nb.summaries.calls import calls_per_week, idle_rooms, providers_without_calls
from kismet_nb.summaries.invites import invites_by_status, invites_expired_unused
from kismet_nb.summaries.users import admins_and_roles, users_over_time, users_without_waiting_room

__all__ = [
    "admins_and_roles",
    "calls_per_week",
    "combine_days",
    "fail_rate",
    "idle_rooms",
    "invites_by_status",
    "invites_expired_unused",
    "providers_without_calls",
    "users_over_time",
    "users_without_waiting_room",
    "wait_and_duration",
]


def __dir__() -> list[str]:
    """Return the names that completion offers: the public functions, without the modules that define them."""
    return __all__
