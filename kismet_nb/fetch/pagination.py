"""All pages of one list, with the proof that the list did not change while they were read.

Pages are cut by position, so a row that is added or removed meanwhile shifts every later row: one is then read twice,
another never. Counting does not show it. With one deletion for each page read, an attempt over 100 users returns 97
different rows against a total of 97, and three users who were there throughout are missing.

Each attempt checks that every page is the one asked for, that all pages agree on page size, number of pages and total,
that each page has as many rows as these say, that no key is a duplicate, and that there are no rows after the last
page. What that leaves open is a row that is removed and another that is added between two responses:

* A list of one page is one response, and so one moment.
* If the keys rise through the whole list, new rows are added at its end. The last page is read before all others
  (page 1, which says how many there are, is read once more after it). A row added later would have a key beyond those
  of the last page and break the order. So all keys belong to rows that existed when the last page was read. There are
  as many as the list had then, and all are different: they are that list. If the keys fall, the same holds for page 1.
* In any other list, a row may be added anywhere, and every page is read a second time.

A database breaks the second case: a row gets its key when it is inserted and appears when its transaction commits, and
a deleted row may be restored. Such a row is fresh. So one reading is the proof only if no row was created or changed
within the five minutes before page 1, by the server's own clock. Otherwise every page is read a second time, and must
be the same; ``verify="twice"`` always does so.

Rows that are added at the end of a list with rising keys, after the last page was read, are left for the next fetch.
The last page is then read again, to see that it begins with the same rows. Rows added before that are part of the list:
its last page says how many rows there are, and not page 1.

So the table is the server's list as it was at one moment. This assumes one database that does not lag behind, no cache
in between, and that whoever restores a row touches its ``updated_at``. An edited row is no change of the list: each
row is as it was when its page was read. If the list changed, the attempt is thrown away and the list is read again, a
few times.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kismet_nb.errors import NotFoundError, RequestRefusedError, UnexpectedAnswerError
from kismet_nb.fetch.attempt import Attempt, ListChangedError
from kismet_nb.fetch.pages import Page, Record, parse_page
from kismet_nb.transport.workers import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kismet_nb.fetch.progress import PageCounter
    from kismet_nb.resources import Resource
    from kismet_nb.transport.client import Verify
    from kismet_nb.transport.workers import Workers

__all__ = ["ListReader", "ListResult", "Query"]

MAX_ATTEMPTS = 5
SMALLER_PAGES = (100, None)  # asked for in turn if a larger page is refused; None leaves the size to the server

Chunk = TypeVar("Chunk")


@dataclass(frozen=True, slots=True)
class Query:
    """One list to read.

    Attributes
    ----------
    path
        Its endpoint.
    params
        Which of its rows, as pairs of names and values.
    labels
        Columns that its rows get, as pairs of names and values, to tell them from those of other lists.
    days
        Of daily figures, the first and the last day to keep; ``params`` may ask for more.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, Any], ...] = ()
    days: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ListResult(Generic[Chunk]):
    """A list as it was read.

    Attributes
    ----------
    chunks
        What ``convert`` made of the rows, some pages at a time, in the order of pages.
    rows, pages, attempts
        How many of each there were.
    proof
        What shows that the list did not change while it was read.
    change
        What shows that it did, in words; empty for a complete list.
    unordered
        Whether the same rows were read twice in two attempts: the list did not change, but has no unique order.
    missing
        Whether the server knows no such list (404).
    """

    chunks: list[Chunk]
    rows: int = 0
    pages: int = 0
    attempts: int = 1
    proof: str = ""
    change: str = ""
    unordered: bool = False
    missing: bool = False


