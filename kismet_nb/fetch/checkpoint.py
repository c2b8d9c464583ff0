"""Keep the lists that a fetch had read when it failed or was interrupted, for ``resume=True``."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kismet_nb.errors import IN_A_NOTEBOOK, KismetError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from kismet_nb.fetch.query import ListResult, Query

__all__ = ["Checkpoint"]

Chunk = TypeVar("Chunk")
_logger = logging.getLogger("kismet_nb")


class Checkpoint(Generic[Chunk]):
    """The lists that a fetch has read, including those reused from an earlier fetch.

    Parameters
    ----------
    unfinished
        The lists of fetches that failed, by task. The client keeps them.
    task
        The key of the fetch. A fetch with another key is not resumed.
    queries
        The lists of this fetch.
    resume
        Whether to reuse the lists of an earlier fetch.

    Attributes
    ----------
    results
        The lists read so far. The fetch adds to them.
    resumed
        Whether some of them were read by an earlier fetch.
    fetched_at
        When the first of the lists was read, UTC.
    """

    def __init__(self, unfinished: dict[Any, Any], task: Hashable, queries: Sequence[Query], *, resume: bool) -> None:
        self._unfinished = unfinished
        self._task = task
        self._queries = queries
        self._resume = resume
        self._started = dt.datetime.now(dt.UTC)
        self._since: dt.datetime
        self._earlier: dict[Query, ListResult[Chunk]]
        self._since, self._earlier = unfinished.get(task, (self._started, {}))
        # A copy, because another thread may run the same task.
        self.results = {query: self._earlier[query] for query in queries if query in self._earlier} if resume else {}
        self.resumed = bool(self.results)
        self.fetched_at = self._since if self.resumed else self._started

    def save(self, error: BaseException) -> None:
        """Keep the lists that were read, and add to the error how to resume."""
        # A list that changed or failed is read again by a resumed fetch.
        kept = {query: result for query, result in self.results.items() if not (result.change or result.error)}
        if kept and self._queries[0].labels:  # without labels it is a single list
            self._unfinished[self._task] = (
                (self._since, self._earlier | kept) if self._resume else (self._started, kept)
            )
            _add_resume_hint(error, len(kept), len(self._queries))

    def finish(self) -> None:
        """Discard the lists of the returned table. Keep those that this fetch did not request."""
        rest = {query: result for query, result in self._earlier.items() if query not in self.results}
        if rest:
            self._unfinished[self._task] = self._since, rest
        else:
            self._unfinished.pop(self._task, None)


def _add_resume_hint(error: BaseException, read: int, asked: int) -> None:
    text = f"{read} of {asked} lists are read.{IN_A_NOTEBOOK}the same call with resume=True reads the rest."
    if isinstance(error, KismetError):
        error.message += f" {text}"
    elif isinstance(error, KeyboardInterrupt):
        _logger.warning(text)
