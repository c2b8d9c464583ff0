"""Compare the speed of kismet_nb with other ways to read the same lists, in one Markdown table.

    pip install -e ".[bench]"
    python tests/benchmarks/run.py              # about six minutes
    python tests/benchmarks/run.py --million    # also 1,000,000 users at 40 ms: four minutes more
    python tests/benchmarks/run.py --only users calls
    python tests/benchmarks/run.py --only overload    # 503 without Retry-After; not part of the other runs
    python tests/benchmarks/run.py --only store       # kn.sync, twelve minutes; not part of the other runs

All contenders read from the same server on this machine, in the same run, in turns. Compare the ratios, not the
seconds. Most ratios are to the floor (see contenders.py). A missed target is printed as missed; the exit code is 0.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from contenders import (
    IN_FLIGHT,
    USERS,
    dlt_users,
    docs_loop_users,
    floor_rows,
    floor_users,
    kismet_nb_calls,
    kismet_nb_users,
    new_client,
    session_loop_users,
    sketch_users,
)
from measure import LATENCY, at_least, at_most, best, measure_apart, print_table, without_target
from rate_limits import overload, rate
from server import serving
from store import store

import kismet_nb as kn


def imports():
    """Import kismet_nb in a process that has imported pandas and requests."""
    code = "import pandas, requests, time; t = time.perf_counter(); import kismet_nb; print(time.perf_counter() - t)"
    with tempfile.TemporaryDirectory() as cache:
        # Bytecode is cached, as for an installed package, even if the environment disables it.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        command = partial(
            subprocess.run, [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )
        seconds = min(float(command().stdout) for _ in range(6))
    at_most("import kismet_nb, above pandas and requests", 0.1, seconds, unit=" s")


def files():
    """Write 100,000 users to files."""
    with serving(users=100_000) as server, new_client(server.url) as client:
        table = kn.fetch_users(client=client, progress=False)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs, parquet = (str(Path(folder) / name) for name in ("ours.csv", "theirs.csv", "ours.parquet"))
        seconds = best(
            3,
            export=partial(kn.export, table, ours),
            to_csv=partial(table.to_csv, theirs, index=False),
            parquet=partial(kn.export, table, parquet),
        )
    remark = f"{seconds['export']:.2f} s and {seconds['to_csv']:.2f} s; Parquet {seconds['parquet']:.2f} s"
    at_most("100,000 users to CSV: time, to DataFrame.to_csv", 0.5, seconds["export"] / seconds["to_csv"], remark)


def no_latency():
    """Read 100,000 users without latency, to measure only the work of the code."""
    with serving(users=100_000) as server:
        seconds = best(
            5,
            kismet_nb=partial(kismet_nb_users, server.url),
            session=partial(session_loop_users, server.url),
            sketch=partial(sketch_users, server.url),
            floor=partial(floor_users, server.url),
        )
    remark = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    at_most("100,000 users, 0 ms: time, to a session loop", 1, seconds["kismet_nb"] / seconds["session"], remark)
    without_target("100,000 users, 0 ms: time, to the sketch", f"{seconds['kismet_nb'] / seconds['sketch']:.3g} ×")


def server_speed():
    """Read 1,000 pages without latency with the floor, to show that the server is not the bottleneck."""
    with serving(users=100_000) as server:
        seconds = best(5, floor=partial(floor_users, server.url))["floor"]
        server.counts()
        floor_users(server.url)
        cpu = server.counts()["cpu"]
    without_target(
        "The server: requests per second of its CPU time",
        f"{1000 / cpu:,.0f}",
        f"the floor reads {1000 / seconds:,.0f} per second at 0 ms; at 40 ms no contender can read more than "
        f"{IN_FLIGHT / LATENCY:.0f}",
    )


def cpu():
    """Read 1,000 pages at 40 ms, each contender in a separate process."""
    with serving(users=100_000, latency=LATENCY) as server:
        names = ("kismet_nb_users", "sketch_users")
        runs = [{name: measure_apart(name, server.url)["cpu"] for name in names} for _ in range(2)]
    kismet_nb, sketch = (min(run[name] for run in runs) for name in names)
    without_target("100,000 users, 40 ms: CPU for 1,000 pages", f"{kismet_nb:.2f} s", f"the sketch {sketch:.2f} s")


def users(count, target, times):
    """Read users at 40 ms in pages of 100, and count the requests."""
    with serving(users=count, latency=LATENCY) as server:
        seconds = best(
            times,
            kismet_nb=partial(kismet_nb_users, server.url),
            floor=partial(floor_users, server.url),
            sketch=partial(sketch_users, server.url),
        )
        server.counts()
        kismet_nb_users(server.url)
        counted = server.counts()
    # One round trip for page 1, then IN_FLIGHT pages per round trip.
    least = (1 + math.ceil((count // 100 - 1) / IN_FLIGHT)) * LATENCY
    at_most(
        f"{count:,} users, 40 ms: time, to the floor",
        target,
        seconds["kismet_nb"] / seconds["floor"],
        f"{seconds['kismet_nb']:.2f} s; floor {seconds['floor']:.2f} s; round trips alone {least:.2f} s",
    )
    without_target(
        f"{count:,} users, 40 ms: the sketch, to the floor",
        f"{seconds['sketch'] / seconds['floor']:.3g} ×",
        f"{seconds['sketch']:.2f} s; kismet_nb takes {seconds['kismet_nb'] / seconds['sketch']:.3g} × the sketch",
    )
    at_most(f"{count:,} users: requests beyond one per page", 3, counted["requests"] - count // 100, unit="")
    at_most(f"{count:,} users: most requests in flight", IN_FLIGHT, counted["most_in_flight"], unit="")
    return seconds["kismet_nb"]


def loops():
    """Read 10,000 users at 40 ms page after page; ten times this time is the time for 100,000 users."""
    with serving(users=100_000, latency=LATENCY) as server:
        seconds = best(1, kismet_nb=partial(kismet_nb_users, server.url))["kismet_nb"]
    with serving(users=10_000, latency=LATENCY) as server:
        for name, contender, target in (
            ("the loop of the vendor's examples", docs_loop_users, 28),
            ("dlt's rest_api source", dlt_users, 8),
            ("a session loop", session_loop_users, 7),
        ):
            slow = 10 * best(1, contender=partial(contender, server.url))["contender"]
            at_least(f"100,000 users, 40 ms: faster than {name}", target, slow / seconds, f"{slow:.0f} s")


def page_size():
    """Read users from a server with 500 rows per page, and from one with 100."""
    with (
        serving(users=100_000, latency=LATENCY, largest_page=500) as large,
        serving(users=100_000, latency=LATENCY) as small,
    ):
        seconds = best(2, large=partial(kismet_nb_users, large.url), small=partial(kismet_nb_users, small.url))
    at_most("100,000 users, pages of 500: time, to pages of 100", 0.3, seconds["large"] / seconds["small"])


def calls():
    """Read the 20,000 calls of 1,000 users at 40 ms: first 20 of each, then nearly all of one user."""
    owners = list(range(1, 1001))
    paths = [f"{USERS}/{owner}/calls" for owner in owners]
    for what, first, each in (("20 each", 20, 20), ("19,001 of one, 1 of each other", 19_001, 1)):
        with serving(users=1000, calls_first=first, calls_each=each, latency=LATENCY) as server:
            seconds = best(
                3,
                kismet_nb=partial(kismet_nb_calls, server.url, owners),
                floor=partial(floor_rows, server.url, paths, "calls"),
            )
            server.counts()
            assert kismet_nb_calls(server.url, owners) == floor_rows(server.url, paths, "calls") == 20_000
            requests = server.counts()["requests"]
        pages = 999 + math.ceil(first / 100)
        at_most(
            f"20,000 calls of 1,000 users, {what}, 40 ms: time, to the floor",
            1.10,
            seconds["kismet_nb"] / seconds["floor"],
            f"{seconds['kismet_nb']:.2f} s; floor {seconds['floor']:.2f} s; "
            f"{requests - 2 * pages} requests beyond one per page",
        )


def memory():
    """Read 100,000 and 1,000,000 users without latency, alternately and in separate processes."""
    few, many = [], []
    with serving(users=100_000) as small, serving(users=1_000_000) as large:
        with new_client(small.url) as client:
            table = kn.fetch_users(client=client, progress=False)
        few_size = table.memory_usage(deep=True).sum() / 2**20
        with new_client(large.url) as client:
            table = kn.fetch_users(client=client, progress=False)
        many_size = table.memory_usage(deep=True).sum() / 2**20
        del table
        for _ in range(2):
            few += [measure_apart("kismet_nb_users", small.url) for _ in range(5)]
            many.append(measure_apart("kismet_nb_users", large.url))
    few_peak, many_peak = (statistics.fmean(run["peak"] for run in runs) for runs in (few, many))
    few_cpu, many_cpu = (statistics.fmean(run["cpu"] / run["rows"] * 1e6 for run in runs) for runs in (few, many))
    at_most(
        "From 100,000 to 1,000,000 users: peak memory, for each MB of table",
        2,
        (many_peak - few_peak) / (many_size - few_size),
        f"peaks of {few_peak:.0f} and {many_peak:.0f} MB for tables of {few_size:.0f} and {many_size:.0f} MB",
        unit=" MB",
    )
    at_most(
        "CPU per row at 1,000,000 users, to 100,000", 1.1, many_cpu / few_cpu, f"{few_cpu:.1f} and {many_cpu:.1f} µs"
    )


def interrupt():
    """Interrupt a fetch of 100,000 users, and one without a response to its TLS handshake."""
    with serving(users=100_000, latency=LATENCY) as server:
        seconds, threads = zip(*(interrupted(server.url, after) for after in (0.3, 1, 2)), strict=True)
    at_most("Interrupt of a fetch: time until it returns", 2, max(seconds), f"threads left: {max(threads)}", unit=" s")
    # Without accept(), the kernel completes the TCP connection, but the handshake gets no response.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seconds, threads = interrupted(f"https://127.0.0.1:{silent.getsockname()[1]}", 2)
    remark = f"threads left: {threads}"
    at_most("Interrupt during a TLS handshake: time until it returns", 10, seconds, remark, unit=" s")


def interrupted(url, after):
    """Return the seconds from an interrupt to the end of a fetch, and the number of threads that are left."""
    before = set(threading.enumerate())
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    started = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        kismet_nb_users(url)
    except KeyboardInterrupt:
        return time.perf_counter() - started - after, len(set(threading.enumerate()) - before)
    raise AssertionError("The fetch ended before its interrupt.")


SCENARIOS = {
    "imports": imports,
    "files": files,
    "server": server_speed,
    "cost": no_latency,
    "cpu": cpu,
    "users": lambda: (users(10_000, 1.15, 5), users(100_000, 1.10, 2)),
    "loops": loops,
    "pages": page_size,
    "calls": calls,
    "rate": rate,
    "memory": memory,
    "interrupt": interrupt,
    "overload": overload,
    "store": store,
}
DEFAULT = [name for name in SCENARIOS if name not in {"overload", "store"}]


def main():
    """Run the scenarios and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="also read 1,000,000 users at 40 ms")
    parser.add_argument("--only", choices=SCENARIOS, nargs="+", default=DEFAULT, help="some of the scenarios")
    options = parser.parse_args()
    for name in options.only:
        SCENARIOS[name]()
    if options.million:
        users(1_000_000, 1.10, 1)
    print_table()


if __name__ == "__main__":
    main()
