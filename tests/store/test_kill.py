"""A kill (signal 9) of a sync at a random moment breaks no version, and the next sync finishes."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from store.clinic import versions

import kismet_nb as kn
from kismet_nb.resources import RESOURCES
from kismet_nb.store.layout import read_version

TABLES = ["calls", "roles", "waiting_rooms"]
KILLS = 10


def check_versions():
    """Assert that every version is complete: its files can be read and have the recorded numbers of rows."""
    for name in versions("store/organization"):
        version = Path("store/organization", name)
        about = read_version(version)
        for table, recorded in about["tables"].items():
            assert recorded["rows"] == sum(len(pq.read_table(file)) for file in (version / table).glob("*.parquet"))


def wait_for_commit(process):
    """Wait until a sync has read all lists and begins to write a version."""
    while process.poll() is None and not Path("store/organization/.sync/next").exists():
        time.sleep(0.001)


@pytest.mark.slow
def test_no_kill_breaks_a_version():
    """Half of the kills come while lists are read, the others around the commit."""
    rng, killed = random.Random(7), 0  # noqa: S311 - nothing secret
    with kn.DemoOrganization(latency=0.005) as demo:
        command = [sys.executable, str(Path(__file__).with_name("killed_sync.py"))]
        command += [demo.api_url, demo.client_id, demo.client_secret, "store"]
        with kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client:
            started = time.monotonic()
            kn.sync("elsewhere", TABLES, client=client, participants=True)
            seconds = time.monotonic() - started
            for number in range(KILLS):
                with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                    process.stdout.readline()
                    if number % 2:
                        time.sleep(rng.uniform(0, seconds))
                    else:
                        wait_for_commit(process)
                        time.sleep(rng.uniform(0, 0.1))
                    process.kill()
                killed += process.returncode == -9
                check_versions()
            assert killed >= KILLS // 2  # the other processes had ended before the kill
            kn.sync("store", TABLES, client=client, participants=True)
            check_versions()
            tables = dict(zip(("calls", "participants"), kn.fetch_calls(client=client, participants=True), strict=True))
            tables |= {"users": kn.fetch_users(client=client), "roles": kn.fetch_roles(client=client)}
    for name, table in tables.items():
        key = list(RESOURCES[name].key)
        stored = kn.read_store("store", name).drop(columns="organization")
        pd.testing.assert_frame_equal(
            table.sort_values(key, ignore_index=True), stored.sort_values(key, ignore_index=True)
        )
        assert 0 == len(kn.read_store("store", name, history=True))
