"""A query for one list, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from kismet_nb.errors import KismetError
    from kismet_nb.fetch.known_rows import KnownRows

__all__ = ["ListResult", "Query"]

Chunk = TypeVar("Chunk")


@dataclass(frozen=True, slots=True)
class Query:
    """One list to read.

    Attributes
    ----------
    path
        Its endpoint.
    params
        The query parameters that select its rows, as names and values.
    labels
        Columns that are added to its rows, as names and values. They say which list a row is from.
    days
        For daily figures, the first and the last day to keep; ``params`` may ask for more.
    known
        The rows that an earlier fetch read, if only the pages after them are to be read.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, Any], ...] = ()
    days: tuple[str, str] | None = None
    known: KnownRows | None = None


@dataclass(frozen=True, slots=True)
class ListResult(Generic[Chunk]):
    """A list as it was read.

    Attributes
    ----------
    chunks
        The converted rows, some pages at a time, in the order of pages.
    rows, pages, attempts
        How many of each there were.
    proof
        What shows that the list did not change while it was read.
    change
        What shows that the list changed, as text; empty for a complete list.
    error
        Why the list could not be read, if it may be skipped.
    unordered
        Whether two attempts had the same duplicates: the list did not change, but has no unique order.
    missing
        Whether the list does not exist (404).
    per_page
        Rows in a page, as the server reports them.
    rising
        Whether the keys are whole numbers that rise through all pages.
    kept
        How many known rows are before the first one that was read.
    """

    chunks: list[Chunk]
    rows: int = 0
    pages: int = 0
    attempts: int = 1
    proof: str = ""
    change: str = ""
    unordered: bool = False
    error: KismetError | None = None
    missing: bool = False
    per_page: int = 0
    rising: bool = False
    kept: int = 0
