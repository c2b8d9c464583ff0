"""The commands: each gets the parsed options and calls a function of the package."""

from __future__ import annotations

import subprocess
import sys
import webbrowser
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.cli.each import sync_each
from kismet_nb.cli.output import report_done, warn
from kismet_nb.demo.use_demo import use_demo
from kismet_nb.errors import InvalidInputError, KismetError
from kismet_nb.explore.compare import compare
from kismet_nb.explore.format_changes import format_changes, format_table
from kismet_nb.fetch import FETCHERS
from kismet_nb.files.export import export
from kismet_nb.files.paths import check_path, check_target
from kismet_nb.files.read_export import read_export
from kismet_nb.frontend import install_command
from kismet_nb.reports.report import report
from kismet_nb.reports.shipped import prepare_folder
from kismet_nb.reports.sigterm import clean_up_on_sigterm
from kismet_nb.resources import RESOURCES
from kismet_nb.snapshots import latest_snapshots, snapshot
from kismet_nb.store.sql import sql
from kismet_nb.store.sync import sync
from kismet_nb.tables.describe import describe
from kismet_nb.tables.provenance import provenance
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    import argparse

    import pandas as pd

__all__ = [
    "run_compare",
    "run_demo",
    "run_docs",
    "run_lab",
    "run_report",
    "run_snapshot",
    "run_sql",
    "run_sync",
    "run_tables",
]

MAX_ROWS = 100  # rows of a query's result that are printed


def run_demo(_options: argparse.Namespace) -> None:
    """Fetch and export the users of the demo organization."""
    with use_demo():
        users = FETCHERS["users"]()
        admins, rooms = users["is_admin"].sum(), users["waiting_room_url"].notna().sum()
        print(f"Fetched {len(users)} users, {provenance(users)['verdict']}: {admins} admins, {rooms} waiting rooms.\n")
        print(users[["id", "display_name", "email", "is_admin", "created_at"]].head().to_string(index=False))
        print()
        for name in ("users.csv", "users.parquet"):
            print(f"Wrote {export(users, Path('exports') / name)}")


def run_tables(options: argparse.Namespace) -> None:
    """Print the tables, or the columns of one."""
    if options.table:
        for column in describe(options.table).itertuples():
            print(f"{column.column:22} {column.dtype:20} {column.meaning}")
        return
    for name, resource in RESOURCES.items():
        print(f"{name:18} {len(resource.columns):2} columns  {resource.path}")


def run_snapshot(options: argparse.Namespace) -> None:
    """Write dated copies of tables."""
    with KismetClient.from_env(max_in_flight=options.max_in_flight, verify=options.verify) as client:
        for file in snapshot(options.tables, folder=options.folder, client=client):
            report_done(options, f"Wrote {file}")


def run_sync(options: argparse.Namespace) -> None:
    """Update the local copy of one organization or of many."""
    if options.each:
        if options.organization is not None or options.env_file is not None:
            raise InvalidInputError("--each names the organizations. Leave out --organization and --env-file.")
        sync_each(options)
        return
    if options.jobs is not None:
        raise InvalidInputError("--jobs requires --each. Name the files of several organizations with --each.")
    with (
        clean_up_on_sigterm(),
        KismetClient.from_env(
            file=options.env_file, strict=options.strict, max_in_flight=options.max_in_flight, verify=options.verify
        ) as client,
    ):
        report = sync(
            options.folder,
            options.tables,
            organization="organization" if options.organization is None else options.organization,
            client=client,
            recheck_days=options.recheck_days,
            accept_removals=options.accept_removals,
        )
    report_done(options, report.to_string(index=False))


def run_sql(options: argparse.Namespace) -> None:
    """Print the result of a query, or write it to a file."""
    if options.out:
        check_target(options.out, None)
    result = sql(options.folder, _standard_input() if options.query == "-" else options.query)
    if options.out:
        report_done(options, f"Wrote {len(result)} rows to {export(result, options.out)}")
        return
    print(format_table(result.head(MAX_ROWS)))
    if len(result) > MAX_ROWS:
        warn(f"{MAX_ROWS} of {len(result)} rows are shown. Write all of them to a file with --out.")


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError("The query on stdin is not UTF-8. Save it in this encoding.") from None


