"""Read the lists of a resource, and return them as one table with its provenance."""

from __future__ import annotations

import contextlib
import functools
import inspect
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from kismet_nb.errors import (
    GoneWarning,
    IncompleteError,
    IncompleteWarning,
    NotFoundError,
    SchemaDriftError,
    SchemaDriftWarning,
)
from kismet_nb.fetch.checkpoint import Checkpoint
from kismet_nb.fetch.known_rows import read_list
from kismet_nb.fetch.pagination import ListReader
from kismet_nb.fetch.progress import PageCounter, progress_bar
from kismet_nb.fetch.rows import add_labels, keep_days, participants_of
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.build import build_table
from kismet_nb.tables.columns import to_columns
from kismet_nb.tables.provenance import set_provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    import pandas as pd

    from kismet_nb.fetch.pages import Record
    from kismet_nb.fetch.pagination import OnError
    from kismet_nb.fetch.query import ListResult, Query
    from kismet_nb.resources import Resource
    from kismet_nb.tables.columns import Columns
    from kismet_nb.transport.client import KismetClient

    Results = dict[Query, ListResult[list[Columns]]]

__all__ = ["callers_level", "fetch_table", "read_lists"]

PACKAGE = Path(__file__).parents[1]
Chunk = TypeVar("Chunk")


def fetch_table(
    client: KismetClient,
    name: str,
    queries: Sequence[Query],
    progress: bool | None,  # noqa: FBT001 - passed on from a keyword
    *,
    resume: bool = False,
    on_error: OnError = "raise",
    participants: bool = False,
    names: bool = False,
) -> list[pd.DataFrame]:
    """Read lists and return their rows as one table, in the order of the lists.

    Parameters
    ----------
    client
        Sends the requests, and keeps what was read if the fetch fails.
    name
        The resource.
    queries
        The lists.
    progress
        Whether to show a progress bar; None shows one for long work in a terminal or a notebook.
    resume
        Reuse the lists that an earlier fetch had read when it failed.
    on_error
        ``"skip"`` leaves out a list that cannot be read.
    participants, names
        Return a second table too, of the participants of calls, with or without their names.

    Raises
    ------
    KismetError
        One of its subclasses. The client keeps the lists read so far, for ``resume``.

    Warns
    -----
    GoneWarning, IncompleteWarning, SchemaDriftWarning
        Attributed to the line that called this package. A strict client raises an error instead.
    """
    resources = [RESOURCES[name], *([RESOURCES["participants"]] if participants else [])]

    def convert(query: Query, records: list[Record]) -> list[Columns]:
        rows = keep_days(records, resources[0].key[-1], query.days)
        if query.labels:
            labels = dict(query.labels)
            rows = [add_labels(labels, row) for row in rows]
        tables = [rows, *([participants_of(rows, names=names)] if participants else [])]
        return [to_columns(resource, rows) for resource, rows in zip(resources, tables, strict=True)]

    queries = list(dict.fromkeys(queries))  # an id may be given as a number and as text
    checkpoint = Checkpoint[list["Columns"]](client.unfinished, (name, participants, names), queries, resume=resume)
    results = checkpoint.results
    try:
        todo = [query for query in queries if query not in results]
        with contextlib.closing(read_lists(client, resources[0], todo, convert, on_error, progress)) as finished:
            for query, result in finished:
                results[query] = result
                if result.change:
                    break  # read no more lists after one that kept changing
        _check_readable(client, queries, results, on_error)
        frames, drifts = _build(resources, [results[query] for query in queries if query in results])
        about = _provenance(client, queries, checkpoint)
        for resource, frame in zip(resources, frames, strict=True):
            set_provenance(frame, {**about, "resource": resource.name, "rows": len(frame)})
        _check_unchanged(name, results.values(), frames[0])
    except BaseException as error:
        checkpoint.save(error)
        raise
    checkpoint.finish()
    _warn_or_raise(client, resources[0], queries, results, drifts)
    return frames


def read_lists(
    client: KismetClient,
    resource: Resource,
    queries: Sequence[Query],
    convert: Callable[[Query, list[Record]], Chunk],
    on_error: OnError = "raise",
    progress: bool | None = False,  # noqa: FBT001, FBT002 - passed on from a keyword
) -> Generator[tuple[Query, ListResult[Chunk]]]:
    """Read lists in parallel. Yield each as soon as it is proved complete, so that the caller need not keep them all.

    Parameters
    ----------
    client
        Sends the requests.
    resource
        The resource of the lists.
    queries
        The lists to read.
    convert
        Converts the rows of some pages to the form in which they are kept. Called in the reading threads.
    on_error
        ``"skip"`` yields a list that cannot be read with its error.
    progress
        Whether to show a progress bar.

    Raises
    ------
    KismetError
        A list cannot be read. When the iteration ends, for any reason, all threads have ended.
    """
    if not queries:
        return
    counter = PageCounter(len(queries))
    workers = client.workers()
    reader = ListReader(workers, resource, client.page_size, client.verify, on_error, convert, counter)
    with (
        progress_bar(resource.name, counter, progress) as bar,
        contextlib.closing(workers.run(functools.partial(read_list, reader), queries)) as finished,
    ):
        for done in finished:
            bar.follow()
            if done:
                yield done


