"""An invented clinic that answers Kismet's documented API on this machine.

It is for trying the toolkit without an account, and for tests that want real HTTP. Nobody in it exists. It is
written from the API's documentation alone and shares no code with the client, so that the two can contradict
each other: a witness, not a mirror. Only ``use_demo()``, which logs in to it, knows the client.

Where the documentation leaves a choice, this server chose: ``per_page`` is cut to 100; lists are ordered by id;
an empty list has one page and a page past the end is empty; ``email`` matches the whole address in any case;
failed calls count in ``total_calls``, but not in the averages; a day on which every call failed has null averages,
a day without calls is in none of the four maps. Transcripts and SOAP notes are clinical text: there are none.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import hmac
import json
import random
import re
import secrets
import socket
import socketserver
import threading
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from statistics import fmean
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl

from kismet_nb.fetch.verify import log_in
from kismet_nb.transport.client import KismetClient

__all__ = ["DemoOrganization", "use_demo"]

Row = dict[str, Any]
T = TypeVar("T")

_LARGEST_PER_PAGE = 100
_LONGEST_METRICS = dt.timedelta(days=366)
_UNAUTHORIZED = b'{ "error": "Unauthorized", }'  # as documented, and so not valid JSON

# The invented people ---------------------------------------------------------------------------------------

_GIVEN = """Aaliyah, Ada, Agnieszka, Aïsha, Amara, Ana Lucía, André, Anh, Anneliese, Arjun, Ayşe, Beatriz, Björn,
Caoimhe, Chloé, Chinedu, Dafydd, Daniela, Darnell, Deepika, Dmitri, Élodie, Emeka, Esther, Fatima, Felipe,
François, Freya, Giulia, Grace, Hana, Håkon, Hector, Imani, Inés, Ioana, Ivy, Jamal, Jean-Luc, Jiří, José, Kaito,
Keoni, Kwame, Laila, Lars, Leilani, Łukasz, Malik, Marisol, Mei, Miriam, Nadia, Noah, Nuala, Olumide, Omar, Padraig,
Priya, Quentin, Rachel, Ravi, Renée, Rosa, Ruth, Saoirse, Søren, Sunita, Tamar, Thandiwe, Tomás, Uchenna, Victor,
Wanjiru, Ximena, Yara, Youssef, Zoë""".replace("\n", " ").split(", ")
_FAMILY = """Abdullah, Achterberg, Adeyemi, Ahmed, Almeida, Andersson, Balogun, Begum, Bianchi, Brännström, Castillo,
Chen, Choi, Dąbrowski, D'Angelo, de la Cruz, Delgado, Demir, Diaz-Romero, Dubois, Eze, Ferris, Fitzgerald, Fofana,
Gómez, Greenberg, Gutiérrez, Haddad, Hashimoto, Hernández, Horvat, Ibrahim, Iyer, Jansen, Jensen, Johnson, Kaplan,
Kaur, Kealoha, Kim, Kowalczyk, Lefèvre, López, MacDonald, Mbeki, Mensah, Müller, Nakamura, Ng, Nguyễn, Núñez,
O'Connor, O'Malley, Okonkwo, Öztürk, Park, Patel, Peña, Popescu, Quispe, Ramírez, Reyes, Rossi, Saint-Pierre, Santos,
Schröder, Sesay, Silva, Smith-Jones, Sørensen, Tanaka, Thompson, Tran, Vasquez, van der Berg, Weiß, Williams, Wójcik,
Yılmaz, Zając""".replace("\n", " ").split(", ")
# Names that software gets wrong, with the local part of the address. Every fifth user is one, until all are used.
_NOTABLE: tuple[tuple[str | None, str], ...] = (
    ("Maria Garcia", "maria.garcia"),
    ("Siobhán O'Brien", "siobhan.o'brien"),
    ("佐藤 由美子", "yumiko.sato"),
    ("محمد الهاشمي", "mohammed.alhashimi"),
    ("=Ops test account", "clinic.ops+test"),  # a formula, to a spreadsheet
    ("Наталія Шевченко", "nataliia.shevchenko"),
    ("अनीता शर्मा", "anita.sharma"),
    ("Ελένη Παπαδοπούλου", "eleni.papadopoulou"),
    (None, "front.desk"),
    ("יעל כהן", "yael.cohen"),
    ("Robin Okafor 🌻", "robin.okafor"),
    ('Beatriz "Bia" Moura, LCSW', "bia.moura"),
    ("김민준", "minjun.kim"),
    ("Maria Garcia", "maria.garcia"),
    ("王芳", "fang.wang"),
    ("María del Carmen Inmaculada Concepción Fernández de Córdoba y Bordiú, LMFT (Tuesdays)", "carmen.fernandez"),
    ("Zoe\u0308 Bru\u0308ck", "zoe.bruck"),  # the accents are characters of their own
    ("-Locum-", "locum"),
    ("ปิยะ วงศ์สุวรรณ", "piya.wongsuwan"),
    ("Nguyễn Thị Ánh Tuyết", "tuyet.nguyen"),
    ("Null", "christopher.null"),
    ("O’Neill‑Ó Súilleabháin, Máire", "maire.oneill"),
)
_FIRST_DAY = dt.datetime(2023, 1, 9, 13, tzinfo=dt.UTC)  # a Monday
_LAST_CHANGE = dt.datetime(2026, 10, 31, tzinfo=dt.UTC)
_HIRING_DAYS = 995  # Mondays to Fridays between the two


def _dice(*seed: object) -> random.Random:
    """Return dice that always fall the same way for the same seed."""
    return random.Random(repr(seed))  # noqa: S311 - invents people, not secrets


def _stamp(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _letters(name: str) -> str:
    """Spell a Latin name with the letters a to z."""
    for letter, plain in (("ø", "o"), ("ł", "l"), ("ß", "ss"), ("ı", "i")):
        name = name.lower().replace(letter, plain)
    return re.sub("[^a-z]", "", unicodedata.normalize("NFKD", name))


def _users(count: int) -> Iterator[Row]:
    """Invent the staff: the same people in every process, hired faster as the clinic grows."""
    dice = _dice("users")
    given = [(name, _letters(name)) for name in _GIVEN]
    family = [(name, _letters(name)) for name in _FAMILY]
    notable = iter(_NOTABLE)
    admins = set(dice.sample(range(count), round(count * 0.06)))
    # There are three ways of having no waiting room: null, an empty text, and no such key.
    nowhere: tuple[Row, ...] = ({"waiting_room_url": None}, {"waiting_room_url": ""}, {})
    roomless = {user: nowhere[i % 3] for i, user in enumerate(dice.sample(range(count), round(count * 0.19)))}
    seen: Counter[str] = Counter()
    user_id = 1000
    for position in range(count):
        (first, first_letters), (last, last_letters) = dice.choice(given), dice.choice(family)
        name: str | None = f"{first} {last}"
        local = f"{first_letters}.{last_letters}"
        if position % 5 == 2:
            name, local = next(notable, (name, local))
        seen[local] += 1
        if seen[local] > 1:
            local += str(seen[local])
        user_id += dice.choice((1, 1, 1, 2, 3, 7))
        hired = _HIRING_DAYS * ((position + dice.random()) / count) ** 0.65
        week, weekday = divmod(int(hired), 5)
        created = _FIRST_DAY + dt.timedelta(weeks=week, days=weekday, hours=8 * (hired % 1))
        updated = created + dt.timedelta(days=max(0.0, dice.gauss(60, 90)))
        slug = re.sub("[^a-z0-9]+", "-", local)
        yield {
            "id": user_id,
            "email": f"{local}@{dice.choice(('example.org', 'example.org', 'example.com', 'example.net'))}",
            "is_admin": position in admins,
            "display_name": name,
            **roomless.get(position, {"waiting_room_url": f"https://app.example.org/meet/{slug}"}),
            "created_at": _stamp(created),
            "updated_at": _stamp(max(created, min(updated, _LAST_CHANGE))),
        }


def _waiting_rooms(users: Iterable[Row]) -> Iterator[Row]:
    """Invent the room behind each user's link."""
    dice = _dice("waiting rooms")
    room_id = 300
    for user in users:
        if not user.get("waiting_room_url"):
            continue
        room_id += dice.choice((1, 1, 2))
        yield {
            "id": room_id,
            "user_id": user["id"],
            "slug": user["waiting_room_url"].rpartition("/")[2],
            "theme": dice.choice(("ocean", "ocean", "forest", "forest", "meadow", "night sky", None)),
            "is_active": dice.random() > 0.1,
            "created_at": user["created_at"],
            "updated_at": user["updated_at"],
            "user": {"display_name": user["display_name"]},
        }


