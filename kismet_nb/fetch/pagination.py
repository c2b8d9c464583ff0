"""Every page of a list, or of many lists at once, with the proof that nothing moved meanwhile.

Pages are cut by position, so a row that comes or goes while they are read shifts every later row: one is then
read twice or never seen. Counting does not show it. With one deletion for each page read, a walk of 100 users
returns 97 different rows against a total of 97, and three users who were there throughout are missing.

What is checked in a walk: each answer names the page that was asked for, and the same page size, number of
pages and total; each page has as many rows as these say; no key comes twice; the page behind a full last one is
empty, absent, or the last again. What that leaves open is a row that goes and another that comes between two answers:

* A list of one page is one answer, and one answer is one moment.
* Where the keys rise through the whole list, new rows come at its end, and the last page is read before all others
  (page 1, which told how many there are, once more after it). A row that came later would have a key beyond that
  page's and stand out of order. So all keys are of rows that were there when the last page was read; they are as
  many as the list had then, and all different: they are that list. Where the keys fall, the same holds of page 1.
  Where the list may be long, a round trip is saved: a page further on is read together with page 1, and the pages in
  front of that one together with the last. If it is found the same again later, no row in front of it went meanwhile,
  so these too were there when the last page was read.
* Otherwise a row may come anywhere, and the whole list is read a second time.

So the table is the server's list as it was at one moment, if (second case) new rows get keys beyond all others.
An edit of a row is no movement: each row is as it was when its page was read. Where anything moved, the walk is
thrown away and made again, a few times; after that the reader gets an error.

Many lists (the calls of each user) are read side by side, those that are begun before others, so that a failure or an
interrupt finds most of what was read in whole lists. Each is proved by itself.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
import queue
import random
import re
import threading
import time
import traceback
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kismet_nb.errors import KismetError, NotFoundError, RequestRefusedError, UnexpectedAnswerError
from kismet_nb.transport.throttle import FetchEndedError

if TYPE_CHECKING:
    from kismet_nb.resources import Resource
    from kismet_nb.transport.client import KismetClient, Lane

__all__ = ["Listing", "Walked", "count_rows", "read_lists"]

MOST_WALKS = 5
MOST_PAGES = 10**5
TICK = 0.25  # seconds between looks at overdue requests
USEFUL = 0.6  # of the threads that could wait while one computes: they also wait for each other
MOMENT = 0.003  # seconds in which a near server's first answer tells whether a second thread is of use
LAST_RESORT_PAGE_SIZES = (100, None)  # asked for in turn where a larger page is refused; None leaves it to the server
FEWEST_ORDERED = 8  # keys; fewer may stand in order by chance
ROWS_A_CHUNK = 1000  # are converted together: smaller chunks take more memory than what is in them

Record = dict[str, Any]
Chunk = TypeVar("Chunk")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """One list to read.

    Attributes
    ----------
    path
        Its endpoint.
    query
        Which of its rows, as pairs of names and values.
    labels
        What tells its rows from those of other lists, as pairs of names and values: they go in front of each row.
    days
        Of daily figures, the first and the last day to keep; the query may ask for more.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, Any], ...] = ()
    days: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Walked(Generic[Chunk]):
    """A list as it was read.

    Attributes
    ----------
    chunks
        What ``convert`` made of the rows, some pages at a time, in the order of pages.
    rows, pages, walks
        How many of each there were.
    proof
        What shows that the list stood still while it was read.
    moved
        What showed that it did not, in words; empty for a complete list.
    gone
        Whether the server knows no such list (404): what it belongs to has disappeared.
    """

    chunks: list[Chunk]
    rows: int = 0
    pages: int = 0
    walks: int = 1
    proof: str = ""
    moved: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    per_page: int
    total_pages: int
    total_count: int
    keys: Sequence[Any]

    @property
    def cut(self) -> tuple[int, int, int]:
        return self.per_page, self.total_pages, self.total_count

    @property
    def last(self) -> int:
        return max(1, self.total_pages)

    @property
    def rows_due(self) -> int:
        """How many rows the page must have, by the server's own count."""
        return max(0, min(self.per_page, self.total_count - (self.number - 1) * self.per_page))


class _MovedError(Exception):
    """The list moved during a walk; the text says what showed it."""


class _GivenUpError(Exception):
    """A list did not stand still in any of its walks."""


