"""Read all pages of one list, and prove that the list did not change meanwhile.

Pages are cut by position. If a row is added or removed meanwhile, all later rows shift: one is read twice, or another
never. Counting does not detect this. With one deletion per page, an attempt over 100 users reads 97 different rows,
and total_count is 97 too, but three users who existed throughout are missing.

Each attempt checks that every page is the one asked for, and that all pages agree on page size, number of pages and
total. Each page must have as many rows as these say. No key may be a duplicate, and no row may follow the last page.
One case remains: between two responses, one row is removed and another is added. It is excluded as follows:

* A list of one page is one response, and so a consistent snapshot.
* If the keys rise through the whole list, new rows are added at its end. The last page is read before all others
  (page 1, which says how many there are, is read again after it). A row added later would have a key beyond those
  of the last page and break the order. So all keys belong to rows that existed when the last page was read. There are
  as many as the list had then, and all are different: they are that list. If the keys fall, the same holds for page 1.
* In any other list, a row may be added anywhere, so every page is read a second time.

In the second case, an older key may still appear late: a row gets its key at insertion, but appears when its
transaction commits, and a deleted row may be restored. Such a row is fresh. So one reading is a proof only if no row
was created or changed within the five minutes before page 1, by the server's clock. Otherwise every page is read a
second time, and must be the same. ``verify="twice"`` always does so.

Rows that are added at the end of a list with rising keys, after its last page was read, are left for the next fetch.
The last page is then read again, to check that it begins with the same rows.

So the table is the server's list at one moment. This assumes that all responses come from one database that does not
lag behind, without a cache in between. It also assumes that a transaction commits within five minutes, and that
restoring a deleted row sets its ``updated_at``. Only ``verify="twice"`` detects a row for which this is not true. An
edited row does not count as a change of the list: each row is as it was when its page was read. If the list changed,
the attempt is discarded, and the list is read again, in five attempts at most.
"""

from __future__ import annotations

