"""``kismet-nb export``: fetch tables, and write each to its own file or all to the sheets of one file."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.cli.output import fail, report_done
from kismet_nb.errors import AuthenticationError, InvalidInputError, KismetError, UnavailableError
from kismet_nb.fetch import FETCHERS
from kismet_nb.files.export import export
from kismet_nb.files.paths import SUFFIXES, check_target, file_suffix
from kismet_nb.reports.sigterm import clean_up_on_sigterm
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.date_filter import created_between
from kismet_nb.tables.provenance import provenance
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    import argparse

    import pandas as pd

__all__ = ["run_export", "split_names"]

# By table: the table from whose rows it is fetched. If both are exported, that table is fetched once.
_FETCHED_FROM = {"calls": "users", "egresses": "calls", "waiting_room_subs": "waiting_rooms"}


def run_export(options: argparse.Namespace) -> None:
    """Fetch tables and write them to one file, or each to its own file.

    Raises
    ------
    InvalidInputError
        The options are invalid or contradict each other. Nothing was fetched.
    KismetError
        At least one table could not be fetched or written.
    """
    files = _files(options)  # raises before a long fetch instead of after it
    _check_days(options)
    with (
        clean_up_on_sigterm(),
        KismetClient.from_env(
            file=options.env_file, strict=options.strict, max_in_flight=options.max_in_flight, verify=options.verify
        ) as client,
    ):
        if len(files) == 1:
            [(name, file)] = files.items()
            _write(options, name, _fetched(options, name, client, {}), file)
        elif len(set(files.values())) == 1:
            _write_workbook(options, files, client)
        else:
            _write_each(options, files, client)


def _files(options: argparse.Namespace) -> dict[str, Path]:
    """Return the file of each table. Several tables need a folder, or one Excel file for all."""
    out, names, extension = options.out, options.tables, options.format
    if not out.strip():
        raise InvalidInputError("OUT is empty. Name the file or folder to write.")
    ends_as_folder = out.endswith(("/", os.sep))
    ends_as_file = not ends_as_folder and file_suffix(Path(out)) != ""
    if ends_as_file:
        if extension is not None:
            raise InvalidInputError("--format is for a folder. For a file, the suffix sets the format.")
        target = check_target(out, options.tz)
        if len(names) > 1 and file_suffix(target) != ".xlsx":
            raise InvalidInputError(
                f"{out} can contain only one table. For several, name a folder or a file that ends in .xlsx."
            )
        return dict.fromkeys(names, target)
    folder = os.path.expanduser(out)  # noqa: PTH111 - Path.expanduser may raise; check_target has a better error
    exists, is_folder = os.path.lexists(folder), os.path.isdir(folder)  # noqa: PTH112 - the methods of Path may raise
    if exists and not is_folder:
        raise InvalidInputError(f"{out} is a file. Name a folder, or a file that ends in {' or '.join(SUFFIXES)}.")
    if Path(out).suffix and not ends_as_folder and not is_folder:
        raise InvalidInputError(
            f"{out} must end in {' or '.join(SUFFIXES)} for a file. If it is a new folder, end it in a slash: {out}/"
        )
    return {name: check_target(Path(out) / f"{name}.{extension or 'parquet'}", options.tz) for name in names}


def _check_days(options: argparse.Namespace) -> None:
    """Check that ``--since`` and ``--until`` fit together and fit the tables."""
    if options.since and options.until and options.until < options.since:
        raise InvalidInputError("--until is before --since.")
    for name in options.tables:
        by_day = RESOURCES[name].layout == "maps"
        if by_day and options.since is None:
            raise InvalidInputError(f"{name} needs --since, the first day.")
        if by_day and options.until is None and options.since > _today():
            raise InvalidInputError(f"--since is after today (UTC), and {name} has no days after today.")
        has_days = by_day or "created_at" in [column.name for column in RESOURCES[name].columns]
        if (options.since or options.until) and not has_days:
            raise InvalidInputError(f"{name} has no column created_at. Leave out --since and --until.")


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _fetched(
    options: argparse.Namespace, name: str, client: KismetClient, known: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Fetch a table, with the rows of the chosen days. ``known`` has the tables from which others are fetched."""
    if RESOURCES[name].layout == "maps":
        return FETCHERS[name](options.since, options.until or _today(), client=client)
    frame = _all_rows(options, name, client, known)
    return created_between(frame, options.since, options.until) if options.since or options.until else frame


