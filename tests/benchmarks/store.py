"""The scenarios of the store: ``kn.sync`` beside a fetch and beside dlt, its memory, its second run, and kills.

As a program, it syncs and prints when each list was handed to the journal, until it is killed.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from contenders import dlt_calls, kismet_nb_sync, new_client
from measure import LATENCY, add_line, at_least, at_most, best, measure_apart, without_target
from server import serving

import kismet_nb as kn
from kismet_nb.store.journal import Journal

__all__ = ["store"]

KILLS = 5
TABLES = ["users", "calls"]


def store():
    """Sync a million calls, again with nothing new, again with edits, and three millions; compare with dlt."""
    with tempfile.TemporaryDirectory() as folder:
        with serving(users=1000, calls_first=1000, calls_each=1000) as server:
            few = million(server, folder)
            again(server, folder)
        with serving(users=1000, calls_first=1000, calls_each=1000, edited=200) as server:
            edited(server, folder)
    with serving(users=3000, calls_first=1000, calls_each=1000) as server, tempfile.TemporaryDirectory() as folder:
        many = measure_apart("kismet_nb_sync", server.url, folder)
        compared = measure_apart("kismet_nb_sync", server.url, folder, 0)
    remark = f"{many['above']:.0f} and {few['above']:.0f} MB; compared {compared['above']:.0f} MB"
    at_most(
        "From 1 to 3 million calls: peak memory of a first sync above import", 1.4, many["above"] / few["above"], remark
    )
    beside_dlt()
    kills()


def million(server, folder):
    """Sync a million calls and fetch them, in turns and each in its own process; return what the last sync took."""
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
    """Sync with nothing new."""
    server.counts()
    seconds = measure_apart("kismet_nb_sync", server.url, folder)["wall"]
    requests = server.counts()["requests"]
    newest = max(Path(folder, "organization").glob("20*Z"))
    written = [file for file in newest.rglob("*.parquet") if file.stat().st_nlink == 1 and file.parent.name != "lists"]
    at_most("Nothing new: files of tables written by a second sync", 0, len(written), f"{seconds:.1f} s", unit="")
    at_most("Nothing new, 1,000 calls each: requests, for each user", 1.1, requests / 1000, unit="")


def edited(server, folder):
    """Sync a million calls of which every 200th was edited, and read every list whole."""
    run = measure_apart("kismet_nb_sync", server.url, folder, 0)
    at_most("1,000,000 calls: fold and commit, 0.5 % edited", 6, run["fold"], unit=" s")
    at_most("1,000,000 calls: peak memory of a comparing sync above import", 250, run["above"], unit=" MB")


def beside_dlt():
    """Sync 20,000 calls, and load them with dlt into DuckDB with its history (scd2); both for the second time too."""
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
    """Kill syncs with signal 9, and count the lists that were finished half a second before and are kept."""
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
    """Kill dlt while it reads, and return which share of the pages that it had read is not read again."""
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
