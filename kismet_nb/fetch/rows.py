"""Turn the records of a page into rows of a table: labels, days, participants."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kismet_nb.fetch.pages import Record

__all__ = ["add_labels", "keep_days", "participants_of"]

_MISSING = object()
_DAY = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.,+-]*(Z| ?UTC)?)?", re.ASCII)


def add_labels(labels: Mapping[str, object], record: Record) -> Record:
    """Return a record with labels in front. A field with a label's name and another value is kept under a free name."""
    if labels.keys().isdisjoint(record):
        return {**labels, **record}
    own = {}
    for name, value in record.items():
        if value != labels.get(name, _MISSING):
            names = itertools.chain([name], (f"own{'.' * dots}{name}" for dots in itertools.count(1)))
            own[next(free for free in names if free not in labels and (free == name or free not in record))] = value
    return {**labels, **own}


def keep_days(records: Sequence[Record], field: str, days: tuple[str, str] | None) -> list[Record]:
    """Return the records from the first to the last day. A record without a valid day is kept."""
    if days is None:
        return list(records)
    first, last = days
    return [record for record in records if not _DAY.fullmatch(record[field]) or first <= record[field][:10] <= last]


def participants_of(calls: Sequence[Record], *, names: bool) -> list[Record]:
    """Return a row for each participant of calls, without the names unless they are asked for."""
    part = RESOURCES["participants"].envelope
    return [
        add_labels(
            {"organization_user_id": call["organization_user_id"], "call_id": call.get("id")},
            {field: value for field, value in person.items() if names or field != "name"},
        )
        for call in calls
        if isinstance(call.get(part), list)  # counting anything else is an error
        for person in call[part]
        if isinstance(person, dict)  # anything else is counted, and has no fields
    ]
