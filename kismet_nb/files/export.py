"""Tables to files and back, with the same columns, dtypes and values; a file is replaced whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files import csv as csv_format
from kismet_nb.files import excel_write as excel_format
from kismet_nb.files import parquet as parquet_format
from kismet_nb.files.text_codec import HALF_PAIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedRandom

__all__ = ["check_path", "check_target", "export", "read_export", "replacing"]

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xlsx")
# What the libraries raise when they read a file that is none of theirs, or half of one, or that says odd things.
_ODD = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError, StopIteration, SyntaxError)
_DAMAGE = (*_ODD, pa.ArrowException, csv.Error, zlib.error, zipfile.BadZipFile, EOFError, OSError)


def export(
    df: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    spreadsheet_safe: bool = True,
    provenance: bool = True,
    tz: str | None = None,
    **options: Any,  # noqa: ANN401 - pandas' own
) -> Path:
    """Write a table to a file; the suffix says the format.

    Parameters
    ----------
    df
        The table. An unnamed integer index, as filtering leaves it, is not written.
    path
        ``.csv``, ``.csv.gz``, ``.parquet`` or ``.xlsx``. ``~`` is expanded and missing folders are made.
    spreadsheet_safe
        CSV only: mark the file as UTF-8 for spreadsheets, and put an apostrophe before text that they would run
        as a formula; ``read_export`` takes it away again. False writes the text as it is.
    provenance
        Write down where the table came from (``df.attrs``): in a JSON beside a CSV, in the metadata of Parquet, on
        a second sheet in Excel. False leaves it out. The dtypes go with the JSON and the second sheet: without
        them, ``read_export`` knows those of documented columns only.
    tz
        Excel only: the time zone in which times are shown, such as ``"America/New_York"``; the header names it.
        The default is UTC. Other formats carry the zone with each time.
    **options
        Passed to ``DataFrame.to_csv`` or ``to_parquet``; Excel takes none. A CSV with options is written by
        pandas, without the JSON, and is not promised to read back exactly.

    Returns
    -------
    Path
        The file, for printing or opening.

    Raises
    ------
    InvalidInputError
        The table, the path or an option cannot be used, or the package for Excel is missing; nothing was written.
    ExportError
        A value cannot be written in this format, or the disk refused; an older file is untouched.

    Notes
    -----
    Excel holds 15 digits, no time zones and 32,767 characters a cell. So a column with longer integers is written
    as text; a time that a cell cannot hold exactly (finer than a millisecond, before March 1900, or in the hour
    that a clock shows twice in autumn) is written as text with its offset; longer text, more than 1,048,575 rows
    and control characters are refused. Lists are written as ``provider, organization_admin``.

    In every format, times of a zone that cannot be found again by its name are written in UTC: the same instants.
    A file beside a CSV that has the name of its JSON but is none is not touched: it is refused.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> read_export(export(users, "exports/users.csv")).equals(users)
    True
    """
    target = check_target(path, tz)
    _check_frame(df)
    df = _with_named_zones(df)
    suffix = _suffix(target, SUFFIXES)
    if suffix == ".xlsx":
        if options:
            raise InvalidInputError(f"Excel files take no options of pandas: leave out {', '.join(options)}.")
        sheet = excel_format.sheet(df, tz or "UTC")
        with replacing(target) as file:
            excel_format.write(file, sheet, df if provenance else None)
    elif suffix == ".parquet":
        with replacing(target) as file, _speaking_of("Parquet", options):
            parquet_format.write(file, df, provenance=provenance, options=options)
    else:
        note, noted = csv_format.note_path(target), provenance and not options
        ours = csv_format.is_note(note)
        if noted and not ours and os.path.lexists(note):
            raise InvalidInputError(
                f"{note} is no file of export and stays as it is. Choose another name, or leave out the JSON with "
                "provenance=False."
            )
        table = csv_format.table(df, safe=spreadsheet_safe)
        targets, stale = ([target, note], None) if noted else ([target], note if ours else None)
        with _replacing(targets, stale) as files, _speaking_of("CSV", options):
            digest = csv_format.write(files[0], table, gz=suffix == ".csv.gz", safe=spreadsheet_safe, options=options)
            if noted:
                files[1].write(csv_format.note(df, digest))
    return target


def read_export(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a file of ``export`` back.

    Parameters
    ----------
    path
        A file whose name ends in ``.csv``, ``.csv.gz``, ``.parquet`` or ``.xlsx``.

    Returns
    -------
    DataFrame
        The same columns, dtypes, values and ``attrs`` as were written. A CSV or Excel file from elsewhere, or without
        provenance, has the documented dtypes where its columns fit them, and no ``attrs``.

    Raises
    ------
    InvalidInputError
        There is no such file, its suffix is not one of ours, or the package for Excel is missing.
    ExportError
        The file is damaged, or may not be read.

    Warns
    -----
    UserWarning
        A CSV has changed since it was written, by an edit or by damage. Its columns have their documented dtypes
        where they fit, and no ``attrs``.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> read_export(export(users, "exports/users.parquet")).equals(users)
    True
    """
    source = check_path(path)
    if not source.is_file():
        raise InvalidInputError(f"There is no file {source}.")
    read = {".parquet": parquet_format.read, ".xlsx": excel_format.read}.get(_suffix(source, SUFFIXES), csv_format.read)
    try:
        return read(source)
    except InvalidInputError:
        raise
    except PermissionError:
        problem = ""
    except _DAMAGE as error:
        problem = type(error).__name__
    if not problem:
        raise ExportError(f"{source} cannot be opened: you, or this program, may not read it.")
    raise ExportError(f"{source} is damaged or not a file that export wrote ({problem}). Export it again.")


