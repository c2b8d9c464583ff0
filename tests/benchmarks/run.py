"""How fast kismet_nb is, beside other ways to read the same lists: one Markdown table.

    pip install -e ".[bench]"
    python tests/benchmarks/run.py              # about five minutes
    python tests/benchmarks/run.py --million    # with 1,000,000 users too: four minutes more
    python tests/benchmarks/run.py --only rate

All contenders read from the same server on this machine, in the same run, in turns. What counts are the ratios,
most of them to the floor: eight threads with bare sockets that read every page once, decode the JSON and check
nothing. It never fails: a missed target is shown as missed.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import requests
from server import PREFIX, serving

import kismet_nb as kn

USERS = "/organization_users"
HEADERS = {"X-Client-ID": "bench-client", "X-Client-Secret": "bench-secret"}
IN_FLIGHT = 8
LATENCY = 0.04

lines = []


# ---- The contenders: each reads all users and returns how many there are


def toolkit(url):
    """Read with kismet_nb, by a new client, the table included."""
    with kn.KismetClient(*HEADERS.values(), api_url=url) as client:
        return len(kn.fetch_users(client=client, progress=False))


def docs_loop(url):
    """Read as the vendor's examples do: page after page of the default size, each over a connection of its own."""
    return _loop(url, requests.get, {})


def session_loop(url):
    """Read page after page over one connection."""
    with requests.Session() as session:
        return _loop(url, session.get, {"per_page": 500})


def _loop(url, get, size):
    rows, page, pages = [], 1, 1
    while page <= pages:
        body = get(url + PREFIX + USERS, headers=HEADERS, params={"page": page, **size}, timeout=30).json()
        rows += body["organization_users"]
        pages = body["pagination"]["total_pages"]
        page += 1
    return len(pd.DataFrame(rows))


