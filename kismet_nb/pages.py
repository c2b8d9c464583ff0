"""Every page of a list, concurrently, with the proof that nothing moved meanwhile.

Pages are cut by position, so a row that comes or goes while they are read shifts every later row: one is then
read twice or never seen. Counting does not show it. With one deletion for each page read, a walk of 100 users
returns 97 different rows against a total of 97, and three users who were there throughout are missing.

What is checked in a walk: each answer names the page that was asked for, and the same page size, number of
pages and total; each page has as many rows as these say; no key comes twice. What that leaves open is a row
that goes and another that comes between two answers, so a closing read follows:

* A list of one page needs none: one answer is one moment.
* Where the keys rise (or fall) through the whole list, new rows can only come at one end. The last page is read
  directly after the first, before the bulk of the list. At the end, the pages read up to then are read again.
  If they are as they were and so is the total, no row came since the last page was first read, hence none
  went either; and none went before that, or the pages ahead of it would have shifted.
* Otherwise a row may come anywhere, and the whole list is read a second time.
* If the last page is full, the page behind it is asked for too, and must be empty, absent, or the last again.

So the table is the server's list as it was at one moment, if (second case) new rows get keys beyond all others.
An edit of a row is no movement: each row is as it was when its page was read. Where anything moved, the walk is
thrown away and made again, a few times; after that the reader gets an error.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from kismet_nb.errors import NotFoundError, RequestRefusedError, UnexpectedAnswerError
from kismet_nb.gate import FetchEndedError

if TYPE_CHECKING:
    from kismet_nb.client import KismetClient, Lane
    from kismet_nb.resources import Resource

__all__ = ["Walked", "count_rows", "read_list"]

MOST_WALKS = 5
TICK = 0.25  # seconds between looks at overdue requests
LAST_RESORT_PAGE_SIZES = (100, None)  # asked for in turn where a larger page is refused; None leaves it to the server

Record = dict[str, Any]
Filters = dict[str, str | int]
Chunk = TypeVar("Chunk")


@dataclass(frozen=True, slots=True)
class Walked(Generic[Chunk]):
    """A list as it was read.

    Attributes
    ----------
    chunks
        What ``convert`` made of each page, in the order of pages.
    rows, pages, walks
        How many of each there were.
    proof
        What shows that the list stood still while it was read.
    moved
        What showed that it did not, in words; empty for a complete list.
    """

    chunks: list[Chunk]
    rows: int
    pages: int
    walks: int
    proof: str
    moved: str


@dataclass(frozen=True, slots=True)
class _Page(Generic[Chunk]):
    number: int
    per_page: int
    total_pages: int
    total_count: int
    keys: list[Any]
    chunk: Chunk

    @property
    def cut(self) -> tuple[int, int, int]:
        return self.per_page, self.total_pages, self.total_count

    @property
    def rows_due(self) -> int:
        """How many rows the page must have, by the server's own count."""
        return max(0, min(self.per_page, self.total_count - (self.number - 1) * self.per_page))


class _MovedError(Exception):
    """The list moved during a walk; the text says what showed it."""


def count_rows(client: KismetClient, resource: Resource) -> int:
    """Return how many rows the server counts: one cheap request, which also proves the credentials."""
    payload = client.get(resource.path, {"page": 1, "per_page": 1})
    return _parsed(resource, 1, payload, convert=len).total_count


def read_list(
    client: KismetClient,
    resource: Resource,
    filters: Filters,
    convert: Callable[[list[Record]], Chunk],
    on_progress: Callable[[int, int], None] = lambda _read, _known: None,
) -> Walked[Chunk]:
    """Read all pages of a list, at most ``client.max_in_flight`` at a time.

    Parameters
    ----------
    client
        Sends the requests.
    resource, filters
        What to read, and which of its rows.
    convert
        Makes of the rows of one page what is to be kept of them; called in the reading threads.
    on_progress
        Called with the number of pages read and the number of pages known.

    Raises
    ------
    KismetError
        A request failed for good, or an answer is not a page of a list. Nothing goes on in the background.
    """
    with _reading_threads(client) as read:
        reader = _Reader(client, resource, filters, convert, read, on_progress)
        for walk in itertools.count(1):
            reader.pages.clear()
            moved = ""
            try:
                proof = reader.walk()
            except _MovedError as signal:
                proof, moved = "", str(signal)
            if not moved or walk == MOST_WALKS:
                pages = [reader.pages[number] for number in sorted(reader.pages)]
                rows = sum(len(page.keys) for page in pages)
                return Walked([page.chunk for page in pages], rows, len(pages), walk, proof, moved)
            time.sleep(0.2 * 2 ** (walk - 1) * random.uniform(0.8, 1.2))  # noqa: S311 - a pause, nothing secret
    raise AssertionError  # the loop above always returns


