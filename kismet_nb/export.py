"""Tables to files and back, with the same columns, dtypes and values; a file is replaced whole or not at all.

A CSV cannot say which dtype a column has, so a small JSON lies beside it (``users.csv.json``): the dtypes, where
the table came from, and a checksum of the CSV. Where the JSON is gone, or the CSV was edited since, columns that
the API documents still get their documented dtype, and all others are text.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom

__all__ = ["check_path", "export", "read_export", "replacing"]

SUFFIXES = (".csv", ".csv.gz", ".parquet")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A spreadsheet runs a cell that begins so; the full-width forms too.
FORMULA = "[=+\\-@\t\r\n＝＋－＠]"
JSON_COLUMNS = "kismet_nb json columns"


def export(
    df: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    spreadsheet_safe: bool = True,
    provenance: bool = True,
    **options: Any,  # noqa: ANN401 - pandas' own
) -> Path:
    """Write a table to a file; the suffix says the format.

    Parameters
    ----------
    df
        The table. An unnamed integer index, as filtering leaves it, is not written.
    path
        ``.csv``, ``.csv.gz`` or ``.parquet``. ``~`` is expanded and missing folders are made.
    spreadsheet_safe
        CSV only: mark the file as UTF-8 for spreadsheets, and put an apostrophe before text that they would run
        as a formula; ``read_export`` takes it away again. False writes the text as it is.
    provenance
        CSV only: write the JSON with dtypes and provenance beside it.
    **options
        Passed to ``DataFrame.to_csv`` or ``to_parquet``. A CSV with options is written by pandas, without the
        JSON, and is not promised to read back exactly.

    Returns
    -------
    Path
        The file, for printing or opening.

    Raises
    ------
    InvalidInputError
        The table or the path cannot be used; nothing was written.
    ExportError
        A value cannot be written in this format, or the disk refused; an older file is untouched.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> read_export(export(users, "exports/users.csv")).equals(users)
    True
    """
    target = check_path(path)
    _check_frame(df)
    if _suffix(target) == ".parquet":
        settings: dict[str, Any] = {"engine": "pyarrow", "compression": "zstd", "index": False, **options}
        with replacing(target) as file, _speaking_of("Parquet", options):
            _parquet_frame(df).to_parquet(file, **settings)
        return target
    columns = {name: _csv_column(df[name], name, safe=spreadsheet_safe) for name in df.columns}
    header = [_neutral(name) if spreadsheet_safe else name for name in df.columns]
    digest = ""
    with replacing(target) as file:
        digest = _write_csv(
            file, columns, header, gz=target.suffix.lower() == ".gz", safe=spreadsheet_safe, options=options
        )
    note = _note_path(target)
    if provenance and not options:
        about = {"format": 1, "sha256": digest, "dtypes": {n: str(d) for n, d in df.dtypes.items()}, "attrs": df.attrs}
        with replacing(note) as file:
            file.write(json.dumps(about, ensure_ascii=False, indent=1).encode())
    else:
        note.unlink(missing_ok=True)
    return target


def read_export(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a file of ``export`` back: the same columns, dtypes, values and ``attrs``.

    Raises
    ------
    InvalidInputError
        There is no such file, or its suffix is not one of ours.
    ExportError
        The file is damaged.

    Examples
    --------
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> read_export(export(users, "exports/users.parquet")).equals(users)
    True
    """
    source = check_path(path)
    if not source.is_file():
        raise InvalidInputError(f"There is no file {source}.")
    try:
        return _read_parquet(source) if _suffix(source) == ".parquet" else _read_csv(source)
    except (pa.ArrowException, ValueError, OSError, EOFError, StopIteration) as error:
        problem = type(error).__name__
    raise ExportError(f"{source} is damaged or not a file that export wrote ({problem}). Export it again.")


