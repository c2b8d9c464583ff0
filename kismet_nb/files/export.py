"""``export``: tables to files from which ``read_export`` restores the same columns, dtypes and values."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.atomic import replace_file, replace_files
from kismet_nb.files.csv import build_sidecar, is_sidecar, sidecar_path, to_csv_table, write_csv
from kismet_nb.files.csv_formulas import FormulaEscaper
from kismet_nb.files.excel_write import TABLE_SHEET, build_sheet, check_sheet_names, write_excel
from kismet_nb.files.parquet import write_parquet
from kismet_nb.files.paths import check_target, file_suffix
from kismet_nb.files.stored_labels import store_labels
from kismet_nb.files.stored_table import store_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kismet_nb.files.stored_table import StoredTable

__all__ = ["export"]

_REFUSED_OPTIONS = {
    ".csv": {
        "mode": "a file is always replaced whole",
        "path_or_buf": "path is the file",
        "compression": "the suffix .csv.gz selects it",
        "date_format": "times are written in ISO 8601; convert the column to text to change that",
        "storage_options": "the file must be on this computer",
    },
    ".parquet": {
        "path": "path is the file",
        "partition_cols": "a table is written to one file",
        "storage_options": "the file must be on this computer",
        "filesystem": "the file must be on this computer",
    },
}


def export(
    df: pd.DataFrame | Mapping[str, pd.DataFrame],
    path: str | os.PathLike[str],
    *,
    title: str | Mapping[str, str] | None = None,
    number_formats: Mapping[str, str] | None = None,
    spreadsheet_safe: bool = True,
    provenance: bool = True,
    tz: str | None = None,
    **options: Any,  # noqa: ANN401 - pandas' own
) -> Path:
    """Write a table to a file; the suffix selects the format. An Excel file may hold several tables.

    Parameters
    ----------
    df
        The table, or several by the names of their sheets: ``{"Admins": admins, "Domains": domains}``. An index with
        a name, texts or times is written as the first columns. An unnamed index of integers is not written. Column
        names that are not text, such as the months of a pivot, are written as text, and several levels of names are
        joined. ``read_export`` restores them all.
    path
        ``.csv``, ``.csv.gz``, ``.parquet`` or ``.xlsx``. ``~`` is expanded and missing folders are made.
    title
        Excel only: a line above the table. For several tables, it is one line for all sheets, or a mapping with a line
        for each sheet that is to have one: ``{"Admins": "Who may change settings"}``.
    number_formats
        Excel only: how numbers are shown, by column: ``{"share": "0.0%"}``. By default, a column of long decimals
        shows a few digits; the values keep all of theirs.
    spreadsheet_safe
        CSV only: mark the file as UTF-8 for spreadsheets, and put an apostrophe before text that they would run
        as a formula, also after a separator inside a text. ``read_export`` removes it. False writes the text
        unchanged.
    provenance
        Write where the table came from (``df.attrs``): to a JSON file beside a CSV, to the metadata of Parquet, to
        a second sheet in Excel. False leaves it out. The JSON and the second sheet also hold the dtypes: without
        them, ``read_export`` restores those of documented columns only.
    tz
        Excel only: the time zone of the times in the file, such as ``"America/New_York"``; the header names it.
        By default, each column is shown in its own zone: UTC after a fetch. Other formats carry the zone with each
        time.
    **options
        Passed to ``DataFrame.to_csv`` or ``to_parquet``; Excel takes none. Options that cannot work with a file that
        is replaced whole are refused, such as ``mode``. A CSV with options is written by pandas, without the JSON.
        ``read_export`` then detects the separators ``,``, ``;``, ``|`` and tab, and restores the dtypes of documented
        columns only.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    InvalidInputError
        The table, the path or an option cannot be used, or the package for Excel is missing. Nothing was written.
    ExportError
        A value cannot be written in this format, or the file cannot be written. An existing file is untouched.

    Notes
    -----
    Use ``.xlsx`` for people who open the file in a spreadsheet. A spreadsheet that opens a CSV guesses what each cell
    means: it keeps 15 digits of a number, takes the text ``007`` for 7 and ``1/2`` for a date. A time with a zone, such
    as ``2026-01-05T09:00:00Z``, stays text there.

    Excel holds 15 digits, no time zones and 32,767 characters a cell. A column with longer integers is written
    as text. A time that a cell cannot hold exactly is written as text with its offset: one finer than a millisecond,
    before March 1900, or in the hour that is repeated when clocks go back. Longer text, control characters and more
    than 1,048,575 rows are refused. Lists are written as ``provider, organization_admin``. The row of totals that
    ``pivot_table(margins=True)`` adds is bold, and is not filtered or sorted with the others.

    In every format, an object column is written with the type of its values; in a mixed one, text stays as it is and
    other values become JSON. Categories, months and bins are written as their values. ``read_export`` restores the
    dtype. A column that would not read back is refused before a file is replaced; the error names it.

    Times of a zone that has no IANA name are written in UTC: the same instants.
    If another file already has the name of the JSON beside a CSV, the export is refused and that file is untouched.

    Examples
    --------
    >>> from kismet_nb import read_export
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> read_export(export(users, "exports/users.csv")).equals(users)
    True
    """
    target = check_target(path, tz)
    suffix = file_suffix(target)
    _check_options(suffix, options)
    if suffix == ".xlsx":
        tables = _store_sheets(df)
        titles = dict(title) if isinstance(title, Mapping) else dict.fromkeys(tables, title)
        _check_excel_options(tables, titles, number_formats or {}, provenance=provenance)
        sheets = [
            build_sheet(table, name, title=titles.get(name), tz=tz, number_formats=number_formats or {})
            for name, table in tables.items()
        ]
        with replace_file(target) as file:
            write_excel(file, sheets, provenance=provenance)
        return target
    if title is not None or number_formats:
        raise InvalidInputError(f"title and number_formats are for Excel. A {suffix} file has neither.")
    table = _store(df)
    if suffix == ".parquet":
        with replace_file(target) as file, _translated_errors("Parquet", options):
            write_parquet(file, table, provenance=provenance, options=options)
    else:
        _export_csv(table, target, safe=spreadsheet_safe, with_sidecar=provenance and not options, options=options)
    return target


def _export_csv(table: StoredTable, target: Path, *, safe: bool, with_sidecar: bool, options: dict[str, Any]) -> None:
    """Write a CSV and its sidecar; without a new sidecar, delete the outdated one."""
    sidecar = sidecar_path(target)
    sidecar_is_ours = is_sidecar(sidecar)
    if with_sidecar and not sidecar_is_ours and os.path.lexists(sidecar):
        raise InvalidInputError(
            f"{sidecar} was not written by export and stays as it is. Choose another name, or leave out the JSON with "
            "provenance=False."
        )
    escaper = FormulaEscaper(_separator(options)) if safe else None
    cells = to_csv_table(table.frame, escaper)
    targets = [target, sidecar] if with_sidecar else [target]
    outdated = sidecar if sidecar_is_ours and not with_sidecar else None
    with replace_files(targets, outdated) as files, _translated_errors("CSV", options):
        compress = file_suffix(target) == ".csv.gz"
        digest = write_csv(files[0], cells, compress=compress, safe=safe, options=options)
        if with_sidecar:
            files[1].write(build_sidecar(table, digest, safe=safe))


def _separator(options: dict[str, Any]) -> str:
    """Return the separator that is harmless inside quotation marks; empty if the options turn these off."""
    return "" if options.get("quoting") == csv.QUOTE_NONE else str(options.get("sep", ","))


def _check_options(suffix: str, options: dict[str, Any]) -> None:
    if suffix == ".xlsx" and options:
        raise InvalidInputError(f"Excel files take no options of pandas. Leave out {', '.join(options)}.")
    reasons = _REFUSED_OPTIONS[".parquet" if suffix == ".parquet" else ".csv"]
    for name in options:
        if name in reasons:
            raise InvalidInputError(f"{name} cannot be used in export: {reasons[name]}. Leave {name} out.")


def _check_excel_options(
    tables: dict[str, StoredTable], titles: dict[str, Any], number_formats: Mapping[str, str], *, provenance: bool
) -> None:
    for name, title in titles.items():
        if name not in tables:
            raise InvalidInputError(f"title names {name!r}, which is not a sheet. The sheets are {', '.join(tables)}.")
        if title is not None and not (isinstance(title, str) and title.strip() and title.isprintable()):
            raise InvalidInputError("title must be one line of text.")
        if title is not None and not provenance:
            raise InvalidInputError(
                "title needs provenance: without the last sheet, read_export would not find the header."
            )
    if not isinstance(number_formats, Mapping):
        raise InvalidInputError('number_formats must map columns to formats, such as {"share": "0.0%"}.')
    for name, number_format in number_formats.items():
        if not any(name in table.frame.columns for table in tables.values()):
            raise InvalidInputError(f"number_formats names {name!r}, which is not a column.")
        if not isinstance(number_format, str) or not 0 < len(number_format) < 256 or not number_format.isprintable():
            raise InvalidInputError(f'number_formats[{name!r}] must be a format of Excel, such as "0.0%".')


def _store_sheets(df: object) -> dict[str, StoredTable]:
    """Return the tables of an Excel file by the names of their sheets."""
    if not isinstance(df, Mapping):
        return {TABLE_SHEET: _store(df)}
    if not df:
        raise InvalidInputError("df has no table. Pass at least one.")
    check_sheet_names(df)
    return {name: _store(table) for name, table in df.items()}


def _store(df: object) -> StoredTable:
    if isinstance(df, Mapping):
        raise InvalidInputError("Several tables need an Excel file: choose a name that ends in .xlsx.")
    if not isinstance(df, pd.DataFrame):
        raise InvalidInputError(f"df must be a pandas DataFrame, or several by name, not {type(df).__name__}.")
    problem = ""
    try:
        json.dumps(df.attrs)
    except (TypeError, ValueError, RecursionError):
        problem = "df.attrs holds a value that JSON cannot represent. Remove it first."
    if problem:
        raise InvalidInputError(problem)
    frame, labels = store_labels(df)
    return store_table(_with_named_zones(frame), labels)


def _with_named_zones(df: pd.DataFrame) -> pd.DataFrame:
    """Convert times to UTC, the same instants, if pandas cannot find their zone by its name."""
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
def _translated_errors(file_format: str, options: dict[str, Any]) -> Iterator[None]:
    """Replace pandas' errors about options or values by our own, because they may quote values of the table."""
    refused = failed = False
    try:
        yield
    except (TypeError, LookupError, ImportError):
        refused = True
    except (pa.ArrowException, ValueError, UnicodeEncodeError, NotImplementedError):
        failed = True
    if refused and options:
        raise InvalidInputError(
            f"pandas does not accept these options, or their values, for a {file_format} file: {', '.join(options)}."
        )
    if refused or failed:
        raise ExportError(f"A value of this table cannot be written as {file_format}. Convert its column to text.")
