"""The functions that the benchmark compares. All read the same lists and return the number of rows.

The floor is the lower bound: sockets on uvloop and pyarrow's JSON reader, without checks. The sketch is a simple script
with requests and eight threads.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.json
import requests
import uvloop
from server import PREFIX

import kismet_nb as kn

__all__ = [
    "HEADERS",
    "IN_FLIGHT",
    "USERS",
    "dlt_calls",
    "dlt_users",
    "docs_loop_users",
    "floor_rows",
    "floor_users",
    "kismet_nb_calls",
    "kismet_nb_calls_of",
    "kismet_nb_sync",
    "kismet_nb_users",
    "new_client",
    "session_loop_users",
    "sketch_users",
]

USERS = "/organization_users"
HEADERS = {"X-Client-ID": "bench-client", "X-Client-Secret": "bench-secret"}
IN_FLIGHT = 8
PAGES_PER_PARSE = 32  # One call of pyarrow's reader costs as much as the rows of ten pages.


# ---- kismet_nb


def new_client(url):
    """Return a client of the server at a URL."""
    return kn.KismetClient(*HEADERS.values(), api_url=url)


def kismet_nb_users(url):
    """Read all users with kismet_nb and a new client."""
    with new_client(url) as client:
        return len(kn.fetch_users(client=client, progress=False))


def kismet_nb_calls(url, owners):
    """Read the calls of some users with kismet_nb and a new client."""
    with new_client(url) as client:
        return len(kn.fetch_calls(owners, client=client, progress=False))


def kismet_nb_calls_of(url, count):
    """Read the calls of the first users with kismet_nb and a new client."""
    return kismet_nb_calls(url, range(1, int(count) + 1))


def kismet_nb_sync(url, folder, recheck_days=7):
    """Sync the calls of all users with a new client."""
    with new_client(url) as client:
        report = kn.sync(folder, "calls", client=client, recheck_days=int(recheck_days), progress=False)
    return int(report["rows"][1])


# ---- Plain scripts


def sketch_users(url):
    """Read page 1 with requests, then all other pages in eight threads with one session each."""
    local = threading.local()

    def read(page):
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.headers.update(HEADERS)
        params = {"page": page, "per_page": 500}
        response = local.session.get(url + PREFIX + USERS, params=params, timeout=30)
        response.raise_for_status()
        return response.json()

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        first = read(1)
        others = threads.map(read, range(2, first["pagination"]["total_pages"] + 1))
        rows = [row for body in (first, *others) for row in body["organization_users"]]
    return len(pd.DataFrame(rows))


def docs_loop_users(url):
    """Read like the vendor's examples: pages of the default size, one after the other, each with a new connection."""
    return _loop(url, requests.get, {})


def session_loop_users(url):
    """Read the pages one after the other over one connection."""
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


def dlt_users(url):
    """Read with the rest_api source of dlt, without loading the rows into a database."""
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


def dlt_calls(url, count, folder):
    """Load the calls of the first users into DuckDB with their history, and return the number of extracted rows."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

    client = RESTClient(base_url=url, headers=HEADERS)

    @dlt.resource(name="calls", write_disposition={"disposition": "merge", "strategy": "scd2"})
    def calls():
        for owner in range(1, count + 1):
            pages = client.paginate(
                f"{PREFIX}{USERS}/{owner}/calls",
                params={"per_page": 500},
                data_selector="calls",
                paginator=PageNumberPaginator(base_page=1, total_path="pagination.total_pages"),
            )
            for page in pages:
                yield [{"organization_user_id": owner, **row} for row in page]

    database = dlt.destinations.duckdb(f"{folder}/calls.duckdb")
    pipeline = dlt.pipeline("calls", pipelines_dir=folder, destination=database, dataset_name="clinic")
    pipeline.run(calls())
    return pipeline.last_trace.last_normalize_info.row_counts["calls"]


# ---- The floor


def floor_users(url):
    """Read all users as fast as this machine can."""
    return floor_rows(url, [USERS], "organization_users")


def floor_rows(url, paths, envelope):
    """Read all pages of some lists as fast as this machine can, and parse all fields."""
    with ThreadPoolExecutor(2) as threads:
        reading = _FloorReading(url, paths, threads)
        uvloop.run(reading.run())
        tables = [parsed.result() for parsed in reading.parsed]
    return sum(len(rows.values) for table in tables for rows in table[envelope].chunks)


class _FloorReading:
    """The pages to read, and the rows of the pages that were read."""

    def __init__(self, url, paths, threads):
        self.host, self.port = url.removeprefix("http://").split(":")
        headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        self.request = f"GET {PREFIX}%s?page=%d&per_page=500 HTTP/1.1\r\nHost: {self.host}\r\n{headers}\r\n"
        self.pages = deque((path, 1) for path in paths)
        self.idle, self.in_flight = [], 0
        self.threads, self.bodies, self.parsed = threads, [], []

    async def run(self):
        """Read all pages over eight connections."""
        loop = asyncio.get_running_loop()
        self.finished = loop.create_future()
        connections = [
            await loop.create_connection(lambda: _FloorConnection(self), self.host, int(self.port))
            for _ in range(IN_FLIGHT)
        ]
        await self.finished
        for transport, _ in connections:
            transport.close()

    def send_next(self, connection):
        """Send the next request over an idle connection."""
        if self.pages:
            self.in_flight += 1
            connection.path, connection.page = self.pages.popleft()
            connection.transport.write((self.request % (connection.path, connection.page)).encode())
        else:
            self.idle.append(connection)

    def receive(self, connection, body):
        """Send the next requests, then pass the page to the threads that parse."""
        self.in_flight -= 1
        if connection.page == 1:
            total_pages = int(body.rpartition(b'"total_pages": ')[2].partition(b",")[0])
            self.pages.extend((connection.path, page) for page in range(2, total_pages + 1))
        self.send_next(connection)
        while self.pages and self.idle:
            self.send_next(self.idle.pop())
        self.bodies.append(body)
        if len(self.bodies) == PAGES_PER_PARSE or not self.in_flight:
            self.parsed.append(self.threads.submit(_parse, self.bodies))
            self.bodies = []
        if not self.in_flight:
            self.finished.set_result(None)


class _FloorConnection(asyncio.Protocol):
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, reading):
        self.reading, self.parts, self.missing = reading, [], 0

    def connection_made(self, transport):
        """Send the first request."""
        self.transport = transport
        self.reading.send_next(self)

    def data_received(self, data):
        """Add bytes to the current response."""
        if not self.parts:
            head, _, data = data.partition(b"\r\n\r\n")
            self.missing = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
        self.parts.append(data)
        self.missing -= len(data)
        if not self.missing:
            body, self.parts = b"".join(self.parts), []
            self.reading.receive(self, body)


def _parse(bodies):
    """Parse pages: each body is a line of the text and a row of the table."""
    options = pa.json.ReadOptions(use_threads=False, block_size=2**24)
    return pa.json.read_json(pa.BufferReader(b"\n".join(bodies)), read_options=options)
