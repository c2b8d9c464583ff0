"""One attempt to read a list: its pages, and the checks that they belong to one unchanged list."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kismet_nb.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kismet_nb.fetch.pages import Page, Record
    from kismet_nb.fetch.progress import PageCounter
    from kismet_nb.resources import Resource

__all__ = ["Attempt", "ListChangedError"]

MAX_PAGES = 10**5
MIN_ORDERED_KEYS = 8  # fewer may be in order by chance
FRESH_SECONDS = 300  # for so long, the transaction that created a row may still be open
ROWS_PER_CHUNK = 1000  # converted together: smaller chunks waste memory

Chunk = TypeVar("Chunk")


class ListChangedError(Exception):
    """The list changed during an attempt to read it. The message says how this was detected.

    Attributes
    ----------
    duplicates
        The keys that were read more than once.
    """

    def __init__(self, text: str, duplicates: frozenset[Any] = frozenset()) -> None:
        super().__init__(text)
        self.duplicates = duplicates


@dataclass(slots=True)
class Attempt(Generic[Chunk]):
    """The pages of one attempt to read a list, and the checks that they are one list.

    Attributes
    ----------
    read
        The pages, by their numbers.
    grown
        Whether rows were added at the end of the list after its last page was read. They are left out.
    keys_rise
        Whether the keys rise through all pages, once ``proof`` has returned.
    """

    resource: Resource
    convert: Callable[[list[Record]], Chunk]
    counter: PageCounter
    read: dict[int, Page] = field(default_factory=dict)
    grown: bool = False
    keys_rise: bool = False
    _rows: dict[int, list[Record]] = field(default_factory=dict)  # by page, until they are converted
    _chunks: dict[int, Chunk] = field(default_factory=dict)  # by the number of their first page
    _after: Sequence[Any] = ()  # the keys of the page after the last
    _largest_total: int = 0

    @property
    def rising(self) -> bool:
        """Whether the list has several pages and the keys of the first one rise, so that new rows come last."""
        first = self.read[1]
        return first.last > 1 and _in_order(first.keys, operator.lt)

    @property
    def full(self) -> bool:
        """Whether the last page is full, so that the list could go on after it."""
        first = self.read[1]
        return first.total_count == first.last * first.per_page

    @property
    def fresh(self) -> bool:
        """Whether a row may be younger than five minutes before page 1, by the server's clock."""
        date = self.read[1].date
        newest = [page.newest for page in self.read.values()]
        return date is None or any(moment is None or moment > date - FRESH_SECONDS for moment in newest)

    def add(self, page: Page, rows: list[Record]) -> Page:
        """Keep a page. If it was read before, compare it.

        Raises
        ------
        ListChangedError
            The page does not fit the other pages.
        """
        if not self.read:
            self._check_size(page)
            self.counter.add_known(page.last - 1)
        first = self.read.get(1, page)
        if page.number > first.last:
            self._add_after_the_end(page, first)
            return page
        self._check_counts(page, first)
        if page.number == first.last and self.grown:
            due = first.total_count - (first.last - 1) * first.per_page
            page, rows = replace(page, keys=page.keys[:due]), rows[:due]
        known = self.read.get(page.number)
        if known is None:
            self.read[page.number] = page
            self._rows[page.number] = rows
            self.counter.add_read(1)
            self._convert_full_chunk(page, first.last)
        elif page.keys != known.keys:
            raise ListChangedError(f"page {page.number} had other rows when it was read again")
        return page

    def add_last(self, page: Page, rows: list[Record]) -> None:
        """Keep the last page, read right after page 1; rows that were added in between belong to the list.

        Raises
        ------
        ListChangedError
            The page does not fit page 1, or is no longer the last one.
        """
        first = self.read[1]
        if page.number < page.last:
            raise ListChangedError(f"the list had {page.last} pages when page {page.number} was read as the last one")
        if page.per_page == first.per_page and page.total_count > first.total_count:
            self.read[1] = replace(first, total_pages=page.total_pages, total_count=page.total_count)
            self.counter.add_known(page.last - first.last)
        self.add(page, rows)

    def check_growth(self, page: Page, rows: list[Record]) -> None:
        """Check with a second reading of the last page that rows were added at the end only.

        Raises
        ------
        ListChangedError
            The page begins with other rows, or the list has become shorter again.
        """
        self.add(page, rows)
        if page.total_count < self._largest_total:
            raise ListChangedError(
                f"total_count was {self.read[1].total_count}, then {self._largest_total}, then {page.total_count}"
            )

    def proof(self) -> str:
        """Return the proof that the list did not change, or an empty text if every page must be read again.

        Raises
        ------
        ListChangedError
            The number of rows is wrong, a key is a duplicate, or there are rows after the last page.
        """
        first = self.read[1]
        keys = [key for number in sorted(self.read) for key in self.read[number].keys]
        if len(keys) != first.total_count:
            raise ListChangedError(f"total_count is {first.total_count}, but the pages have {len(keys)} rows")
        self.keys_rise = _in_order(keys, operator.lt)
        in_order = (self.rising and self.keys_rise) or _in_order(keys, operator.gt)
        if not in_order and len(set(keys)) < len(keys):
            text = f"there were duplicates ({len(keys)} rows, {len(set(keys))} different)"
            raise ListChangedError(text, frozenset(key for key, times in Counter(keys).items() if times > 1))
        if self.grown and not in_order:
            raise ListChangedError(f"total_count was {first.total_count} on page 1 and grew")
        # Some servers return the last page for every later page number.
        if self._after and self._after != self.read[first.last].keys:
            raise ListChangedError(f"page {first.last + 1} has rows, although page {first.last} is the last one")
        if first.last == 1:
            return "one page" if self.resource.layout == "pages" else "one answer"
        return "keys in order" if in_order and len(keys) >= MIN_ORDERED_KEYS and not self.fresh else ""

    def chunks(self) -> list[Chunk]:
        """Return the converted rows, in the order of pages."""
        for number in sorted(self._rows):  # a failed attempt leaves some unconverted
            self._convert([number])
        return [self._chunks[number] for number in sorted(self._chunks)]

    def discard(self) -> None:
        """Subtract the pages from the progress bar."""
        self.counter.add_read(-len(self.read))
        if self.read:
            self.counter.add_known(1 - self.read[1].last)

    def _check_size(self, first: Page) -> None:
        if first.last > MAX_PAGES:
            raise UnexpectedAnswerError(
                f"total_pages is {first.last}; more than {MAX_PAGES:,} are taken for a mistake. Report it with the "
                f"endpoint {self.resource.path}. A larger page_size makes fewer pages.",
                status=200,
                resource=self.resource.name,
                page=1,
            )

    def _check_counts(self, page: Page, first: Page) -> None:
        """Raise ListChangedError if the counts of a page differ from those of page 1, or from its number of rows."""
        if page.counts != first.counts:
            if not (self.rising and page.per_page == first.per_page and page.total_count > first.total_count):
                raise ListChangedError(
                    f"total_count was {first.total_count} ({first.total_pages} pages) on page 1 and "
                    f"{page.total_count} ({page.total_pages} pages) on page {page.number}"
                )
            self.grown = True
            self._largest_total = max(self._largest_total, page.total_count)
        if len(page.keys) != page.rows_due:
            raise ListChangedError(
                f"page {page.number} has {len(page.keys)} rows, but must have {page.rows_due} if total_count is "
                f"{page.total_count}"
            )

    def _add_after_the_end(self, page: Page, first: Page) -> None:
        """Keep the keys of the page after the last one, unless its rows were added meanwhile."""
        if page.total_count > first.total_count and self.rising:
            self.grown = True
        else:
            self._after = page.keys

    def _convert_full_chunk(self, page: Page, last: int) -> None:
        size = max(1, ROWS_PER_CHUNK // page.per_page)
        start = page.number - (page.number - 1) % size
        numbers = range(start, min(start + size, last + 1))
        if all(number in self._rows for number in numbers):
            self._convert(numbers)

    def _convert(self, numbers: Sequence[int]) -> None:
        rows = [row for number in numbers for row in self._rows.pop(number)]
        self._chunks[numbers[0]] = self.convert(rows)


def _in_order(keys: Sequence[Any], before: Callable[[int, int], bool]) -> bool:
    return set(map(type, keys)) == {int} and all(map(before, keys, keys[1:]))
