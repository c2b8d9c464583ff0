"""Scenarios with a server that refuses requests above a rate limit."""

from __future__ import annotations

import time
from functools import partial

from contenders import kismet_nb_calls, kismet_nb_users
from measure import LATENCY, add_line, at_most
from server import serving

import kismet_nb as kn

__all__ = ["overload", "rate"]


def rate():
    """Read 100,000 users from a server that allows 50 requests a second and refuses others with 429."""
    limited_users(429)


def limited_users(status):
    """Read 100,000 users from a server that allows 50 requests a second."""
    what = f"100,000 users, 50 requests a second allowed ({status})"
    with serving(users=100_000, rate=50, limit_status=status, latency=LATENCY) as server:
        limited(what, server, partial(kismet_nb_users, server.url), pages=1000, least=1000 / 50, target=1.25, extra=15)


def overload():
    """Read from servers that refuse requests above their limit with 503 and no Retry-After."""
    limited_users(503)
    owners = list(range(1, 121))
    options = {"users": 120, "calls_first": 20, "calls_each": 20, "latency": LATENCY}
    with serving(**options, rate=5, burst=4, limit_status=503) as server:
        limited(
            "120 lists, 5 requests a second and a burst of 4 allowed (503)",
            server,
            partial(kismet_nb_calls, server.url, owners),
            pages=120,
            least=(120 - 4) / 5,
            target=1.6,
            extra=25,
        )


def limited(what, server, read, *, pages, least, target, extra):
    """Read from a server with a rate limit, and compare with the minimum time and number of requests."""
    started = time.perf_counter()
    try:
        read()
    except kn.KismetError as error:
        counted = server.counts()
        remark = f"{type(error).__name__} after {time.perf_counter() - started:.0f} s; {counted['refused']} refused"
        add_line(what, "complete", "failed", "NO", remark)
        return
    seconds = time.perf_counter() - started
    counted = server.counts()
    at_most(f"{what}: time, to the least possible", target, seconds / least, f"{seconds:.1f} s")
    more = 100 * (counted["requests"] - pages) / pages
    at_most(f"{what}: requests beyond one per page", extra, more, f"{counted['refused']} refused", unit=" %")
