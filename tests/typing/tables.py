"""Types of the functions for tables, as a type checker sees them. mypy reads this file; nothing runs it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import assert_type

import altair as alt
import anywidget
import pandas as pd

import kismet_nb as kn

Chart = alt.Chart | alt.LayerChart | alt.VConcatChart


def explore(table: pd.DataFrame) -> None:
    """Check the functions that describe, compare and show tables."""
    assert_type(kn.describe("users"), pd.DataFrame)
    assert_type(kn.describe(table), pd.DataFrame)
    assert_type(kn.profile(table), pd.DataFrame)
    assert_type(kn.compare(table, table), pd.DataFrame)
    assert_type(kn.compare(before=table, after=table, key="id", ignore="updated_at"), pd.DataFrame)
    assert_type(kn.compare(table, table, key=["id"], ignore={"updated_at"}), pd.DataFrame)
    assert_type(kn.pseudonymize(table, key="k" * 32), pd.DataFrame)
    assert_type(kn.pseudonymize(table, key=b"k" * 32, columns=["email"], keep=("id",)), pd.DataFrame)
    assert_type(kn.pseudonymize(table, key="k" * 32, ids=True, dates="month"), pd.DataFrame)
    assert_type(kn.small_groups(table, ["is_admin", "roles"], k=5, of="id"), pd.DataFrame)
    assert_type(kn.summaries.admins_and_roles(table, by_organization=True), pd.DataFrame)
    kn.pseudonymize(table, key="k" * 32, dates="hour")  # type: ignore[arg-type]
    assert_type(kn.view(table), anywidget.AnyWidget)
    assert_type(kn.view(table, tz="America/New_York"), anywidget.AnyWidget)
    kn.compare(table, table, "id")  # type: ignore[call-arg]
    kn.pseudonymize(table)  # type: ignore[call-arg]


def files(table: pd.DataFrame, client: kn.KismetClient) -> None:
    """Check the functions that write and read files."""
    assert_type(kn.export(table, "exports/users.parquet"), Path)
    assert_type(kn.export(df=table, path=Path("users.csv"), spreadsheet_safe=False, provenance=False, sep=";"), Path)
    assert_type(kn.export(table, "users.xlsx", tz="America/New_York"), Path)
    assert_type(kn.read_export("exports/users.parquet"), pd.DataFrame)
    assert_type(kn.read_export(path=Path("users.csv")), pd.DataFrame)
    assert_type(kn.snapshot("users"), list[Path])
    assert_type(kn.snapshot(["users", "roles"], folder=Path("kept"), client=client, progress=False), list[Path])
    assert_type(kn.report("report.html"), Path)
    assert_type(
        kn.report(
            Path("report.html"), month="2026-10", tz="UTC", fail_rate_unit="percent", demo=True, notebook="own.ipynb"
        ),
        Path,
    )
    assert_type(
        kn.report("r.pdf", quarter="2026-Q3", title="T", organization="O", logo=Path("logo.png"), progress=False), Path
    )
    assert_type(kn.report("report.html", start="2026-10-01", end=dt.date(2026, 10, 31)), Path)
    kn.export(table, "users.csv", False)  # type: ignore[call-arg, arg-type] # noqa: FBT003 - a positional flag is refused
    assert_type(kn.export({"Users": table}, "x.xlsx", title="Users", number_formats={"share": "0%"}), Path)
    assert_type(kn.read_export("x.xlsx", sheet="Users"), pd.DataFrame)
    assert_type(kn.format_changes(table, markdown=True), str)
    kn.report("report.html", fail_rate_unit="per mille")  # type: ignore[arg-type]


def summaries(users: pd.DataFrame, calls: pd.DataFrame, rooms: pd.DataFrame, metrics: pd.DataFrame) -> None:
    """Check the summaries."""
    day = dt.date(2026, 11, 24)
    assert_type(kn.summaries.admins_and_roles(users), pd.DataFrame)
    assert_type(kn.summaries.calls_per_period(calls), pd.DataFrame)
    assert_type(kn.summaries.calls_per_period(calls, users, by="month", start="2026-01-01", end=day), pd.DataFrame)
    assert_type(kn.summaries.calls_by_hour(calls, start=day, end="2026-11-30", tz="America/Chicago"), pd.DataFrame)
    assert_type(kn.summaries.calls_pivot(calls, users, by="month", start=day), pd.DataFrame)
    assert_type(kn.summaries.compare_periods(calls, metrics, users, start=day, end="2026-11-30"), pd.DataFrame)
    assert_type(kn.summaries.email_domains(users), pd.DataFrame)
    assert_type(kn.summaries.first_calls(users, calls, start=day, as_of=None), pd.DataFrame)
    assert_type(kn.summaries.invites_expiring(users, days=7, as_of=day, tz="UTC"), pd.DataFrame)
    assert_type(kn.summaries.combine_days(metrics, by="week", per_user=True), pd.DataFrame)
    assert_type(kn.summaries.fail_rate(metrics, unit="percent", by="day"), pd.DataFrame)
    assert_type(kn.summaries.idle_rooms(rooms, users, calls, days=30, as_of=day, tz="UTC"), pd.DataFrame)
    assert_type(kn.summaries.invites_by_status(users, by="month", as_of=dt.datetime.now(dt.UTC)), pd.DataFrame)
    assert_type(kn.summaries.invites_expired_unused(users, as_of="2026-11-24", tz="UTC"), pd.DataFrame)
    assert_type(kn.summaries.providers_without_calls(users, calls, days=30, as_of=None), pd.DataFrame)
    assert_type(kn.summaries.users_over_time(users, by="year", tz="UTC"), pd.DataFrame)
    assert_type(kn.summaries.users_without_waiting_room(users, tz="UTC"), pd.DataFrame)
    assert_type(kn.summaries.wait_and_duration(metrics, by="week"), pd.DataFrame)
    kn.summaries.fail_rate(metrics)  # type: ignore[call-arg]
    kn.summaries.users_over_time(users, by="hour")  # type: ignore[arg-type]


def charts(users: pd.DataFrame, calls: pd.DataFrame, rooms: pd.DataFrame, metrics: pd.DataFrame) -> None:
    """Check the charts: an Altair chart can be shown, saved and changed by Altair's own methods."""
    assert_type(kn.charts.admins_and_roles(users), Chart)
    assert_type(kn.charts.calls_per_period(calls, users, by="week", start=None, end=None, tz="UTC", top=5), Chart)
    assert_type(kn.charts.calls_by_hour(calls, start="2026-01-01"), Chart)
    assert_type(kn.charts.compare_periods(calls, metrics, start="2026-01-01", end="2026-01-31"), Chart)
    assert_type(kn.charts.email_domains(users), Chart)
    assert_type(kn.charts.first_calls(users, calls, start="2026-01-01"), Chart)
    assert_type(kn.charts.invites_expiring(users, days=7), Chart)
    assert_type(kn.charts.style(alt.Chart(users).mark_bar()), Chart)
    assert_type(kn.charts.fail_rate(metrics, unit="fraction"), Chart)
    assert_type(kn.charts.idle_rooms(rooms, users, calls, days=30), Chart)
    assert_type(kn.charts.invites_by_status(users), Chart)
    assert_type(kn.charts.providers_without_calls(users, calls), Chart)
    assert_type(kn.charts.users_over_time(users), Chart)
    assert_type(kn.charts.users_without_waiting_room(users), Chart)
    assert_type(kn.charts.wait_and_duration(metrics), Chart)