def check_target(path: str | os.PathLike[str], tz: str | None = None) -> Path:
    """Return the file that ``export`` would write, or refuse it before a long fetch.

    Raises
    ------
    InvalidInputError
        The path cannot be used, ``tz`` is no time zone or not for this format, or the package for Excel is missing.
    """
    target = check_path(path)
    if (suffix := _suffix(target, SUFFIXES)) == ".xlsx":
        excel_format.check(tz or "UTC")
    elif tz is not None:
        raise InvalidInputError(f"tz is for Excel. {suffix} carries the zone with each time; leave tz out.")
    return target


def check_path(path: str | os.PathLike[str], suffixes: Sequence[str] = SUFFIXES) -> Path:
    """Return the file to write or read, or refuse it before anything is done.

    Raises
    ------
    InvalidInputError
        ``path`` is no path, is a folder or in one that may not be looked into, or has an unknown suffix.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidInputError(f"path must be a file name, not {type(path).__name__}.")
    target, folder, problem = Path(), False, ""
    try:
        target = Path(path).expanduser()
        target.resolve()  # fails in a loop of links, and where the working directory is gone
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            folder = stat.S_ISDIR(target.stat().st_mode)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except (RuntimeError, ValueError) as error:
        problem = str(error).rstrip(".")
    if problem:
        raise InvalidInputError(f"{str(path)!r} cannot be used: {problem}. Name another file.")
    if folder:
        raise InvalidInputError(f"{target} is a folder. Name a file in it, such as {target / 'users'}{suffixes[0]}.")
    if not _suffix(target, suffixes):
        raise InvalidInputError(f"{target.name} must end in {' or '.join(suffixes)}: the suffix says the format.")
    return target


def _suffix(path: Path, suffixes: Sequence[str]) -> str:
    return next((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), "")


def _check_frame(df: object) -> None:
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"export writes a pandas DataFrame, not {type(df).__name__}.")
    if not all(isinstance(name, str) and not HALF_PAIR.search(name) for name in df.columns):
        raise InvalidInputError("Column names must be text, without half a surrogate pair. Rename them first.")
    if df.columns.has_duplicates:
        raise InvalidInputError("Column names must be there once each. Rename them first.")
    if df.index.name is not None or not (pd.api.types.is_integer_dtype(df.index.dtype) or not len(df)):
        raise InvalidInputError("The index would be lost. Call df.reset_index() first to keep it as a column.")
    try:
        json.dumps(df.attrs)
    except (TypeError, ValueError):
        pass
    else:
        return
    raise InvalidInputError("df.attrs holds something that JSON cannot. Remove it first.")


def _with_named_zones(df: pd.DataFrame) -> pd.DataFrame:
    """Move times to UTC, the same instants, where the name of their zone is not enough to find it again."""
    result = df.copy(deep=False)
    for name, dtype in df.dtypes.items():
        if isinstance(dtype, pd.DatetimeTZDtype):
            found = None
            with contextlib.suppress(TypeError):
                found = pd.api.types.pandas_dtype(str(dtype))
            if found != dtype:
                result[name] = df[name].dt.tz_convert("UTC")
    return result


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BufferedRandom]:
    """Lend a temporary file in the same folder that takes the target's place only when it is whole.

    Raises
    ------
    ExportError
        The disk refused; an older file is untouched.
    """
    with _replacing([target]) as [file]:
        yield file


@contextlib.contextmanager
def _replacing(targets: list[Path], stale: Path | None = None) -> Iterator[list[BufferedRandom]]:
    """Do so for several files at once, the first being the one that counts; then delete one that is out of date."""
    targets = [target.resolve() for target in targets]  # a link stays a link
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
            temporary.chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask())
        for temporary, target in zip(temporaries, targets, strict=True):
            temporary.replace(target)
            replaced += 1
        if stale:
            stale.unlink(missing_ok=True)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    finally:
        for temporary in temporaries[replaced:]:
            temporary.unlink(missing_ok=True)
    if problem and replaced:
        raise ExportError(f"{targets[0]} is written, but not {stale or targets[1]}: {problem}. Delete that one.")
    if problem:
        raise ExportError(f"{targets[0]} could not be written: {problem}. An older file of that name is untouched.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _speaking_of(what: str, options: dict[str, Any]) -> Iterator[None]:
    """Turn pandas' complaints about options or values into ours; they may quote values, so they are not repeated."""
    refused = failed = False
    try:
        yield
    except (TypeError, LookupError):
        refused = True
    except (pa.ArrowException, ValueError, UnicodeEncodeError):
        failed = True
    if refused and options:
        raise InvalidInputError(
            f"These options, or their values, are not for a {what} file of pandas: {', '.join(options)}."
        )
    if refused or failed:
        raise ExportError(f"A value of this table cannot be written as {what}. Convert the column to text first.")
