"""Warn once of each file with a secret that other users of this computer can read."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_file_note", "warn_of_open_file"]

RUNTIME_FOLDER = "/run"
_warned: set[Path] = set()  # in this process


def open_file_note(file: Path) -> str:
    """Return a warning if other users can read ``file`` and the current user can change that, otherwise an empty text.

    There is no warning if a parent folder keeps other users out. There is none either for files below ``/run``, on a
    read-only file system or of another owner: Docker, systemd, Kubernetes or an administrator set those permissions.
    Windows has no such permissions.
    """
    if sys.platform == "win32":
        return ""
    try:
        found, path = file.stat(), file.resolve()
        is_ours = os.geteuid() in {0, found.st_uid}
        is_open = found.st_mode & 0o044 and all(parent.stat().st_mode & 0o011 for parent in path.parents)
        name = min(str(file), os.path.relpath(file), key=len)
        is_mounted = path.is_relative_to(RUNTIME_FOLDER) or os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError:
        return ""
    if is_mounted or not (is_ours and is_open):
        return ""
    return f"{name} can be read by other users of this computer. Run: chmod 600 {shlex.quote(name)}"


def warn_of_open_file(file: Path, stacklevel: int) -> None:
    """Warn of a file that other users can read, once per process.

    Warns
    -----
    UserWarning
        The note of ``open_file_note``.
    """
    path = file.absolute()
    if path not in _warned and (note := open_file_note(file)):
        warnings.warn(note, stacklevel=stacklevel + 1)
        _warned.add(path)
