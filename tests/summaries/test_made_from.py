"""Summaries record the provenance of the tables that they summarize, and are not treated as one of them."""

import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import kismet_nb as kn
from kismet_nb import summaries

SUMMARIES = {
    "users_over_time": (lambda t: summaries.users_over_time(t["users"]), ["users"]),
    "admins_and_roles": (lambda t: summaries.admins_and_roles(t["users"]), ["users"]),
    "users_without_waiting_room": (lambda t: summaries.users_without_waiting_room(t["users"]), ["users"]),
    "calls_by_hour": (lambda t: summaries.calls_by_hour(t["calls"]), ["calls"]),
    "calls_per_period": (lambda t: summaries.calls_per_period(t["calls"], t["users"]), ["calls", "users"]),
    "calls_pivot": (lambda t: summaries.calls_pivot(t["calls"], t["users"]), ["calls", "users"]),
    "compare_periods": (
        lambda t: summaries.compare_periods(
            t["calls"], t["call_metrics"], t["users"], start="2026-10-15", end="2026-10-31"
        ),
        ["calls", "call_metrics", "users"],
    ),
    "email_domains": (lambda t: summaries.email_domains(t["users"]), ["users"]),
    "first_calls": (lambda t: summaries.first_calls(t["users"], t["calls"]), ["users", "calls"]),
    "invites_expiring": (lambda t: summaries.invites_expiring(t["invites"]), ["invites"]),
    "providers_without_calls": (
        lambda t: summaries.providers_without_calls(t["users"], t["calls"]),
        ["users", "calls"],
    ),
    "idle_rooms": (
        lambda t: summaries.idle_rooms(t["waiting_rooms"], t["users"], t["calls"]),
        ["waiting_rooms", "users", "calls"],
    ),
    "invites_by_status": (lambda t: summaries.invites_by_status(t["invites"]), ["invites"]),
    "invites_expired_unused": (lambda t: summaries.invites_expired_unused(t["invites"]), ["invites"]),
    "combine_days": (lambda t: summaries.combine_days(t["call_metrics"]), ["call_metrics"]),
    "wait_and_duration": (lambda t: summaries.wait_and_duration(t["call_metrics"]), ["call_metrics"]),
    "fail_rate": (lambda t: summaries.fail_rate(t["call_metrics"], unit="fraction"), ["call_metrics"]),
}


def test_every_summary_is_tested_here():
    """A new summary needs a line in this file."""
    assert sorted({*summaries.__all__} - {"calls_per_week"}) == sorted(SUMMARIES)  # an old name


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_records_its_tables(name, tables):
    """It has resource, host, time, rows and verdict of each fetch, and nothing for a table that was not fetched."""
    make, resources = SUMMARIES[name]
    summary = make(tables)
    unknown = make({resource: pd.DataFrame(dict(table.items())) for resource, table in tables.items()})

    assert ["made_from"] == list(summary.attrs["kismet"])
    made_from = summary.attrs["kismet"]["made_from"]
    assert resources == [source["resource"] for source in made_from]
    for source in made_from:
        recorded = tables[source["resource"]].attrs["kismet"]
        keys = ("resource", "filters", "api_host", "fetched_at", "rows", "verdict")
        assert source == {key: recorded[key] for key in keys if recorded[key] != []}
    assert {} == unknown.attrs
    with pytest.raises(kn.InvalidInputError, match="nor a fetched table"):
        kn.describe(summary)


def test_a_summary_of_some_rows_records_their_number(tables):
    """The fetch has all users; the summary counts eight."""
    [source] = summaries.admins_and_roles(tables["users"].head(8)).attrs["kismet"]["made_from"]

    assert (131, 8) == (source["rows"], source["rows_used"])


def test_a_summary_is_exported_with_its_provenance(tables):
    """The second sheet and the sidecar of a CSV name the fetches, and the file reads back with equal attrs."""
    silent = summaries.providers_without_calls(tables["users"].head(100), tables["calls"])
    about = openpyxl.load_workbook(kn.export(silent, "silent.xlsx"))["about"]
    lines = [(row[0].value, row[1].value) for row in about.rows][1:4]
    users, calls = (tables[name].attrs["kismet"] for name in ("users", "calls"))

    host = users["api_host"]
    assert [
        ("made from", f"users of {host}, fetched {users['fetched_at']}, 100 of 131 rows, complete"),
        ("made from", f"calls of {host}, fetched {calls['fetched_at']}, {calls['rows']} rows, complete"),
        ("rows in this file", str(len(silent))),
    ] == lines
    assert silent.attrs == kn.read_export("silent.xlsx").attrs == kn.read_export(kn.export(silent, "s.csv")).attrs
    assert str(len(silent)) == json.loads(Path("s.csv.json").read_text())["rows in this file"]


def test_a_pivot_is_not_exported_as_the_fetched_table(tables):
    """pandas keeps attrs in a pivot, but without ids its rows are no users."""
    pivot = tables["users"].pivot_table(index="is_admin", values="created_at", aggfunc="max").reset_index()
    about = openpyxl.load_workbook(kn.export(pivot, "pivot.xlsx"))["about"]
    lines = {row[0].value: row[1].value for row in about.rows}

    assert lines["made from"].startswith("users of 127.0.0.1")
    assert "resource" not in lines
    assert "verdict" not in lines
    assert pivot.attrs == kn.read_export("pivot.xlsx").attrs


def test_a_summary_is_not_compared_with_the_fetched_table(tables):
    """Its rows have another meaning. Two summaries of the same tables can be compared by a given key."""
    users, calls = tables["users"], tables["calls"]
    silent = summaries.providers_without_calls(users, calls)
    with pytest.raises(kn.InvalidInputError, match="after has a summary of users and calls"):
        kn.compare(users, silent, key="id")
    earlier = summaries.providers_without_calls(users, calls, days=60)

    assert {"added"} == set(kn.compare(earlier, silent, key="id", ignore="calls_known")["change"])
    partial = users.copy()
    partial.attrs = {"kismet": users.attrs["kismet"] | {"verdict": "partial"}}
    with pytest.raises(kn.InvalidInputError, match="before is incomplete"):
        kn.compare(summaries.admins_and_roles(partial), summaries.admins_and_roles(users), key="value")


def test_calls_can_be_fetched_for_the_users_of_a_summary(tables, demo):
    """The rows of providers_without_calls are users; those of idle_rooms are not."""
    with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
        silent = summaries.providers_without_calls(tables["users"], tables["calls"])
        assert len(silent) == kn.fetch_calls(silent, client=client).attrs["kismet"]["lists"]
        idle = summaries.idle_rooms(tables["waiting_rooms"], tables["users"], tables["calls"])
        with pytest.raises(kn.InvalidInputError, match="table of users"):
            kn.fetch_calls(idle, client=client)
