"""Folders and names in a store: organizations, versions and tables."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kismet_nb.errors import ExportError, InvalidInputError

__all__ = [
    "HISTORY",
    "LISTS",
    "OrganizationFolder",
    "check_folder",
    "chosen_organizations",
    "host_of",
    "read_version",
    "version_name",
    "version_time",
]

HISTORY = "_history"  # suffix of a table's name for the earlier states of its rows
LISTS = "lists"  # name of the table with a row for each list that was read
_VERSION_FORMAT = "%Y-%m-%dT%H%M%SZ"
_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z", re.ASCII)
# Query engines skip names that begin with a dot or an underscore, and parse a=b as a column with a value.
# A lone surrogate cannot be part of the column with the name.
_ORGANIZATION = re.compile(r"""(?![._ ])[^/\\:*?"<>|=\x00-\x1f\x7f\ud800-\udfff]{1,100}(?<![. ])""")
_DISK_FOLDER = "lost+found"  # in the first folder of a disk; only the system's administrator can read it
# Device names of Windows, and the folder above.
_RESERVED = re.compile(rf"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|{re.escape(_DISK_FOLDER)}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OrganizationFolder:
    """The part of a store that belongs to one organization.

    Attributes
    ----------
    path
        Its folder, named after the organization.
    """

    path: Path

    @classmethod
    def named(cls, folder: str | os.PathLike[str], organization: str) -> OrganizationFolder:
        """Return the folder of an organization, which need not exist yet.

        Raises
        ------
        InvalidInputError
            The store is no folder, or the organization's name cannot be the name of a folder.
        """
        usable = isinstance(organization, str) and _ORGANIZATION.fullmatch(organization)
        if not usable or _RESERVED.fullmatch(organization) or len(os.fsencode(organization)) > 200:
            raise InvalidInputError(
                f"organization must be usable as the name of a folder, such as 'clinic-a', not {organization!r}: up to "
                "100 letters, digits, dashes or dots, without a dot or an underscore in front."
            )
        path = check_folder(folder) / organization
        if os.path.lexists(path) and not path.is_dir():
            raise InvalidInputError(f"{path} is a file. Name another folder or another organization.")
        return cls(path)

    @property
    def name(self) -> str:
        """The organization's name."""
        return self.path.name

    @property
    def work(self) -> Path:
        """The hidden folder of a running sync."""
        return self.path / ".sync"

    @property
    def journal(self) -> Path:
        """The file with the lists that a sync has read."""
        return self.work / "journal.sqlite"

    def versions(self) -> list[Path]:
        """Return the folders of the finished versions, the oldest first.

        Raises
        ------
        ExportError
            The folder exists, but cannot be read.
        """
        return sorted(entry for entry in _entries(self.path) if _VERSION.fullmatch(entry.name))

    def newest(self) -> Path | None:
        """Return the folder of the newest version, or None before the first sync has finished."""
        versions = self.versions()
        return versions[-1] if versions else None

    def check_host(self, host: str) -> None:
        """Raise InvalidInputError if the newest version came from another host."""
        newest = self.newest()
        if newest is None:
            return
        try:
            recorded = read_version(newest)["host"]
        except FileNotFoundError:
            raise ExportError(
                f"{newest / 'version.json'} is missing, so the version is incomplete. Delete {newest}."
            ) from None
        if recorded != host:
            raise InvalidInputError(
                f"{self.path} is a copy of an organization at {recorded}, but this client reads from {host}. All rows "
                "would look changed or removed. Name another organization or another folder."
            )


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the path of a store, with ``~`` expanded; the folder need not exist.

    Raises
    ------
    InvalidInputError
        ``folder`` is no path, or it is a file.
    """
    if not isinstance(folder, str | os.PathLike) or not os.fspath(folder):
        raise InvalidInputError("folder must be the name of a folder, such as 'store'.")
    problem = ""
    try:
        path = Path(folder).expanduser()
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.stat().st_mode):
                problem = "it is a file"
    except (OSError, RuntimeError, ValueError) as error:
        problem = str(error).rstrip(".")
    if problem:
        raise InvalidInputError(f"{str(folder)!r} cannot be used: {problem}. Name another folder.")
    return path


def chosen_organizations(folder: str | os.PathLike[str], organizations: str | Iterable[str] | None) -> list[Path]:
    """Return the newest version of each organization; None means all organizations with a version.

    Raises
    ------
    InvalidInputError
        The folder is no store, or one of the organizations has no finished sync in it.
    ExportError
        A folder cannot be read.
    """
    root = check_folder(folder)
    names = sorted(entry.name for entry in _entries(root) if entry.is_dir() and entry.name != _DISK_FOLDER)
    newest = {name: version for name in names if (version := OrganizationFolder(root / name).newest())}
    if not newest:
        raise InvalidInputError(f"{root} has no finished sync. Run kn.sync({str(folder)!r}) first.")
    chosen = list(newest) if organizations is None else organizations
    if not isinstance(chosen, Iterable):
        raise InvalidInputError(f"organizations must be names of organizations, not {type(chosen).__name__}.")
    chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    for name in chosen:
        if not isinstance(name, str) or name not in newest:
            raise InvalidInputError(f"{root} has no organization {name!r}. The organizations are: {', '.join(newest)}.")
    if not chosen:
        raise InvalidInputError("organizations must name at least one organization; None means all.")
    return [newest[name] for name in dict.fromkeys(chosen)]


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, or none if it does not exist. Otherwise an organization could be left out."""
    problem = ""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problem = error.strerror or type(error).__name__
    raise ExportError(f"{folder} cannot be read: {problem}. Check its permissions.")


def host_of(api_url: str) -> str:
    """Return the host of an API; over http, without the port, which differs at each start of a local server."""
    parts = urlsplit(api_url)
    return parts.hostname or "" if parts.scheme == "http" else parts.netloc


def version_name(moment: dt.datetime) -> str:
    """Return the name of a version's folder."""
    return moment.strftime(_VERSION_FORMAT)


def version_time(name: str) -> dt.datetime:
    """Return the moment of a version, from its name."""
    return dt.datetime.strptime(name, _VERSION_FORMAT).replace(tzinfo=dt.UTC)


def read_version(version: Path) -> dict[str, Any]:
    """Return the content of a version's version.json.

    Raises
    ------
    FileNotFoundError
        The file is missing; a sync may have removed the version.
    ExportError
        The file cannot be read, or this package did not write it.
    """
    try:
        recorded = json.loads((version / "version.json").read_text(encoding="utf-8"))
        if (
            isinstance(recorded, dict)
            and isinstance(recorded.get("host"), str)
            and isinstance(recorded["tables"], dict)
        ):
            return recorded
    except FileNotFoundError:
        raise  # a sync may have removed the version since it was found
    except (OSError, ValueError, KeyError):
        pass
    raise ExportError(
        f"{version / 'version.json'} cannot be read. If the same folder has an older version, delete {version}."
    )