def _waiting_room_subs(room: Row, rooms: Sequence[Row], today: dt.date) -> Iterator[Row]:
    """Invent the coming substitutions in a room: most rooms have none, and some are still open."""
    dice = _dice("subs", room["id"])
    morning = dt.datetime.combine(today, dt.time(13), tzinfo=dt.UTC)
    for number in range(dice.choice((0, 0, 0, 0, 1, 2))):
        start = morning + dt.timedelta(days=1 + 9 * number + dice.randrange(9), hours=dice.randrange(8))
        substitute = dice.choice(rooms)
        if dice.random() < 0.4 or substitute is room:
            substitute = {"user_id": None, "slug": None}
        asked = _stamp(morning - dt.timedelta(days=dice.randrange(1, 9), minutes=dice.randrange(600)))
        yield {
            "id": room["id"] * 10 + number,
            "waiting_room_id": room["id"],
            "user_id": substitute["user_id"],
            "sub_waiting_room_slug": substitute["slug"],
            "datetime_start": _stamp(start),
            "datetime_end": _stamp(start + dt.timedelta(hours=dice.choice((1, 2, 8)))),
            "created_at": asked,
            "updated_at": asked,
        }


def _invites(today: dt.date) -> Iterator[Row]:
    """Invent the invites of the last three months: every third was used, an unused one ends after 30 days."""
    dice = _dice("invites")
    evening = dt.datetime.combine(today, dt.time(20), tzinfo=dt.UTC)
    ages = sorted(dice.sample(range(90), 18), reverse=True)
    roles: tuple[list[str], ...]
    roles = (["provider"], ["organization_admin", "provider"], ["provider_assistant"], ["provider"], [])
    for number, age in enumerate(ages):
        first, last = dice.choice(_GIVEN), dice.choice(_FAMILY)
        created = evening - dt.timedelta(days=age, minutes=dice.randrange(400))
        used = created + (evening - created) * dice.random() * min(1, 29 / max(age, 1))
        is_used = number % 3 == 1
        yield {
            "id": 61 + 2 * number,
            "email": f"{_letters(first)}.{_letters(last)}@invited.example.org",
            "display_name": None if number == 4 else f"{first} {last}",
            "roles": roles[number % len(roles)],
            "organization_id": 5,
            "organization_name": "Harbor & Pine Family Therapy",
            "expires_at": _stamp(created + dt.timedelta(days=30)),
            "used_at": _stamp(used) if is_used else None,
            "created_at": _stamp(created),
            "updated_at": _stamp(used if is_used else created),
        }