class ListReader(Generic[Chunk]):
    """Reads lists of one resource; ``read`` is called in the threads of a fetch.

    Parameters
    ----------
    workers
        What sends the requests.
    resource
        What the lists are of.
    page_size
        Rows to ask for in a page.
    verify
        Whether every page is always read twice.
    convert
        Makes of the rows of some pages what is to be kept of them.
    counter
        Counts the pages, for the progress bar.
    """

    def __init__(
        self,
        workers: Workers,
        resource: Resource,
        page_size: int,
        verify: Verify,
        convert: Callable[[Query, list[Record]], Chunk],
        counter: PageCounter,
    ) -> None:
        self._workers = workers
        self._resource = resource
        self._always_twice = verify == "twice"
        self._personal = {column.name for column in resource.columns if column.personal}
        self._convert = convert
        self._counter = counter
        # Only a list that is documented to have pages is asked for pages.
        smaller = [size for size in SMALLER_PAGES if size is None or size < page_size]
        self._page_sizes: list[int | None] = [page_size, *smaller] if resource.layout == "pages" else [None]

    def read(self, query: Query) -> ListResult[Chunk]:
        """Read a list until it does not change meanwhile, a few times at most."""
        duplicates: frozenset[Any] = frozenset()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            pages = Attempt(self._resource, lambda rows: self._convert(query, rows), self._counter)
            change, proof, unordered = "", "", False
            try:
                proof = self._read_once(query, pages)
            except ListChangedError as signal:
                change = str(signal)
                unordered = bool(duplicates) and duplicates == signal.duplicates
                duplicates = signal.duplicates
            except NotFoundError as error:
                # Only page 1 shows whether there is such a list. A later page disappears if the list gets shorter.
                if not pages.read:
                    if query.labels:
                        return ListResult([], missing=True)
                    error.message = (
                        f"The server answered 404 for {query.path}. Either the API's address is wrong, or this API "
                        "has no such list."
                    )
                    raise
                change = "a page that page 1 had counted is absent (404)"
            except UnexpectedAnswerError as error:
                error.list_of = self._describe(query)
                raise
            if not change or unordered or attempt == MAX_ATTEMPTS:
                break
            pages.discard()
            self._workers.pause(0.2 * 2 ** (attempt - 1) * random.uniform(0.8, 1.2))  # noqa: S311 - nothing secret
        rows = sum(len(page.keys) for page in pages.read.values())
        return ListResult(pages.chunks(), rows, len(pages.read), attempt, proof, change, unordered)

    def _read_once(self, query: Query, pages: Attempt[Chunk]) -> str:
        """Read every page, prove that the list did not change meanwhile, and return how that was proved."""
        first = pages.add(*self._read_first_page(query))
        if pages.rising:
            while (last := pages.read[1].last) not in pages.read:  # again, if the list grew beyond it
                pages.add(*self._read_page(query, last))
            first = pages.read[1]
            numbers = [*range(2, first.last), 1]
        else:
            numbers = list(range(2, first.last + 1))
        if pages.full and self._resource.layout == "pages":
            numbers.append(first.last + 1)
        self._read_pages(query, numbers, pages)
        if pages.grown:
            pages.check_growth(*self._read_page(query, first.last))
        proof = pages.proof()
        if not proof or (self._always_twice and first.last > 1):
            self._read_pages(query, range(1, first.last + 1), pages)
            return "every page read twice"
        return proof

    def _read_first_page(self, query: Query) -> tuple[Page, list[Record]]:
        while True:
            asked = self._page_sizes[0]
            try:
                return self._read_page(query, 1)
            except RequestRefusedError as error:
                # The page size may be what is refused. Another list may have found that out already.
                smaller = [size for size in self._page_sizes if size != asked]
                if error.status not in {400, 422} or not smaller:
                    raise
                self._page_sizes = smaller

    def _read_pages(self, query: Query, numbers: Iterable[int], pages: Attempt[Chunk]) -> None:
        """Read pages side by side. Servers differ in what they answer for the page after the last one."""
        last = pages.read[1].last

        def read(number: int) -> tuple[Page, list[Record]] | None:
            try:
                return self._read_page(query, number)
            except (NotFoundError, RequestRefusedError):
                if number <= last:
                    raise
            return None

        for result in self._workers.map(read, numbers):
            if result:
                pages.add(*result)

    def _read_page(self, query: Query, number: int) -> tuple[Page, list[Record]]:
        params: dict[str, str | int] = dict(query.params)
        if self._resource.layout == "pages" or number > 1:
            params["page"] = number
        if self._page_sizes[0]:
            params["per_page"] = self._page_sizes[0]
        request = Request(query.path, params, self._resource.name, number, self._describe(query))
        return parse_page(self._resource, number, self._workers.get(request))

    def _describe(self, query: Query) -> str | None:
        """Name whose list it is; a slug is a person's name, and stays out of errors and logs."""
        owners = [
            name.removeprefix("organization_").removesuffix("_id").removesuffix("_slug").replace("_", " ")
            + ("" if name in self._personal else f" {value}")
            for name, value in query.labels
            if value is not None
        ]
        return ", ".join(owners) or None
