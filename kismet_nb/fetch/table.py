"""Some lists of a resource, read whole, as one table that says where it came from."""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
import logging
import re
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kismet_nb.errors import (
    GoneWarning,
    IncompleteError,
    KismetError,
    NotFoundError,
    SchemaDriftError,
    SchemaDriftWarning,
)
from kismet_nb.fetch import pagination as pages
from kismet_nb.resources import RESOURCES, Resource
from kismet_nb.tables.build import build_table
from kismet_nb.tables.columns import to_columns
from kismet_nb.tables.provenance import set_provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from kismet_nb.fetch.pagination import Listing, Walked
    from kismet_nb.tables.columns import Columns
    from kismet_nb.transport.client import KismetClient

__all__ = ["collect"]

PACKAGE = Path(__file__).parents[1]
Record = dict[str, Any]
_logger = logging.getLogger("kismet_nb")
_NONE = object()
_DAY = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.,+-]*(Z| ?UTC)?)?", re.ASCII)


def collect(
    client: KismetClient,
    name: str,
    listings: Sequence[Listing],
    progress: bool | None,  # noqa: FBT001 - handed on from a keyword
    *,
    resume: bool = False,
    participants: bool = False,
    names: bool = False,
) -> list[pd.DataFrame]:
    """Read lists and return their rows as one table, in the order of the lists.

    Parameters
    ----------
    client
        Sends the requests, and keeps what was read when this fails.
    name
        The resource.
    listings
        The lists.
    progress
        Whether to show a progress bar; None shows one for long work that somebody looks at.
    resume
        Go on with what the same call had read when it failed.
    participants, names
        Return a second table too, of the participants of calls, with or without their names.

    Raises
    ------
    KismetError
        One of its subclasses. What is read so far stays with the client, for ``resume``.

    Warns
    -----
    GoneWarning, SchemaDriftWarning
        In the name of the line that called this package. A strict client raises instead.
    """
    resources = [RESOURCES[name], *([RESOURCES["participants"]] if participants else [])]

    def convert(listing: Listing, rows: list[Record]) -> list[Columns]:
        labels = dict(listing.labels)
        rows = _asked_for(resources[0], listing, rows)
        labelled = [_labelled(labels, row) for row in rows] if labels else rows
        of_each = [labelled, *([_participants(labelled, names=names)] if participants else [])]
        return [to_columns(resource, rows) for resource, rows in zip(resources, of_each, strict=True)]

    listings = list(dict.fromkeys(listings))  # an id may come as a number and as text
    task, started = (name, participants, names), dt.datetime.now(dt.UTC)
    earlier: dict[Listing, Walked[list[Columns]]]
    since, earlier = client.unfinished.get(task, (started, {}))
    # Another thread may be at the same task.
    walked = {listing: earlier[listing] for listing in listings if listing in earlier} if resume else {}
    resumed = bool(walked)
    frames, drifts = [], []

    def keep(error: BaseException) -> None:
        kept = {listing: one for listing, one in walked.items() if not one.moved}  # a resume reads the others again
        if kept and listings[0].labels:  # or else it is one list, and nothing to go on with
            client.unfinished[task] = (since, earlier | kept) if resume else (started, kept)
            _say_how_to_go_on(error, len(kept), len(listings))

    try:
        with _progress_bar(name, len(listings), progress) as bar:

            def on_progress(read: int, known: int) -> None:
                bar.grow(known)
                bar.update(read - bar.n)

            pages.read_lists(client, resources[0], listings, convert, on_progress, walked)
        lists = [walked[listing] for listing in listings if listing in walked]
        about = {
            "resource": name,
            "filters": _filters(listings),
            "api_host": urlsplit(client.api_url).netloc,
            "fetched_at": (since if resumed else started).isoformat(timespec="seconds"),
            "rows": 0,
            "pages": sum(one.pages for one in lists),
            "walks": max((one.walks for one in lists), default=0),
            "lists": len(lists),
            "gone": sum(one.gone for one in lists),
            "resumed": resumed,
            "verdict": "incomplete" if any(one.moved for one in lists) else "complete",
            "proof": "; ".join(sorted({one.proof for one in lists if one.proof})),
            "version": version("kismet-nb"),
        }
        for position, resource in enumerate(resources):
            frame, drift = build_table(resource, [chunks[position] for one in lists for chunks in one.chunks])
            set_provenance(frame, {**about, "resource": resource.name, "rows": len(frame)})
            frames.append(frame)
            drifts += [f"{resource.name}: {'; '.join(drift)}."] if drift else []
        if participants and (lost := frames[0]["participant_count"].sum() - len(frames[1])):
            drifts.append(f"participants: {lost} are no objects, and only counted in participant_count.")
    except BaseException as error:
        keep(error)
        raise
    for one in [one for one in lists if one.moved]:
        incomplete = _incomplete(name, one, frames[0])
        keep(incomplete)
        raise incomplete
    rest = {listing: one for listing, one in earlier.items() if listing not in walked}
    if rest:
        client.unfinished[task] = since, rest  # of more lists than these
    else:
        client.unfinished.pop(task, None)
    personal = {column.name for column in resources[0].columns if column.personal}
    gone = [
        ", ".join("…" if label in personal else str(key) for label, key in listing.labels)
        for listing in listings
        if walked[listing].gone
    ]
    _tell(client, name, gone, len(listings), drifts)
    return frames


