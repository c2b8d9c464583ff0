"""Checks of file names, made before anything is fetched, read or written."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.dates import time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.files.excel_cells import import_openpyxl

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SUFFIXES", "check_path", "check_target", "file_suffix"]

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xlsx")


def check_target(path: str | os.PathLike[str], tz: str | None = None) -> Path:
    """Return the file that ``export`` would write for this path and time zone.

    Raises
    ------
    InvalidInputError
        The path cannot be used, ``tz`` is unknown or not for this format, or the package for Excel is missing.
    """
    target = check_path(path)
    suffix = file_suffix(target)
    if suffix == ".xlsx":
        import_openpyxl()
        time_zone(tz or "UTC")
    elif tz is not None:
        raise InvalidInputError(f"tz is for Excel. {suffix} carries the zone with each time; leave tz out.")
    return target


def check_path(path: str | os.PathLike[str], suffixes: Sequence[str] = SUFFIXES) -> Path:
    """Return the path of a file to write or to read, with ``~`` expanded.

    Raises
    ------
    InvalidInputError
        ``path`` is not a path, is a folder, lies in a folder without access, or has an unknown suffix.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidInputError(f"path must be a file name, not {type(path).__name__}.")
    target, is_folder, problem = Path(), False, ""
    try:
        target = Path(path).expanduser()
        target.resolve()  # Fails in a loop of links, and if the working directory was removed.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            is_folder = stat.S_ISDIR(target.stat().st_mode)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except (RuntimeError, ValueError) as error:
        problem = str(error).rstrip(".")
    if problem:
        raise InvalidInputError(f"{str(path)!r} cannot be used: {problem}. Name another file.")
    if is_folder:
        raise InvalidInputError(f"{target} is a folder. Name a file in it, such as {target / 'users'}{suffixes[0]}.")
    if not file_suffix(target, suffixes):
        raise InvalidInputError(f"{target.name} must end in {' or '.join(suffixes)}. The suffix selects the format.")
    return target


def file_suffix(path: Path, suffixes: Sequence[str] = SUFFIXES) -> str:
    """Return the suffix that the file name ends in, in lower case, or an empty string if it is not one of these."""
    return next((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), "")