def _roles() -> Iterator[Row]:
    """List the roles that the demo's credentials may assign."""
    yield {"id": 1, "name": "organization_admin", "description": "Manages users, rooms and invites."}
    yield {"id": 2, "name": "provider", "description": "Holds calls."}
    yield {"id": 3, "name": "provider_assistant", "description": "Prepares calls for a provider."}
    yield {"id": 6, "name": "billing", "description": None}


# The invented calls ----------------------------------------------------------------------------------------

_CALL_DAYS = 16 * 7
_APPOINTMENTS = range(13, 21)  # hours of the day, UTC
_BUSY = (1.0, 1.2, 1.1, 1.1, 0.8, 0.12, 0.04)  # from Monday to Sunday
_CALL_NAMES = ("Follow-up", "Follow-up", "Follow-up", "Intake visit", "Family session", "Café – groupe", None)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call: the row that the API shows, and what only its metrics tell."""

    row: Row
    day: dt.date
    failed: bool
    duration: float | None  # seconds; none for a call that failed or is still going on
    wait: float | None
    egresses: dict[str, Row]


def _calls(user: Row, today: dt.date, stride: int) -> Iterator[_Call]:
    """Invent a user's calls of the last 16 weeks, oldest first.

    Each day has dice of its own, so a past day's calls stay as they are when the demo is started tomorrow.
    ``stride`` is more than any user's id: a call's id is its minute and its user, unique and rising with time.
    """
    habits = _dice("habits", user["id"])
    if habits.random() < 0.33:
        return  # never calls
    per_day = min(0.3 * habits.paretovariate(1.6), 5.0)  # a few users hold most of the calls
    for days_ago in reversed(range(_CALL_DAYS)):
        day = today - dt.timedelta(days=days_ago)
        holiday = day.weekday() == 0 and day.day <= 7  # staff training on the first Monday of a month
        if holiday or day.isoformat() <= user["created_at"][:10]:
            continue
        dice = _dice("calls", user["id"], day.isoformat())
        chance = per_day * _BUSY[day.weekday()] / len(_APPOINTMENTS)
        for hour in _APPOINTMENTS:
            if dice.random() < chance:
                start = dt.datetime.combine(day, dt.time(hour, dice.randrange(60)), tzinfo=dt.UTC)
                call_id = int((start - _FIRST_DAY).total_seconds()) // 60 * stride + user["id"]
                yield _call(dice, call_id, start, today)


def _call(dice: random.Random, call_id: int, start: dt.datetime, today: dt.date) -> _Call:
    """Invent one call."""
    failed = dice.random() < 0.04
    active = dice.random() < 0.1 and not failed and start.date() == today
    duration = round(max(45.0, dice.gauss(2400, 800)), 3)
    wait = round(dice.expovariate(1 / 90), 3)
    end = start + dt.timedelta(seconds=wait + (0 if failed or active else duration))
    recorded = dice.random() < 0.1 and not failed and not active
    egresses = list(_egresses(dice, call_id, start, end)) if recorded else []
    kinds = ("Recipient", "Interpreter", "Guest")[: dice.choices(range(4), (5, 70, 18, 7))[0]]
    row = {
        "id": call_id,
        "name": dice.choice(_CALL_NAMES),
        "livekit_session_id": f"lk-session-{dice.getrandbits(48):012x}",
        "state": "active" if active else "ended",
        "has_egresses": bool(egresses),
        "is_recording": active and dice.random() < 0.3,
        "is_canvas_locked": dice.random() < 0.05,
        "is_ended": not active,
        "created_at": _stamp(start),
        "updated_at": _stamp(end),
        "participants": [
            {
                "id": call_id * 10 + number,
                "participant_type": kind,
                "name": f"{dice.choice(_GIVEN)} {dice.choice(_FAMILY)}" if dice.random() < 0.95 else None,
            }
            for number, kind in enumerate(kinds)
        ],
    }
    return _Call(
        row=row,
        day=start.date(),
        failed=failed,
        duration=None if failed or active else duration,
        wait=None if failed else wait,
        egresses={str(egress["id"]): egress for egress in egresses},
    )


def _egresses(dice: random.Random, call_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[Row]:
    """Invent the recordings of a call: usually one; a recording that failed is followed by a second try."""
    failed = dice.random() < 0.08
    middle = start + (end - start) / 4
    for number, (begin, stop) in enumerate([(start, middle), (middle, end)] if failed else [(start, end)]):
        broken = failed and number == 0
        yield {
            "id": call_id * 10 + number,
            "egress_id": f"EG_{dice.getrandbits(48):012x}",
            "status": "egress_failed" if broken else "egress_ended",
            "error": "upload of the recording timed out" if broken else None,
            "is_stopped": True,
            "ended_at": _stamp(stop),
            "created_at": _stamp(begin),
            "updated_at": _stamp(stop),
        }


_METRICS = ("total_calls", "average_duration", "call_fail_rate", "average_wait_time")


def _daily_metrics(calls: Iterable[_Call]) -> dict[dt.date, dict[str, float | None]]:
    """Sum up calls by day, newest first as in the documentation."""
    days: defaultdict[dt.date, list[_Call]] = defaultdict(list)
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


# The endpoints ---------------------------------------------------------------------------------------------

Params = Mapping[str, str]  # the query's, overruled by those in the path


class _RefusedError(Exception):
    """The request is answered with this status and an error body."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def _find(table: Mapping[str, T], key: str) -> T:
    if key not in table:
        raise _RefusedError(404, "Not found")
    return table[key]


