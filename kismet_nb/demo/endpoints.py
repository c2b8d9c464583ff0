"""The organization's data, and the response to each path of the documented API.

The documentation leaves some points open. This server behaves as follows:

- ``per_page`` is at most 100.
- Lists are ordered by id. An empty list has one page, and a page past the end is empty.
- ``email`` matches the whole address in any case.
- Failed calls count in ``total_calls``, but not in the averages. If every call of a day failed, the averages are null.
- The four maps of metrics have no entry for a day without calls.
- Transcripts and SOAP notes are clinical text, so their paths do not exist.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from kismet_nb.demo.calls import CALL_DAYS, METRICS, daily_metrics, invent_calls
from kismet_nb.demo.people import (
    CLOSING_TIME,
    Staff,
    invent_invites,
    invent_roles,
    invent_waiting_room_subs,
    invent_waiting_rooms,
    isoformat,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kismet_nb.demo.calls import Call
    from kismet_nb.demo.people import Record

    Params = Mapping[str, str]  # parameters of query and path; if a name is in both, the path has priority

__all__ = ["DemoData", "RefusedError", "respond"]

T = TypeVar("T")

_MAX_PER_PAGE = 100
_MAX_FIRST_ID = 9999  # used instead of the largest id if the organization starts without users
_MAX_METRICS_RANGE = dt.timedelta(days=366)


class RefusedError(Exception):
    """A request is refused with this status and an error body."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def _find(table: Mapping[str, T], key: str) -> T:
    if key not in table:
        raise RefusedError(404, "Not found")
    return table[key]


def _positive_integer(params: Params, name: str, default: int) -> int:
    text = params.get(name, str(default))
    if not re.fullmatch("0*[1-9][0-9]{0,99}", text):
        raise RefusedError(400, f"{name} must be a positive integer")
    return int(text)


