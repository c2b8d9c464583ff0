"""``kismet-nb sync --each``: many organizations at a time, each in its own process."""

from __future__ import annotations

import contextlib
import glob
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kismet_nb.cli.output import fail, report_done, warn, write_stats_line
from kismet_nb.errors import InvalidInputError, KismetError
from kismet_nb.reports.sigterm import clean_up_on_sigterm
from kismet_nb.store.layout import OrganizationFolder, read_version
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["sync_each"]

POLL_SECONDS = 0.05
PREFIX = "kismet-nb: "  # before messages, but not before the lines of --stats
_OWN_OPTIONS = frozenset(("folder", "organization", "env_file", "each", "jobs", "quiet", "log", "run", "jupyterlab"))
STOP_SECONDS = 10.0  # a process that is still running after this time is killed


@dataclass(slots=True)
class _Sync:
    """The sync of one organization in its own process."""

    organization: str
    process: subprocess.Popen[bytes]
    messages: IO[bytes]
    started: float


def sync_each(options: argparse.Namespace) -> None:
    """Sync the organizations of ``options.each``, at most ``options.jobs`` at a time.

    A file's name without its suffix is the name of its organization. A failed sync does not stop the others.

    Raises
    ------
    InvalidInputError
        A file has no credentials, its name cannot be the name of an organization, or two files name the same one.
        Nothing was started.
    KismetError
        At least one sync failed.
    """
    files = _checked_files(options.folder, options.each)
    jobs = 8 if options.jobs is None else options.jobs
    if jobs < 1:
        raise InvalidInputError("--jobs must be at least 1.")
    started = time.monotonic()
    failed = _run_all(options, files, jobs)
    seconds = f"{time.monotonic() - started:.1f} s"
    if failed:
        raise KismetError(
            f"{len(failed)} of {len(files)} organizations failed, after {seconds}: {', '.join(failed)}. The reasons "
            "are above. Sync again: it continues with what was read."
        )
    report_done(options, f"Synced {len(files)} organizations in {seconds}")


def _checked_files(folder: str, patterns: Sequence[str]) -> dict[str, Path]:
    """Return the file of each organization, by its name."""
    files: dict[str, Path] = {}
    for file in _expanded(patterns):
        name = OrganizationFolder.named(folder, file.stem).name
        for other, path in files.items():
            if other.casefold() == name.casefold():  # the same folder on Windows and macOS
                raise InvalidInputError(f"{path} and {file} both name the organization {name}. Rename one of them.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The organization's own process warns, and names the organization.
            KismetClient.from_env(file=file).close()
        files[name] = file
    return files


def _expanded(patterns: Sequence[str]) -> list[Path]:
    """Return the files that match the patterns. Shells expand patterns too, except on Windows."""
    files = []
    for pattern in patterns:
        # The methods of Path raise in a folder that may not be read, and their patterns must be relative.
        is_name = os.path.exists(pattern) or "*" not in pattern  # noqa: PTH110
        matches = [pattern] if is_name else sorted(glob.glob(pattern))  # noqa: PTH207
        if not matches:
            raise InvalidInputError(f"No file matches {pattern}. Name the files with the credentials.")
        files += matches
    return [Path(file) for file in dict.fromkeys(files)]


def _run_all(options: argparse.Namespace, files: dict[str, Path], jobs: int) -> list[str]:
    """Run the syncs, report each when it ends, and return those that failed. If this process must end, end all."""
    waiting = deque(files.items())
    running: list[_Sync] = []
    failed = []
    with clean_up_on_sigterm():
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    running.append(_start(options, *waiting.popleft()))
                time.sleep(POLL_SECONDS)
                for one in [one for one in running if one.process.poll() is not None]:
                    running.remove(one)
                    _report(options, one)
                    if one.process.returncode:
                        failed.append(one.organization)
        finally:
            _stop(running)
    return failed


def _start(options: argparse.Namespace, organization: str, file: Path) -> _Sync:
    # A file instead of a pipe: nothing reads while the sync runs, so a full pipe would block it.
    messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _report or _stop
    command = [sys.executable, "-P", "-c", "from kismet_nb.cli import main; raise SystemExit(main())"]
    command += ["sync", options.folder, "--organization", organization, "--env-file", str(file), "--quiet"]
    command += _arguments_for_each(options)
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=messages
    )
    return _Sync(organization, process, messages, time.monotonic())


def _arguments_for_each(options: argparse.Namespace) -> list[str]:
    """Return the options for each organization as arguments: all except those of this process."""
    arguments = []
    for name, value in vars(options).items():
        if name in _OWN_OPTIONS or value is None or value is False:
            continue
        values = value if isinstance(value, list) else [] if value is True else [value]
        arguments += [f"--{name.replace('_', '-')}", *map(str, values)]
    return arguments


def _report(options: argparse.Namespace, one: _Sync) -> None:
    """Write the messages of a sync that has ended, and one line about it."""
    one.messages.seek(0)
    lines = one.messages.read().decode(errors="replace").splitlines()
    one.messages.close()
    lines = [line for line in lines if line.strip()]
    code = one.process.returncode
    reason = lines.pop().removeprefix(PREFIX) if code > 0 and lines else ""
    for line in lines:
        is_stats = options.stats and not line.startswith(PREFIX)
        write = write_stats_line if is_stats else warn
        write(f"{one.organization}: {line.removeprefix(PREFIX)}")
    if code:
        fail(f"{one.organization} failed (exit code {code}): {reason or 'another process ended it.'}", code)
        return
    newest = OrganizationFolder.named(options.folder, one.organization).newest()
    tables = read_version(newest)["tables"].values() if newest else []
    counts = {name: sum(table[name] for table in tables) for name in ("rows", "added", "changed", "removed")}
    report_done(
        options,
        f"{one.organization}: {counts['rows']:,} rows, {counts['added']:,} added, {counts['changed']:,} changed, "
        f"{counts['removed']:,} removed, in {time.monotonic() - one.started:.1f} s",
    )


def _stop(running: Sequence[_Sync]) -> None:
    """End the running syncs. Each keeps what it has read."""
    for one in running:
        one.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for one in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            one.process.wait(max(0.0, deadline - time.monotonic()))
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        one.messages.close()
