"""Read the files that ``KISMET_CLIENT_ID_FILE`` and ``KISMET_CLIENT_SECRET_FILE`` name, as with Docker and systemd."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.auth.credentials import FILE_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FileValues", "read_value_files"]

MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, repr=False)
class FileValues:
    """The values that were read from files. It has no repr, because one of them is the secret.

    Attributes
    ----------
    values, files
        The values and their files, by the variable without ``_FILE``, for example ``KISMET_CLIENT_SECRET``.
    problem
        The problem with one of the files, or None. If there is one, there are no values and files.
    """

    values: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    problem: str | None = None


def read_value_files(variables: Mapping[str, str | None], folder: Path) -> FileValues:
    """Read the files that the variables of one source name.

    A problem is returned and not raised, because the frames that read the files contain the secret.

    Parameters
    ----------
    variables
        The variables of one source.
    folder
        The folder that relative paths start from.
    """
    read = FileValues()
    for variable, file_variable in FILE_VARIABLES.items():
        name = (variables.get(file_variable) or "").strip()
        if not name:
            continue
        if (variables.get(variable) or "").strip():
            return FileValues(problem=f"{variable} and {file_variable} are both set. Remove one of the two.")
        try:
            file = folder / Path(name).expanduser()
            content, problem = _read(file)
        except RuntimeError:  # the home folder of an unknown user
            problem = f"{file_variable} names a file of an unknown user. Set it to the full path of a file."
            return FileValues(problem=problem)
        if problem and not _is_path(name, folder):
            where = "the working directory" if folder == Path() else folder
            problem = f"{file_variable} does not name a file in {where}. Set it to the full path of a file."
            return FileValues(problem=problem)
        if problem:
            return FileValues(problem=f"{file_variable} names {file}, which {problem}")
        read.values[variable], read.files[variable] = content, file
    return read


def _is_path(name: str, folder: Path) -> bool:
    """Return whether a file has this name, or its first folder exists. Any other text may be the secret itself."""
    path = Path(name).expanduser()
    depth = 2 if path.is_absolute() else 1
    first = folder / Path(*path.parts[:depth])
    return os.path.exists(folder / path) or (len(path.parts) > depth and os.path.isdir(first))  # noqa: PTH110, PTH112 - the methods of Path raise in an unreadable folder


def _read(file: Path) -> tuple[str, str | None]:
    """Return the only line of a file, and the problem with the file or None."""
    if os.path.exists(file) and not os.path.isfile(file):  # noqa: PTH110, PTH113 - as above; a pipe could block
        return "", "is not a file. Name the file that holds the value."
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "Its name cannot be used"
        return "", f"cannot be read: {reason}. Check its name and permissions."
    if len(content) > MAX_BYTES:
        return "", "is too long. It must contain one line with only the value."
    try:
        text = content.decode("utf-8-sig").strip()  # Notepad writes a byte order mark.
    except UnicodeDecodeError:
        return "", "is not plain UTF-8 text. Save it in that encoding."
    if not text:
        return "", "is empty. It must contain one line with the value."
    if len(text.splitlines()) > 1:
        return "", "has several lines. It must contain one line with only the value."
    if text.removeprefix("export ").lstrip().startswith(tuple(f"{variable}=" for variable in FILE_VARIABLES)):
        return "", "is written like a .env file. It must contain only the value, without the name of the variable."
    return text, None