def count_rows(client: KismetClient, resource: Resource) -> int:
    """Return how many rows the server counts: one cheap request, which also proves the credentials."""
    try:
        payload = client.get(resource.path, {"page": 1, "per_page": 1})
    except NotFoundError as error:
        # Every organization has this list.
        error.message = f"{client.api_url} answered 404, so it is probably not the API's address."
        raise
    page, _ = _parsed(resource, 1, payload)
    client.row_counts[resource.path] = page.total_count
    return page.total_count


def read_lists(
    client: KismetClient,
    resource: Resource,
    listings: Sequence[Listing],
    convert: Callable[[Listing, list[Record]], Chunk],
    on_progress: Callable[[int, int], None],
    walked: dict[Listing, Walked[Chunk]],
) -> None:
    """Read all pages of some lists, at most ``client.max_in_flight`` at a time.

    Parameters
    ----------
    client
        Sends the requests.
    resource
        What the lists are of.
    listings
        Which lists.
    convert
        Makes of the rows of some pages what is to be kept of them; called in the reading threads.
    on_progress
        Called with the number of pages read and the number of pages known.
    walked
        Gets each list as soon as it is read whole. Those that stand in it already are not read again. After a list
        that did not stand still, no more are read.

    Raises
    ------
    KismetError
        A request failed for good, or an answer is not of the documented shape. Nothing goes on in the background.
    """
    todo = [listing for listing in dict.fromkeys(listings) if listing not in walked]
    if not todo:
        return
    reading = _Reading(client, resource, convert, known=len(todo))
    with contextlib.suppress(_GivenUpError), _reading_threads(client) as pool:
        for listing in todo:
            pool.lead(_Walk(reading, listing).steps())
        missing = len(todo)
        while missing:
            if finished := pool.next_finished():
                listing, walked[listing] = finished
                missing -= 1
                if walked[listing].moved:
                    raise _GivenUpError
            on_progress(reading.read, reading.known)


class _Reading(Generic[Chunk]):
    """What the walks of one call have in common."""

    def __init__(
        self,
        client: KismetClient,
        resource: Resource,
        convert: Callable[[Listing, list[Record]], Chunk],
        known: int,
    ) -> None:
        self.client = client
        self.resource = resource
        self.convert = convert
        self.read, self.known = 0, known  # pages
        smaller = [size for size in LAST_RESORT_PAGE_SIZES if size is None or size < client.page_size]
        # Only a list that the documentation cuts into pages is asked for pages.
        self.page_sizes: list[int | None] = [client.page_size, *smaller] if resource.layout == "pages" else [None]


_Steps = Generator["_Batch | None", Any, tuple[Listing, Walked[Any]]]


