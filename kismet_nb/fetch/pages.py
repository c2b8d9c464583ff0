"""One page of a list: a response that was checked to be the page asked for, in the documented format."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kismet_nb.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kismet_nb.resources import Resource
    from kismet_nb.transport.responses import Decoded

__all__ = ["Page", "Record", "parse_page"]

Record = dict[str, Any]
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, without its rows.

    Attributes
    ----------
    number
        The page asked for, from 1.
    per_page, total_pages, total_count
        The page size, the number of pages and the number of rows, as the server reports them.
    keys
        The keys of the page's rows.
    newest
        The latest time at which a row of the page was created or changed, in seconds since 1970. None if it is not
        known for every row.
    date
        The server's own time of the response, in seconds since 1970. None if it sends none.
    """

    number: int
    per_page: int
    total_pages: int
    total_count: int
    keys: Sequence[Any]
    newest: float | None
    date: float | None

    @property
    def counts(self) -> tuple[int, int, int]:
        """What all pages of an unchanged list have in common."""
        return self.per_page, self.total_pages, self.total_count

    @property
    def last(self) -> int:
        """The number of the last page; an empty list has one page too."""
        return max(1, self.total_pages)

    @property
    def rows_due(self) -> int:
        """How many rows the page must have, by the server's own count."""
        return max(0, min(self.per_page, self.total_count - (self.number - 1) * self.per_page))


def parse_page(resource: Resource, number: int, response: Decoded) -> tuple[Page, list[Record]]:
    """Check that a response is the page asked for, in the documented format, and return the page and its rows.

    Raises
    ------
    UnexpectedAnswerError
        The response is another page or has another format. The message names the endpoint and the problem.
    """
    try:
        rows = _rows(resource, response.value)
        per_page, total_pages, total_count = _counts(resource, number, response.value, len(rows))
    except ResponseFormatError as problem:
        text = f"{problem}, so the table cannot be proved complete. Report it with the endpoint {resource.path}."
    else:
        # The part of the resource's key that differs within one list.
        key = next(name for name in reversed(resource.key) if name not in resource.parameters)
        keys = [row.get(key) for row in rows]
        newest = _newest(resource, rows)
        return Page(number, per_page, total_pages, total_count, _compact(keys, rows), newest, response.date), rows
    raise UnexpectedAnswerError(text, status=200, resource=resource.name, page=number)


def _newest(resource: Resource, rows: list[Record]) -> float | None:
    """Return the latest time at which a row was created or changed; None if one of the times is not known."""
    fields = [column.name for column in resource.columns if column.name in {"created_at", "updated_at"}]
    texts: list[Any] = [row.get(field) for field in fields for row in rows]
    if (rows and not fields) or not set(map(type, texts)) <= {str}:
        return None
    if len(set(map(len, texts))) == 1 and {text[-1:] for text in texts} == {"Z"}:
        texts = [max(texts)]  # all are UTC in one format, so the greatest text is the latest time
    try:
        times = [dt.datetime.fromisoformat(text) for text in texts]
    except ValueError:
        return None
    if not all(time.tzinfo for time in times):
        return None
    return max((time.timestamp() for time in times), default=float("-inf"))


class ResponseFormatError(Exception):
    """A response is not in the documented format. The message says what is wrong."""


def _rows(resource: Resource, payload: object) -> list[Record]:
    if resource.layout == "maps":
        return _rows_of_maps(resource, payload)
    rows = payload.get(resource.envelope) if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise ResponseFormatError(f'the response has no list named "{resource.envelope}"')
    if not set(map(type, rows)) <= {dict}:
        raise ResponseFormatError(f'"{resource.envelope}" holds something other than objects')
    return rows


def _counts(resource: Resource, number: int, payload: Any, rows: int) -> tuple[int, int, int]:  # noqa: ANN401 - JSON
    """Return page size, number of pages and number of rows, as the server counts them."""
    pagination = payload.get("pagination")
    if pagination is None and resource.layout != "pages":
        return max(1, rows), 1, rows
    if not isinstance(pagination, dict):
        raise ResponseFormatError('the response has no "pagination" block')
    counts = {}
    for name, least in (("current_page", 1), ("per_page", 1), ("total_pages", 0), ("total_count", 0)):
        value = pagination.get(name)
        if type(value) is not int or value < least:
            raise ResponseFormatError(f'"{name}" of the pagination is missing or not an integer of at least {least}')
        counts[name] = value
    past_the_end = number > max(1, counts["total_pages"])
    if counts["current_page"] != number and not past_the_end:
        raise ResponseFormatError(f"page {number} was requested, but page {counts['current_page']} was returned")
    expected = max(1, -(-counts["total_count"] // counts["per_page"]))
    if max(1, counts["total_pages"]) != expected:
        raise ResponseFormatError(
            f"total_pages is {counts['total_pages']}, but {counts['total_count']} rows at {counts['per_page']} "
            f"per page need {expected}"
        )
    return counts["per_page"], counts["total_pages"], counts["total_count"]


def _rows_of_maps(resource: Resource, payload: object) -> list[Record]:
    """Join maps from a day to a value into one row per day. If a map lacks a day, its value is missing."""
    day = resource.key[-1]
    names = [column.name for column in resource.columns if column.name not in resource.key]
    sent = payload if isinstance(payload, dict) else {}
    for name in names:
        if not isinstance(sent.get(name, {}), dict):
            raise ResponseFormatError(f'"{name}" is not a map from a day to a value')
    # Keep undocumented date-to-value maps as extra columns. Ignore other top-level fields.
    maps = {
        name: values
        for name, values in sent.items()
        if isinstance(values, dict) and (name in names or (name != day and any(map(_DAY.match, values))))
    }
    if not any(name in maps for name in names):
        raise ResponseFormatError("the response has none of the documented maps from a day to a value")
    days = sorted({text for values in maps.values() for text in values})
    return [{day: text, **{name: values.get(text) for name, values in maps.items()}} for text in days]


def _compact(keys: list[Any], rows: list[Record]) -> Sequence[Any]:
    """Return the keys of rows. A key that is neither an integer nor a text is replaced by the text of its whole row."""
    types = set(map(type, keys))
    if types == {int}:
        with contextlib.suppress(OverflowError):
            return array("q", keys)  # a fifth of the memory of a list
    if types <= {int, str}:
        return keys
    return [key if isinstance(key, int | str) else repr(row) for key, row in zip(keys, rows, strict=True)]
