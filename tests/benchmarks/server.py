"""A server for benchmarks: bodies prepared beforehand, a fixed latency, and counts of what came in.

It runs as a process of its own, so that its work is not the measured client's, and ends with its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PREFIX = "/api/external"


def user(number):
    """Return the JSON of an invented user."""
    return (
        b'{"id": %d, "email": "user.%d@example.org", "is_admin": %b, "display_name": "Invented User %d", '
        b'"waiting_room_url": "https://app.example.org/meet/user-%d", "created_at": "2026-01-%02dT09:%02d:00Z", '
        b'"updated_at": "2026-02-01T09:30:%02dZ"}'
    ) % (
        number,
        number,
        b"false" if number % 7 else b"true",
        number,
        number,
        number % 28 + 1,
        number % 60,
        number % 60,
    )


def call(number):
    """Return the JSON of an invented call."""
    return (
        b'{"id": %d, "name": "Invented visit %d", "livekit_session_id": "lk-%d", "state": "active", '
        b'"has_egresses": false, "is_recording": true, "is_canvas_locked": false, "is_ended": false, '
        b'"created_at": "2026-02-%02dT15:00:00Z", "updated_at": "2026-02-03T15:%02d:00Z", '
        b'"participants": [{"id": %d, "participant_type": "Recipient", "name": "Guest"}]}'
    ) % (number, number, number, number % 28 + 1, number % 60, number)


class Organization:
    """The lists, how they are cut, and what the server has seen of its clients."""

    def __init__(self, options):
        self.users = [user(number) for number in range(1, options.users + 1)]
        self.calls, self.calls_of = [], {}
        if options.calls_first:
            self.calls = [call(number) for number in range(1, options.calls_first + 1)]
            self.calls_of = {"1": range(options.calls_first)}
            for owner in range(2, options.users + 1):
                start = len(self.calls)
                self.calls += [call(number) for number in range(start + 1, start + options.calls_each + 1)]
                self.calls_of[str(owner)] = range(start, len(self.calls))
        self.largest_page, self.latency, self.rate = options.largest_page, options.latency, options.rate
        self.requests = self.refused = self.in_flight = self.most_in_flight = 0
        self.second, self.in_second = 0, 0

    def answer(self, target, now):
        """Return status and body for a path with its query."""
        if now // 1 != self.second:
            self.second, self.in_second = now // 1, 0
        self.in_second += 1
        if self.rate and self.in_second > self.rate:
            self.refused += 1
            return b"429 Too Many Requests\r\nRetry-After: 1", b"{}"
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        page, size = int(query.get("page", ["1"])[0]), int(query.get("per_page", ["25"])[0])
        size = min(size, self.largest_page)
        pieces = parts.path.removeprefix(PREFIX + "/organization_users").split("/")
        if len(pieces) == 1:
            envelope, rows, known = b"organization_users", self.users, range(len(self.users))
        else:
            envelope, rows, known = b"calls", self.calls, self.calls_of[pieces[1]]
        cut = known[(page - 1) * size : page * size]
        return b"200 OK", (
            b'{"%b": [%b], "pagination": {"current_page": %d, "per_page": %d, "total_pages": %d, "total_count": %d}}'
            % (envelope, b", ".join(rows[cut.start : cut.stop]), page, size, -(-len(known) // size), len(known))
        )

    def counts(self):
        """Return what was seen since the last look, and begin anew."""
        seen = {"requests": self.requests, "refused": self.refused, "most_in_flight": self.most_in_flight}
        self.requests = self.refused = self.most_in_flight = 0
        return json.dumps(seen).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, organization):
        self.organization, self.received = organization, b""

    def connection_made(self, transport):
        """Keep the way back."""
        self.transport = transport

    def data_received(self, data):
        """Answer each whole request after the latency."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            target = self.received[: self.received.find(b"\r\n")].split(b" ")[1].decode()
            self.received = self.received[end + 4 :]
            organization, loop = self.organization, asyncio.get_running_loop()
            if target == "/counts":
                self.send(b"200 OK", organization.counts())
                continue
            organization.requests += 1
            organization.in_flight += 1
            organization.most_in_flight = max(organization.most_in_flight, organization.in_flight)
            status, body = organization.answer(target, loop.time())
            if organization.latency:
                loop.call_later(organization.latency, self.finish, status, body)
            else:
                self.finish(status, body)

    def finish(self, status, body):
        """Send an answer and count it out."""
        self.organization.in_flight -= 1
        self.send(status, body)

    def send(self, status, body):
        """Send an answer in one piece."""
        self.transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
        )


class Served:
    """A running server, seen from its parent."""

    def __init__(self, url):
        self.url = url

    def counts(self):
        """Return requests, refused and most_in_flight since the last look."""
        with urllib.request.urlopen(f"{self.url}/counts") as response:
            return json.load(response)


@contextlib.contextmanager
def serving(**options):
    """Run a server in a process of its own; the options are those of the command line."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, str(Path(__file__)), *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process.stdout.readline().strip())
        finally:
            process.stdin.close()  # the server waits for this


async def main():
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--calls-each", type=int, default=20)
    parser.add_argument("--calls-first", type=int, default=0, help="calls of the first user; 0: nobody has any")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from a request to its answer")
    parser.add_argument("--largest-page", type=int, default=100)
    parser.add_argument("--rate", type=int, default=0, help="requests allowed in each second; 0: any number")
    organization = Organization(parser.parse_args())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(organization), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