def _page(envelope: str, records: Sequence[Record], params: Params) -> Record:
    page = _positive_integer(params, "page", 1)
    per_page = min(_positive_integer(params, "per_page", 25), _MAX_PER_PAGE)
    pagination = {
        "current_page": page,
        "per_page": per_page,
        "total_pages": max(1, -(-len(records) // per_page)),
        "total_count": len(records),
    }
    return {envelope: records[(page - 1) * per_page : page * per_page], "pagination": pagination}


def _parse_date(text: str) -> dt.date:
    date = dt.date.fromisoformat(text)
    if date.isoformat() != text:
        raise ValueError(text)  # ISO 8601 allows 20260203 too, but the API does not
    return date


def _days_between(since: dt.datetime, moment: dt.datetime) -> Iterator[dt.date]:
    """Yield the days that end after ``since`` and not after ``moment``."""
    evening = dt.datetime.combine(since, CLOSING_TIME, tzinfo=dt.UTC)
    while evening <= moment:
        if evening > since:
            yield evening.date()
        evening += dt.timedelta(days=1)


class DemoData:
    """The records of the organization at a moment, and one method for each endpoint.

    Calls are invented when they are first requested. If two threads invent the same calls at the same time, the
    results are equal.

    Parameters
    ----------
    moment
        The latest time of calls and invites.
    user_count
        Initial number of users.
    since
        The start of the organization; by default ``moment``.
    """

    def __init__(self, moment: dt.datetime, user_count: int, since: dt.datetime | None = None) -> None:
        since = since or moment
        self.moment = moment
        self.today = moment.date()
        self._first_today = since.date()
        self._staff = Staff(user_count)
        self._stride = max(self._staff.everyone, default=_MAX_FIRST_ID) + 1
        for day in _days_between(since, moment):
            self._staff.pass_day(day)
        # Keys are text, as in a path.
        self.users = {str(key): user for key, user in self._staff.everyone.items() if key not in self._staff.former}
        self.users_by_email = {user["email"].casefold(): user for user in self.users.values()}
        self._all_rooms = list(invent_waiting_rooms(self._staff.everyone.values()))
        self.rooms = {room["slug"]: room for room in self._all_rooms if str(room["user_id"]) in self.users}
        self.rooms_by_user = {room["user_id"]: room for room in self.rooms.values()}
        invites = list(invent_invites(since))
        for invite in self._staff.invites:
            invites.append({"id": invites[-1]["id"] + 2, **invite})
        self.invites = {str(invite["id"]): invite for invite in invites}
        self.roles = list(invent_roles())
        self._positions = {key: position for position, key in enumerate(self._staff.everyone)}
        self._calls: dict[int, dict[str, Call]] = {}

    def calls(self, user_id: str) -> dict[str, Call]:
        """Return the user's calls by id, oldest first."""
        return self._calls_of(_find(self.users, user_id)["id"])

    def _calls_of(self, key: int) -> dict[str, Call]:
        """Return the calls of a user, who may be a former one."""
        if key not in self._calls:
            user, moment = self._staff.everyone[key], self.moment
            if key in self._staff.former:
                last = dt.datetime.combine(self._staff.former[key], dt.time(23), tzinfo=dt.UTC)
                moment = min(moment, last)
            first = self._first_today - dt.timedelta(days=CALL_DAYS - 1)
            calls = invent_calls(user, self._positions[key], first, moment, self._stride)
            self._calls[key] = {str(call.record["id"]): call for call in calls}
        return self._calls[key]

    @cached_property
    def metrics(self) -> dict[dt.date, dict[str, float | None]]:
        """The metrics of the whole organization by day, including calls of former users."""
        return daily_metrics(call for key in self._staff.everyone for call in self._calls_of(key).values())

    def list_users(self, params: Params) -> Record:
        """Return a page of the users, or the user with the address ``email``."""
        users = list(self.users.values())
        if "email" in params:
            match = self.users_by_email.get(params["email"].casefold())
            users = [match] if match else []
        return _page("organization_users", users, params)

    def show_user(self, params: Params) -> Record:
        """Return a user with a summary of the waiting room."""
        user = _find(self.users, params["user"])
        room = self.rooms_by_user.get(user["id"])
        return {**user, "waiting_room": room and {key: room[key] for key in ("id", "slug", "theme", "is_active")}}

    def list_calls(self, params: Params) -> Record:
        """Return a page of a user's calls."""
        return _page("calls", [call.record for call in self.calls(params["user"]).values()], params)

    def show_call(self, params: Params) -> Record:
        """Return one call."""
        return self._find_call(params).record

    def _find_call(self, params: Params) -> Call:
        return _find(self.calls(params["user"]), params["call"])

    def list_egresses(self, params: Params) -> Record:
        """Return the recordings of a call."""
        return {"egresses": list(self._find_call(params).egresses.values())}

    def show_egress(self, params: Params) -> Record:
        """Return one recording with its link."""
        egress = _find(self._find_call(params).egresses, params["egress"])
        url = f"https://recordings.example.org/{egress['egress_id']}.mp4?signature=invented"
        return {**egress, "url": None if egress["error"] else url}

    def show_call_metrics(self, params: Params) -> Record:
        """Return the daily metrics of the organization, or of the user ``user_id``."""
        start, end = self._metrics_range(params)
        days = daily_metrics(self.calls(params["user_id"]).values()) if "user_id" in params else self.metrics
        chosen = {day.isoformat(): values for day, values in days.items() if start <= day <= end}
        return {metric: {day: values[metric] for day, values in chosen.items()} for metric in METRICS}

    def _metrics_range(self, params: Params) -> tuple[dt.date, dt.date]:
        """Return the first and last day of the query, both included; by default the 30 days up to the last day."""
        try:
            end = _parse_date(params["date_end"]) if "date_end" in params else self.today
            start = _parse_date(params["date_start"]) if "date_start" in params else end - dt.timedelta(days=29)
        except (ValueError, OverflowError):
            raise RefusedError(400, "date_start and date_end must be dates in the form YYYY-MM-DD") from None
        if not dt.timedelta(0) <= end - start < _MAX_METRICS_RANGE:
            raise RefusedError(400, "date_end must be on or after date_start, and within 366 days")
        return start, end

    def list_waiting_rooms(self, params: Params) -> Record:
        """Return a page of the waiting rooms."""
        return _page("waiting_rooms", list(self.rooms.values()), params)

    def show_waiting_room(self, params: Params) -> Record:
        """Return one waiting room."""
        return _find(self.rooms, params["slug"])

    def list_waiting_room_subs(self, params: Params) -> Record:
        """Return the substitutions in a waiting room that have not ended."""
        room = _find(self.rooms, params["slug"])
        subs = invent_waiting_room_subs(room, self._all_rooms, self._first_today)
        return {"waiting_room_subs": [sub for sub in subs if sub["datetime_end"] > isoformat(self.moment)]}

    def list_invites(self, params: Params) -> Record:
        """Return a page of the invites."""
        return _page("organization_invites", list(self.invites.values()), params)

    def show_invite(self, params: Params) -> Record:
        """Return one invite."""
        return _find(self.invites, params["invite"])

    def list_roles(self, params: Params) -> Record:
        """Return a page of the roles."""
        return _page("roles", self.roles, params)


_USER = "/organization_users/(?P<user>[^/]+)"
_CALL = f"{_USER}/calls/(?P<call>[^/]+)"
_ROOM = "/waiting_rooms/(?P<slug>[^/]+)"
_ROUTES: list[tuple[re.Pattern[str], Callable[[DemoData, Params], Record]]] = [
    (re.compile(f"/api/external{path}"), endpoint)
    for path, endpoint in (
        ("/organization_users", DemoData.list_users),
        (_USER, DemoData.show_user),
        (f"{_USER}/calls", DemoData.list_calls),
        (_CALL, DemoData.show_call),
        (f"{_CALL}/egresses", DemoData.list_egresses),
        (f"{_CALL}/egresses/(?P<egress>[^/]+)", DemoData.show_egress),
        ("/call_metrics", DemoData.show_call_metrics),
        ("/waiting_rooms", DemoData.list_waiting_rooms),
        (_ROOM, DemoData.show_waiting_room),
        (f"{_ROOM}/waiting_room_subs", DemoData.list_waiting_room_subs),
        ("/invites", DemoData.list_invites),
        ("/invites/(?P<invite>[^/]+)", DemoData.show_invite),
        ("/roles", DemoData.list_roles),
    )
]


def respond(data: DemoData, target: str) -> Record:
    """Return the response body for a request's target, for example ``/api/external/roles?page=1``.

    Raises
    ------
    RefusedError
        The path or an id does not exist, or a parameter is invalid.
    """
    path, _, query = target.partition("?")
    for pattern, endpoint in _ROUTES:
        if match := pattern.fullmatch(path):
            return endpoint(data, dict(parse_qsl(query, keep_blank_values=True)) | match.groupdict())
    raise RefusedError(404, "Not found")
