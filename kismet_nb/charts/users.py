"""Charts of users: growth, rights, domains of addresses, and users without a waiting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb import summaries
from kismet_nb.charts.marks import DARK, LIGHT, horizontal_bars, stacked_bars, time_title
from kismet_nb.charts.style import styled
from kismet_nb.charts.subtitles import count_of, undated_note

if TYPE_CHECKING:
    from kismet_nb.charts.marks import Chart
    from kismet_nb.summaries.periods import Period

__all__ = ["admins_and_roles", "email_domains", "users_over_time", "users_without_waiting_room"]

_MAX_BARS = 20


def users_over_time(users: pd.DataFrame, *, by: Period = "month", tz: str = "UTC") -> Chart:
    """Return a chart of the number of users by period: see ``summaries.users_over_time``.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> with kn.DemoOrganization() as demo:
    ...     client = kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url)
    ...     users = kn.fetch_users(client=client)
    >>> users_over_time(users, tz="America/New_York").save("growth.svg")
    """
    table = summaries.users_over_time(users, by=by, tz=tz)
    table["before"] = table["users"] - table["new_users"]
    parts = {"before": ("already there", LIGHT), "new_users": (f"new in the {by}", DARK)}
    return styled(
        stacked_bars(table, parts, by, time_title(by, tz, "of creation"), "Users"),
        "How has the number of users grown?",
        f"{count_of(len(users), 'user')}, by when they were created; removed users are not counted"
        + undated_note(table, by, "new_users"),
    )


def admins_and_roles(users: pd.DataFrame) -> Chart:
    """Return a chart of the number of users with each right: see ``summaries.admins_and_roles``."""
    table = summaries.admins_and_roles(users)
    subtitle = f"Of {count_of(len(users), 'user')}"
    if "roles" in set(table["field"]):
        subtitle += "; users with two roles are counted in both"
    if len(table) > _MAX_BARS:
        subtitle += f"; {len(table) - _MAX_BARS} rarer roles are not shown"
        table = table.head(_MAX_BARS)
    has_both_fields = table["field"].nunique() > 1
    bars = pd.DataFrame(
        {
            "label": table["field"] + ": " + table["value"] if has_both_fields else table["value"],
            "n": table["users"],
            "number": [f"{n:,} ({share:.0%})" for n, share in zip(table["users"], table["share"], strict=True)],
            "colour": DARK,
        }
    )
    return styled(horizontal_bars(bars, "Users"), "How many users hold which rights?", subtitle)


def email_domains(users: pd.DataFrame) -> Chart:
    """Return a chart of the number of users with an address at each domain: see ``summaries.email_domains``.

    Examples
    --------
    >>> email_domains(pd.DataFrame({"email": ["ada@example.org", "dee@example.net", None]})).save("domains.svg")
    """
    table = summaries.email_domains(users)
    subtitle = f"Of {count_of(len(users), 'user')}, by the part of the address after @"
    missing = table["domain"].isna()
    if (~missing).sum() > _MAX_BARS:
        subtitle += f"; {(~missing).sum() - _MAX_BARS} rarer domains are not shown"
        table = pd.concat([table[~missing].head(_MAX_BARS), table[missing]])
    bars = pd.DataFrame(
        {
            "label": table["domain"].fillna("no address"),
            "n": table["users"],
            "number": [f"{n:,} ({share:.0%})" for n, share in zip(table["users"], table["share"], strict=True)],
            "colour": [LIGHT if is_missing else DARK for is_missing in table["domain"].isna()],
        }
    )
    return styled(horizontal_bars(bars, "Users"), "At which domains are the users' addresses?", subtitle)


def users_without_waiting_room(users: pd.DataFrame, *, by: Period = "year", tz: str = "UTC") -> Chart:
    """Return a chart of the number of users without a waiting room, by when they were created.

    ``summaries.users_without_waiting_room`` lists these users.
    """
    without = summaries.users_without_waiting_room(users, tz=tz)
    table = summaries.users_over_time(users, by=by, tz=tz)
    counts = summaries.users_over_time(without, by=by, tz=tz).set_index(by)["new_users"]
    table["without"] = counts.reindex(table[by]).fillna(0).array
    table["with"] = table["new_users"] - table["without"]
    parts = {"without": ("no waiting room", DARK), "with": ("a waiting room", LIGHT)}
    return styled(
        stacked_bars(table, parts, by, time_title(by, tz, "of creation"), "Users"),
        "How many users have no waiting room?",
        f"{len(without):,} of {count_of(len(users), 'user')}{undated_note(table, by, 'new_users')}",
    )
