"""A store of three organizations, and Spark's view of it."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from store.clinic import open_clinic
from support.rows import call, user

import kismet_nb as kn
from kismet_nb.resources import RESOURCES

ORGANIZATIONS = {"clinic-a": 40, "clinic-b": 7, "clinic-c": 20}
TABLES = ["egresses", "call_metrics", "waiting_room_subs", "invites", "roles"]  # sync adds the tables that they need
CLINICS = ["clinic-a", "clinic-b", "clinic-c", "clinic-d"]  # organizations that tasks sync
SECRETS = {name: f"planted-secret-of-{name}-5d1c" for name in CLINICS}


def python_environment(**values):
    """Return environment variables for another Python that imports the test modules; ``values`` are added."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **values}


def run_python(script, *arguments, env=None, stdin=""):
    """Run a script of this folder in a separate process, assert that it succeeds, and return its output."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
    environment = python_environment(**(env or {}))
    run = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, env=environment, input=stdin
    )
    assert 0 == run.returncode, run.stderr[-3000:]
    return run.stdout + run.stderr


@pytest.fixture
def clinic():
    """Serve an organization whose rows a test changes."""
    with open_clinic() as clinic:
        yield clinic


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """Sync three organizations of different sizes, each twice, and return the folder."""
    folder = tmp_path_factory.mktemp("organizations") / "store"
    for name, user_count in ORGANIZATIONS.items():
        with (
            kn.DemoOrganization(user_count=user_count) as demo,
            kn.KismetClient(demo.client_id, demo.client_secret, api_url=demo.api_url) as client,
        ):
            kn.sync(folder, TABLES, organization=name, client=client, participants=True)
            kn.sync(folder, "roles", organization=name, client=client)
    return folder


@pytest.fixture(scope="session")
def spark_found(store, tmp_path_factory):
    """Return the dtypes and measures of all tables in Spark."""
    out = tmp_path_factory.mktemp("spark") / "found.json"
    files = {table: [str(file) for file in kn.store_files(store, table)] for table in RESOURCES}
    run_python("spark_measures.py", out, stdin=json.dumps(files))
    return json.loads(out.read_text())


@pytest.fixture
def clinics():
    """Serve four organizations with slow responses."""
    with ExitStack() as stack:
        served = {name: stack.enter_context(open_clinic()) for name in CLINICS}
        for clinic in served.values():
            clinic.users = [user(number) for number in range(60)]
            clinic.calls = {number: [call(number * 100 + place) for place in range(3)] for number in range(60)}
            clinic.seconds = 0.01
        yield served


@pytest.fixture
def credentials_folder(clinics, tmp_path):
    """Write a file with credentials for each of the four organizations, and return the folder."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    for name, clinic in clinics.items():
        (folder / f"{name}.env").write_text(
            f"KISMET_CLIENT_ID=client-of-{name}\nKISMET_CLIENT_SECRET={SECRETS[name]}\n"
            f"KISMET_API_URL={clinic.client.api_url}\n"
        )
    return folder
