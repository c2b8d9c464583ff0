"""A server for benchmarks: rows generated at the start, a fixed latency, an optional rate limit, counts of requests.

It runs in its own process, so that its work does not count as the client's. It ends with its parent process. On
uvloop it keeps to the latency more exactly than on asyncio, by about half a millisecond for each response.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import email.utils
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import uvloop

PREFIX = "/api/external"
# The status lines above the rate limit. 429 has Retry-After; 503 does not, like nginx' limit_req.
REFUSALS = {429: b"429 Too Many Requests\r\nRetry-After: 1", 503: b"503 Service Unavailable"}


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


def call(number, edited=0):
    """Return the JSON of an invented call; one in every ``edited`` has another name."""
    name = b"Edited visit" if edited and not number % edited else b"Invented visit"
    return (
        b'{"id": %d, "name": "%b %d", "livekit_session_id": "lk-%d", "state": "active", '
        b'"has_egresses": false, "is_recording": true, "is_canvas_locked": false, "is_ended": true, '
        b'"created_at": "2026-02-%02dT%02d:%02d:00Z", "updated_at": "2026-03-03T15:%02d:00Z", '
        b'"participants": [{"id": %d, "participant_type": "Recipient", "name": "Guest"}]}'
    ) % (number, name, number, number, number % 28 + 1, number % 24, number % 60, number % 60, number)


class Limit:
    """A rate limit: a number of requests in each second of the clock or, with a burst, a token bucket as in nginx."""

    def __init__(self, rate, burst):
        self.rate, self.burst = rate, burst
        self.second, self.in_second = 0, 0
        self.tokens, self.filled_at = burst, 0.0

    def allows(self, now):
        """Count a request, and return whether it is allowed."""
        if not self.rate:
            return True
        if self.burst:
            self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
            self.filled_at = now
            allowed = self.tokens >= 1
            self.tokens -= allowed
            return allowed
        if now // 1 != self.second:
            self.second, self.in_second = now // 1, 0
        self.in_second += 1
        return self.in_second <= self.rate


class Organization:
    """The lists, the page size, and counts of requests."""

    def __init__(self, options):
        self.users = [user(number) for number in range(1, options.users + 1)]
        self.calls, self.calls_of = [], {}
        if options.calls_first:
            self.calls = [call(number, options.edited) for number in range(1, options.calls_first + 1)]
            self.calls_of = {"1": range(options.calls_first)}
            for owner in range(2, options.users + 1):
                start = len(self.calls)
                numbers = range(start + 1, start + options.calls_each + 1)
                self.calls += [call(number, options.edited) for number in numbers]
                self.calls_of[str(owner)] = range(start, len(self.calls))
        self.largest_page, self.latency = options.largest_page, options.latency
        self.limit = Limit(options.rate, options.burst)
        self.refusal = REFUSALS[options.limit_status]
        self.requests = self.refused = self.in_flight = self.most_in_flight = 0
        self.cpu = time.process_time()

    def answer(self, target, now):
        """Return status and body for a path with its query."""
        if not self.limit.allows(now):
            self.refused += 1
            return self.refusal, b"{}"
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
        """Return the counts since the last call as JSON, and set them to zero."""
        counted = {
            "requests": self.requests,
            "refused": self.refused,
            "most_in_flight": self.most_in_flight,
            "cpu": time.process_time() - self.cpu,
        }
        self.requests = self.refused = self.most_in_flight = 0
        self.cpu = time.process_time()
        return json.dumps(counted).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, organization):
        self.organization, self.received = organization, b""

    def connection_made(self, transport):
        """Keep the transport for the responses."""
        self.transport = transport

    def data_received(self, data):
        """Schedule the response to each complete request after the latency."""
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
        """Send a response, and remove its request from the count in flight."""
        self.organization.in_flight -= 1
        if not self.transport.is_closing():  # an interrupted client closes it
            self.send(status, body)

    def send(self, status, body):
        """Send a response in one write."""
        self.transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nDate: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (status, email.utils.formatdate(usegmt=True).encode(), len(body), body)
        )


class Served:
    """A running server, seen from its parent process."""

    def __init__(self, url):
        self.url = url

    def counts(self):
        """Return requests, refused, most_in_flight and CPU seconds since the last call."""
        with urllib.request.urlopen(f"{self.url}/counts") as response:
            return json.load(response)


@contextlib.contextmanager
def serving(**options):
    """Run a server in a separate process; the options are those of the command line."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, str(Path(__file__)), *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process.stdout.readline().strip())
        finally:
            process.stdin.close()  # the server ends with its standard input


async def main():
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--calls-each", type=int, default=20)
    parser.add_argument("--calls-first", type=int, default=0, help="calls of the first user; 0: no user has calls")
    parser.add_argument("--edited", type=int, default=0, help="every so many calls have another name; 0: none")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from a request to its response")
    parser.add_argument("--largest-page", type=int, default=100)
    parser.add_argument("--rate", type=int, default=0, help="requests allowed in each second; 0: any number")
    parser.add_argument("--burst", type=int, default=0, help="size of a token bucket; 0: count each second by itself")
    parser.add_argument("--limit-status", type=int, choices=REFUSALS, default=429, help="status beyond the rate limit")
    organization = Organization(parser.parse_args())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(organization), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