def _build(
    resources: Sequence[Resource], results: Sequence[ListResult[list[Columns]]]
) -> tuple[list[pd.DataFrame], list[str]]:
    """Build a table of each resource. Return the tables, and texts on what differs from the declarations."""
    frames, drifts = [], []
    for position, resource in enumerate(resources):
        frame, drift = build_table(resource, [chunk[position] for result in results for chunk in result.chunks])
        frames.append(frame)
        drifts += [f"{resource.name}: {'; '.join(drift)}."] if drift else []
    if len(frames) == 2 and (lost := frames[0]["participant_count"].sum() - len(frames[1])):
        drifts.append(f"participants: {lost} are not objects, and are only counted in participant_count.")
    return frames, drifts


def _provenance(client: KismetClient, queries: Sequence[Query], checkpoint: Checkpoint[Any]) -> dict[str, Any]:
    results = checkpoint.results.values()
    return {
        "resource": "",
        "filters": _filters(queries),
        "api_host": urlsplit(client.api_url).netloc,
        "fetched_at": checkpoint.fetched_at.isoformat(timespec="seconds"),
        "rows": 0,
        "pages": sum(result.pages for result in results),
        "walks": max((result.attempts for result in results), default=0),
        "lists": len(results),
        "gone": sum(result.missing for result in results),
        "resumed": checkpoint.resumed,
        "skipped": sum(result.error is not None for result in results),
        "verdict": "incomplete" if any(result.change or result.error for result in results) else "complete",
        "proof": "; ".join(sorted({result.proof for result in results if result.proof})),
        "version": version("kismet-nb"),
    }


def _filters(queries: Sequence[Query]) -> list[str]:
    """Return the filters of the rows: names without values, because these may be personal, and the days."""
    days = sorted(day for query in queries for day in query.days or ())
    names = {name for query in queries for name, _ in query.params if not name.startswith("date_")}
    return sorted(names) + ([f"date from {days[0]} to {days[-1]}"] if days else [])


def _check_readable(client: KismetClient, queries: Sequence[Query], results: Results, on_error: OnError) -> None:
    """Raise the error of a list if every list failed, or if the client is strict."""
    errors = [result.error for result in results.values() if result.error]
    if on_error == "skip" and errors and (client.strict or len(errors) == len(queries)):
        raise errors[0]


def _check_unchanged(name: str, results: Iterable[ListResult[Any]], partial: pd.DataFrame) -> None:
    """Raise IncompleteError if a list changed during every attempt to read it, or has no unique order."""
    for result in results:
        if not result.change:
            continue
        if result.unordered:
            text = (
                f"The server's list has no unique order: {result.change}, the same rows in two attempts. Report it. "
                "The rows of the last attempt are in the error's .partial."
            )
        else:
            text = (
                f"The list changed during each of {result.attempts} attempts to read it, or the server's total is "
                f"wrong. In the last, {result.change}. Try again later; the rows of that attempt are in the error's "
                ".partial."
            )
        error = IncompleteError(text, resource=name)
        error.partial = partial
        raise error


def _warn_or_raise(
    client: KismetClient, resource: Resource, queries: Sequence[Query], results: Results, drifts: Sequence[str]
) -> None:
    """Warn about lists that are missing or left out, and about drift. A strict client raises instead."""
    personal = {column.name for column in resource.columns if column.personal}
    missing = [
        ", ".join("…" if label in personal else str(key) for label, key in query.labels)
        for query in queries
        if results[query].missing
    ]
    if missing:
        which = list(dict.fromkeys(missing))
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        text = f"{resource.name}: {len(missing)} of {len(queries)} requested lists {are} missing (404): "
        text += "; ".join(which[:5])
        text += f" and {len(which) - 5} more." if len(which) > 5 else "."
        if client.strict or len(missing) == len(queries):
            raise NotFoundError(f"{text} Check them, or fetch the table that they come from again.", status=404)
        warnings.warn(f"{text} The table is complete without {them}.", GoneWarning, stacklevel=callers_level())
    errors = [str(result.error) for result in results.values() if result.error]
    if errors:
        text = f"{resource.name}: {len(errors)} of {len(queries)} lists were left out. {' '.join(errors[:5])}"
        text += f" And {len(errors) - 5} more." if len(errors) > 5 else ""
        warnings.warn(text, IncompleteWarning, stacklevel=callers_level())
    if drifts and client.strict:
        raise SchemaDriftError(" ".join(drifts), resource=resource.name)
    for drift in drifts:
        warnings.warn(drift, SchemaDriftWarning, stacklevel=callers_level())


def callers_level() -> int:
    """Return the ``stacklevel`` with which the calling function warns at the first line outside this package."""
    level, frame = 0, inspect.currentframe()
    while frame and PACKAGE in Path(frame.f_code.co_filename).parents:
        level, frame = level + 1, frame.f_back
    return level
