"""Find and copy the notebooks and the sample data of this package."""

from __future__ import annotations

import shutil
from pathlib import Path

from kismet_nb.errors import ExportError

__all__ = ["copy_notebooks", "notebooks_folder"]


def notebooks_folder() -> Path:
    """Return the folder of the notebooks: in the installed package, or beside the package in a clone."""
    return _shipped("notebooks")


def copy_notebooks(folder: Path) -> list[Path]:
    """Copy the notebooks into a folder, and their data into the folder ``data`` beside it.

    Existing files are not overwritten.

    Returns
    -------
    list of Path
        The new files.

    Raises
    ------
    ExportError
        A file could not be written.
    """
    problem = ""
    copied = []
    try:
        copied += _copy_missing(notebooks_folder(), folder)
        copied += _copy_missing(_shipped("data"), folder.resolve().parent / "data")
    except OSError as error:
        problem = error.strerror or type(error).__name__
    if problem:
        raise ExportError(f"The notebooks could not be copied to {folder}: {problem}. Choose another folder.")
    return copied


def _shipped(name: str) -> Path:
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / name, package.parent / name) if folder.is_dir())


def _copy_missing(source: Path, target: Path) -> list[Path]:
    """Copy files that are missing in the target folder, and return the new files."""
    target.mkdir(parents=True, exist_ok=True)
    copied = []
    for file in sorted(source.iterdir()):
        copy = target / file.name
        if not file.is_file() or file.name.startswith("."):
            continue
        try:
            with file.open("rb") as original, copy.open("xb") as new:
                shutil.copyfileobj(original, new)
        except FileExistsError:
            continue
        copied.append(copy)
    return copied
