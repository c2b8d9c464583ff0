"""Readers in other processes while an organization is synced again and again: never a short or a mixed table."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from store.clinic import open_clinic
from support.rows import call, user

READINGS = int(os.environ.get("READINGS", "60"))  # of each engine; more by hand
ORGANIZATIONS = ["clinic-a", "clinic-b"]
ENGINES = ["pandas", "polars", "duckdb"]


def enter_state(clinic, number):
    """Give the clinic rows that say in which state it is and how many rows of the table the state has."""
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
    """Three engines read two organizations while both get new versions and lose old ones."""
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
