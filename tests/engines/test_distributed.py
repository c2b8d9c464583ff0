"""Syncs of several organizations as tasks of Dask's distributed scheduler, one of whose workers is killed."""

import functools
import os
import pickle
import signal
import threading
import time
import traceback

import pandas as pd
import pytest
from engines.conftest import CLINICS, SECRETS, python_environment
from engines.tasks import sync_organization, sync_with
from store.clinic import stored_text, versions

import kismet_nb as kn

pytestmark = [pytest.mark.engines, pytest.mark.slow]
LEAKS = {"tasks", "state", "logs"}


@pytest.fixture
def cluster(tmp_path, monkeypatch, credentials_folder):
    """Start a scheduler and two workers with one thread each, and yield the scheduler with a client."""
    from distributed import Client, LocalCluster

    for name, value in python_environment(CREDENTIALS_FOLDER=str(credentials_folder)).items():
        monkeypatch.setenv(name, value)
    options = {"dashboard_address": None, "local_directory": str(tmp_path / "workers"), "host": "127.0.0.1"}
    with LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster, Client(cluster) as client:
        yield cluster.scheduler, client


def submit(client, store, task=sync_organization, *, secrets=None):
    """Submit a task for each organization."""
    arguments = {name: [secrets[name]] if secrets else [] for name in CLINICS}
    return [client.submit(task, *arguments[name], str(store), name, pure=False) for name in CLINICS]


def count_requests(clinics):
    """Return the number of requests of each organization so far."""
    return {name: len(clinic.requests) for name, clinic in clinics.items()}


def wait_after(requests, number, killed, _query):
    """Hold a request until a worker is killed, if so many requests came before it. Clients wait for 10 seconds."""
    if len(requests) > number:
        killed.wait(8)


def test_a_killed_worker_costs_few_requests_and_no_row(cluster, clinics, tmp_path):
    """Another worker finishes its organization, and does not read the finished lists again."""
    for clinic in clinics.values():
        clinic.seconds = 0.03
    _, client = cluster
    client.gather(submit(client, tmp_path / "elsewhere"))
    usual = count_requests(clinics)
    workers = client.run(os.getpid)
    killed = threading.Event()
    for name, clinic in clinics.items():
        # Without responses to the last quarter, no organization is finished before the kill.
        clinic.before = functools.partial(wait_after, clinic.requests, 1.75 * usual[name], killed)
    futures = submit(client, tmp_path / "store")
    deadline = time.monotonic() + 60
    # Both workers have read three quarters of their first organization.
    while sum(count > 1.75 * usual[name] for name, count in count_requests(clinics).items()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    begun = [folder.name for folder in (tmp_path / "store").iterdir()]
    finished = [name for name in begun if versions(tmp_path / "store" / name)]
    os.kill(next(iter(workers.values())), signal.SIGKILL)
    killed.set()
    client.gather(futures)
    ratios = {name: count / usual[name] - 1 for name, count in count_requests(clinics).items()}

    assert (2, []) == (len(begun), finished)
    assert set(workers.values()) != set(client.run(os.getpid).values())
    for name, clinic in clinics.items():
        for table, fetch in (("users", kn.fetch_users), ("calls", kn.fetch_calls)):
            stored = kn.read_store(tmp_path / "store", table, organizations=name).drop(columns="organization")
            fetched = fetch(client=clinic.client)
            pd.testing.assert_frame_equal(*(frame.sort_values("id", ignore_index=True) for frame in (fetched, stored)))
    assert 1 <= min(ratios.values()) <= max(ratios.values()) <= 1.4


def what_others_could_read(cluster, futures, folder):
    """Return everything that a cluster stores, sends and writes about tasks as text, by place."""
    scheduler, client = cluster
    client.dump_cluster_state(str(folder / "state"), format="yaml")
    problems = [future.exception() for future in futures]
    results = [future.result() for future, problem in zip(futures, problems, strict=True) if problem is None]
    traces = [traceback.format_tb(future.traceback()) for future in futures if future.status == "error"]
    return {
        "tasks": str([pickle.dumps(task.run_spec) for task in scheduler.tasks.values()]),
        "results": str([pickle.dumps(thing) for thing in (results, problems)]) + str(traces),
        "state": (folder / "state.yaml").read_text(),
        "logs": str([client.get_scheduler_logs(), client.get_worker_logs()]),
        "files": stored_text(folder / "workers"),
        "store": stored_text(folder / "store"),
    }


@pytest.mark.parametrize(("task", "secrets", "places"), [(sync_organization, None, set()), (sync_with, SECRETS, LEAKS)])
def test_no_secret_travels_or_is_kept(cluster, clinics, tmp_path, task, secrets, places):
    """Credentials stay with the workers. If a task has them as arguments and logs them, the search finds them."""
    clinics["clinic-d"].failures["/organization_users"] = (401, {}, SECRETS["clinic-d"].encode())
    futures = submit(cluster[1], tmp_path / "store", task, secrets=secrets)
    while not all(future.done() for future in futures):
        time.sleep(0.01)
    assert ["finished"] * 3 + ["error"] == [future.status for future in futures]
    found = what_others_could_read(cluster, futures, tmp_path)

    assert [] == [place for place, text in found.items() if not text]
    assert places == {place for place, text in found.items() if any(secret in text for secret in SECRETS.values())}
