"""Small summary tables of fetched tables. These functions fetch, draw and write nothing.

Days, weeks and months are in the time zone ``tz``. A period is represented by its first day, without a time zone; a
week begins on Monday. Unless ``start`` or ``end`` is given, rows with a missing or unreadable time are counted in a
last row with a missing day. So the counts by period add up to the number of rows in the table.

If ``pseudonymize`` made the times of a table coarse, a summary that needs shorter periods raises ``InvalidInputError``.
"""

from __future__ import annotations

from kismet_nb.summaries.call_metrics import combine_days, fail_rate, wait_and_duration
from kismet_nb.summaries.calls import calls_by_hour, calls_per_period, calls_per_week
from kismet_nb.summaries.invites import invites_by_status, invites_expired_unused, invites_expiring
from kismet_nb.summaries.last_calls import idle_rooms, providers_without_calls
from kismet_nb.summaries.new_providers import first_calls
from kismet_nb.summaries.period_change import compare_periods
from kismet_nb.summaries.pivots import calls_pivot
from kismet_nb.summaries.users import admins_and_roles, email_domains, users_over_time, users_without_waiting_room

__all__ = [
    "admins_and_roles",
    "calls_by_hour",
    "calls_per_period",
    "calls_per_week",
    "calls_pivot",
    "combine_days",
    "compare_periods",
    "email_domains",
    "fail_rate",
    "first_calls",
    "idle_rooms",
    "invites_by_status",
    "invites_expired_unused",
    "invites_expiring",
    "providers_without_calls",
    "users_over_time",
    "users_without_waiting_room",
    "wait_and_duration",
]


def __dir__() -> list[str]:
    """Return the names for tab completion: the public functions, without their modules."""
    return __all__
