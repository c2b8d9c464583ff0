"""Find and read the ``.env`` file with Kismet's variables."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv import dotenv_values

from kismet_nb.auth.credentials import FILE_VARIABLES, ID_VARIABLE, SECRET_VARIABLE, URL_VARIABLE

__all__ = ["nearest_dotenv", "read_dotenv"]

VARIABLES = (ID_VARIABLE, SECRET_VARIABLE, URL_VARIABLE, *FILE_VARIABLES.values())


def nearest_dotenv() -> tuple[Path | None, list[Path]]:
    """Return the nearest ``.env`` with a Kismet variable, and all unreadable ones that the search has found.

    The search goes from the working directory upward. An unreadable file ends it if the file is in the working
    directory or names a Kismet variable.
    """
    unreadable: list[Path] = []
    try:
        here = Path.cwd()
    except OSError:
        return None, unreadable  # The working directory was deleted.
    for folder in (here, *here.parents):
        file = folder / ".env"
        if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises in a folder that may not be read
            continue
        values = read_dotenv(file)
        if values is None:
            unreadable.append(file)
            # Above the working directory, an unreadable file probably belongs to another program.
            if folder == here or _names_our_variables(file):
                return file, unreadable
        elif any(name in values for name in VARIABLES):
            return file, unreadable
    return None, unreadable


def read_dotenv(file: Path) -> dict[str, str | None] | None:
    """Return the variables of a ``.env``, or None if it cannot be read."""
    try:
        # A secret may contain a dollar sign, so nothing is interpolated. Notepad writes a byte order mark: utf-8-sig.
        return dotenv_values(file, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _names_our_variables(file: Path) -> bool:
    """Return whether a file that is not UTF-8 text names a Kismet variable."""
    try:
        content = file.read_bytes().replace(b"\0", b"")  # so that UTF-16 is found too
    except OSError:
        return False
    return any(name.encode() in content for name in VARIABLES)
