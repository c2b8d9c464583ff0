"""Read the end of a list whose earlier rows are known, instead of the whole list.

The keys of the list rise, and it was read before. The first page that is read again must begin with the same key at
the same position. Then as many rows as before have a smaller key. So no earlier row was removed, and none was added
late or restored, unless both happened equally often. The pages from there on are read and proved like a list of their
own. Edits of earlier rows are not detected.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from kismet_nb.errors import NotFoundError, RequestRefusedError

if TYPE_CHECKING:
    from kismet_nb.fetch.pages import Page
    from kismet_nb.fetch.pagination import ListReader
    from kismet_nb.fetch.query import ListResult, Query

__all__ = ["KnownRows", "read_list"]

Chunk = TypeVar("Chunk")


class NotAsKnownError(Exception):
    """The list changed before the first page that is read again."""


@dataclass(frozen=True, slots=True)
class KnownRows:
    """What an earlier reading of a list found.

    Attributes
    ----------
    pages, per_page
        The number of pages that are not read again, and the number of rows in each.
    count, first_key, last_key
        The number of rows after these pages, and the keys of the first and the last of these rows.
    """

    pages: int
    per_page: int
    count: int
    first_key: int
    last_key: int

    @property
    def rows(self) -> int:
        """How many rows are not read again."""
        return self.pages * self.per_page

    def page_after(self, page: Page) -> Page:
        """Return a page with the number and counts that it has without the known pages.

        Raises
        ------
        NotAsKnownError
            The page has another size, or the first page to read begins with another key.
        """
        number = page.number - self.pages
        begins_elsewhere = number == 1 and (page.last < page.number or list(page.keys[:1]) != [self.first_key])
        if page.per_page != self.per_page or begins_elsewhere:
            raise NotAsKnownError
        total_pages, total_count = page.total_pages - self.pages, page.total_count - self.rows
        return replace(page, number=number, total_pages=total_pages, total_count=total_count)

    def ends_with(self, last: Page | None) -> bool:
        """Return whether the last page, counted without the known ones, ends as before, so that no page follows it."""
        return last is not None and last.total_count == self.count and last.keys[-1] == self.last_key


def read_list(reader: ListReader[Chunk], query: Query) -> ListResult[Chunk]:
    """Read a list after its known rows. If anything does not fit them, read the whole list.

    Raises
    ------
    KismetError
        As in ``ListReader.read``.
    """
    if query.known:
        with contextlib.suppress(NotAsKnownError, NotFoundError, RequestRefusedError):
            result = reader.read(query)
            if result.rising and not (result.change or result.missing or result.error):
                return replace(result, kept=query.known.rows)
    return reader.read(replace(query, known=None))
