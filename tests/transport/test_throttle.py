"""How fast requests start after refusals, over minutes: the throttle alone, with a simulated clock."""

import heapq
from types import SimpleNamespace

import pytest

from kismet_nb.transport.throttle import Throttle


def success_times(monkeypatch, refused, *, seconds, connections=8, latency=0.08):
    """Return the times of all successful responses to connections that send continuously."""
    clock, throttle, successes = SimpleNamespace(now=1000.0), Throttle(connections), []
    monkeypatch.setattr("kismet_nb.transport.throttle.time", SimpleNamespace(monotonic=lambda: clock.now))
    events = [(clock.now, connection, "start") for connection in range(connections)]
    while events[0][0] < 1000 + seconds:
        clock.now, connection, what = heapq.heappop(events)
        pause = 0.0
        if what == "start":
            pause = throttle.seconds_until_start()
            what = "response" if pause == 0 else "start"
            pause = pause or latency
        elif refused(clock.now - 1000):
            throttle.pause(1.0)
            pause, what = 1.0, "start"
        else:
            throttle.record_success()
            successes.append(clock.now - 1000)
            what = "start"
        heapq.heappush(events, (clock.now + pause, connection, what))
    return successes


@pytest.mark.parametrize("every", [7, 30])
def test_occasional_refusals_do_not_slow_down_permanently(monkeypatch, every):
    """If other clients sometimes use up a shared limit, the rate after minutes is about that of the first minute."""
    due = [every]

    def refused(now):
        if now > due[0]:
            due[0] = now + every
            return True
        return False

    successes = success_times(monkeypatch, refused, seconds=300)

    first, last = (sum(start <= time < start + 60 for time in successes) for start in (0, 240))
    assert last > 0.6 * first


def test_the_rate_recovers_after_a_bad_minute(monkeypatch):
    """Refusals while the server had trouble do not limit the rate afterwards."""
    successes = success_times(monkeypatch, lambda now: now < 30 and now % 10 > 5, seconds=240)

    first, last = (sum(start <= time < start + 5 for time in successes) for start in (0, 235))
    assert last > 0.7 * first


def test_the_servers_limit_is_approached_and_seldom_exceeded(monkeypatch):
    """With a limit of 20 requests per second, more than 80 % of it are used and less than 5 % are refused."""
    second, refusals = [0, 0], []

    def refused(now):
        second[:] = [int(now), second[1] + 1 if second[0] == int(now) else 1]
        if second[1] > 20:
            refusals.append(now)
            return True
        return False

    successes = success_times(monkeypatch, refused, seconds=120)

    assert len(successes) > 0.8 * 20 * 120
    assert len(refusals) < 0.05 * len(successes)