import functools
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from kismet_nb.errors import (
    KismetError,
    NotFoundError,
    RequestRefusedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from kismet_nb.fetch.completeness import Attempt, ListChangedError
from kismet_nb.fetch.pages import Page, Record, parse_page
from kismet_nb.fetch.query import ListResult
from kismet_nb.transport.workers import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kismet_nb.fetch.progress import PageCounter
    from kismet_nb.fetch.query import Query
    from kismet_nb.resources import Resource
    from kismet_nb.transport.client import Verify
    from kismet_nb.transport.workers import Workers

__all__ = ["ListReader", "OnError"]

OnError = Literal["raise", "skip"]

MAX_ATTEMPTS = 5
SMALLER_PAGES = (100, None)  # requested in this order if larger pages are refused; None leaves the size to the server

Chunk = TypeVar("Chunk")


class ListReader(Generic[Chunk]):
    """Reads lists of one resource; ``read`` is called in the threads of a fetch.

    Parameters
    ----------
    workers
        The threads that send the requests.
    resource
        The resource of the lists.
    page_size
        The number of rows to request in a page.
    verify
        Whether every page is always read twice.
    on_error
        ``"raise"`` ends the fetch if a list cannot be read. ``"skip"`` returns the list with its error.
    convert
        Converts the rows of some pages to the form in which they are kept.
    counter
        Counts the pages, for the progress bar.
    """

    def __init__(
        self,
        workers: Workers,
        resource: Resource,
        page_size: int,
        verify: Verify,
        on_error: OnError,
        convert: Callable[[Query, list[Record]], Chunk],
        counter: PageCounter,
    ) -> None:
        self._workers = workers
        self._resource = resource
        self._always_twice = verify == "twice"
        self._skip_errors = on_error == "skip"
        self._personal = {column.name for column in resource.columns if column.personal}
        self._convert = convert
        self._counter = counter
        # Only lists that are documented to have pages get these parameters.
        smaller = [size for size in SMALLER_PAGES if size is None or size < page_size]
        self._page_sizes: list[int | None] = [page_size, *smaller] if resource.layout == "pages" else [None]

    def read(self, query: Query) -> ListResult[Chunk]:
        """Read a list until it does not change meanwhile, in five attempts at most.

        Raises
        ------
        KismetError
            The list cannot be read and may not be skipped, or the server cannot be reached.
        """
        try:
            return self._read(query)
        except KismetError as error:
            error.list_of = self._describe(query)
            if not (self._skip_errors and query.labels and _concerns_one_list(error)):
                raise
            return ListResult([], error=error.with_traceback(None))

    def _read(self, query: Query) -> ListResult[Chunk]:
        duplicates: frozenset[Any] = frozenset()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            pages = Attempt(self._resource, lambda rows: self._convert(query, rows), self._counter)
            change, proof, unordered = "", "", False
            try:
                proof = self._read_once(query, pages)
            except ListChangedError as changed:
                change = str(changed)
                unordered = bool(duplicates) and duplicates == changed.duplicates
                duplicates = changed.duplicates
            except NotFoundError as error:
                # Only page 1 shows whether the list exists. A later page disappears if the list becomes shorter.
                if not pages.read:
                    if query.labels:
                        return ListResult([], missing=True)
                    error.message = (
                        f"The server responded with 404 for {query.path}. Either the API's address is wrong, or this "
                        "API has no such list."
                    )
                    raise
                change = "a page that page 1 had counted is missing (404)"
            if not change or unordered or attempt == MAX_ATTEMPTS:
                break
            pages.discard()
            self._workers.pause(0.2 * 2 ** (attempt - 1) * random.uniform(0.8, 1.2))  # noqa: S311 - nothing secret
        rows = sum(len(page.keys) for page in pages.read.values())
        result = ListResult(pages.chunks(), rows, len(pages.read), attempt, proof, change, unordered)
        return replace(result, per_page=pages.read[1].per_page, rising=pages.keys_rise) if pages.read else result

    def _read_once(self, query: Query, pages: Attempt[Chunk]) -> str:
        """Read every page, and return the proof that the list did not change meanwhile."""
        size, page, rows = self._read_first_page(query)
        read = functools.partial(self._read_page, query, size)
        first = pages.add(page, rows)
        if pages.rising:
            page, rows = read(first.last)
            if page.last > first.last:  # the list has grown by a page since page 1
                page, rows = read(page.last)
            pages.add_last(page, rows)
        last = pages.read[1].last
        numbers = [number for number in range(2, last + 1) if number not in pages.read]
        if pages.rising:
            numbers.append(1)
        ends_as_before = query.known and query.known.ends_with(pages.read.get(last))
        if pages.full and self._resource.layout == "pages" and not ends_as_before:
            numbers.append(last + 1)
        self._read_pages(read, numbers, pages)
        if pages.grown:
            pages.check_growth(*read(last))
        proof = pages.proof()
        if not proof or (self._always_twice and last > 1):
            self._read_pages(read, range(1, last + 1), pages)
            return "every page read twice"
        return proof

    def _read_first_page(self, query: Query) -> tuple[int | None, Page, list[Record]]:
        """Read page 1, and return it with the requested page size, which is reduced if the server refuses it.

        Other lists start with the accepted size. If every size is refused, the size is not the reason, and stays.
        """
        sizes = self._page_sizes
        while True:
            try:
                page, rows = self._read_page(query, sizes[0], 1)
            except RequestRefusedError as error:
                if error.status not in {400, 422} or len(sizes) == 1:
                    raise
                sizes = sizes[1:]
            else:
                self._page_sizes = sizes
                return sizes[0], page, rows

    def _read_pages(
        self, read: Callable[[int], tuple[Page, list[Record]]], numbers: Iterable[int], pages: Attempt[Chunk]
    ) -> None:
        """Read pages in parallel. For the page after the last one, some servers return an error."""
        last = pages.read[1].last

        def read_or_none(number: int) -> tuple[Page, list[Record]] | None:
            try:
                return read(number)
            except (NotFoundError, RequestRefusedError):
                if number <= last:
                    raise
            return None

        for result in self._workers.map(read_or_none, numbers):
            if result:
                pages.add(*result)

    def _read_page(self, query: Query, size: int | None, number: int) -> tuple[Page, list[Record]]:
        number += query.known.pages if query.known else 0
        params: dict[str, str | int] = dict(query.params)
        if self._resource.layout == "pages" or number > 1:
            params["page"] = number
        if size:
            params["per_page"] = size
        resource = self._resource
        request = Request(query.path, params, resource.path, resource.name, number, one_of_many=bool(query.labels))
        page, rows = parse_page(self._resource, number, self._workers.get(request))
        return query.known.page_after(page) if query.known else page, rows

    def _describe(self, query: Query) -> str | None:
        """Return whose list it is. A slug is a person's name, and is left out of errors and logs."""
        owners = [
            name.removeprefix("organization_").removesuffix("_id").removesuffix("_slug").replace("_", " ")
            + ("" if name in self._personal else f" {value}")
            for name, value in query.labels
            if value is not None
        ]
        return ", ".join(owners) or None


def _concerns_one_list(error: KismetError) -> bool:
    """Return whether an error concerns one list only, unlike overload, a proxy or a lost connection."""
    if isinstance(error, UnavailableError):
        return error.status == 500
    if error.status in {None, 407}:  # not from the API; a wrong proxy password must not be sent again for each list
        return False
    return isinstance(error, RequestRefusedError | UnexpectedAnswerError)