def run_compare(options: argparse.Namespace) -> None:
    """Print the changes between two files or snapshots of tables. With ``--out``, also write them to a file."""
    if options.out:
        check_path(options.out)
    changes = {
        name: compare(before, after, key=options.key, ignore=options.ignore)
        for name, (before, after) in _tables_to_compare(options).items()
    }
    [one, *others] = changes.values()
    written = export(changes if others else one, options.out) if options.out else None
    for number, (name, found) in enumerate(changes.items()):
        heading = f"## {name}\n" if options.markdown else f"{name}:"
        lines = [heading] if others else []
        print("\n" * bool(number) + "\n".join([*lines, format_changes(found, markdown=options.markdown)]))
    if written:
        print(f"\nWrote {written}")


def _tables_to_compare(options: argparse.Namespace) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the older and the newer state of each table."""
    names = options.latest or options.now
    given = [bool(options.old), bool(options.latest), bool(options.now)]
    if given.count(True) != 1 or bool(options.old) != bool(options.new):
        raise InvalidInputError("Name two files, or tables with --latest or with --now.")
    if not names:
        return {"changes": (read_export(options.old), read_export(options.new))}
    count = 2 if options.latest else 1
    files = {name: latest_snapshots(name, options.folder, count) for name in names}
    if options.latest:
        return {name: (read_export(old), read_export(new)) for name, (old, new) in files.items()}
    with KismetClient.from_env(max_in_flight=options.max_in_flight, verify=options.verify) as client:
        return {name: (read_export(file), FETCHERS[name](client=client)) for name, [file] in files.items()}


def run_report(options: argparse.Namespace) -> None:
    """Write a report."""
    written = report(
        options.out,
        month=options.month,
        start=options.start,
        end=options.end,
        tz=options.tz,
        fail_rate_unit=options.fail_rate_unit,
        demo=options.demo,
        notebook=options.notebook,
        quarter=options.quarter,
        title=options.title,
        organization=options.organization,
        logo=options.logo,
        progress=False if options.quiet else None,
    )
    report_done(options, f"Wrote {written}")


def run_lab(options: argparse.Namespace) -> None:
    """Copy missing notebooks and open JupyterLab on them."""
    if find_spec("jupyterlab") is None:
        raise InvalidInputError(f"JupyterLab is not installed. Install it with: {install_command('lab')}")
    wanted = Path(options.folder).expanduser()
    folder, copied = prepare_folder(wanted)
    if folder != wanted:
        print(f"Opening {folder}, which git ignores: a saved notebook contains names. {wanted} is part of a clone.")
    for parent in dict.fromkeys(file.parent for file in copied):
        print(f"Copied missing files to {parent}")
    code = _run_module("jupyterlab", [str(folder), *options.jupyterlab])
    if code:
        raise KismetError(
            f"JupyterLab ended with code {code}. Its own output is above. Write options for JupyterLab after --, for "
            "example: kismet-nb lab -- --allow-root"
        )


def run_docs(options: argparse.Namespace) -> None:
    """Build the reference if it is missing or outdated, and open it in the browser."""
    if find_spec("sphinx") is None or find_spec("furo") is None:
        raise InvalidInputError(f"The reference needs Sphinx. Install it with: {install_command('docs')}")
    folder = Path(options.folder).expanduser() if options.folder else _docs_cache()
    page = folder.absolute() / "index.html"
    if options.rebuild or not _is_built(folder):
        print(f"Building the reference in {folder}. The notebooks run, which takes a minute or two.", flush=True)
        code = _run_module("kismet_nb.docs", [str(folder), *(["--strict"] if options.strict else [])])
        if code:
            raise KismetError(f"The reference could not be built in {folder}. The reason is above.")
    print(f"The reference is at {page.as_uri()}")
    if not options.no_browser:
        webbrowser.open(page.as_uri())


def _is_built(folder: Path) -> bool:
    """Return whether a folder has the reference, and no file of the package is newer."""
    built = folder / "searchindex.js"  # Sphinx writes it last
    sources = (file for file in Path(__file__).parents[1].rglob("*.*") if file.suffix != ".pyc")
    return built.is_file() and all(file.stat().st_mtime <= built.stat().st_mtime for file in sources)


def _docs_cache() -> Path:
    """Return the folder for the reference of this version."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - an optional dependency

    return user_cache_path("kismet-nb", appauthor=False) / f"docs-{version('kismet-nb')}"


def _run_module(name: str, arguments: list[str]) -> int:
    """Run a module as a program until it ends, and end it on SIGTERM or an interrupt."""
    with clean_up_on_sigterm():
        process = subprocess.Popen([sys.executable, "-m", name, *arguments])  # noqa: S603 - our own interpreter
        try:
            return process.wait()
        except BaseException:
            process.terminate()  # JupyterLab ends its kernels
            process.wait()
            raise