def _all_rows(
    options: argparse.Namespace, name: str, client: KismetClient, known: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return a table. The one that it is fetched from comes first if it is exported too, in whichever order."""
    if name in known:
        return known[name]
    first = _FETCHED_FROM.get(name)
    source = [_all_rows(options, first, client, known)] if first and first in options.tables else []
    frame = FETCHERS[name](*source, client=client)
    if name in (_FETCHED_FROM.get(other) for other in options.tables):
        known[name] = frame
    return frame


def _write(options: argparse.Namespace, name: str, frame: pd.DataFrame, file: Path) -> None:
    """Write a table to its file, and report it."""
    written = export(frame, file, tz=options.tz)
    report_done(options, f"Wrote {_counted(options, name, frame)} to {written}")


def _counted(options: argparse.Namespace, name: str, frame: pd.DataFrame) -> str:
    filters = f" ({', '.join(provenance(frame)['filters'])})" if options.since or options.until else ""
    return f"{len(frame)} {name}{filters}"


def _write_workbook(options: argparse.Namespace, files: dict[str, Path], client: KismetClient) -> None:
    """Write all tables to the sheets of one file, or write nothing if one fails."""
    [target] = set(files.values())
    frames: dict[str, pd.DataFrame] = {}
    known: dict[str, pd.DataFrame] = {}
    problem = ""
    for name in files:
        try:
            frames[name] = _fetched(options, name, client, known)
        except KismetError as error:
            problem = f"{name} failed, so {target} was not written: {error}"
            break
    if problem:
        raise KismetError(problem)
    written = export(frames, target, tz=options.tz)
    report_done(
        options, f"Wrote {', '.join(_counted(options, name, frame) for name, frame in frames.items())} to {written}"
    )


def _write_each(options: argparse.Namespace, files: dict[str, Path], client: KismetClient) -> None:
    """Write each table to its file. A failure does not stop the others, unless they would fail too."""
    written: list[str] = []
    failed: list[str] = []
    known: dict[str, pd.DataFrame] = {}
    stopped = False
    for name, file in files.items():
        try:
            _write(options, name, _fetched(options, name, client, known), file)
        except KismetError as error:
            fail(f"{name} failed: {error}", 1)
            failed.append(name)
            stopped = _concerns_all_tables(error)
        else:
            written.append(name)
        if stopped:
            break
    if not failed:
        return
    untried = [name for name in files if name not in {*written, *failed}]
    raise KismetError(
        f"{len(failed)} of {len(files)} tables failed: {', '.join(failed)}. The reasons are above; existing files of "
        f"these tables are untouched. Written: {', '.join(written) or 'nothing'}."
        + (f" Not tried: {', '.join(untried)}." if untried else "")
    )


def _concerns_all_tables(error: KismetError) -> bool:
    """Return whether the server refused the credentials, asked to wait or was not reached.

    Other tables would then fail too, and a request for one would not respect the wait.
    """
    if isinstance(error, AuthenticationError):
        return error.status == 401
    return isinstance(error, UnavailableError) and (error.status in {None, 429} or error.retry_after is not None)


def split_names(options: argparse.Namespace, others: list[str]) -> None:
    """Split the names of an export into its tables and OUT, which is the last name if there is no ``--out``.

    argparse puts the names before the first option into ``tables``, and those after it into ``others``.
    """
    error = options.command.error
    if unknown := [argument for argument in others if argument.startswith("-")]:
        if "--each" in unknown:
            error("--each is for sync. Run export once for each organization, with its --env-file.")
        error(f"unrecognized arguments: {' '.join(others)}")
    options.tables += others
    if options.out is None and len(options.tables) == 1:
        error("the following arguments are required: OUT")
    if options.out is None and options.tables[-1] in FETCHERS:
        error("the last name must be OUT, the file or folder to write. If it is the name of a table, write --out OUT")
    if options.out is None:
        options.out = options.tables.pop()
    for place, name in enumerate(options.tables):
        if name not in FETCHERS:
            error(f"argument TABLE: invalid choice: {name!r} (choose from {', '.join(map(repr, FETCHERS))})")
        if name in options.tables[:place]:
            error(f"argument TABLE: {name} is named twice")
