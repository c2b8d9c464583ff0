"""If a version is removed before it is read, the reader gets an error and never a part of the table."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from engines.conftest import python_environment
from store.clinic import versions
from support.rows import call

import kismet_nb as kn


@pytest.fixture
def files(clinic):
    """Return the files of a version with six months of calls."""
    clinic.calls = {1: [call(number, created_at=f"2026-0{number}-05T00:00:00Z") for number in range(1, 7)]}
    clinic.sync("calls")
    found = [str(file) for file in kn.store_files("store", "calls")]
    assert 6 == len(found)
    return found


def remove_version(clinic):
    """Write a new version and remove the first; the new one links five of the six files."""
    clinic.calls[1][0]["name"] = "Another"
    clinic.sync("calls", keep=1)
    assert 1 == len(versions())


def test_pandas_raises(clinic, files):
    """The files of the removed version are missing."""
    remove_version(clinic)
    with pytest.raises(FileNotFoundError):
        pd.read_parquet(files)


def test_a_query_of_polars_raises(clinic, files):
    """The query was created before the removal."""
    scan = pl.scan_parquet(files).select("organization", "id")
    assert 6 == scan.collect().height
    remove_version(clinic)
    with pytest.raises(FileNotFoundError):
        scan.collect()


def test_a_relation_of_duckdb_raises(clinic, files):
    """The relation was created before the removal."""
    with duckdb.connect() as database:
        database.read_parquet(files).create_view("calls")
        assert [(6,)] == database.execute("SELECT count(*) FROM calls").fetchall()
        remove_version(clinic)
        with pytest.raises(duckdb.IOException, match=r"No files found|No such file"):
            database.execute("SELECT count(*), sum(id) FROM calls").fetchall()


@pytest.mark.engines
@pytest.mark.slow
def test_a_frame_of_dask_raises(clinic, files):
    """The frame was created before the removal."""
    import dask.dataframe as dd

    frame = dd.read_parquet(files)
    remove_version(clinic)
    with pytest.raises(FileNotFoundError):
        frame["id"].sum().compute(scheduler="threads")


@pytest.mark.engines
@pytest.mark.slow
def test_a_frame_of_spark_raises(clinic, files):
    """The frame was created before the removal."""
    command = [sys.executable, str(Path(__file__).with_name("spark_slow_reader.py"))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=python_environment(),
    ) as spark:
        spark.stdin.write(json.dumps(files) + "\n")
        spark.stdin.flush()
        assert "6\n" == spark.stdout.readline()
        remove_version(clinic)
        out, _ = spark.communicate("read again\n", timeout=120)

    assert "FileNotFoundException" in out
