"""Parse the options of the commands."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from typing import TYPE_CHECKING

from kismet_nb.cli.commands import (
    run_compare,
    run_demo,
    run_docs,
    run_lab,
    run_report,
    run_snapshot,
    run_sql,
    run_sync,
    run_tables,
)
from kismet_nb.cli.export import run_export, split_names
from kismet_nb.dates import parse_date
from kismet_nb.errors import InvalidInputError
from kismet_nb.fetch import FETCHERS
from kismet_nb.files.paths import SUFFIXES
from kismet_nb.resources import RESOURCES
from kismet_nb.snapshots import LISTS
from kismet_nb.store.lists import DEFAULT_TABLES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it

__all__ = ["command_parsers", "parse"]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line. The result's ``run`` is the function of its command."""
    own, jupyterlab = list(arguments), []
    if own[:1] == ["lab"] and "--" in own:
        place = own.index("--")
        own, jupyterlab = own[:place], own[place + 1 :]
    parser = _parser()
    options, others = parser.parse_known_args(own)
    options.jupyterlab = jupyterlab
    if options.run is run_export:
        split_names(options, others)
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    return options


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, by its name."""
    return _add_commands(argparse.ArgumentParser(prog="kismet-nb")).choices


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kismet-nb", description="A Kismet Health organization as tables.")
    parser.set_defaults(quiet=False, log=None, stats=False)
    parser.add_argument("--version", action="version", version=f"kismet-nb {version('kismet-nb')}")
    _add_commands(parser)
    return parser


def _add_commands(parser: argparse.ArgumentParser) -> Commands:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("demo", help="fetch and export the users of an invented organization on this machine")
    _add_stats_option(command)
    command.set_defaults(run=run_demo)
    _add_export(commands)
    command = commands.add_parser("tables", help="list the tables, or the columns of one")
    command.add_argument("table", nargs="?", choices=list(RESOURCES), help="print the columns of this table")
    command.set_defaults(run=run_tables)
    _add_snapshot(commands)
    _add_sync(commands)
    _add_sql(commands)
    _add_compare(commands)
    _add_report(commands)
    _add_lab(commands)
    _add_docs(commands)
    return commands


def _add_export(commands: Commands) -> None:
    command = commands.add_parser(
        "export",
        usage="%(prog)s [-h] TABLE [TABLE ...] OUT [OPTION ...]",
        help="fetch tables and write them to files; credentials from the environment or .env",
        epilog="A file is never written in part. If one of several tables fails, the files of the others are still "
        "written, and the exit code is 1. An .xlsx file with several sheets is then not written. If the server refuses "
        "the credentials, asks to wait or is not reached, the export stops.",
    )
    command.add_argument("tables", nargs="+", metavar="TABLE", help=f"{', '.join(FETCHERS)}; OUT is the last name")
    command.add_argument(
        "--out",
        metavar="OUT",
        help="the file; its suffix sets the format: exports/users.parquet. For several tables: a folder, with one file "
        "for each, or an .xlsx file, with one sheet for each",
    )
    command.add_argument(
        "--format",
        choices=[suffix.removeprefix(".") for suffix in SUFFIXES],
        help="format of the files in a folder (default: parquet)",
    )
    command.add_argument(
        "--env-file", metavar="FILE", help="file with the credentials (default: the environment, or the nearest .env)"
    )
    command.add_argument(
        "--since",
        type=_day,
        metavar="YYYY-MM-DD",
        help="first day of call_metrics; for other tables, keep only rows created on or after this day (UTC)",
    )
    command.add_argument(
        "--until",
        type=_day,
        metavar="YYYY-MM-DD",
        help="last day of call_metrics (default: today); for other tables, keep only rows created on or before this "
        "day (UTC)",
    )
    command.add_argument("--tz", metavar="ZONE", help="time zone for times in an Excel file (default: UTC)")
    command.add_argument("--strict", action="store_true", help="fail if the API sends unknown columns or values")
    _add_client_options(command)
    _add_output_options(command)
    command.set_defaults(run=run_export, command=command)


def _add_snapshot(commands: Commands) -> None:
    command = commands.add_parser(
        "snapshot", help="write dated copies of tables to a folder; credentials from the environment or .env"
    )
    command.add_argument("tables", nargs="+", metavar="TABLE", choices=LISTS, help=", ".join(LISTS))
    command.add_argument("--folder", default="snapshots", help="folder for the copies (default: %(default)s)")
    _add_client_options(command)
    _add_output_options(command)
    command.set_defaults(run=run_snapshot)


def _add_sync(commands: Commands) -> None:
    command = commands.add_parser("sync", help="update the local copy of an organization, with its history")
    command.add_argument("folder", metavar="FOLDER", help="the store; it is created if it does not exist")
    command.add_argument("--organization", metavar="NAME", help="its name in the store (default: organization)")
    command.add_argument(
        "--env-file", metavar="FILE", help="file with the credentials (default: the environment, or the nearest .env)"
    )
    command.add_argument(
        "--each",
        nargs="+",
        metavar="FILE",
        help="sync many organizations: each file has the credentials of one, and is named after it: "
        "secrets/clinic-a.env",
    )
    command.add_argument("--jobs", type=int, metavar="N", help="organizations at a time, with --each (default: 8)")
    command.add_argument("--tables", nargs="+", metavar="TABLE", help=f"default: {' '.join(DEFAULT_TABLES)}")
    command.add_argument(
        "--recheck-days",
        type=int,
        default=7,
        metavar="N",
        help="read every list whole at least every N days; 0: each time (default: %(default)s)",
    )
    command.add_argument("--strict", action="store_true", help="fail if the API sends unknown columns or values")
    command.add_argument("--accept-removals", action="store_true", help="accept that most rows of a table are removed")
    _add_client_options(command)
    _add_output_options(command)
    command.set_defaults(run=run_sync)


def _add_sql(commands: Commands) -> None:
    command = commands.add_parser("sql", help="run a SQL query over the tables of a store (extra sql)")
    command.add_argument("folder", metavar="FOLDER", help="the store")
    command.add_argument("query", metavar="QUERY", help="the query in DuckDB's SQL; - reads it from stdin")
    command.add_argument("--out", metavar="OUT", help="write the result to a file instead: result.csv")
    _add_output_options(command)
    command.set_defaults(run=run_sql)


def _add_compare(commands: Commands) -> None:
    command = commands.add_parser("compare", help="show which rows were added, removed and changed")
    command.add_argument("old", nargs="?", metavar="OLD", help="the earlier file, from snapshot or export")
    command.add_argument("new", nargs="?", metavar="NEW", help="the later file")
    command.add_argument(
        "--latest",
        nargs="+",
        metavar="TABLE",
        choices=LISTS,
        help="instead of files: the two newest snapshots of tables",
    )
    command.add_argument(
        "--now",
        nargs="+",
        metavar="TABLE",
        choices=LISTS,
        help="instead of files: the newest snapshots of tables and their present state on the server; credentials from "
        "the environment or .env",
    )
    command.add_argument("--folder", default="snapshots", help="folder of the snapshots (default: %(default)s)")
    command.add_argument("--markdown", action="store_true", help="print Markdown")
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
    command.add_argument("--out", metavar="OUT", help="also write the changes to a file: changes.csv, changes.xlsx")
    _add_client_options(command)
    command.set_defaults(run=run_compare)


def _add_report(commands: Commands) -> None:
    command = commands.add_parser(
        "report", help="write a report of a month as one HTML or PDF file; credentials from the environment or .env"
    )
    command.add_argument(
        "--out", default="report.html", metavar="FILE", help="the file, .html or .pdf (default: %(default)s)"
    )
    command.add_argument("--demo", action="store_true", help="report on the demo organization, without credentials")
    command.add_argument("--month", metavar="YYYY-MM", help="the month (default: last month)")
    command.add_argument("--quarter", metavar="YYYY-QN", help="the quarter, instead of a month: 2026-Q3")
    command.add_argument("--start", metavar="YYYY-MM-DD", help="the first day, instead of a month")
    command.add_argument("--end", metavar="YYYY-MM-DD", help="the last day, included")
    command.add_argument("--tz", metavar="ZONE", help="time zone of days and times: America/New_York (default: UTC)")
    command.add_argument(
        "--fail-rate-unit",
        choices=["fraction", "percent"],
        help="unit in which the API sends fail rates (default: the one that the numbers fit)",
    )
    command.add_argument("--title", metavar="TEXT", help="the title, instead of the notebook's first heading")
    command.add_argument("--organization", metavar="NAME", help="name of the organization, above the title")
    command.add_argument("--logo", metavar="FILE", help="PNG or SVG file of at most 1 MB, above the title")
    command.add_argument("--notebook", metavar="FILE", help="your own copy of 03_report.ipynb")
    _add_stats_option(command)
    _add_output_options(command)
    command.set_defaults(run=run_report)


def _add_lab(commands: Commands) -> None:
    command = commands.add_parser(
        "lab",
        usage="%(prog)s [-h] [FOLDER] [-- OPTION ...]",
        help="open JupyterLab on the notebooks, which show the demo organization",
        epilog="Options after -- are for JupyterLab: kismet-nb lab -- --no-browser --port 9999",
    )
    command.add_argument(
        "folder",
        nargs="?",
        default="notebooks",
        metavar="FOLDER",
        help="folder of the notebooks (default: %(default)s; in a clone of the repository: my_notebooks); missing "
        "notebooks are copied to it, and their data to the folder data beside it; git ignores a new folder",
    )
    command.set_defaults(run=run_lab)


def _add_docs(commands: Commands) -> None:
    command = commands.add_parser("docs", help="open the reference in the browser; build it if missing (extra docs)")
    command.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="folder of the site (default: in the user's folder for caches)"
    )
    command.add_argument("--rebuild", action="store_true", help="build the site again")
    command.add_argument("--strict", action="store_true", help="fail if the build warns")
    command.add_argument("--no-browser", action="store_true", help="only print the address")
    command.set_defaults(run=run_docs)


def _add_client_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--max-in-flight", type=int, default=8, metavar="N", help="requests at a time (default: %(default)s)"
    )
    command.add_argument(
        "--verify",
        choices=["auto", "twice"],
        default="auto",
        help="twice reads every page a second time (default: only if one reading does not prove a table complete)",
    )
    _add_stats_option(command)


def _add_stats_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--stats", action="store_true", help="at the end, write the number of requests by endpoint to stderr"
    )


def _add_output_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quiet", action="store_true", help="write no messages but warnings and errors")
    command.add_argument("--log", metavar="FILE", help="append all messages to a file, each with its time (UTC)")


def _day(text: str) -> dt.date:
    try:
        return parse_date(text, "it")
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
