"""Read a store repeatedly while it is synced; ``test_reading_during_syncs.py`` starts this script.

Each row has the number of its state, and the number of rows of its table in that state. So the rows alone show whether
a reading mixes two states or lacks rows. Prints counts as JSON.
"""

import json
import random
import sys
import time
from collections import Counter

import duckdb
import pandas as pd
import polars as pl

import kismet_nb as kn

STATED = {"users": "display_name", "calls": "name"}


def by_pandas(files, column):
    """Return organization, state and number of rows."""
    frame = pd.read_parquet(files, columns=["organization", column])
    return [(*key, count) for key, count in frame.groupby(["organization", column]).size().items()]


def by_polars(files, column):
    """Return organization, state and number of rows."""
    return pl.scan_parquet(files).group_by("organization", column).len().collect().rows()


def by_duckdb(files, column):
    """Return organization, state and number of rows."""
    query = f"SELECT organization, {column}, count(*) FROM read_parquet(?) GROUP BY ALL"
    with duckdb.connect() as database:
        return database.execute(query, [files]).fetchall()


def is_wrong(found, organizations):
    """Return whether rows are missing, or belong to more than one state of an organization."""
    return sorted(organizations) != sorted(name for name, _, _ in found) or any(
        int(state.split("/")[1]) != rows for _, state, rows in found
    )


if __name__ == "__main__":
    store, engine, count, *organizations = sys.argv[1:]
    read = {"pandas": by_pandas, "polars": by_polars, "duckdb": by_duckdb}[engine]
    counts, states, wrong, rng = Counter(), set(), [], random.Random(engine)  # noqa: S311
    while counts["readings"] < int(count):
        table = ("users", "calls")[counts["readings"] % 2]
        files = [str(file) for file in kn.store_files(store, table)]
        time.sleep(rng.uniform(0, 0.05))  # a version may be removed here
        try:
            found = read(files, STATED[table])
        except (FileNotFoundError, duckdb.IOException):
            counts["removed meanwhile"] += 1
            continue
        counts["readings"] += 1
        if is_wrong(found, organizations):
            wrong.append([table, files, found])
        states |= {state for _, state, _ in found}
    print(json.dumps({**counts, "wrong": wrong[:3], "states": len(states)}))
