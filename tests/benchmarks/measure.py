"""Wall times, measurements in a separate process, and the lines of the printed table."""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import contenders

from kismet_nb.store.sync_reading import TableReader

__all__ = ["LATENCY", "add_line", "at_least", "at_most", "best", "measure_apart", "print_table", "without_target"]

LATENCY = 0.04  # seconds

_lines = []


def best(times, **readers):
    """Return the shortest wall time of each function; the functions run alternately."""
    seconds = dict.fromkeys(readers, math.inf)
    for _ in range(times):
        for name, read in readers.items():
            gc.collect()
            started = time.perf_counter()
            read()
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    return seconds


def measure_apart(contender, url, *arguments):
    """Run a contender of contenders.py in a separate process and return its measurements.

    The keys are wall and cpu (seconds), peak (MB), above (the peak minus the memory before the run, MB), rows, and
    fold. The last is the time from the last request of a sync to its end, in seconds.
    """
    command = [sys.executable, __file__, contender, url, *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


# ---- The table


def at_most(what, limit, value, remark="", unit=" ×"):
    """Add a line for a value that should be small."""
    add_line(what, f"≤ {limit:g}{unit}", f"{round(value, 3):g}{unit}", "yes" if value <= limit else "NO", remark)


def at_least(what, limit, value, remark=""):
    """Add a line for a ratio that should be large."""
    add_line(what, f"≥ {limit:g} ×", f"{round(value, 3):g} ×", "yes" if value >= limit else "NO", remark)


def without_target(what, measured, remark=""):
    """Add a line for a value without a target."""
    add_line(what, "", measured, "", remark)


def add_line(what, target, measured, met, remark):
    """Add a line to the table, and print it to standard error."""
    _lines.append(f"| {what} | {target} | {measured} | {met} | {remark} |")
    print(_lines[-1], file=sys.stderr, flush=True)


def print_table():
    """Print the table as Markdown."""
    print("| | target | measured | met | remark |", "|---|---|---|---|---|", *_lines, sep="\n")


# ---- In the process of measure_apart


def _main():
    parser = argparse.ArgumentParser()
    parser.add_argument("contender")
    parser.add_argument("url")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    read_at = _record_reads()
    before = _memory("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    rows = getattr(contenders, options.contender)(options.url, *options.arguments)
    ended, cpu = time.perf_counter(), time.process_time() - cpu
    # ru_maxrss would include the memory of the parent process at the fork.
    peak = _memory("VmHWM")
    found = {"wall": ended - wall, "cpu": cpu, "peak": peak, "above": peak - before, "rows": rows}
    print(json.dumps({**found, "fold": ended - read_at[-1] if read_at else None}))


def _record_reads():
    """Return a list to which the end time of each table's reading is added."""
    times, read = [], TableReader.read

    def read_and_record(reader, report):
        read(reader, report)
        times.append(time.perf_counter())

    TableReader.read = read_and_record
    return times


def _memory(name):
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    _main()