def _filters(listings: Sequence[Listing]) -> list[str]:
    """Name what the rows were chosen by: of personal values no more than the name, of days the days."""
    days = sorted(day for listing in listings for day in listing.days or ())
    names = {name for listing in listings for name, _ in listing.query if not name.startswith("date_")}
    return sorted(names) + ([f"date from {days[0]} to {days[-1]}"] if days else [])


def _asked_for(resource: Resource, listing: Listing, rows: list[Record]) -> list[Record]:
    """Leave out days that were not asked for; a key that is no day stays."""
    if listing.days is None:
        return rows
    (first, last), day = listing.days, resource.key[-1]
    return [row for row in rows if not _DAY.fullmatch(row[day]) or first <= row[day][:10] <= last]


def _labelled(labels: Record, row: Record) -> Record:
    """Put the labels in front of a row; should it have fields of that name which say otherwise, they are kept too."""
    if labels.keys().isdisjoint(row):
        return {**labels, **row}
    own = {}
    for name, value in row.items():
        if value != labels.get(name, _NONE):
            names = itertools.chain([name], (f"own{'.' * dots}{name}" for dots in itertools.count(1)))
            own[next(free for free in names if free not in labels and (free == name or free not in row))] = value
    return {**labels, **own}


def _participants(calls: list[Record], *, names: bool) -> list[Record]:
    """Return a row for each participant of calls, without the names unless they are asked for."""
    part = RESOURCES["participants"].envelope
    return [
        _labelled(
            {"organization_user_id": call["organization_user_id"], "call_id": call.get("id")},
            {field: value for field, value in person.items() if names or field != "name"},
        )
        for call in calls
        if isinstance(call.get(part), list)  # or else counting them is an error
        for person in call[part]
        if isinstance(person, dict)  # anything else is counted, and has no fields
    ]


def _say_how_to_go_on(error: BaseException, read: int, asked: int) -> None:
    text = f"{read} of {asked} lists are read: in the same session, the same call with resume=True goes on from there."
    if isinstance(error, KismetError):
        error.message += f" {text}"
    elif isinstance(error, KeyboardInterrupt):
        _logger.warning(text)


def _incomplete(name: str, walked: Walked[Any], partial: pd.DataFrame) -> IncompleteError:
    error = IncompleteError(
        f"The list did not stand still in any of {walked.walks} readings, or the server's count is wrong. In the last, "
        f"{walked.moved}. Try again in a quiet moment; the rows of that reading are in the error's .partial.",
        resource=name,
    )
    error.partial = partial
    return error


def _tell(client: KismetClient, name: str, gone: list[str], asked: int, drifts: list[str]) -> None:
    """Warn of what is gone and of what is new; a strict client raises."""
    if gone:
        which = list(dict.fromkeys(gone))
        are, them = ("is", "it") if len(gone) == 1 else ("are", "them")
        text = f"{name}: {len(gone)} of {asked} asked for {are} gone (404): {'; '.join(which[:5])}"
        text += f" and {len(which) - 5} more." if len(which) > 5 else "."
        if client.strict or len(gone) == asked:
            raise NotFoundError(f"{text} Check them, or fetch the table that they come from again.", status=404)
        warnings.warn(f"{text} The table is complete without {them}.", GoneWarning, stacklevel=_callers_level())
    if drifts and client.strict:
        raise SchemaDriftError(" ".join(drifts), resource=name)
    for drift in drifts:
        warnings.warn(drift, SchemaDriftWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """Return how far up the first line outside this package is, from the function that asks."""
    level, frame = 0, inspect.currentframe()
    while frame and PACKAGE in Path(frame.f_code.co_filename).parents:
        level, frame = level + 1, frame.f_back
    return level


def _progress_bar(name: str, pages: int, progress: bool | None) -> Any:  # noqa: ANN401, FBT001 - of a class made here
    from tqdm.auto import tqdm  # noqa: PLC0415 - tqdm.auto loads ipywidgets in a notebook, which takes its time

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no thread of tqdm's outlives a fetch

        def grow(self, total: int) -> None:
            self.total = total
            if hasattr(self, "container"):  # in a notebook: a widget, which got its total when it was made
                self.container.children[1].max = total

    # disable=None means: not where the output is no terminal. The delay hides the bar from short work.
    disable, delay = None if progress is None else not progress, 0 if progress else 1.5
    return Bar(desc=name, total=pages, unit="page", disable=disable, delay=delay)