def dlt_source(url):
    """Read with the rest_api source of dlt, without loading anything anywhere."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
    from dlt.sources.rest_api import rest_api_source

    endpoint = {
        "path": PREFIX + USERS,
        "params": {"per_page": 500},
        "data_selector": "organization_users",
        "paginator": PageNumberPaginator(base_page=1, total_path="pagination.total_pages"),
    }
    client = {"base_url": url, "headers": HEADERS}
    source = rest_api_source({"client": client, "resources": [{"name": "users", "endpoint": endpoint}]})
    return len(pd.DataFrame(list(source)))


def floor(url):
    """Read with eight threads and bare sockets; no table."""
    return len(_floor(url, [USERS], "organization_users"))


def _floor(url, paths, envelope):
    """Read the first pages of all lists, then all further pages."""
    host, port = url.removeprefix("http://").split(":")
    headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    connections = [socket.create_connection((host, int(port))) for _ in range(IN_FLIGHT)]
    idle = list(connections)

    def read(path, page):
        connection = idle.pop()
        request = f"GET {PREFIX}{path}?page={page}&per_page=500 HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"
        connection.sendall(request.encode())
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += connection.recv(2**18)
        length = int(received[:end].split(b"Content-Length: ")[1])
        while len(received) < end + 4 + length:
            received += connection.recv(2**18)
        idle.append(connection)
        return json.loads(received[end + 4 :])

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        firsts = list(threads.map(lambda path: read(path, 1), paths))
        further = [
            (path, page)
            for path, first in zip(paths, firsts, strict=True)
            for page in range(2, first["pagination"]["total_pages"] + 1)
        ]
        rest = threads.map(lambda at: read(*at), further)
        rows = [row for body in (*firsts, *rest) for row in body[envelope]]
    for connection in connections:
        connection.close()
    return rows


# ---- Measuring


def best(times, **contenders):
    """Return the least wall time of each, all of them in turns."""
    seconds = dict.fromkeys(contenders, math.inf)
    for _ in range(times):
        for name, contender in contenders.items():
            gc.collect()
            started = time.perf_counter()
            contender()
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    return seconds


def line(what, target, measured, *, met, remark=""):
    """Add a line to the table."""
    lines.append(f"| {what} | {target} | {measured} | {'yes' if met else 'NO'} | {remark} |")
    print(lines[-1], file=sys.stderr, flush=True)


def at_most(what, limit, value, remark="", unit=" ×"):
    """Add a line for a value that should be small."""
    line(what, f"≤ {limit:g}{unit}", f"{value:.3g}{unit}", met=value <= limit, remark=remark)


def at_least(what, limit, value, remark=""):
    """Add a line for a ratio that should be large."""
    line(what, f"≥ {limit:g} ×", f"{value:.3g} ×", met=value >= limit, remark=remark)


def rounds(pages):
    """Return the fewest round trips that a list of so many pages takes."""
    return 1 + math.ceil((pages - 1) / IN_FLIGHT)


# ---- The scenarios


def users(count, times):
    """Read users at 40 ms in pages of 100, and count the requests."""
    with serving(users=count, latency=LATENCY) as served:
        seconds = best(times, kismet_nb=partial(toolkit, served.url), floor=partial(floor, served.url))
        least = rounds(count // 100) * LATENCY
        at_most(
            f"{count:,} users, 40 ms: time, to the floor",
            1.10,
            seconds["kismet_nb"] / seconds["floor"],
            f"{seconds['kismet_nb']:.2f} s; floor {seconds['floor']:.2f} s; round trips alone {least:.2f} s",
        )
        served.counts()
        toolkit(served.url)
        seen = served.counts()
        at_most(f"{count:,} users: requests beyond one per page", 3, seen["requests"] - count // 100, unit="")
        at_most(f"{count:,} users: most requests in flight", IN_FLIGHT, seen["most_in_flight"], unit="")
    if count == 100_000:
        others(seconds["kismet_nb"])


def others(seconds):
    """Read users at 40 ms page after page; ten times the time of a tenth of the users, which is the same."""
    with serving(users=10_000, latency=LATENCY) as served:
        for name, contender, target in (
            ("the docs' loop", docs_loop, 28),
            ("dlt's rest_api source", dlt_source, 8),
            ("a session loop", session_loop, 7),
        ):
            slow = 10 * best(1, contender=partial(contender, served.url))["contender"]
            at_least(f"100,000 users, 40 ms: faster than {name}", target, slow / seconds, f"{slow:.0f} s")


def calls():
    """Read the calls of 1,000 users, evenly spread and nearly all of one user."""
    owners = list(range(1, 1001))
    paths = [f"{USERS}/{owner}/calls" for owner in owners]
    for what, first, each in (("20 each", 20, 20), ("19,001 of one, 1 of each other", 19_001, 1)):
        with serving(users=1000, calls_first=first, calls_each=each, latency=LATENCY) as served:

            def toolkit(url=served.url):
                with kn.KismetClient(*HEADERS.values(), api_url=url) as client:
                    assert len(kn.fetch_calls(owners, client=client, progress=False)) == 20_000

            def floor(url=served.url):
                assert len(_floor(url, paths, "calls")) == 20_000

            seconds = best(4, kismet_nb=toolkit, floor=floor)
            served.counts()
            toolkit()
            pages = 999 + math.ceil(first / 100)
            at_most(
                f"Calls of 1,000 users, {what}, 40 ms: time, to the floor",
                1.10,
                seconds["kismet_nb"] / seconds["floor"],
                f"{seconds['kismet_nb']:.2f} s; floor {seconds['floor']:.2f} s; "
                f"{served.counts()['requests'] - pages} requests beyond one per page",
            )


def page_size():
    """Read users from a server that gives 500 a page, and from one that gives 100."""
    with (
        serving(users=100_000, latency=LATENCY, largest_page=500) as large,
        serving(users=100_000, latency=LATENCY) as small,
    ):
        seconds = best(2, large=partial(toolkit, large.url), small=partial(toolkit, small.url))
    at_most("100,000 users, pages of 500: time, to pages of 100", 0.3, seconds["large"] / seconds["small"])


def own_cost():
    """Read 100,000 users without latency."""
    with serving(users=100_000) as served:
        seconds = best(
            10,
            kismet_nb=partial(toolkit, served.url),
            session=partial(session_loop, served.url),
            floor=partial(floor, served.url),
        )
    remark = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    at_most("100,000 users, 0 ms: time, to a session loop", 1, seconds["kismet_nb"] / seconds["session"], remark)
    at_most("100,000 users, 0 ms: time, to the floor", 4, seconds["kismet_nb"] / seconds["floor"])


def memory():
    """Read 100,000 and 1,000,000 users without latency, each in a process of its own, as many rows of both in turns."""
    small, large = [], []
    with serving(users=100_000) as few, serving(users=1_000_000) as many:
        for _ in range(3):
            small += [_measured_apart(few.url) for _ in range(10)]
            large.append(_measured_apart(many.url))
    small, large = ({name: statistics.fmean(one[name] for one in seen) for name in seen[0]} for seen in (small, large))
    grown = (large["peak"] - small["peak"]) / (large["frame"] - small["frame"])
    at_most(
        "From 100,000 to 1,000,000 users: peak memory, for each MB of table",
        2,
        grown,
        f"peaks of {small['peak']:.0f} and {large['peak']:.0f} MB for tables of {small['frame']:.0f} and "
        f"{large['frame']:.0f} MB",
        unit=" MB",
    )
    at_most(
        "CPU a row at 1,000,000 users, to 100,000",
        1.1,
        large["cpu"] / small["cpu"],
        f"{small['cpu']:.1f} and {large['cpu']:.1f} µs",
    )


def _measured_apart(url):
    command = [sys.executable, __file__, "--measure-one", url]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def measure_one(url):
    """Print peak memory and table in MB, and CPU a row in µs."""
    with kn.KismetClient(*HEADERS.values(), api_url=url) as client:
        cpu = time.process_time()
        table = kn.fetch_users(client=client, progress=False)
        cpu = time.process_time() - cpu
    # Of this process alone: ru_maxrss begins with what the parent held when this was forked.
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    frame = table.memory_usage(deep=True).sum() / 2**20
    print(json.dumps({"peak": peak, "frame": frame, "cpu": cpu / len(table) * 1e6}))


def rate():
    """Read 100,000 users from a server that allows 50 requests a second."""
    with serving(users=100_000, rate=50, latency=LATENCY) as served:
        seconds = best(1, kismet_nb=partial(toolkit, served.url))["kismet_nb"]
        seen = served.counts()
    at_most("100,000 users, 50 requests a second allowed: time, to the least possible", 1.25, seconds / (1000 / 50))
    at_most(
        "100,000 users, 50 requests a second allowed: requests beyond one per page",
        15,
        (seen["requests"] - 1000) / 10,
        f"{seen['refused']} refused",
        unit=" %",
    )


def files():
    """Write 100,000 users to files."""
    with serving(users=100_000) as served, kn.KismetClient(*HEADERS.values(), api_url=served.url) as client:
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


def imports():
    """Import kismet_nb where pandas and requests are already there."""
    code = "import pandas, requests, time; t = time.perf_counter(); import kismet_nb; print(time.perf_counter() - t)"
    with tempfile.TemporaryDirectory() as cache:
        # Compiled once, as an installed package is, also where the environment forbids to keep that.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        command = partial(
            subprocess.run, [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )
        seconds = min(float(command().stdout) for _ in range(6))
    at_most("import kismet_nb, above pandas and requests", 0.1, seconds, unit=" s")


SCENARIOS = {
    "imports": imports,
    "files": files,
    "cost": own_cost,
    "users": lambda: (users(10_000, 5), users(100_000, 2)),
    "pages": page_size,
    "calls": calls,
    "rate": rate,
    "memory": memory,
}


def main():
    """Run the scenarios and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="also read 1,000,000 users at 40 ms")
    parser.add_argument("--only", choices=SCENARIOS, nargs="+", default=SCENARIOS, help="some of the scenarios")
    parser.add_argument("--measure-one", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure_one:
        measure_one(options.measure_one)
        return
    for name in options.only:
        SCENARIOS[name]()
    if options.million:
        users(1_000_000, 1)
    print("| | target | measured | met | |\n|---|---|---|---|---|", *lines, sep="\n")


if __name__ == "__main__":
    main()