def _positive(params: Params, name: str, default: int) -> int:
    text = params.get(name, str(default))
    if not re.fullmatch("0*[1-9][0-9]{0,99}", text):
        raise _RefusedError(400, f"{name} must be a positive integer")
    return int(text)


def _page(envelope: str, rows: Sequence[Row], params: Params) -> Row:
    page = _positive(params, "page", 1)
    per_page = min(_positive(params, "per_page", 25), _LARGEST_PER_PAGE)
    pagination = {
        "current_page": page,
        "per_page": per_page,
        "total_pages": max(1, -(-len(rows) // per_page)),
        "total_count": len(rows),
    }
    return {envelope: rows[(page - 1) * per_page : page * per_page], "pagination": pagination}


def _date(text: str) -> dt.date:
    date = dt.date.fromisoformat(text)
    if date.isoformat() != text:
        raise ValueError(text)  # ISO 8601 has other spellings, such as 20260203
    return date


class _Clinic:
    """The tables of the organization, and a method for each endpoint that shows them.

    Calls are invented when they are first asked for. Threads that ask at the same time may invent the same
    calls twice; both get equal ones.
    """

    def __init__(self, today: dt.date, user_count: int) -> None:
        self.today = today
        # Keys are texts, as they stand in a path: whatever is no key is simply not found.
        self.users = {str(user["id"]): user for user in _users(user_count)}
        self.users_by_email = {user["email"].casefold(): user for user in self.users.values()}
        self.rooms = {room["slug"]: room for room in _waiting_rooms(self.users.values())}
        self.rooms_by_user = {room["user_id"]: room for room in self.rooms.values()}
        self.invites = {str(invite["id"]): invite for invite in _invites(today)}
        self.roles = list(_roles())
        self._stride = max(map(int, self.users), default=0) + 1
        self._calls: dict[str, dict[str, _Call]] = {}

    def calls(self, user_id: str) -> dict[str, _Call]:
        """Return the user's calls by id, oldest first."""
        if user_id not in self._calls:
            calls = _calls(_find(self.users, user_id), self.today, self._stride)
            self._calls[user_id] = {str(call.row["id"]): call for call in calls}
        return self._calls[user_id]

    @cached_property
    def metrics(self) -> dict[dt.date, dict[str, float | None]]:
        """The metrics of the whole organization, by day."""
        return _daily_metrics(call for user_id in self.users for call in self.calls(user_id).values())

    def list_users(self, params: Params) -> Row:
        rows = list(self.users.values())
        if "email" in params:
            match = self.users_by_email.get(params["email"].casefold())
            rows = [match] if match else []
        return _page("organization_users", rows, params)

    def show_user(self, params: Params) -> Row:
        user = _find(self.users, params["user"])
        room = self.rooms_by_user.get(user["id"])
        return {**user, "waiting_room": room and {key: room[key] for key in ("id", "slug", "theme", "is_active")}}

    def list_calls(self, params: Params) -> Row:
        return _page("calls", [call.row for call in self.calls(params["user"]).values()], params)

    def show_call(self, params: Params) -> Row:
        return self._find_call(params).row

    def _find_call(self, params: Params) -> _Call:
        return _find(self.calls(params["user"]), params["call"])

    def list_egresses(self, params: Params) -> Row:
        return {"egresses": list(self._find_call(params).egresses.values())}

    def show_egress(self, params: Params) -> Row:
        egress = _find(self._find_call(params).egresses, params["egress"])
        url = f"https://recordings.example.org/{egress['egress_id']}.mp4?signature=invented"
        return {**egress, "url": None if egress["error"] else url}

    def show_call_metrics(self, params: Params) -> Row:
        start, end = self._metrics_range(params)
        days = _daily_metrics(self.calls(params["user_id"]).values()) if "user_id" in params else self.metrics
        asked = {day.isoformat(): values for day, values in days.items() if start <= day <= end}
        return {metric: {day: values[metric] for day, values in asked.items()} for metric in _METRICS}

    def _metrics_range(self, params: Params) -> tuple[dt.date, dt.date]:
        """Read the dates asked for: both are included, and the last 30 days up to the end are the default."""
        try:
            end = _date(params["date_end"]) if "date_end" in params else self.today
            start = _date(params["date_start"]) if "date_start" in params else end - dt.timedelta(days=29)
        except (ValueError, OverflowError):
            raise _RefusedError(400, "date_start and date_end must be dates, as YYYY-MM-DD") from None
        if not dt.timedelta(0) <= end - start < _LONGEST_METRICS:
            raise _RefusedError(400, "date_end must be on or after date_start, and within 366 days")
        return start, end

    def list_waiting_rooms(self, params: Params) -> Row:
        return _page("waiting_rooms", list(self.rooms.values()), params)

    def show_waiting_room(self, params: Params) -> Row:
        return _find(self.rooms, params["slug"])

    def list_waiting_room_subs(self, params: Params) -> Row:
        room = _find(self.rooms, params["slug"])
        return {"waiting_room_subs": list(_waiting_room_subs(room, list(self.rooms.values()), self.today))}

    def list_invites(self, params: Params) -> Row:
        return _page("organization_invites", list(self.invites.values()), params)

    def show_invite(self, params: Params) -> Row:
        return _find(self.invites, params["invite"])

    def list_roles(self, params: Params) -> Row:
        return _page("roles", self.roles, params)


_USER = "/organization_users/(?P<user>[^/]+)"
_CALL = f"{_USER}/calls/(?P<call>[^/]+)"
_ROOM = "/waiting_rooms/(?P<slug>[^/]+)"
_ROUTES: list[tuple[re.Pattern[str], Callable[[_Clinic, Params], Row]]] = [
    (re.compile(f"/api/external{path}"), endpoint)
    for path, endpoint in (
        ("/organization_users", _Clinic.list_users),
        (_USER, _Clinic.show_user),
        (f"{_USER}/calls", _Clinic.list_calls),
        (_CALL, _Clinic.show_call),
        (f"{_CALL}/egresses", _Clinic.list_egresses),
        (f"{_CALL}/egresses/(?P<egress>[^/]+)", _Clinic.show_egress),
        ("/call_metrics", _Clinic.show_call_metrics),
        ("/waiting_rooms", _Clinic.list_waiting_rooms),
        (_ROOM, _Clinic.show_waiting_room),
        (f"{_ROOM}/waiting_room_subs", _Clinic.list_waiting_room_subs),
        ("/invites", _Clinic.list_invites),
        ("/invites/(?P<invite>[^/]+)", _Clinic.show_invite),
        ("/roles", _Clinic.list_roles),
    )
]


def _answer(clinic: _Clinic, target: str) -> Row:
    """Return the body for a request's target, such as ``/api/external/roles?page=1``."""
    path, _, query = target.partition("?")
    for pattern, endpoint in _ROUTES:
        if match := pattern.fullmatch(path):
            return endpoint(clinic, dict(parse_qsl(query, keep_blank_values=True)) | match.groupdict())
    raise _RefusedError(404, "Not found")


# The server ------------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    """One connection, and the requests that come through it one after the other."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # the headers and the body leave together

    def do_GET(self) -> None:
        self._skip_body()
        self.server.stopping.wait(self.server.latency)
        if not self._is_authorized():
            return self._send(401, _UNAUTHORIZED)
        try:
            status, body = 200, _answer(self.server.clinic, self.path)
        except _RefusedError as refusal:
            status, body = refusal.status, {"error": refusal.error}
        return self._send(status, json.dumps(body, ensure_ascii=False).encode())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the signature is http.server's
        """Answer what http.server refuses by itself: verbs without a ``do_`` method, and malformed requests."""
        if code == 501:
            code, message = 405, "Method not allowed"
            self._skip_body()
        self.close_connection = True
        self._send(code, json.dumps({"error": message}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Stay silent."""

    def _is_authorized(self) -> bool:
        asked = [self.headers.get(name, "").encode() for name in ("X-Client-ID", "X-Client-Secret")]
        return all([hmac.compare_digest(a, b) for a, b in zip(asked, self.server.credentials, strict=True)])  # noqa: C419 - a list, so that both are compared whatever the first says

    def _skip_body(self) -> None:
        """Read what came with the request, or it would be taken for the next one."""
        length = self.headers.get("Content-Length", "")
        self.rfile.read(int(length) if re.fullmatch("[0-9]{1,7}", length) else 0)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(socketserver.TCPServer):
    """A thread for each connection, all of which can be ended.

    ``ThreadingHTTPServer`` looks up the machine's name, which can take seconds, and forgets its daemon threads.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, clinic: _Clinic, credentials: tuple[bytes, bytes], latency: float) -> None:
        self.clinic = clinic
        self.credentials = credentials
        self.latency = latency
        self.stopping = threading.Event()
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        # Seconds between two looks at whether to stop: the default of 0.5 would hold up every stop().
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="demo", daemon=True)
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's types
        work = threading.Thread(target=self._serve_connection, args=(request, client_address), daemon=True)
        self._connections = [(sock, thread) for sock, thread in self._connections if thread.is_alive()]
        self._connections.append((request, work))
        work.start()

    def _serve_connection(self, request: socket.socket, client_address: object) -> None:
        try:
            with contextlib.suppress(ConnectionError):  # a client may hang up whenever it likes
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)

    def stop(self) -> None:
        """End every thread and close every socket."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for sock, _ in self._connections:
            with contextlib.suppress(OSError):  # the client was faster
                sock.shutdown(socket.SHUT_RDWR)
        for _, thread in self._connections:
            thread.join()


class DemoOrganization:
    """An invented clinic that answers the documented API on this machine.

    It starts with the object and listens on 127.0.0.1 only. It ends with ``stop()``, with a ``with`` block, or
    with the process.

    Parameters
    ----------
    today
        The day up to which the clinic has held calls. The default is today's date, UTC. The staff is the same
        on every day.
    user_count
        How many people work there.
    latency
        Seconds to wait before each answer.

    Attributes
    ----------
    api_url
        Where it listens, such as ``"http://127.0.0.1:40123"``.
    client_id, client_secret
        The only credentials that it accepts. The secret is a new one for each organization.

    Examples
    --------
    >>> with DemoOrganization(user_count=3) as demo:
    ...     demo.api_url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, *, today: dt.date | None = None, user_count: int = 131, latency: float = 0.0) -> None:
        self.client_id = "demo-client-id"
        self.client_secret = secrets.token_urlsafe(24)
        self._user_count = user_count
        self._server = _Server(
            _Clinic(today or dt.datetime.now(dt.UTC).date(), user_count),
            credentials=(self.client_id.encode(), self.client_secret.encode()),
            latency=latency,
        )
        self.api_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        atexit.register(self.stop)

    def stop(self) -> None:
        """Close the server with all its connections. Stopping twice does no harm."""
        atexit.unregister(self.stop)
        if not self._server.stopping.is_set():
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"DemoOrganization(api_url={self.api_url!r}, users={self._user_count})"

    @property
    def running(self) -> bool:
        """Whether it still answers."""
        return not self._server.stopping.is_set()


_demo: DemoOrganization | None = None


def use_demo() -> DemoOrganization:
    """Start the demo organization, once per process, and log in to it.

    Returns
    -------
    DemoOrganization
        For ``stop()``; it ends with the process otherwise.

    Examples
    --------
    >>> demo = use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> demo.stop()
    """
    global _demo  # noqa: PLW0603 - one is enough for a process
    if _demo is None or not _demo.running:
        _demo = DemoOrganization()
    client = KismetClient(_demo.client_id, _demo.client_secret, api_url=_demo.api_url)
    login = log_in(client, "the demo organization")
    print(f"Logged in to the demo organization on this machine: {login.users} invented users.")
    return _demo
