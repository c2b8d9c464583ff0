"""The same functions for a terminal and a scheduler.

Exit codes: 0, 1 for a ``KismetError`` (the last line on stderr) or a reader that stopped reading, 2 for wrong usage
(``InvalidInputError`` too), 130 for an interrupt.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from kismet_nb.dates import as_day
from kismet_nb.demo.use_demo import use_demo
from kismet_nb.errors import ExportError, InvalidInputError, KismetError
from kismet_nb.explore.compare import compare, readable
from kismet_nb.fetch import users as fetch
from kismet_nb.files.export import check_path, check_target, export, read_export
from kismet_nb.reports.report import notebooks_folder, report
from kismet_nb.resources import RESOURCES
from kismet_nb.snapshots import LISTS, snapshot
from kismet_nb.tables.describe import describe
from kismet_nb.tables.provenance import provenance, set_provenance
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            # One plain line a warning; the default adds a line of source code.
            warnings.showwarning = lambda message, *_args, **_kwargs: print(f"kismet-nb: {message}", file=sys.stderr)
            options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has read enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KismetError as error:
        print(f"kismet-nb: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidInputError) else 1
    except KeyboardInterrupt:
        print("kismet-nb: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kismet-nb", description="A Kismet Health organization as tables.")
    parser.add_argument("--version", action="version", version=f"kismet-nb {version('kismet-nb')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("demo", help="fetch and export the users of an invented organization on this machine")
    command.set_defaults(run=_demo)

    command = commands.add_parser(
        "export", help="fetch a table and write it to a file; credentials from the environment or .env"
    )
    command.add_argument("table", choices=[name for name, table in RESOURCES.items() if table.layout != "part"])
    command.add_argument(
        "out", metavar="OUT", help="a file whose suffix says the format, such as exports/users.parquet"
    )
    days = "of call_metrics; of other tables, keep only rows created on or"
    command.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help=f"the first day {days} after it (UTC)")
    command.add_argument(
        "--until", type=_day, metavar="YYYY-MM-DD", help=f"the last day (today by default) {days} before it (UTC)"
    )
    command.add_argument("--tz", metavar="ZONE", help="of the times in an Excel file; UTC by default")
    command.add_argument("--strict", action="store_true", help="fail where the API sends other columns than known")
    command.set_defaults(run=_export)

    command = commands.add_parser("tables", help="list the tables, or the columns of one")
    command.add_argument("table", nargs="?", choices=list(RESOURCES))
    command.set_defaults(run=_tables)

    command = commands.add_parser(
        "snapshot", help="keep dated copies of tables in a folder; credentials from the environment or .env"
    )
    command.add_argument("tables", nargs="+", metavar="TABLE", choices=LISTS, help=", ".join(LISTS))
    command.add_argument("--folder", default="snapshots", help="where to keep them (default: %(default)s)")
    command.set_defaults(run=_snapshot)

    command = commands.add_parser("compare", help="show who was added, who was removed, and what changed")
    command.add_argument("old", metavar="OLD", help="the earlier file, of snapshot or export")
    command.add_argument("new", metavar="NEW", help="the later file")
    command.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="do not count its changes; may be repeated"
    )
    command.add_argument(
        "--key", action="append", default=[], metavar="COLUMN", help="tells rows apart, if the files do not know it"
    )
    command.add_argument("--out", metavar="OUT", help="write the changes to a file too, such as changes.csv")
    command.set_defaults(run=_compare)

    command = commands.add_parser(
        "report", help="write a report of a month as one HTML file; credentials from the environment or .env"
    )
    command.add_argument("--out", default="report.html", metavar="FILE", help="the file; report.html by default")
    command.add_argument("--demo", action="store_true", help="of the demo organization, without credentials")
    command.add_argument("--month", metavar="YYYY-MM", help="the month; last month by default")
    command.add_argument("--start", metavar="YYYY-MM-DD", help="the first day, instead of a month")
    command.add_argument("--end", metavar="YYYY-MM-DD", help="the last day, included")
    command.add_argument("--tz", metavar="ZONE", help="whose days count, such as America/New_York; UTC by default")
    command.add_argument(
        "--fail-rate-unit",
        choices=["fraction", "percent"],
        help="what the API sends; or else fail rates are left out",
    )
    command.add_argument("--notebook", metavar="FILE", help="your own copy of 03_report.ipynb")
    command.set_defaults(run=_report)

    command = commands.add_parser("lab", help="open JupyterLab on the notebooks, which show the demo organization")
    command.add_argument("folder", nargs="?", default="notebooks", help="where the notebooks are, or are put")
    command.set_defaults(run=_lab)
    return parser


def _day(text: str) -> dt.date:
    try:
        return as_day(text, "it")
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _demo(_options: argparse.Namespace) -> None:
    with use_demo():
        users = fetch.fetch_users()
        admins, rooms = users["is_admin"].sum(), users["waiting_room_url"].notna().sum()
        print(f"Fetched {len(users)} users, {provenance(users)['verdict']}: {admins} admins, {rooms} waiting rooms.\n")
        print(users[["id", "display_name", "email", "is_admin", "created_at"]].head().to_string(index=False))
        print()
        for name in ("users.csv", "users.parquet"):
            print(f"Wrote {export(users, Path('exports') / name)}")


def _export(options: argparse.Namespace) -> None:
    check_target(options.out, options.tz)  # before a long fetch, not after it
    resource, days = RESOURCES[options.table], (options.since, options.until)
    dated = "created_at" in [column.name for column in resource.columns]
    if resource.layout == "maps" and options.since is None:
        raise InvalidInputError(f"{options.table} needs --since, the first day.")
    if all(days) and options.until < options.since:
        raise InvalidInputError("--until is before --since.")
    if resource.layout != "maps" and any(days) and not dated:
        raise InvalidInputError(f"{options.table} carry no dates: leave out --since and --until.")
    fetch_table = getattr(fetch, f"fetch_{options.table}")
    with KismetClient.from_env(strict=options.strict) as client:
        if resource.layout == "maps":
            frame = fetch_table(options.since, options.until or dt.datetime.now(dt.UTC).date(), client=client)
        else:
            frame = fetch_table(client=client)
            if any(days):
                frame = _created(frame, options.since, options.until)
    written = export(frame, options.out, tz=options.tz)
    which = f" ({', '.join(provenance(frame)['filters'])})" if any(days) else ""
    print(f"Wrote {len(frame)} {options.table}{which} to {written}")


def _created(frame: pd.DataFrame, since: dt.date | None, until: dt.date | None) -> pd.DataFrame:
    """Keep the rows created from one day to another, UTC, and say so in ``attrs``."""
    if not isinstance(frame["created_at"].dtype, pd.DatetimeTZDtype) or frame["created_at"].isna().any():
        raise KismetError("Some rows have no created_at, or none that is a time: leave out --since and --until.")
    day = frame["created_at"].dt.date
    kept: pd.DataFrame = frame[(day >= (since or dt.date.min)) & (day <= (until or dt.date.max))]
    about = provenance(frame)
    # The days too: tables of other days must not be compared.
    days = "created_at" + (f" from {since}" if since else "") + (f" to {until}" if until else "") + " UTC"
    set_provenance(kept, {**about, "filters": [*about["filters"], days], "rows": len(kept)})
    return kept


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


def _compare(options: argparse.Namespace) -> None:
    if options.out:
        check_path(options.out)
    changes = compare(read_export(options.old), read_export(options.new), key=options.key, ignore=options.ignore)
    print(readable(changes))
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
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            source = notebooks_folder()
            for file in source.glob("*.ipynb"):
                shutil.copy(file, folder)
            data = folder.absolute().parent / "data"
            data.mkdir(exist_ok=True)
            for file in (source.parent / "data").iterdir():
                shutil.copy(file, data)
            print(f"Put the notebooks into {folder}")
        problem = ""
    except OSError as error:
        problem = error.strerror or type(error).__name__
    if problem:
        raise ExportError(f"The notebooks could not be put into {folder}: {problem}. Name another folder.")
    ended = subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False)  # noqa: S603 - our own interpreter
    if ended.returncode:
        raise KismetError(f"JupyterLab ended with code {ended.returncode}; what it said stands above.")
