"""Readers in other processes during repeated syncs never get a table with missing rows or rows of two states."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from store.clinic import open_clinic
from support.rows import call, user

READINGS = int(os.environ.get("READINGS", "60"))  # readings by each engine; set the variable for more
ORGANIZATIONS = ["clinic-a", "clinic-b"]
ENGINES = ["pandas", "polars", "duckdb"]


def enter_state(clinic, number):
    """Set rows of the clinic that have the number of its state, and the number of rows in that state."""
    users, calls = 3 + number % 4, 40 + number % 7
    clinic.users = [user(place, display_name=f"{number}/{users}") for place in range(users)]
    clinic.calls = {
        0: [
            call(place, name=f"{number}/{calls}", created_at=f"2026-0{1 + place % 6}-05T00:00:00Z")
            for place in range(calls)
        ]
    }


@pytest.mark.slow
def test_no_reading_is_wrong(tmp_path):
    """Three engines read two organizations while new versions are written and old ones are removed."""
    script = str(Path(__file__).with_name("repeated_readings.py"))
    with ExitStack() as stack:
        clinics = [stack.enter_context(open_clinic(page_size=100)) for _ in ORGANIZATIONS]
        number = 0

        def sync():
            for clinic, name in zip(clinics, ORGANIZATIONS, strict=True):
                enter_state(clinic, number)
                clinic.sync("calls", tmp_path / "store", organization=name, keep=1)

        sync()
        readers = []
        for engine in ENGINES:
            command = [sys.executable, script, str(tmp_path / "store"), engine, str(READINGS), *ORGANIZATIONS]
            readers.append(stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)))
        try:
            while any(reader.poll() is None for reader in readers):
                number += 1
                sync()
        finally:
            for reader in readers:
                reader.kill()
        found = [json.loads(reader.stdout.read()) for reader in readers]

    assert [(READINGS, [])] * len(ENGINES) == [(counts["readings"], counts["wrong"]) for counts in found]
    assert all(counts["states"] > 3 for counts in found)
