"""The command line: the package's functions for a terminal and a scheduler.

Exit codes: 0 for success. 1 for a ``KismetError``, whose message is the last line on stderr, or if the reader of
stdout stopped reading. 2 for wrong usage, including ``InvalidInputError``. 130 for an interrupt.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.dates import parse_date
from kismet_nb.demo.use_demo import use_demo
from kismet_nb.errors import InvalidInputError, KismetError
from kismet_nb.explore.compare import compare
from kismet_nb.explore.format_changes import format_changes
from kismet_nb.fetch import FETCHERS
from kismet_nb.files.export import export, read_export
from kismet_nb.files.paths import check_path, check_target
from kismet_nb.reports.report import report
from kismet_nb.reports.shipped import copy_notebooks
from kismet_nb.resources import RESOURCES
from kismet_nb.snapshots import LISTS, snapshot
from kismet_nb.store.lists import DEFAULT_TABLES
from kismet_nb.store.sync import sync
from kismet_nb.tables.date_filter import created_between
from kismet_nb.tables.describe import describe
from kismet_nb.tables.provenance import provenance
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            # A warning is one plain line; Python's default adds a line of source code.
            warnings.showwarning = lambda message, *_args, **_kwargs: print(f"kismet-nb: {message}", file=sys.stderr)
            options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, for example head, has closed the pipe. Without this, Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KismetError as error:
        print(f"kismet-nb: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidInputError) else 1
    except KeyboardInterrupt:
        print("kismet-nb: interrupted", file=sys.stderr)
        return 130
    return 0


# Options --------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kismet-nb", description="A Kismet Health organization as tables.")
    parser.add_argument("--version", action="version", version=f"kismet-nb {version('kismet-nb')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("demo", help="fetch and export the users of an invented organization on this machine")
    command.set_defaults(run=_demo)
    _add_export(commands)
    command = commands.add_parser("tables", help="list the tables, or the columns of one")
    command.add_argument("table", nargs="?", choices=list(RESOURCES))
    command.set_defaults(run=_tables)
    _add_snapshot(commands)
    _add_sync(commands)
    _add_compare(commands)
    _add_report(commands)
    command = commands.add_parser("lab", help="open JupyterLab on the notebooks, which show the demo organization")
    command.add_argument(
        "folder",
        nargs="?",
        default="notebooks",
        help="folder of the notebooks (default: %(default)s); missing notebooks are copied into it, "
        "and their data into the folder data beside it",
    )
    command.set_defaults(run=_lab)
    return parser


def _add_export(commands: Commands) -> None:
    command = commands.add_parser(
        "export", help="fetch a table and write it to a file; credentials from the environment or .env"
    )
    command.add_argument("table", choices=list(FETCHERS))
    command.add_argument("out", metavar="OUT", help="the file; its suffix sets the format: exports/users.parquet")
    command.add_argument(
        "--since",
        type=_day,
        metavar="YYYY-MM-DD",
        help="first day of call_metrics; of other tables, keep only rows created on or after this day (UTC)",
    )
    command.add_argument(
        "--until",
        type=_day,
        metavar="YYYY-MM-DD",
        help="last day of call_metrics (default: today); of other tables, keep only rows created on or before this "
        "day (UTC)",
    )
    command.add_argument("--tz", metavar="ZONE", help="time zone for times in an Excel file (default: UTC)")
    command.add_argument("--strict", action="store_true", help="fail if the API sends unknown columns or values")
    command.set_defaults(run=_export)


def _add_snapshot(commands: Commands) -> None:
    command = commands.add_parser(
        "snapshot", help="keep dated copies of tables in a folder; credentials from the environment or .env"
    )
    command.add_argument("tables", nargs="+", metavar="TABLE", choices=LISTS, help=", ".join(LISTS))
    command.add_argument("--folder", default="snapshots", help="folder for the copies (default: %(default)s)")
    command.set_defaults(run=_snapshot)


def _add_sync(commands: Commands) -> None:
    command = commands.add_parser("sync", help="bring the local copy of an organization up to date, with its history")
    command.add_argument("folder", metavar="FOLDER", help="the store; it is made if it is missing")
    command.add_argument(
        "--organization", default="organization", metavar="NAME", help="its name in the store (default: %(default)s)"
    )
    command.add_argument(
        "--env-file", metavar="FILE", help="file with the credentials (default: the environment, or the nearest .env)"
    )
    command.add_argument("--tables", nargs="+", metavar="TABLE", help=f"default: {' '.join(DEFAULT_TABLES)}")
    command.add_argument("--strict", action="store_true", help="fail if the API sends unknown columns or values")
    command.add_argument("--accept-removals", action="store_true", help="accept that most of a table is removed")
    command.set_defaults(run=_sync)


def _add_compare(commands: Commands) -> None:
    command = commands.add_parser("compare", help="show which rows were added, removed and changed")
    command.add_argument("old", metavar="OLD", help="the earlier file, from snapshot or export")
    command.add_argument("new", metavar="NEW", help="the later file")
    command.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="do not compare this column; may be repeated"
    )
    command.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="COLUMN",
        help="column that identifies a row, if the files do not record it; may be repeated",
    )
    command.add_argument("--out", metavar="OUT", help="also write the changes to a file: changes.csv")
    command.set_defaults(run=_compare)


def _add_report(commands: Commands) -> None:
    command = commands.add_parser(
        "report", help="write a report of a month as one HTML file; credentials from the environment or .env"
    )
    command.add_argument("--out", default="report.html", metavar="FILE", help="the file (default: %(default)s)")
    command.add_argument("--demo", action="store_true", help="report on the demo organization, without credentials")
    command.add_argument("--month", metavar="YYYY-MM", help="the month (default: last month)")
    command.add_argument("--start", metavar="YYYY-MM-DD", help="the first day, instead of a month")
    command.add_argument("--end", metavar="YYYY-MM-DD", help="the last day, included")
    command.add_argument("--tz", metavar="ZONE", help="time zone of days and times: America/New_York (default: UTC)")
    command.add_argument(
        "--fail-rate-unit",
        choices=["fraction", "percent"],
        help="unit in which the API sends fail rates; without it they are left out",
    )
    command.add_argument("--notebook", metavar="FILE", help="your own copy of 03_report.ipynb")
    command.set_defaults(run=_report)


def _day(text: str) -> dt.date:
    try:
        return parse_date(text, "it")
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# Commands -------------------------------------------------------------------------------------------------------


def _demo(_options: argparse.Namespace) -> None:
    with use_demo():
        users = FETCHERS["users"]()
        admins, rooms = users["is_admin"].sum(), users["waiting_room_url"].notna().sum()
        print(f"Fetched {len(users)} users, {provenance(users)['verdict']}: {admins} admins, {rooms} waiting rooms.\n")
        print(users[["id", "display_name", "email", "is_admin", "created_at"]].head().to_string(index=False))
        print()
        for name in ("users.csv", "users.parquet"):
            print(f"Wrote {export(users, Path('exports') / name)}")


def _export(options: argparse.Namespace) -> None:
    check_target(options.out, options.tz)  # fails now instead of after a long fetch
    resource, since, until = RESOURCES[options.table], options.since, options.until
    by_day = resource.layout == "maps"
    if by_day and since is None:
        raise InvalidInputError(f"{options.table} needs --since, the first day.")
    if since and until and until < since:
        raise InvalidInputError("--until is before --since.")
    if (since or until) and not by_day and "created_at" not in [column.name for column in resource.columns]:
        raise InvalidInputError(f"{options.table} has no column created_at. Leave out --since and --until.")
    fetch = FETCHERS[options.table]
    with KismetClient.from_env(strict=options.strict) as client:
        if by_day:
            frame = fetch(since, until or dt.datetime.now(dt.UTC).date(), client=client)
        else:
            frame = fetch(client=client)
            if since or until:
                frame = created_between(frame, since, until)
    written = export(frame, options.out, tz=options.tz)
    filters = f" ({', '.join(provenance(frame)['filters'])})" if since or until else ""
    print(f"Wrote {len(frame)} {options.table}{filters} to {written}")


def _tables(options: argparse.Namespace) -> None:
    if options.table:
        for column in describe(options.table).itertuples():
            print(f"{column.column:22} {column.dtype:20} {column.meaning}")
        return
    for name, resource in RESOURCES.items():
        print(f"{name:18} {len(resource.columns):2} columns  {resource.path}")


def _snapshot(options: argparse.Namespace) -> None:
    with KismetClient.from_env() as client:
        for file in snapshot(options.tables, folder=options.folder, client=client):
            print(f"Wrote {file}")


def _sync(options: argparse.Namespace) -> None:
    with KismetClient.from_env(file=options.env_file, strict=options.strict) as client:
        report = sync(
            options.folder,
            options.tables,
            organization=options.organization,
            client=client,
            accept_removals=options.accept_removals,
        )
    print(report.to_string(index=False))


def _compare(options: argparse.Namespace) -> None:
    if options.out:
        check_path(options.out)
    changes = compare(read_export(options.old), read_export(options.new), key=options.key, ignore=options.ignore)
    print(format_changes(changes))
    if options.out:
        print(f"\nWrote {export(changes, options.out)}")


def _report(options: argparse.Namespace) -> None:
    written = report(
        options.out,
        month=options.month,
        start=options.start,
        end=options.end,
        tz=options.tz,
        fail_rate_unit=options.fail_rate_unit,
        demo=options.demo,
        notebook=options.notebook,
    )
    print(f"Wrote {written}")


def _lab(options: argparse.Namespace) -> None:
    if find_spec("jupyterlab") is None:
        raise InvalidInputError('JupyterLab is not installed. Install it with: pip install "kismet-nb[lab]"')
    folder = Path(options.folder).expanduser()
    for parent in dict.fromkeys(file.parent for file in copy_notebooks(folder)):
        print(f"Copied missing files to {parent}")
    ended = subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False)  # noqa: S603 - our own interpreter
    if ended.returncode:
        raise KismetError(f"JupyterLab ended with code {ended.returncode}. Its own output is above.")
