"""Tables like those that analysts export, and the cells that other programs should find."""

import datetime as dt
import math

import numpy as np
import pandas as pd

import kismet_nb as kn

HOSTILE_TEXTS = [
    *("=1+1", "-", "''quoted''", "O'Brien", 'say "x"', "a, b; c", "a|b", "two\nlines", "two\r\nlines", "tab\there"),
    *("NA", "null", "nan", "None", "\\N", "#N/A", "true", "[]", "{}", "1/2", "007", "1e5", "2026-01-05"),
    *(" padded ", "Zoë 🌻", "עברית", "\ufeffmark", "e\u0301", "\u2028", "9007199254740993", "x" * 300, "%d", "$1"),
    *("<b>", "&amp;", "_x000D_", "", None),
]
HOSTILE_NAMES = [
    *("=a", "storage (GB)", "name (UTC)", 'say "x"', "a, b; c", "two\nlines", "Zoë 🌻", " padded "),
    *("ID", "select", "1", "a.b"),
]


def fetched(client):
    """Return every table that can be fetched, by its name."""
    users = kn.fetch_users(client=client)
    calls, participants = kn.fetch_calls(users[:9], participants=True, client=client)
    rooms = kn.fetch_waiting_rooms(client=client)
    return {
        "users": users,
        "nobody": kn.fetch_users("nobody@example.org", client=client),
        "calls": calls,
        "participants": participants,
        "metrics": kn.fetch_call_metrics("2026-01-01", "2026-03-31", client=client),
        "egresses": kn.fetch_egresses(calls, client=client),
        "rooms": rooms,
        "subs": kn.fetch_waiting_room_subs(rooms, client=client),
        "invites": kn.fetch_invites(client=client),
        "roles": kn.fetch_roles(client=client),
    }


def derived(users, calls):
    """Return tables that an analyst may make from fetched ones, by their names."""
    local = calls["created_at"].dt.tz_convert("America/New_York")
    minutes = (calls["updated_at"] - calls["created_at"]).dt.total_seconds() / 60
    emails = users[["id", "email"]].rename(columns={"id": "organization_user_id"})
    named = calls.merge(emails, on="organization_user_id", how="left")
    months = pd.crosstab(named["email"], local.dt.strftime("%Y-%m"), margins=True, margins_name="Total")
    new_email = users["email"].where(users.index > 2, "=new")
    later = users.assign(email=new_email, is_admin=~users["is_admin"], roles=users["roles"].shift(1))
    size = pd.Series(len(users) * ["small"], dtype="category")
    return {
        "domain": users.assign(domain=users["email"].str.split("@").str[1].astype(object), size=size),
        "missing as None": users.replace({np.nan: None}),
        "mean": minutes.groupby(calls["organization_user_id"]).agg(["count", "mean", "max"]).reset_index(),
        "per day": calls.groupby(calls["created_at"].dt.date.rename("day")).size().rename("calls").reset_index(),
        "per week": kn.summaries.calls_per_period(calls, tz="America/New_York"),
        "months in columns": months.reset_index().rename_axis(columns=None),
        "months": pd.DataFrame({"month": local.dt.tz_localize(None).dt.to_period("M")})[:5],
        "merge": named,
        "local": calls.assign(created_at=local),
        "roles one by one": users.explode("roles").reset_index(drop=True),
        "compare": kn.compare(users, later),
        "concat": pd.concat([users, users[:3].assign(note=7)], ignore_index=True),
        "hostile": pd.DataFrame(dict.fromkeys(HOSTILE_NAMES, HOSTILE_TEXTS)).assign(row=range(len(HOSTILE_TEXTS))),
    }


def cells(table):
    """Return the columns of a table as lists of plain values."""
    return [[plain(value) for value in table.iloc[:, number].astype(object)] for number in range(table.shape[1])]


def plain(value):
    """Return a value of any library as Python's own; times in UTC, dates as midnights, booleans as words."""
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dt.datetime):
        time = pd.Timestamp(value).to_pydatetime()
        return time.astimezone(dt.UTC) if time.tzinfo else time
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    return str(value) if isinstance(value, pd.Period) else value
