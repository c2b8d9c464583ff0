"""Types of the fetch functions, as a type checker sees them. mypy reads this file; nothing runs it."""

from __future__ import annotations

import datetime as dt
from typing import assert_type

import pandas as pd

import kismet_nb as kn


def users(client: kn.KismetClient) -> None:
    """Check fetch_users()."""
    assert_type(kn.fetch_users(), pd.DataFrame)
    assert_type(kn.fetch_users("ada.ferris@example.org"), pd.DataFrame)
    assert_type(kn.fetch_users(email=None, client=client, progress=False), pd.DataFrame)
    kn.fetch_users(None, client)  # type: ignore[call-arg]
    kn.fetch_users(7)  # type: ignore[arg-type]


def calls(client: kn.KismetClient, table: pd.DataFrame, *, either: bool) -> None:
    """Check the overloads of fetch_calls(): one table, or two with ``participants=True``."""
    assert_type(kn.fetch_calls(), pd.DataFrame)
    assert_type(kn.fetch_calls(table, client=client, progress=True, resume=True), pd.DataFrame)
    assert_type(kn.fetch_calls([1, "2"], participants=False), pd.DataFrame)
    assert_type(kn.fetch_calls(1, participants=True), tuple[pd.DataFrame, pd.DataFrame])
    assert_type(
        kn.fetch_calls(users=table, participants=True, participant_names=either, resume=either),
        tuple[pd.DataFrame, pd.DataFrame],
    )
    one, two = kn.fetch_calls(participants=True)
    assert_type(one, pd.DataFrame)
    assert_type(two, pd.DataFrame)
    kn.fetch_calls(participant_names=True)  # type: ignore[call-overload]
    kn.fetch_calls(table, True)  # type: ignore[call-overload] # noqa: FBT003 - a positional flag is refused


def other_tables(client: kn.KismetClient, table: pd.DataFrame) -> None:
    """Check the other fetch functions."""
    assert_type(kn.fetch_call_metrics("2026-11-01", dt.date(2026, 11, 24)), pd.DataFrame)
    assert_type(
        kn.fetch_call_metrics(
            "2026-11-01", "2026-11-24", user_id=table, by_user=False, resume=True, client=client, progress=None
        ),
        pd.DataFrame,
    )
    assert_type(kn.fetch_call_metrics(start="2026-11-01", end="2026-11-24", user_id=[1, "2"]), pd.DataFrame)
    assert_type(kn.fetch_egresses(), pd.DataFrame)
    assert_type(kn.fetch_egresses(table, resume=True, client=client, progress=False), pd.DataFrame)
    assert_type(kn.fetch_egresses(calls=[(1, 2), ("1", "2")]), pd.DataFrame)
    assert_type(kn.fetch_invites(client=client, progress=False), pd.DataFrame)
    assert_type(kn.fetch_roles(client=client, progress=False), pd.DataFrame)
    assert_type(kn.fetch_waiting_rooms(client=client, progress=False), pd.DataFrame)
    assert_type(kn.fetch_waiting_room_subs(), pd.DataFrame)
    assert_type(kn.fetch_waiting_room_subs("ada-ferris", resume=True, client=client, progress=False), pd.DataFrame)
    assert_type(kn.fetch_waiting_room_subs(rooms=["ada-ferris", "bo-chen"]), pd.DataFrame)
    kn.fetch_call_metrics()  # type: ignore[call-arg]
    kn.fetch_invites(client)  # type: ignore[call-arg]
    kn.fetch_egresses([1])  # type: ignore[list-item]
