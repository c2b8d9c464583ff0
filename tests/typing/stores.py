"""Types of the functions for stores, as a type checker sees them. mypy reads this file; nothing runs it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import assert_type

import pandas as pd

import kismet_nb as kn


def keep_a_store(client: kn.KismetClient) -> None:
    """Check the functions that write and read a store."""
    assert_type(kn.sync("store"), pd.DataFrame)
    assert_type(kn.sync(Path("store"), "users", organization="clinic-a", client=client, keep=5), pd.DataFrame)
    assert_type(
        kn.sync("store", ["calls"], participants=True, recheck_days=0, accept_removals=True, progress=False),
        pd.DataFrame,
    )
    assert_type(kn.read_store("store", "users"), pd.DataFrame)
    assert_type(kn.read_store("store", "users", at="2026-10-01", columns=["id"]), pd.DataFrame)
    assert_type(kn.read_store("store", "users", at=dt.date(2026, 10, 1), organizations="clinic-a"), pd.DataFrame)
    assert_type(kn.read_store("store", "users", history=True, organizations=["clinic-a"]), pd.DataFrame)
    assert_type(kn.store_files("store", "users_history", organizations=["clinic-a"]), list[Path])
    assert_type(kn.sql("store", "SELECT count(*) FROM users"), pd.DataFrame)
    assert_type(kn.KismetClient.from_env(file="clinic-a.env", strict=True), kn.KismetClient)
    kn.sync("store", "users", "clinic-a")  # type: ignore[call-arg]
    kn.read_store("store")  # type: ignore[call-arg]