class _Reader(Generic[Chunk]):
    """Walks one list; ``pages`` holds what the present walk has read."""

    def __init__(
        self,
        client: KismetClient,
        resource: Resource,
        filters: Filters,
        convert: Callable[[list[Record]], Chunk],
        read: _Read,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.pages: dict[int, _Page[Chunk]] = {}
        self._resource = resource
        self._filters = filters
        self._convert = convert
        self._read = read
        self._on_progress = on_progress
        # The opening pages, the last page and the page behind it can be read again in one go.
        self._opening = max(1, client.max_in_flight - 2)
        smaller = [size for size in LAST_RESORT_PAGE_SIZES if size is None or size < client.page_size]
        self._page_sizes: list[int | None] = [client.page_size, *smaller]

    def walk(self) -> str:
        """Read every page once, prove that nothing moved meanwhile, and say how it was proved."""
        first = self._first_page()
        self._keep(first)
        last = max(1, first.total_pages)
        # The last page goes first: it is where new rows come, and the closing read relies on it.
        opening = [*({last} - {1}), *range(2, min(self._opening + 1, last))]
        for numbers in (opening, range(self._opening + 1, last)):
            for page in self._fetch(numbers):
                self._keep(page)
        keys = [key for number in sorted(self.pages) for key in self.pages[number].keys]
        if len(keys) != first.total_count:
            raise _MovedError(f"total_count is {first.total_count}, but the pages hold {len(keys)} rows")
        if len(set(keys)) < len(keys):
            raise _MovedError(f"a row came twice ({len(keys)} rows, {len(set(keys))} different)")
        if last == 1:
            proof, again = "one page", []
        elif last <= self._opening + 1:
            proof, again = "every page read twice", list(range(1, last + 1))
        elif _rises_or_falls(keys):
            proof, again = "closing read", [*range(1, self._opening + 1), last]
        else:
            proof, again = "every page read twice", list(range(1, last + 1))
        self._close(again, behind=last + 1 if self.pages[last].rows_due == first.per_page else None)
        return proof

    def _first_page(self) -> _Page[Chunk]:
        while True:
            try:
                return cast("_Page[Chunk]", next(self._fetch([1])))
            except RequestRefusedError:
                # The page size may be what is refused; without one left to try, it was something else.
                if len(self._page_sizes) == 1:
                    raise
            del self._page_sizes[0]

    def _keep(self, page: _Page[Chunk]) -> None:
        self._compare(page)
        if len(page.keys) != page.rows_due:
            raise _MovedError(
                f"page {page.number} has {len(page.keys)} rows where a total_count of {page.total_count} calls for "
                f"{page.rows_due}"
            )
        self.pages[page.number] = page
        self._on_progress(len(self.pages), max(1, page.total_pages))

    def _compare(self, page: _Page[Chunk]) -> None:
        first = self.pages.get(1, page)
        if page.cut != first.cut:
            raise _MovedError(
                f"total_count was {first.total_count} ({first.total_pages} pages) on page 1 and {page.total_count} "
                f"({page.total_pages} pages) on page {page.number}"
            )

    def _close(self, again: list[int], behind: int | None) -> None:
        for page in self._fetch([*again, *([behind] if behind else [])], keep=False, behind=behind):
            if page is None:
                continue
            if page.number == behind:
                # Some servers give the last page again for any page behind it.
                if page.keys and page.keys != self.pages[page.number - 1].keys:
                    raise _MovedError(f"page {behind} has rows, although it lies behind the last one")
                continue
            self._compare(page)
            if page.keys != self.pages[page.number].keys:
                raise _MovedError(f"page {page.number} had other rows when it was read again")

    def _fetch(self, numbers: Iterable[int], *, keep: bool = True, behind: int | None = None) -> Iterator[Any]:
        """Yield the pages as they come in; without ``keep``, no more of them than their keys.

        The page ``behind`` the last may be refused, and is None then.
        """
        resource, size = self._resource, self._page_sizes[0]
        convert: Callable[[list[Record]], Any] = self._convert if keep else len

        def one(number: int) -> _Job:
            params = {**self._filters, "page": number, **({"per_page": size} if size else {})}

            def run(lane: Lane) -> _Page[Any] | None:
                try:
                    payload = lane.get(resource.path, params, resource=resource.name, page=number)
                except (NotFoundError, RequestRefusedError):
                    if number != behind:
                        raise
                    return None
                return _parsed(resource, number, payload, convert)

            return run

        return self._read(one(number) for number in numbers)


def _parsed(resource: Resource, number: int, payload: object, convert: Callable[[list[Record]], Chunk]) -> _Page[Chunk]:
    """Check that an answer is the page asked for, in the documented shape."""

    def unexpected(problem: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"{problem}, so the table cannot be proved complete. Report it with the endpoint {resource.path}.",
            status=200,
            resource=resource.name,
            page=number,
        )

    if not isinstance(payload, dict) or not isinstance(payload.get(resource.envelope), list):
        raise unexpected(f'the answer has no list named "{resource.envelope}"')
    rows = payload[resource.envelope]
    if not all(isinstance(row, dict) for row in rows):
        raise unexpected(f'"{resource.envelope}" holds something other than objects')
    pagination = payload.get("pagination")
    if not isinstance(pagination, dict):
        raise unexpected('the answer has no "pagination" block')
    counts = {}
    for name, least in (("current_page", 1), ("per_page", 1), ("total_pages", 0), ("total_count", 0)):
        value = pagination.get(name)
        if type(value) is not int or value < least:
            raise unexpected(f'the pagination\'s "{name}" is missing or not a number of at least {least}')
        counts[name] = value
    past_the_end = number > max(1, counts["total_pages"])
    if counts["current_page"] != number and not past_the_end:
        raise unexpected(f"page {number} was asked for and page {counts['current_page']} came")
    if max(1, counts["total_pages"]) != max(1, math.ceil(counts["total_count"] / counts["per_page"])):
        raise unexpected(
            f"total_pages is {counts['total_pages']}, but {counts['total_count']} rows at {counts['per_page']} "
            "a page make another number"
        )
    keys = [_identity(row, resource.key) for row in rows]
    return _Page(number, counts["per_page"], counts["total_pages"], counts["total_count"], keys, convert(rows))


def _identity(row: Record, key: str) -> object:
    """Return what tells a row apart: its key, or where that is missing or no plain value, all of it."""
    value = row.get(key)
    return value if isinstance(value, int | str) else repr(row)


def _rises_or_falls(keys: list[Any]) -> bool:
    if not all(type(key) is int for key in keys):
        return False
    pairs = list(itertools.pairwise(keys))
    return all(a < b for a, b in pairs) or all(a > b for a, b in pairs)


_Job = Callable[["Lane"], Any]
_Read = Callable[[Iterable[_Job]], Iterator[Any]]


class _Batch:
    """Jobs whose results are waited for together; where nobody waits any more, those not begun are dropped."""

    def __init__(self) -> None:
        self.results: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self.over = False


_Todo = queue.SimpleQueue[tuple[_Job, _Batch] | None]


@contextlib.contextmanager
def _reading_threads(client: KismetClient) -> Iterator[_Read]:
    """Lend a function that runs jobs on the client's lanes, side by side, and yields what they return.

    The calling thread only waits, so an interrupt is heard at once and finds no request in its frames. However
    the block ends, no thread goes on.
    """
    todo: _Todo = queue.SimpleQueue()
    with client.lanes(client.max_in_flight) as lanes:
        threads = [threading.Thread(target=_work, args=(lane, todo), daemon=True, name="kismet_nb") for lane in lanes]
        for thread in threads:
            thread.start()
        finished = False
        try:
            yield lambda jobs: _results(list(jobs), lanes, todo)
            finished = True
        finally:
            for lane in lanes:
                if not finished:
                    lane.cancel()
                todo.put(None)
            give_up_at = time.monotonic() + 2
            for thread in threads:
                thread.join(max(0.0, give_up_at - time.monotonic()))


def _work(lane: Lane, todo: _Todo) -> None:
    while (item := todo.get()) is not None and not lane.cancelled.is_set():
        job, batch = item
        if batch.over:
            continue
        try:
            batch.results.put((job(lane), None))
        except FetchEndedError:
            return
        except BaseException as error:  # noqa: BLE001 - it is raised where the caller waits
            batch.results.put((None, error))


def _results(jobs: list[_Job], lanes: list[Lane], todo: _Todo) -> Iterator[Any]:
    batch = _Batch()
    for job in jobs:
        todo.put((job, batch))
    looked = time.monotonic()
    waiting = len(jobs)
    try:
        while waiting:
            if time.monotonic() - looked > TICK:
                looked = time.monotonic()
                for lane in lanes:
                    lane.cut_if_overdue()
            try:
                result, error = batch.results.get(timeout=TICK)
            except queue.Empty:
                continue
            waiting -= 1
            if error is not None:
                raise error
            yield result
    finally:
        batch.over = True
