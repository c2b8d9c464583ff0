"""A column as texts, and texts back to a column of the same dtype and values: what CSV and Excel have in common."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import ExportError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FORMULA",
    "HALF_PAIR",
    "arrow_column",
    "column_from_texts",
    "documented_dtype",
    "is_lists_of_text",
    "json_texts",
    "rows_told",
    "time_texts",
    "with_dtype",
]

# A spreadsheet runs a cell that begins so; the full-width forms too.
FORMULA = "[=+\\-@\t\r\n＝＋－＠]"
HALF_PAIR = re.compile("[\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def arrow_column(column: pd.Series[Any], name: str) -> pa.Array:
    """Return numbers and booleans bare, all else as text.

    Raises
    ------
    ExportError
        There is no text for this dtype, or for one of the values.
    """
    dtype, problem = column.dtype, ""
    arrow = dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else pa.null()
    try:
        if (pd.api.types.is_numeric_dtype(dtype) and not pa.types.is_decimal(arrow)) or dtype == "boolean":
            return pa.array(column, from_pandas=True)
        if isinstance(dtype, pd.DatetimeTZDtype) or (dtype.kind == "M" and not pa.types.is_date(arrow)):
            return time_texts(pa.array(column, from_pandas=True))
        if isinstance(dtype, pd.StringDtype):
            return pa.array(column, pa.large_string(), from_pandas=True)
        if pd.api.types.is_object_dtype(dtype):
            return pa.array(json_texts(column), pa.large_string())
        problem = f"has dtype {dtype}, which this format cannot hold. Convert it with astype(str) first"
    except (TypeError, ValueError, RecursionError, pa.ArrowException):
        problem = "holds a value that cannot be written as text (half a surrogate pair, no JSON, or nested too deep)"
    raise ExportError(f"{name} {problem}.")


def time_texts(times: pa.Array) -> pa.Array:
    """Write times in ISO 8601: those with a zone in UTC with a Z, those without one without, plain days as such."""
    utc = times.type.tz is not None
    whole = pc.all(pc.equal(times, times.cast(pa.timestamp("s", times.type.tz), safe=False))).as_py() is not False
    if utc:
        times = times.cast(pa.timestamp(times.type.unit, "UTC"))
    elif pc.all(pc.equal(times, pc.floor_temporal(times, unit="day"))).as_py():
        return pc.strftime(times, "%Y-%m-%d")
    return pc.strftime(
        times.cast(pa.timestamp("s", times.type.tz), safe=False) if whole else times,
        "%Y-%m-%dT%H:%M:%S" + ("Z" if utc else ""),
    )


def json_texts(column: pd.Series[Any]) -> list[str | None]:
    """Write each value as JSON."""
    return [
        # Half a surrogate pair, which UTF-8 cannot hold, becomes its escape, which is that of JSON too.
        None if gone else _encode(value).encode(errors="backslashreplace").decode()
        for value, gone in zip(column, column.isna(), strict=True)
    ]


def is_lists_of_text(values: Iterable[object]) -> bool:
    """Tell whether all values are lists of text that every format can hold, or missing."""
    return all(
        value is None
        or (isinstance(value, list) and all(isinstance(item, str) and not HALF_PAIR.search(item) for item in value))
        for value in values
    )


def rows_told(df: pd.DataFrame) -> str:
    """Say how many rows a file has, and whether they are all that were fetched: ``attrs`` stays when rows go."""
    fetched = provenance(df).get("rows", len(df))
    if not isinstance(fetched, int) or fetched == len(df):
        return str(len(df))
    return f"{len(df)}: after the fetch of {fetched}, rows were {'left out' if len(df) < fetched else 'added'}"


def documented_dtype(name: str) -> str | None:
    """Return the dtype that the API's documentation gives a column of this name."""
    documented = {column.name: column.dtype for resource in RESOURCES.values() for column in resource.columns}
    return documented.get(name)


def column_from_texts(texts: pa.ChunkedArray, name: str) -> pd.Series[Any]:
    """Return a column with its documented dtype if all its texts fit, or as text."""
    with contextlib.suppress(ValueError, pa.ArrowException):
        return with_dtype(texts, documented_dtype(name) or "str")
    return with_dtype(texts, "str")


def with_dtype(texts: pa.ChunkedArray, dtype: str) -> pd.Series[Any]:
    """Return a column of exactly this dtype; a text that does not fit is a ValueError or an ArrowException."""
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
