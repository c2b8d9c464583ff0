"""Scenarios of the store: syncs compared with a fetch and with dlt, their memory, kills, SQL, organizations, readers.

As a program, it syncs and prints the time at which each list was passed to the journal, until it is killed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from contenders import HEADERS, dlt_calls, kismet_nb_sync, new_client
from measure import LATENCY, add_line, at_least, at_most, best, measure_apart, without_target
from server import serving

import kismet_nb as kn
from kismet_nb.store.journal import Journal

__all__ = ["store"]

KILLS = 5
TABLES = ["users", "calls"]
ORGANIZATIONS = 12
READINGS = 1000  # readings by each engine
QUERY = """
    SELECT date_trunc('month', created_at) AS month, is_ended, count(*) AS calls,
           count(DISTINCT organization_user_id) AS users
    FROM calls GROUP BY ALL ORDER BY ALL
"""


def store():
    """Sync a million calls, again without changes, again with edits, and three million; then run other scenarios."""
    with tempfile.TemporaryDirectory() as folder:
        with serving(users=1000, calls_first=1000, calls_each=1000) as server:
            few = million(server, folder)
            again(server, folder)
        with serving(users=1000, calls_first=1000, calls_each=1000, edited=200) as server:
            edited(server, folder)
    with serving(users=3000, calls_first=1000, calls_each=1000) as server, tempfile.TemporaryDirectory() as folder:
        many = measure_apart("kismet_nb_sync", server.url, folder)
        compared = measure_apart("kismet_nb_sync", server.url, folder, 0)
        query(folder)
    remark = f"{many['above']:.0f} and {few['above']:.0f} MB; compared {compared['above']:.0f} MB"
    at_most(
        "From 1 to 3 million calls: peak memory of a first sync above import", 1.4, many["above"] / few["above"], remark
    )
    beside_dlt()
    kills()
    many_organizations()
    readers()


def million(server, folder):
    """Sync and fetch a million calls alternately, in separate processes; return the measurements of the last sync."""
    owners = 1000
    runs = []
    for number in range(3):
        target = folder if number == 2 else tempfile.mkdtemp(dir=folder, prefix=".")
        runs.append(
            (
                measure_apart("kismet_nb_sync", server.url, target),
                measure_apart("kismet_nb_calls_of", server.url, owners),
            )
        )
    synced, fetched = (min(run[side]["wall"] for run in runs) for side in (0, 1))
    assert {1_000_000} == {run[side]["rows"] for run in runs for side in (0, 1)}
    cpu = [min(run[side]["cpu"] for run in runs) for side in (0, 1)]
    remark = f"{synced:.1f} s and {fetched:.1f} s; CPU {cpu[0]:.1f} s and {cpu[1]:.1f} s"
    at_most("1,000,000 calls, 0 ms: time of a first sync, to fetch_calls", 1.10, synced / fetched, remark)
    last = min((run[0] for run in runs), key=lambda run: run["fold"])
    at_most("1,000,000 calls: fold and commit, first", 6, last["fold"], unit=" s")
    peak = max(run[0]["above"] for run in runs)
    at_most("1,000,000 calls: peak memory of a first sync above import", 120, peak, unit=" MB")
    return runs[-1][0]


def again(server, folder):
    """Sync without changes."""
    server.counts()
    seconds = measure_apart("kismet_nb_sync", server.url, folder)["wall"]
    requests = server.counts()["requests"]
    newest = max(Path(folder, "organization").glob("20*Z"))
    written = [file for file in newest.rglob("*.parquet") if file.stat().st_nlink == 1 and file.parent.name != "lists"]
    at_most("Nothing new: files of tables written by a second sync", 0, len(written), f"{seconds:.1f} s", unit="")
    at_most("Nothing new, 1,000 calls each: requests, for each user", 1.1, requests / 1000, unit="")


def edited(server, folder):
    """Sync a million calls after an edit of every 200th, and read every list whole."""
    run = measure_apart("kismet_nb_sync", server.url, folder, 0)
    at_most("1,000,000 calls: fold and commit, 0.5 % edited", 6, run["fold"], unit=" s")
    at_most("1,000,000 calls: peak memory of a comparing sync above import", 250, run["above"], unit=" MB")


def query(folder):
    """Run a query over three million calls."""
    assert 3_000_000 == kn.sql(folder, QUERY)["calls"].sum()
    at_most("SQL on 3,000,000 calls", 1, best(5, sql=partial(kn.sql, folder, QUERY))["sql"], unit=" s")


def many_organizations():
    """Sync organizations with 50 requests a second each, and one of them alone, on the command line."""
    options = {"users": 120, "calls_first": 20, "calls_each": 20, "rate": 50, "latency": LATENCY}
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(ORGANIZATIONS):
            server = stack.enter_context(serving(**options))
            files.append(Path(folder, f"clinic-{number}.env"))
            values = (*HEADERS.values(), server.url)
            names = ("KISMET_CLIENT_ID", "KISMET_CLIENT_SECRET", "KISMET_API_URL")
            files[-1].touch(0o600)
            files[-1].write_text("".join(f"{name}={value}\n" for name, value in zip(names, values, strict=True)))
        seconds = best(3, one=partial(sync_each, files[:1], folder), all=partial(sync_each, files, folder))
    what = f"{ORGANIZATIONS} organizations of 50 requests a second: time of a sync, to one"
    at_most(what, 2.5, seconds["all"] / seconds["one"], f"{seconds['all']:.1f} s and {seconds['one']:.1f} s")


def sync_each(files, folder):
    """Sync the organizations of the files into a new store."""
    store = tempfile.mkdtemp(dir=folder)
    command = [sys.executable, "-c", "from kismet_nb.cli import main; raise SystemExit(main())", "sync", store]
    command += ["--tables", "calls", "--jobs", str(len(files)), "--quiet", "--each", *map(str, files)]
    subprocess.run(command, check=True)


def readers():
    """Read a store with pandas, Polars and DuckDB while it is synced."""
    test = Path(__file__).parents[1] / "engines/test_reading_during_syncs.py"
    started = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-m", "engines or slow", str(test)]
    environment = {**os.environ, "READINGS": str(READINGS)}
    run = subprocess.run(command, env=environment, cwd=test.parents[2], capture_output=True, text=True, check=False)
    met, measured = ("NO", (run.stdout + run.stderr).splitlines()[-1]) if run.returncode else ("yes", "0")
    remark = f"{time.perf_counter() - started:.0f} s"
    add_line(f"3 × {READINGS:,} readings by pandas, Polars and DuckDB during syncs: wrong", "0", measured, met, remark)


def beside_dlt():
    """Sync 20,000 calls, and load them with dlt into DuckDB with its history (scd2); then do both again."""
    with serving(users=20, calls_first=1000, calls_each=1000) as server, tempfile.TemporaryDirectory() as folder:
        for which in ("first", "second"):
            seconds = best(
                1,
                sync=partial(kismet_nb_sync, server.url, f"{folder}/store", 0),
                dlt=partial(dlt_calls, server.url, 20, f"{folder}/dlt"),
            )
            ratio, remark = seconds["dlt"] / seconds["sync"], f"{seconds['sync']:.2f} s and {seconds['dlt']:.1f} s"
            at_least(f"20,000 calls, {which} sync: faster than dlt with scd2 into DuckDB", 1, ratio, remark)


def kills():
    """Kill syncs with signal 9, and measure how many lists finished half a second before the kill are kept."""
    rng, kept, finished = random.Random(7), 0, 0  # noqa: S311 - nothing secret
    with serving(users=600, calls_first=20, calls_each=20, latency=LATENCY) as server:
        for _ in range(KILLS):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, __file__, server.url, folder]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                    lines = [process.stdout.readline()]
                    time.sleep(rng.uniform(1.5, 2.5))
                    process.kill()
                    killed_at = time.time()
                    lines += process.stdout.read().splitlines()
                early = [
                    key for at, _, key in (line.strip().partition(" ") for line in lines) if float(at) < killed_at - 0.5
                ]
                with Journal(Path(folder, "organization/.sync/journal.sqlite"), "organization") as journal:
                    saved = {key for table in TABLES for key in journal.lists(table)}
                finished += len(early)
                kept += len(saved & set(early))
                with new_client(server.url) as client:
                    assert 12_000 == kn.sync(folder, "calls", client=client, progress=False)["rows"][1]
    share = f"{kept / finished:.1%}"
    met = "yes" if kept / finished >= 0.95 else "NO"
    add_line(
        f"{KILLS} kills with signal 9: lists kept of those finished 0.5 s before",
        "≥ 95 %",
        share,
        met,
        f"{finished} lists",
    )
    without_target("The same for dlt with scd2", f"{kept_by_dlt():.1%}", "pages of 20,000 calls")


def kept_by_dlt():
    """Kill dlt while it reads, and return the share of finished pages that it does not read again."""
    options = {"users": 20, "calls_first": 1000, "calls_each": 1000, "latency": LATENCY}
    with serving(**options) as server, tempfile.TemporaryDirectory() as folder:
        code = f"import contenders; contenders.dlt_calls({server.url!r}, 20, {folder!r})"
        with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent) as process:
            read = 0
            while read < 100:
                time.sleep(0.1)
                read += server.counts()["requests"]
            process.kill()
        dlt_calls(server.url, 20, folder)
        return (200 - server.counts()["requests"]) / read


def _sync_and_print(url, folder):
    add_list = Journal.add_list

    def add_and_print(journal, task, read):
        add_list(journal, task, read)
        print(time.time(), read.key, flush=True)

    Journal.add_list = add_and_print
    kismet_nb_sync(url, folder)


if __name__ == "__main__":
    _sync_and_print(*sys.argv[1:])
