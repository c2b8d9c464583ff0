"""History and the rows as of a moment, in the SQL of DuckDB and in Polars, without this package's functions."""

import datetime as dt
import itertools
import random

import duckdb
import polars as pl
import pytest
from readers.tables import cells, plain
from store.clinic import moment, open_clinic, versions
from support.rows import call, user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

VERSIONS = 8
MICROSECOND = dt.timedelta(microseconds=1)
NAMES = ["Ada", "Bo", None]


def change(clinic, rng):
    """Set other users and calls of the clinic: rows are added, changed, removed or restored, and some stay."""
    present = [number for number in range(1, 13) if rng.random() < 0.7]
    clinic.users = [user(number, display_name=rng.choice(NAMES)) for number in present]
    clinic.calls = {
        number: [
            call(number * 10 + place, name=rng.choice(NAMES), created_at=f"2026-0{1 + place}-05T00:00:00Z")
            for place in range(4)
            if rng.random() < 0.8
        ]
        for number in present
    }


@pytest.fixture(scope="module")
def synced(tmp_path_factory):
    """Return a store after eight syncs, and for each its moment with the tables that were fetched at that time."""
    folder, rng, fetched = tmp_path_factory.mktemp("moments") / "store", random.Random(16), []  # noqa: S311
    with open_clinic() as clinic:
        for _ in range(VERSIONS):
            change(clinic, rng)
            clinic.sync("calls", folder, accept_removals=True)
            at = moment(versions(folder / "clinic-a")[-1])
            users = kn.fetch_users(client=clinic.client)
            fetched.append((at, {"users": users, "calls": kn.fetch_calls(users, client=clinic.client)}))
    assert len(versions(folder / "clinic-a")) < VERSIONS  # only the history has the older states
    return folder, fetched


def duckdb_at(store, table, at):
    """Return the rows as of a moment with SQL."""
    names = ", ".join(column.name for column in RESOURCES[table].columns)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        for view in (table, f"{table}_history"):
            database.read_parquet([str(file) for file in kn.store_files(store, view)]).create_view(view)
        query = f"""
            SELECT {names} FROM {table} WHERE seen_from <= $at
            UNION ALL
            SELECT {names} FROM {table}_history WHERE seen_from <= $at AND seen_until > $at
            ORDER BY {", ".join(RESOURCES[table].key)}
        """
        return database.execute(query, {"at": at}).fetchall()


def polars_at(store, table, at):
    """Return the rows as of a moment with expressions."""
    names = [column.name for column in RESOURCES[table].columns]
    current, history = (pl.scan_parquet(kn.store_files(store, view)) for view in (table, f"{table}_history"))
    begun = pl.col("seen_from") <= at
    pieces = [current.filter(begun), history.filter(begun & (pl.col("seen_until") > at))]
    return pl.concat([piece.select(names) for piece in pieces]).sort(list(RESOURCES[table].key)).collect().rows()


@pytest.mark.parametrize("rows_at", [duckdb_at, polars_at])
@pytest.mark.parametrize("table", ["users", "calls"])
def test_every_version_and_a_microsecond_before(synced, table, rows_at):
    """The rows as of a version's moment are those of its fetch; a microsecond earlier, those of the fetch before."""
    store, fetched = synced
    before = fetched[0][1][table][:0]
    for at, tables in fetched:
        for instant, expected in ((at - MICROSECOND, before), (at, tables[table])):
            ordered = expected.sort_values(list(RESOURCES[table].key))
            found = [tuple(map(plain, row)) for row in rows_at(store, table, instant)]
            assert list(zip(*cells(ordered), strict=True)) == found
        before = tables[table]


@pytest.mark.parametrize("table", ["users", "calls"])
def test_removed_rows_and_their_moments(synced, table):
    """The removed rows are in one fetch and not in the next; their moment is that of the next."""
    store, fetched = synced
    expected = [
        (number, at)
        for (_, before), (at, tables) in itertools.pairwise(fetched)
        for number in sorted({*before[table]["id"]} - {*tables[table]["id"]})
    ]
    history = pl.read_parquet(kn.store_files(store, f"{table}_history"))
    removed = history.filter(pl.col("ended") == "removed").sort("seen_until", "id").select("id", "seen_until")

    assert len(expected) > VERSIONS
    assert expected == removed.rows()
