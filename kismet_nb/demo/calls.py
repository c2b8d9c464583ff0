"""Invent calls with participants and recordings, and compute the daily metrics of these calls."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from kismet_nb.demo.people import FAMILY_NAMES, FIRST_DAY, GIVEN_NAMES, isoformat, seeded_rng

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from kismet_nb.demo.people import Record

__all__ = ["CALL_DAYS", "METRICS", "Call", "daily_metrics", "invent_calls"]

METRICS = ("total_calls", "average_duration", "call_fail_rate", "average_wait_time")
CALL_DAYS = 365  # days with calls, up to the day on which the demo organization starts

_APPOINTMENTS = range(13, 21)  # hours of the day, UTC
_WORK_DAYS, _LEAVE_DAYS = 60, 120  # alternate for every seventh user
_WEEKDAY_FACTORS = (1.0, 1.2, 1.1, 1.1, 0.8, 0.12, 0.04)  # from Monday to Sunday
_CALL_NAMES = ("Follow-up", "Follow-up", "Follow-up", "Intake visit", "Family session", "Café – groupe", None)


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its record in the API, and values that only the metrics use."""

    record: Record
    day: dt.date
    failed: bool
    duration: float | None  # seconds; None if the call failed or has not ended
    wait: float | None  # seconds; None if the call failed
    egresses: dict[str, Record]


def invent_calls(user: Record, position: int, first: dt.date, moment: dt.datetime, stride: int) -> Iterator[Call]:
    """Yield a user's calls from a day up to a moment, oldest first.

    Each month has its own seed, so a past day has the same calls if the demo starts on a later day.
    ``position`` is the user's position in the list of users. ``stride`` is larger than the ids of the initial users.
    A call's id is computed from its minute and its user, so ids are unique and rise with time.
    """
    habits = seeded_rng("habits", user["id"])
    takes_leave = position % 7 == 3
    if habits.random() < 0.33 and not takes_leave:
        return  # this user holds no calls
    per_day = min(0.2 * habits.paretovariate(1.6), 4.0)  # a few users hold most of the calls
    if takes_leave:
        per_day = max(per_day, 0.8)
    hired = dt.date.fromisoformat(user["created_at"][:10])
    month = first.replace(day=1)
    rng = seeded_rng("calls", user["id"], month)
    for number in range((moment.date() - month).days + 1):
        day = month + dt.timedelta(days=number)
        if day.day == 1:
            rng = seeded_rng("calls", user["id"], day)
        holiday = day.weekday() == 0 and day.day <= 7  # staff training on the first Monday of a month
        if holiday or day <= hired or (takes_leave and _is_on_leave(position, day)):
            continue
        chance = per_day * _WEEKDAY_FACTORS[day.weekday()] / len(_APPOINTMENTS)
        for hour in _APPOINTMENTS:
            if rng.random() >= chance:
                continue
            start = dt.datetime.combine(day, dt.time(hour, rng.randrange(60)), tzinfo=dt.UTC)
            call_id = int((start - FIRST_DAY).total_seconds()) // 60 * stride + user["id"]
            call = _call(rng, call_id, start, moment)
            if first <= day and start <= moment:
                yield call


def _is_on_leave(position: int, day: dt.date) -> bool:
    """Return whether a user who takes leave is on leave on a day.

    Leaves begin at different times, so on any day some users have been on leave for 30 to 89 days, and some longer.
    """
    cycle = _WORK_DAYS + _LEAVE_DAYS
    offset = position // 7 * 113  # about 0.62 of a cycle, so that even a few users are spread over it
    return (day.toordinal() + offset) % cycle >= _WORK_DAYS


def _call(rng: random.Random, call_id: int, start: dt.datetime, moment: dt.datetime) -> Call:
    """Return one invented call.

    The number of random values does not depend on the moment, so that later calls do not change with it.
    """
    failed = rng.random() < 0.04
    duration = round(max(45.0, rng.gauss(2400, 800)), 3)
    wait = round(rng.expovariate(1 / 90), 3)
    end = start + dt.timedelta(seconds=wait + (0 if failed else duration))
    active = end > moment and not failed
    updated = start + dt.timedelta(seconds=wait) if active else end
    recorded = rng.random() < 0.1 and not failed
    egresses = list(_egresses(call_id, start, end)) if recorded and not active else []
    kinds = ("Recipient", "Interpreter", "Guest")[: rng.choices(range(4), (5, 70, 18, 7))[0]]
    record = {
        "id": call_id,
        "name": rng.choice(_CALL_NAMES),
        "livekit_session_id": f"lk-session-{rng.getrandbits(48):012x}",
        "state": "active" if active else "ended",
        "has_egresses": bool(egresses),
        "is_recording": recorded and active,
        "is_canvas_locked": rng.random() < 0.05,
        "is_ended": not active,
        "created_at": isoformat(start),
        "updated_at": isoformat(min(updated, moment)),
        "participants": [
            {
                "id": call_id * 10 + number,
                "participant_type": kind,
                "name": f"{rng.choice(GIVEN_NAMES)} {rng.choice(FAMILY_NAMES)}" if rng.random() < 0.95 else None,
            }
            for number, kind in enumerate(kinds)
        ],
    }
    return Call(
        record=record,
        day=start.date(),
        failed=failed,
        duration=None if failed or active else duration,
        wait=None if failed else wait,
        egresses={str(egress["id"]): egress for egress in egresses},
    )


def _egresses(call_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[Record]:
    """Yield the recordings of a call: usually one, or a failed one and a second one."""
    rng = seeded_rng("egresses", call_id)
    failed = rng.random() < 0.08
    middle = start + (end - start) / 4
    for number, (begin, stop) in enumerate([(start, middle), (middle, end)] if failed else [(start, end)]):
        is_failed = failed and number == 0
        yield {
            "id": call_id * 10 + number,
            "egress_id": f"EG_{rng.getrandbits(48):012x}",
            "status": "egress_failed" if is_failed else "egress_ended",
            "error": "upload of the recording timed out" if is_failed else None,
            "is_stopped": True,
            "ended_at": isoformat(stop),
            "created_at": isoformat(begin),
            "updated_at": isoformat(stop),
        }


def daily_metrics(calls: Iterable[Call]) -> dict[dt.date, dict[str, float | None]]:
    """Return the metrics of each day with calls, the newest day first, as in the documentation."""
    days: defaultdict[dt.date, list[Call]] = defaultdict(list)
    for call in calls:
        days[call.day].append(call)
    return {
        day: {
            "total_calls": len(of_day),
            "average_duration": _average(call.duration for call in of_day),
            "call_fail_rate": sum(call.failed for call in of_day) / len(of_day),
            "average_wait_time": _average(call.wait for call in of_day),
        }
        for day, of_day in sorted(days.items(), reverse=True)
    }


def _average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(fmean(known), 6) if known else None
