"""Spark in local mode: only on loopback, in UTC, with this Python for its workers."""

import contextlib
import os
import sys


@contextlib.contextmanager
def local_session(**options):
    """Start Spark with two threads, and stop it at the end. ``options`` are settings without the prefix "spark."."""
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    from pyspark.sql import SparkSession

    settings = {
        "driver.bindAddress": "127.0.0.1",
        "driver.host": "127.0.0.1",
        "sql.session.timeZone": "UTC",
        "ui.enabled": "false",
        "ui.showConsoleProgress": "false",
        "sql.shuffle.partitions": "2",
        **options,
    }
    builder = SparkSession.builder.master("local[2]").appName("store")
    for name, value in settings.items():
        builder = builder.config(f"spark.{name}", value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()