def check_path(path: str | os.PathLike[str]) -> Path:
    """Return the file to write or read, or refuse it before anything is done.

    Raises
    ------
    InvalidInputError
        ``path`` is no path, is a folder, or has an unknown suffix.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidInputError(f"path must be a file name, not {type(path).__name__}.")
    target = Path(path).expanduser()
    if target.is_dir():
        raise InvalidInputError(f"{target} is a folder. Name a file in it, such as {target / 'users.parquet'}.")
    if _suffix(target) not in SUFFIXES:
        raise InvalidInputError(f"{target.name} must end in one of {', '.join(SUFFIXES)}: the suffix says the format.")
    return target


def _suffix(path: Path) -> str:
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def _note_path(target: Path) -> Path:
    target = target.resolve()  # beside the file, whichever link it was written through
    return target.with_name(f"{target.name}.json")


def _check_frame(df: object) -> None:
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"export writes a pandas DataFrame, not {type(df).__name__}.")
    if not all(isinstance(name, str) for name in df.columns) or df.columns.has_duplicates:
        raise InvalidInputError("Column names must be text, each once. Rename them first.")
    if df.index.name is not None or not (pd.api.types.is_integer_dtype(df.index.dtype) or not len(df)):
        raise InvalidInputError("The index would be lost. Call df.reset_index() first to keep it as a column.")
    try:
        json.dumps(df.attrs)
    except (TypeError, ValueError):
        pass
    else:
        return
    raise InvalidInputError("df.attrs holds something that JSON cannot. Remove it first.")


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BufferedRandom]:
    """Lend a temporary file in the same folder that takes the target's place only when it is whole.

    Raises
    ------
    ExportError
        The disk refused; an older file is untouched.
    """
    target = target.resolve()  # a link stays a link
    problem = ""
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
        temporary = None
    except OSError as error:
        problem = error.strerror or type(error).__name__
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    if problem:
        raise ExportError(f"{target} could not be written: {problem}. An older file of that name is untouched.")


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
    except TypeError:
        refused = True
    except (pa.ArrowException, ValueError, UnicodeEncodeError):
        failed = True
    if refused and options:
        raise InvalidInputError(f"pandas does not take these options for {what}: {', '.join(options)}.")
    if refused or failed:
        raise ExportError(f"A value of this table cannot be written as {what}. Convert the column to text first.")


# CSV ------------------------------------------------------------------------------------------------------------


def _csv_column(column: pd.Series[Any], name: str, *, safe: bool) -> pa.Array:
    """Return a column as Arrow writes it: numbers and booleans bare, all else as quoted text."""
    dtype, problem = column.dtype, ""
    try:
        if pd.api.types.is_numeric_dtype(dtype) or dtype == "boolean":
            return pa.array(column, from_pandas=True)
        if isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind == "M":
            return _time_texts(pa.array(column, from_pandas=True))
        if isinstance(dtype, pd.StringDtype):
            texts = pa.array(column, pa.large_string(), from_pandas=True)
        elif pd.api.types.is_object_dtype(dtype):
            texts = pa.array(_json_texts(column), pa.large_string())
        else:
            problem = f"has dtype {dtype}, which a CSV cannot hold. Convert it with astype(str) first"
            texts = None
    except (TypeError, ValueError, pa.ArrowException):
        problem = "holds a value that cannot be written as text (half a surrogate pair, or no JSON value)"
    if problem:
        raise ExportError(f"{name} {problem}.")
    return pc.replace_substring_regex(texts, f"^('*{FORMULA})", r"'\1") if safe else texts


def _neutral(text: str) -> str:
    return f"'{text}" if re.match(f"'*{FORMULA}", text) else text


def _plain(text: str) -> str:
    return text[1:] if re.match(f"''*{FORMULA}", text) else text


def _time_texts(times: pa.Array) -> pa.Array:
    utc = times.type.tz is not None
    whole = pc.all(pc.equal(times, times.cast(pa.timestamp("s", times.type.tz), safe=False))).as_py() is not False
    if utc:
        times = times.cast(pa.timestamp(times.type.unit, "UTC"))
    return pc.strftime(
        times.cast(pa.timestamp("s", times.type.tz), safe=False) if whole else times,
        "%Y-%m-%dT%H:%M:%S" + ("Z" if utc else ""),
    )


def _json_texts(column: pd.Series[Any]) -> list[str | None]:
    missing = column.isna()
    return [
        None if gone else json.dumps(value, ensure_ascii=False, allow_nan=False)
        for value, gone in zip(column, missing, strict=True)
    ]


def _write_csv(
    file: BufferedRandom,
    columns: dict[str, pa.Array],
    header: list[str],
    *,
    gz: bool,
    safe: bool,
    options: dict[str, Any],
) -> str:
    """Write the file and return its checksum."""
    table = pa.table(list(columns.values()), names=header)
    with contextlib.ExitStack() as stack:
        # No time stamp in the gzip header: the same table makes the same file.
        out = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0)) if gz else file
        if safe and "encoding" not in options:
            out.write(BYTE_ORDER_MARK)
        if options:
            with _speaking_of("CSV", options):
                cast("pd.DataFrame", table.to_pandas()).to_csv(out, **{"index": False} | options)
        elif columns:
            pyarrow.csv.write_csv(table, out)
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _read_csv(source: Path) -> pd.DataFrame:
    raw = source.read_bytes()
    note = _read_note(source, raw)
    text = gzip.decompress(raw) if source.suffix.lower() == ".gz" else raw
    safe = text.startswith(BYTE_ORDER_MARK)
    text = text.removeprefix(BYTE_ORDER_MARK)
    if not text:
        return pd.DataFrame()
    header = next(csv.reader(io.StringIO(text.decode(), newline="")))
    table = pyarrow.csv.read_csv(
        io.BytesIO(text),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
        # A block must hold at least one whole row.
        read_options=pyarrow.csv.ReadOptions(block_size=max(2**20, min(len(text), 2**30))),
    )
    series = {}
    for sent, column in zip(header, table.columns, strict=True):
        name = _plain(sent) if safe else sent
        texts = pc.replace_substring_regex(column, f"^'('*{FORMULA})", r"\1") if safe else column
        series[name] = _column_from_texts(texts, name, note.get("dtypes", {}).get(name))
    frame = pd.DataFrame(series, index=pd.RangeIndex(table.num_rows))
    frame.attrs = note.get("attrs", {})
    return frame


def _read_note(source: Path, raw: bytes) -> dict[str, Any]:
    """Return what the JSON beside a CSV says, or nothing if it is gone or speaks of another state of the file."""
    try:
        note: dict[str, Any] = json.loads(_note_path(source).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if note.get("sha256") == hashlib.sha256(raw).hexdigest() else {}


def _column_from_texts(texts: pa.ChunkedArray, name: str, dtype: str | None) -> pd.Series[Any]:
    if dtype is not None:
        return _with_dtype(texts, dtype)
    documented = {column.name: column.dtype for resource in RESOURCES.values() for column in resource.columns}
    with contextlib.suppress(ValueError, pa.ArrowException):
        return _with_dtype(texts, documented.get(name, "str"))
    return _with_dtype(texts, "str")


def _with_dtype(texts: pa.ChunkedArray, dtype: str) -> pd.Series[Any]:
    if dtype == "object":
        values = np.empty(len(texts), dtype=object)
        values[:] = [None if text is None else json.loads(text) for text in texts.to_pylist()]
        return pd.Series(values, dtype=object)
    wanted = pd.api.types.pandas_dtype(dtype)
    if dtype.startswith("datetime64"):
        # A time with a zone is written in UTC with a Z, one without a zone without.
        zone = "UTC" if isinstance(wanted, pd.DatetimeTZDtype) else None
        column = texts.cast(pa.timestamp("ns" if dtype.startswith("datetime64[ns") else "us", zone)).to_pandas()
    elif pd.api.types.is_numeric_dtype(wanted):
        # Missing numbers need a nullable dtype on the way: int64 has none, and float64 would round them.
        nullable = {"b": "boolean", "i": "Int64", "u": "UInt64", "f": "Float64"}[wanted.kind]
        arrow = {"b": pa.bool_(), "i": pa.int64(), "u": pa.uint64(), "f": pa.float64()}[wanted.kind]
        column = texts.cast(arrow).to_pandas(types_mapper=lambda _: pd.api.types.pandas_dtype(nullable))
    else:
        column = texts.to_pandas(types_mapper=lambda _: pd.StringDtype("pyarrow", na_value=np.nan))
    return cast("pd.Series[Any]", column.astype(wanted))


# Parquet --------------------------------------------------------------------------------------------------------


def _parquet_frame(df: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns that Parquet has no type for as JSON, named in ``attrs``."""
    mixed = [
        name for name in df.columns if pd.api.types.is_object_dtype(df[name].dtype) and not _is_lists_of_text(df[name])
    ]
    if not mixed:
        return df
    frame = df.assign(**{name: pd.Series(_json_texts(df[name]), index=df.index, dtype=object) for name in mixed})
    frame.attrs = df.attrs | {JSON_COLUMNS: mixed}
    return frame


def _is_lists_of_text(column: pd.Series[Any]) -> bool:
    return all(
        value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value)) for value in column
    )


def _read_parquet(source: Path) -> pd.DataFrame:
    frame = pd.read_parquet(source, engine="pyarrow")
    mixed = frame.attrs.pop(JSON_COLUMNS, [])
    for name, dtype in frame.dtypes.items():
        if name in mixed:
            values = [json.loads(text) if isinstance(text, str) else None for text in frame[name]]
        elif pd.api.types.is_object_dtype(dtype):
            values = [value.tolist() if isinstance(value, np.ndarray) else value for value in frame[name]]
        else:
            continue
        restored = np.empty(len(frame), dtype=object)
        restored[:] = values
        frame[name] = pd.Series(restored, index=frame.index, dtype=object)
    return frame
