"""Find the notebooks and the sample data of this package, and copy them for a person."""

from __future__ import annotations

from pathlib import Path

from kismet_nb.errors import ExportError

__all__ = ["copy_notebooks", "notebooks_folder", "prepare_folder"]

_OWN_FOLDER = "my_notebooks"  # in a clone
_IGNORE_ALL = "*\n"


def notebooks_folder() -> Path:
    """Return the folder of the notebooks: in the installed package, or beside the package in a clone."""
    return _shipped("notebooks")


def prepare_folder(folder: Path) -> tuple[Path, list[Path]]:
    """Copy the notebooks into a folder in which they can be saved, because saved notebooks contain names.

    An existing folder of a clone of this repository may be tracked by git. Instead of it, ``my_notebooks`` in the clone
    is used. A new folder gets a ``.gitignore``, so that no commit includes what is saved in it.

    Returns
    -------
    folder
        The folder that was used.
    copied
        The files that were copied.

    Raises
    ------
    ExportError
        A file could not be written.
    """
    problem = ""
    try:
        folder = _untracked(folder)
        is_new = not folder.exists()
        copied = copy_notebooks(folder)
        if is_new:
            (folder / ".gitignore").write_text(_IGNORE_ALL, encoding="utf-8")
    except OSError as error:
        problem = error.strerror or type(error).__name__
    if problem:
        raise ExportError(f"The notebooks could not be copied to {folder}: {problem}. Choose another folder.")
    return folder, copied


def _untracked(folder: Path) -> Path:
    """Return the folder, or the one for copies if it is an existing folder of a clone that git does not ignore."""
    place = folder.resolve()
    own_rules = place / ".gitignore"
    if not place.exists() or (own_rules.is_file() and own_rules.read_bytes() == _IGNORE_ALL.encode()):
        return folder
    clones = (path for path in (place, *place.parents) if (path / "kismet_nb" / "__init__.py").is_file())
    root = next((path for path in clones if (path / "pyproject.toml").is_file()), None)
    return folder if root is None else root / _OWN_FOLDER


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
        content = file.read_bytes()
        try:
            new = copy.open("xb")
        except FileExistsError:
            continue
        try:
            with new:
                new.write(content)
        except BaseException:  # a later run would not replace a part of a file
            copy.unlink(missing_ok=True)
            raise
        copied.append(copy)
    return copied
