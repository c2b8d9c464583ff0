"""Replace files whole or not at all: write beside the target, flush to disk, then rename."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom

__all__ = ["replace_file", "replace_files"]


@contextlib.contextmanager
def replace_file(target: Path) -> Iterator[BufferedRandom]:
    """Yield a temporary file in the target's folder; rename it to the target if the block ends without an error.

    Raises
    ------
    ExportError
        The file could not be written. An existing target is untouched, and no temporary file is left.
    """
    with replace_files([target]) as [file]:
        yield file


@contextlib.contextmanager
def replace_files(targets: list[Path], outdated: Path | None = None) -> Iterator[list[BufferedRandom]]:
    """Yield one temporary file per target; rename all of them if the block ends without an error.

    Parameters
    ----------
    targets
        The files to replace, the most important one first. Missing folders are made, and links are written through.
    outdated
        A file to delete after the others are in place.

    Raises
    ------
    ExportError
        A file could not be written. The message says whether the first target was replaced.
    """
    targets = [target.resolve() for target in targets]  # A link stays a link.
    problem, replaced = "", 0
    temporaries: list[Path] = []
    try:
        targets[0].parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            files = []
            for target in targets:
                handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
                temporaries.append(Path(name))
                files.append(stack.enter_context(os.fdopen(handle, "w+b")))
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        for temporary, target in zip(temporaries, targets, strict=True):
            temporary.chmod(_permissions(target))
        for temporary, target in zip(temporaries, targets, strict=True):
            temporary.replace(target)
            replaced += 1
        if outdated:
            outdated.unlink(missing_ok=True)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    finally:
        for temporary in temporaries[replaced:]:
            temporary.unlink(missing_ok=True)
    if problem and replaced:
        remaining = outdated or targets[1]
        raise ExportError(f"{targets[0]} was written, but {remaining} was not updated: {problem}. Delete {remaining}.")
    if problem:
        raise ExportError(f"{targets[0]} could not be written: {problem}. An existing file of that name is untouched.")


def _permissions(target: Path) -> int:
    """Return the permissions of an existing file, or those that a new file gets by default."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)  # The mask can only be read by setting another one.
    os.umask(mask)
    return 0o666 & ~mask
