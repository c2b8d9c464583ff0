"""``read_export``: read files of ``export`` back with the same columns, dtypes and values."""

from __future__ import annotations

import csv
import zipfile
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.csv import read_csv
from kismet_nb.files.excel_read import read_excel
from kismet_nb.files.parquet import read_parquet
from kismet_nb.files.paths import check_path, file_suffix

if TYPE_CHECKING:
    import os

    import pandas as pd

__all__ = ["read_export"]

# Exceptions raised by the readers for foreign, truncated or corrupt files.
_READ_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    StopIteration,
    SyntaxError,
    EOFError,
    OSError,
    pa.ArrowException,
    csv.Error,
    zlib.error,
    zipfile.BadZipFile,
)


def read_export(path: str | os.PathLike[str], *, sheet: str | None = None) -> pd.DataFrame:
    """Read a file of ``export`` back.

    Parameters
    ----------
    path
        A file whose name ends in ``.csv``, ``.csv.gz``, ``.parquet`` or ``.xlsx``.
    sheet
        Excel only: the name of the table to read, if there are several.

    Returns
    -------
    DataFrame
        The same columns, dtypes, values and ``attrs`` as were written. In a CSV or Excel file from another program,
        or without provenance, documented columns get their documented dtypes if all values fit. ``attrs`` is empty.

    Raises
    ------
    InvalidInputError
        The file does not exist, its suffix is unknown, the package for Excel is missing, or ``sheet`` does not name
        one of several tables.
    ExportError
        The file is damaged, there is no permission to read it, or no sheet of an Excel file has the columns of the
        table.

    Warns
    -----
    UserWarning
        The table in a CSV or Excel file has changed since it was written, by an edit or by damage. Columns of a CSV
        have their documented dtypes if all values fit; those of Excel have the dtypes that were written. ``attrs`` is
        empty, unless all that changed in Excel are new columns. For Excel also: formulas have no result yet.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> import pandas as pd
    >>> users = pd.DataFrame({"id": [11], "email": ["ada.ferris@example.org"]})
    >>> kn.read_export(kn.export(users, "exports/users.parquet")).equals(users)
    True
    """
    source = check_path(path)
    if not source.is_file():
        raise InvalidInputError(f"There is no file {source}. Check the path.")
    suffix = file_suffix(source)
    if sheet is not None and suffix != ".xlsx":
        raise InvalidInputError(f"sheet is for Excel. A {suffix} file holds one table; leave sheet out.")
    try:
        if suffix == ".xlsx":
            return read_excel(source, sheet)
        return read_parquet(source) if suffix == ".parquet" else read_csv(source)
    except InvalidInputError:
        raise
    except PermissionError:
        problem = ""
    except _READ_ERRORS as error:
        problem = type(error).__name__
    if not problem:
        raise ExportError(f"{source} cannot be opened: permission denied. Check its permissions.")
    raise ExportError(f"{source} is damaged or was not written by export ({problem}). Export it again.")