class _Walk(Generic[Chunk]):
    """Walks one list; ``pages``, ``rows`` and ``chunks`` hold what the present walk has read.

    The generators here yield jobs, or None to wait for the next of those yielded before, and are sent what a job
    returned. So one thread can lead any number of walks.
    """

    def __init__(self, reading: _Reading[Chunk], listing: Listing) -> None:
        self.pages: dict[int, _Page] = {}
        self.rows: dict[int, list[Record]] = {}  # of the pages that are not converted yet
        self.chunks: dict[int, Chunk] = {}  # by the first page of each
        self._further = 0  # how many pages the server says that there are beyond the first
        self._behind: Sequence[Any] = ()  # the keys of the page behind the last
        self._mark: _Page | None = None  # a page as it was before all but the first
        self._reading = reading
        self._resource = reading.resource
        self._listing = listing

    def steps(self) -> _Steps:
        """Walk until nothing moves, a few times at most, and return what was read."""
        for walk in itertools.count(1):
            moved = proof = ""
            try:
                proof = yield from self._walk()
            except _MovedError as signal:
                moved = str(signal)
            except NotFoundError:
                # Only page 1 tells whether there is such a list: a later page goes when the list gets shorter.
                if self.pages:
                    moved = "a page that page 1 had counted is absent (404)"
                elif self._listing.labels:
                    return self._listing, Walked([], gone=True)
                else:
                    raise
            if not moved or walk == MOST_WALKS:
                break
            self._reading.read -= len(self.pages)
            self._reading.known -= self._further
            self.pages.clear()
            self.rows.clear()
            self.chunks.clear()
            self._behind, self._further, self._mark = (), 0, None
            pause = 0.2 * 2 ** (walk - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - a pause, nothing secret
            yield _Batch([operator.methodcaller("pause", pause)])
        for number in sorted(self.rows):  # a walk that came to no good end has left some
            self._convert([number])
        chunks = [self.chunks[number] for number in sorted(self.chunks)]
        rows = sum(len(page.keys) for page in self.pages.values())
        return self._listing, Walked(chunks, rows, len(self.pages), walk, proof, moved)

    def _walk(self) -> Generator[_Batch | None, Any, str]:
        """Read every page once, prove that nothing moved meanwhile, and say how it was proved."""
        yield from self._first_page()
        first = self.pages[1]
        if not self._listing.query:
            self._reading.client.row_counts[self._listing.path] = first.total_count
        last, full = first.last, first.total_count == first.last * first.per_page
        self._further = last - 1
        self._reading.known += self._further
        behind = [last + 1] if full and self._resource.layout == "pages" else []
        newest_last = last > 1 and _in_order(first.keys, operator.lt)
        early: Sequence[int] = ()
        if newest_last:
            if self._mark and self._mark.cut == first.cut and self._mark.number <= last:
                early = range(2, self._mark.number)
            yield from self._fetch([last, *early])
        others = [number for number in range(2, last + 1) if number not in self.pages]
        yield from self._fetch([*others, *([1] if newest_last else []), *behind])
        if early and self._mark and self._mark.keys != self.pages[self._mark.number].keys:
            raise _MovedError(f"page {self._mark.number} had other rows when it was read again")
        keys = [key for number in sorted(self.pages) for key in self.pages[number].keys]
        if len(keys) != first.total_count:
            raise _MovedError(f"total_count is {first.total_count}, but the pages hold {len(keys)} rows")
        rising, falling = newest_last and _in_order(keys, operator.lt), _in_order(keys, operator.gt)
        if not (rising or falling) and len(set(keys)) < len(keys):
            raise _MovedError(f"a row came twice ({len(keys)} rows, {len(set(keys))} different)")
        # Some servers give the last page again for any page behind it.
        if self._behind and self._behind != self.pages[last].keys:
            raise _MovedError(f"page {last + 1} has rows, although it lies behind the last one")
        if last == 1:
            return "one page" if self._resource.layout == "pages" else "one answer"
        if len(keys) >= FEWEST_ORDERED and (rising or falling):
            return "keys in order"
        yield from self._fetch(range(1, last + 1))
        return "every page read twice"

    def _first_page(self) -> Generator[_Batch | None, Any, None]:
        sizes = self._reading.page_sizes
        while not self.pages:
            asked, mark = sizes[0], self._page_to_mark()
            try:
                yield from self._fetch([1, mark] if mark else [1], mark)
            except RequestRefusedError:
                # The page size may be what is refused; without one left to try, it was something else. Another list
                # may have found that out already.
                if len(sizes) == 1 and asked == sizes[0]:
                    raise
                if asked == sizes[0]:
                    del sizes[0]

    def _page_to_mark(self) -> int:
        """Return a page to read together with page 1, or 0 where the list is not expected to have one.

        A list is expected to be as long as it was; one that was never counted, as long as the longest known; and the
        first of all that a client reads, long: this is its one request that may turn out to be for nothing.
        """
        client, listing, size = self._reading.client, self._listing, self._reading.page_sizes[0]
        if size is None or listing.query:
            return 0
        most, counts = client.max_in_flight + 1, client.row_counts
        guess = 0 if listing.labels else max(counts.values(), default=most * size)
        mark = min(most, counts.get(listing.path, guess) // size)
        return mark if mark > 2 else 0  # or else no page lies between the first and it

    def _fetch(self, numbers: Sequence[int], mark: int = 0) -> Generator[_Batch | None, Any, None]:
        """Keep pages as they come in; compare those that are known already. Page ``mark`` is only to compare with."""
        batch = _Batch([self._job(number, is_mark=number == mark) for number in numbers])
        try:
            asked: _Batch | None = batch
            for _ in numbers:
                answer = yield asked
                asked = None
                if answer is None:
                    continue
                if answer[0] != mark:
                    self._take(*_parsed(self._resource, *answer))
                else:
                    with contextlib.suppress(UnexpectedAnswerError):
                        self._mark, _ = _parsed(self._resource, *answer)
                if mark and self.pages and self.pages[1].last < mark:
                    break  # there is no such page, and a server may take its time to say so
        finally:
            batch.over = True

    def _job(self, number: int, *, is_mark: bool) -> _Job:
        resource, listing, size = self._resource, self._listing, self._reading.page_sizes[0]
        behind = bool(self.pages) and number > self.pages[1].last
        params: dict[str, str | int] = dict(listing.query)
        if resource.layout == "pages" or number > 1:
            params["page"] = number
        if size:
            params["per_page"] = size

        def run(lane: Lane) -> tuple[int, Any] | None:
            try:
                return number, lane.get(listing.path, params, resource=resource.name, page=number)
            except (NotFoundError, RequestRefusedError):
                if not (behind or is_mark):
                    raise
            except KismetError:
                # Some servers fail for a page that there is not, and the list may have got that short.
                if not is_mark:
                    raise
            return None

        return run

    def _take(self, page: _Page, rows: list[Record]) -> None:
        if page.last > MOST_PAGES:
            raise UnexpectedAnswerError(
                f"total_pages is {page.last}, which is taken for a mistake. Report it with the endpoint "
                f"{self._resource.path}; a larger page_size makes fewer pages.",
                status=200,
                resource=self._resource.name,
                page=1,
            )
        first, known = self.pages.get(1, page), self.pages.get(page.number)
        if page.number > first.last:
            self._behind = page.keys
            return
        if page.cut != first.cut:
            raise _MovedError(
                f"total_count was {first.total_count} ({first.total_pages} pages) on page 1 and {page.total_count} "
                f"({page.total_pages} pages) on page {page.number}"
            )
        if known and page.keys != known.keys:
            raise _MovedError(f"page {page.number} had other rows when it was read again")
        if len(page.keys) != page.rows_due:
            raise _MovedError(
                f"page {page.number} has {len(page.keys)} rows where a total_count of {page.total_count} calls for "
                f"{page.rows_due}"
            )
        if not known:
            self.pages[page.number] = page
            self.rows[page.number] = rows
            self._reading.read += 1
            size = max(1, ROWS_A_CHUNK // page.per_page)
            start = page.number - (page.number - 1) % size
            together = range(start, min(start + size, first.last + 1))
            if all(number in self.rows for number in together):
                self._convert(together)

    def _convert(self, numbers: Sequence[int]) -> None:
        rows = [row for number in numbers for row in self.rows.pop(number)]
        self.chunks[numbers[0]] = self._reading.convert(self._listing, rows)


def _parsed(resource: Resource, number: int, payload: object) -> tuple[_Page, list[Record]]:
    """Check that an answer is the page asked for, in the documented shape, and return it with its rows."""
    try:
        rows = _rows(resource, payload)
        per_page, total_pages, total_count = _counts(resource, number, payload, len(rows))
    except _ShapeError as problem:
        text = f"{problem}, so the table cannot be proved complete. Report it with the endpoint {resource.path}."
    else:
        # What tells the rows of one list apart.
        key = next(name for name in reversed(resource.key) if name not in resource.parameters)
        keys = [row.get(key) for row in rows]
        return _Page(number, per_page, total_pages, total_count, _compact(keys, rows)), rows
    raise UnexpectedAnswerError(text, status=200, resource=resource.name, page=number)


class _ShapeError(Exception):
    """An answer is not of the documented shape; the text says what is wrong."""


def _rows(resource: Resource, payload: object) -> list[Record]:
    if resource.layout == "maps":
        return _rows_of_maps(resource, payload)
    rows = payload.get(resource.envelope) if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise _ShapeError(f'the answer has no list named "{resource.envelope}"')
    if not set(map(type, rows)) <= {dict}:
        raise _ShapeError(f'"{resource.envelope}" holds something other than objects')
    return rows


def _counts(resource: Resource, number: int, payload: Any, rows: int) -> tuple[int, int, int]:  # noqa: ANN401 - JSON
    """Return page size, number of pages and number of rows, as the server counts them."""
    pagination = payload.get("pagination")
    if pagination is None and resource.layout != "pages":
        return max(1, rows), 1, rows
    if not isinstance(pagination, dict):
        raise _ShapeError('the answer has no "pagination" block')
    counts = {}
    for name, least in (("current_page", 1), ("per_page", 1), ("total_pages", 0), ("total_count", 0)):
        value = pagination.get(name)
        if type(value) is not int or value < least:
            raise _ShapeError(f'the pagination\'s "{name}" is missing or not a number of at least {least}')
        counts[name] = value
    past_the_end = number > max(1, counts["total_pages"])
    if counts["current_page"] != number and not past_the_end:
        raise _ShapeError(f"page {number} was asked for and page {counts['current_page']} came")
    if max(1, counts["total_pages"]) != max(1, -(-counts["total_count"] // counts["per_page"])):
        raise _ShapeError(
            f"total_pages is {counts['total_pages']}, but {counts['total_count']} rows at {counts['per_page']} "
            "per page make another number"
        )
    return counts["per_page"], counts["total_pages"], counts["total_count"]


def _rows_of_maps(resource: Resource, payload: object) -> list[Record]:
    """Join maps from a day to a value into one row per day; a day that a map lacks is missing there."""
    day = resource.key[-1]
    names = [column.name for column in resource.columns if column.name not in resource.key]
    sent = payload if isinstance(payload, dict) else {}
    for name in names:
        if not isinstance(sent.get(name, {}), dict):
            raise _ShapeError(f'"{name}" is not a map from a day to a value')
    # Other maps are kept if they are such maps too; what else stands beside them is about them, not in them.
    maps = {
        name: values
        for name, values in sent.items()
        if isinstance(values, dict) and (name in names or (name != day and any(map(_DAY.match, values))))
    }
    if not any(name in maps for name in names):
        raise _ShapeError("the answer has none of the documented maps from a day to a value")
    days = sorted({text for values in maps.values() for text in values})
    return [{day: text, **{name: values.get(text) for name, values in maps.items()}} for text in days]


def _compact(keys: list[Any], rows: list[Record]) -> Sequence[Any]:
    """Return what tells rows apart: their keys, or where one is missing or no plain value, all of its row."""
    types = set(map(type, keys))
    if types == {int}:
        with contextlib.suppress(OverflowError):
            return array("q", keys)  # a fifth of the list
    if types <= {int, str}:
        return keys
    return [key if isinstance(key, int | str) else repr(row) for key, row in zip(keys, rows, strict=True)]


def _in_order(keys: Sequence[Any], before: Callable[[int, int], bool]) -> bool:
    return set(map(type, keys)) == {int} and all(map(before, keys, keys[1:]))


_Job = Callable[["Lane"], Any]


@dataclass(slots=True)
class _Batch:
    """Jobs of one walk; once it is over, those not begun are dropped and the others' results are passed over."""

    jobs: list[_Job]
    over: bool = False
    steps: _Steps | None = field(default=None)


class _Pool:
    """Leads the walks: hands their jobs to reading threads, and what these return to the walks.

    A thread is started for a job that waits, as long as one more is of use: where answers come faster than they can
    be worked on, the threads would only take the interpreter's lock from each other.
    """

    def __init__(self, client: KismetClient, lend: Callable[[], Lane]) -> None:
        self.threads: list[tuple[threading.Thread, Lane]] = []
        self._most = client.max_in_flight
        self._lend = lend
        self._open = True
        self._lock = threading.Lock()
        self._of_begun: deque[tuple[_Job, _Batch]] = deque()
        self._of_new: deque[tuple[_Job, _Batch]] = deque()
        self._todo: queue.SimpleQueue[bool] = queue.SimpleQueue()  # whether to go on: once for each job in the two
        self._news: queue.SimpleQueue[tuple[Listing, Walked[Any]] | BaseException] = queue.SimpleQueue()
        self._elapsed = self._computed = 0.0  # seconds that jobs took, and of these their threads
        self._looked = 0.0

    def lead(self, steps: _Steps) -> None:
        """Take on a walk."""
        with self._lock:
            self._advance(steps, None, None, self._of_new)
            if not self.threads:
                self._start_threads(1)

    def next_finished(self) -> tuple[Listing, Walked[Any]] | None:
        """Wait for a walk to finish, or for a moment; raise what a walk could not go on after."""
        news = None
        with contextlib.suppress(queue.Empty):
            news = self._news.get(timeout=TICK if self._looked else MOMENT)
        if isinstance(news, BaseException):
            raise news
        with self._lock:
            self._start_threads(self._todo.qsize())
        if time.monotonic() - self._looked > TICK:
            self._looked = time.monotonic()
            for _, lane in tuple(self.threads):
                lane.cut_if_overdue()
        return news

    def close(self) -> None:
        """Begin no more jobs."""
        with self._lock:
            self._open = False
        for _ in self.threads:
            self._todo.put(False)  # noqa: FBT003 - an item

    def _work(self, lane: Lane) -> None:
        while (item := self._next_for(lane)) is not None and self._open and not lane.cancelled.is_set():
            job, batch = item
            if batch.over:
                continue
            result = error = None
            started, computed = time.perf_counter(), time.thread_time()
            try:
                result = job(lane)
            except FetchEndedError:
                return
            except BaseException as problem:  # noqa: BLE001 - it is raised where the walk, or the caller, waits
                error = problem
            lane.catch_up()  # should the job have needed no wait
            with self._lock:
                self._elapsed += time.perf_counter() - started
                self._computed += time.thread_time() - computed
            lane.meanwhile = functools.partial(self._hand_over, batch, result, error)
            if error is not None:
                lane.catch_up()

    def _next_for(self, lane: Lane) -> tuple[_Job, _Batch] | None:
        """Return the next job; where there is none as yet, what was put off comes first, for it may bring some."""
        try:
            go_on = self._todo.get_nowait()
        except queue.Empty:
            lane.catch_up()
            go_on = self._todo.get()
        if not go_on:
            return None
        with contextlib.suppress(IndexError):
            return self._of_begun.popleft()
        return self._of_new.popleft()

    def _hand_over(self, batch: _Batch, result: Any, error: BaseException | None) -> None:  # noqa: ANN401 - any job's
        """Give a walk what one of its jobs returned or raised. A lane does this while its next request is under way."""
        with self._lock:
            if not self._open or batch.over or batch.steps is None:
                return
            try:
                self._advance(batch.steps, result, error, self._of_begun)
                self._start_threads(self._todo.qsize() - 1)  # this one takes a job itself
            except BaseException as problem:  # noqa: BLE001 - it is raised where the caller waits
                self._open = False
                if problem is not error:
                    # Its frames lead to those of the request that is under way, which hold the secret.
                    if not isinstance(problem, KismetError):
                        problem.add_note(traceback.format_exc())
                    problem.__traceback__ = problem.__context__ = None
                self._news.put(problem)

    def _advance(
        self,
        steps: _Steps,
        result: Any,  # noqa: ANN401 - any job's
        error: BaseException | None,
        todo: deque[tuple[_Job, _Batch]],
    ) -> None:
        """Let a walk go on with what one of its jobs returned or raised, and take on the jobs that it asks for."""
        try:
            batch = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as end:
            self._news.put(end.value)
            return
        if batch is not None:
            batch.steps = steps
            for job in batch.jobs:
                todo.append((job, batch))
                self._todo.put(True)  # noqa: FBT003 - an item

    def _start_threads(self, waiting: int) -> None:
        useful = self._most
        if self._computed:
            useful = min(useful, 1 + int(USEFUL * self._elapsed / self._computed))
        for _ in range(min(waiting, useful - len(self.threads))):
            lane = self._lend()
            thread = threading.Thread(target=self._work, args=(lane,), daemon=True, name="kismet_nb")
            self.threads.append((thread, lane))
            thread.start()


@contextlib.contextmanager
def _reading_threads(client: KismetClient) -> Iterator[_Pool]:
    """Lend a pool that runs jobs on the client's lanes, side by side.

    The calling thread only waits, so an interrupt is heard at once and finds no request in its frames. However
    the block ends, no thread goes on.
    """
    with client.lanes() as lend:
        pool = _Pool(client, lend)
        finished = False
        try:
            yield pool
            finished = True
        finally:
            pool.close()
            for _, lane in pool.threads:
                if not finished:
                    lane.cancel()
            # Whoever is still at work when all is read is at what nobody needs.
            give_up_at = time.monotonic() + (0.1 if finished else 2)
            for thread, lane in pool.threads:
                if thread.ident is None:
                    continue  # an interrupt, or a machine without room, came before it started
                thread.join(max(0.0, give_up_at - time.monotonic()))
                if thread.is_alive():
                    lane.cancel()  # still busy with what nobody waits for any more: the lane is not lent again
