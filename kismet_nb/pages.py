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
* If the last page is full, the page behind it is asked for too, and must be empty.

So the table is the server's list as it was at one moment, if (second case) new rows get keys beyond all others.
An edit of a row is no movement: each row is as it was when its page was read. Where anything moved, the walk is
thrown away and made again, a few times; after that the reader gets an error.
"""

from __future__ import annotations

import array
import contextlib
import heapq
import itertools
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kismet_nb.errors import KismetError, NotFoundError, RequestRefusedError, UnexpectedAnswerError
from kismet_nb.gate import FetchEndedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kismet_nb.client import KismetClient, Lane
    from kismet_nb.resources import Resource

__all__ = ["Listing", "Walked", "count_rows", "read_lists"]

MOST_WALKS = 5
TICK = 0.25  # seconds between looks at overdue requests

Record = dict[str, Any]
Chunk = TypeVar("Chunk")


@dataclass(frozen=True, slots=True)
class Listing:
    """One list to be read: a resource at a path, perhaps filtered."""

    resource: Resource
    path: str
    params: dict[str, str | int] = field(default_factory=dict)


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


def count_rows(client: KismetClient, resource: Resource) -> int:
    """Return how many rows the server counts: one cheap request, which also proves the credentials."""
    listing = Listing(resource, resource.path)
    payload = client.get(listing.path, {"page": 1, "per_page": 1}, resource=resource.name)
    return _parse(listing, 1, payload, convert=len).total


def read_lists(
    client: KismetClient,
    listings: Sequence[Listing],
    convert: Callable[[list[Record]], Chunk],
    on_progress: Callable[[int, int], None] = lambda _done, _known: None,
) -> list[Walked[Chunk]]:
    """Read all pages of all listings and return them in the order given.

    Parameters
    ----------
    client
        Sends the requests, at most ``client.max_in_flight`` at a time.
    listings
        The lists.
    convert
        Makes of the rows of one page what is to be kept of them; called in the reading threads.
    on_progress
        Called with the number of pages read and the number known to be needed.

    Raises
    ------
    KismetError
        A request failed for good, or an answer is not a page of a list. Nothing goes on in the background.
    """
    page_sizes = _PageSizes(client.page_size)
    walks = [_Walk(listing, convert, page_sizes, client.max_in_flight) for listing in listings]
    later: list[tuple[float, int, _Request[Chunk]]] = []
    order = itertools.count()
    with _reading_threads(client) as (todo, done):

        def send(requests: list[_Request[Chunk]]) -> None:
            for request in requests:
                if request.delay:
                    heapq.heappush(later, (time.monotonic() + request.delay, next(order), request))
                else:
                    todo(request)

        for walk in walks:
            send(walk.begin())
        while any(walk.result is None for walk in walks) if len(walks) < 2 else _Unfinished.any(walks):
            while later and later[0][0] <= time.monotonic():
                todo(heapq.heappop(later)[2])
            outcome = done()
            if outcome is not None:
                request, page = outcome
                send(request.walk.take(request, page))
                on_progress(sum(len(walk.pages) for walk in walks), sum(walk.pages_known for walk in walks))
    return [walk.result for walk in walks if walk.result is not None]
