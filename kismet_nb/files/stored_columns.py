"""Convert columns to plain dtypes that every file format can hold, and back."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError
from kismet_nb.files.stored_objects import as_objects, restore_objects, store_objects, text_digest
from kismet_nb.files.text_codec import (
    documented_dtype,
    encode_column,
    is_text_lists,
    parse_column,
)
from kismet_nb.tables.plain_values import plain_column

if TYPE_CHECKING:
    from kismet_nb.files.stored_objects import Encoding

__all__ = ["restore_column", "store_column"]

_STR = pd.StringDtype("pyarrow", na_value=np.nan)
# Times and durations are left to Arrow, because their dtype has the same unit and zone.
_PANDAS_DTYPES: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): _STR,
    pa.large_string(): _STR,
}


def restore_column(column: pd.Series[Any], encoding: Encoding) -> pd.Series[Any]:
    """Return the original of a stored column, or the column itself if it was edited and no longer fits the encoding."""
    if str(column.dtype) != encoding["dtype"]:
        return column
    if encoding["kind"] == "arrow":
        inner = restore_column(column, encoding["inner"]) if encoding["inner"] else column
        return pd.Series(inner.array, index=column.index, dtype=pd.ArrowDtype(_decode_type(encoding["type"])))
    if encoding["kind"] == "cast":
        return column.astype(encoding["to"])
    if encoding["kind"] == "python text":
        missing: Any = pd.NA if encoding["dtype"] == "string" else np.nan
        return column.astype(pd.StringDtype("python", na_value=missing))
    if encoding["kind"] == "interval":
        return _restore_interval(column, encoding)
    if encoding["kind"] == "category":
        return _restore_category(column, encoding)
    if encoding["kind"] == "beside text":
        return _restore_beside_text(column, encoding)
    return restore_objects(column, encoding)


def store_column(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Encoding | None]:
    """Return a column with a plain dtype, and its encoding if that is another dtype."""
    if isinstance(column.dtype, pd.ArrowDtype):
        return _store_arrow(column, column.dtype, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _store_category(column, column.dtype, name)
    if pd.api.types.is_object_dtype(column.dtype):
        return _store_object_column(column, name)
    if isinstance(column.dtype, pd.StringDtype) and column.dtype.storage == "python":
        stored = column.astype(pd.StringDtype("pyarrow", na_value=column.dtype.na_value))
        return stored, {"kind": "python text", "dtype": str(stored.dtype)}
    if isinstance(column.dtype, pd.PeriodDtype):
        return _store_as(column, "str", name)
    if isinstance(column.dtype, pd.SparseDtype):
        return _store_as(column, column.dtype.subtype, name)
    if isinstance(column.dtype, pd.IntervalDtype):
        return _store_interval(column, name)
    if column.dtype.kind == "c":
        raise ExportError(f"{name} has dtype {column.dtype}, which no format holds. Convert it with astype(str) first.")
    return column, None


def _store_object_column(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Encoding | None]:
    """Return lists of texts as they are, and other objects with the dtype of their values."""
    values = column.to_numpy(dtype=object, copy=True)
    values[column.isna()] = None  # also NaN, which a join leaves
    are_lists = is_text_lists(values)
    if are_lists:
        column = pd.Series(values, index=column.index, name=column.name, dtype=object)
    else:
        column = plain_column(column)
        are_lists = is_text_lists(column)
    # If all values are missing, the documented dtype decides whether they are lists.
    if are_lists and (documented_dtype(name) == "object" or column.notna().any()):
        return column, None
    with contextlib.suppress(ExportError):
        return store_objects(column, name)
    return _store_beside_text(column, name)


def _store_beside_text(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Encoding]:
    """Store a column of texts and of values of one other dtype as text, for example months of a pivot and "total"."""
    is_other = column.notna() & ~column.map(lambda value: isinstance(value, str)).astype(bool)
    others = pd.Series(list(column[is_other]))
    is_one_kind = others.dtype != object or set(map(type, others)) == {dt.date}
    if is_other.sum() == column.notna().sum() or not is_one_kind:
        return store_objects(column, name)  # Raises the error that names the value.
    listed, inner = store_column(others, name)
    texts = column.astype(object)
    texts[is_other] = encode_column(listed, name).cast(pa.string()).to_pylist()
    stored = texts.astype("str")
    rows = np.flatnonzero(is_other).tolist()
    encoding = {
        "kind": "beside text",
        "dtype": "str",
        "rows": rows,
        "rows dtype": str(listed.dtype),
        "rows inner": inner,
        "sha256": text_digest(stored),
    }
    return stored, _verified(encoding, stored, column, name)


def _restore_beside_text(column: pd.Series[Any], encoding: Encoding) -> pd.Series[Any]:
    if text_digest(column) != encoding["sha256"]:
        return column  # A value was edited.
    rows = encoding["rows"]
    texts = pa.chunked_array([pa.array(column.iloc[rows], pa.large_string())])
    listed = parse_column(texts, encoding["rows dtype"])
    values = as_objects([None if missing else value for value, missing in zip(column, column.isna(), strict=True)])
    values.iloc[rows] = list(restore_column(listed, encoding["rows inner"]) if encoding["rows inner"] else listed)
    return values.set_axis(column.index)


def _store_as(column: pd.Series[Any], dtype: Any, name: str) -> tuple[pd.Series[Any], Encoding]:  # noqa: ANN401 - a dtype
    """Return a column with another dtype from which it can be converted back."""
    stored = column.astype(dtype)
    encoding = {"kind": "cast", "dtype": str(stored.dtype), "to": str(column.dtype)}
    return stored, _verified(encoding, stored, column, name)


def _store_interval(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Encoding]:
    """Return intervals as text: ``(0, 10]``."""
    texts = [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    stored = pd.Series(texts, index=column.index, dtype="str")
    encoding = {"kind": "interval", "dtype": "str", "to": str(column.dtype)}
    return stored, _verified(encoding, stored, column, name)


def _restore_interval(column: pd.Series[Any], encoding: Encoding) -> pd.Series[Any]:
    dtype = pd.IntervalDtype(encoding["to"])
    ends = column.str[1:-1].str.split(", ").astype(object)  # also if all are missing
    left, right = (ends.str[side].astype("Float64").to_numpy(float, na_value=np.nan) for side in (0, 1))
    intervals = pd.arrays.IntervalArray.from_arrays(left, right, closed=dtype.closed or "right")
    return pd.Series(intervals, index=column.index).astype(dtype)


def _store_category(column: pd.Series[Any], dtype: pd.CategoricalDtype, name: str) -> tuple[pd.Series[Any], Encoding]:
    """Return the values of a categorical column; the encoding has all categories in their order."""
    categories = pd.Series(dtype.categories)
    listed, listed_inner = store_column(categories, name)
    # NumPy's integers and booleans, and intervals of integers, have no missing value. Texts of intervals have one.
    nullable = categories.convert_dtypes() if categories.dtype.kind in "biu" else categories
    nullable = listed if isinstance(categories.dtype, pd.IntervalDtype) else nullable
    values = nullable.reindex(column.cat.codes.to_numpy()).set_axis(column.index)
    stored, inner = store_column(values.astype(nullable.dtype), name)
    encoding = {
        "kind": "category",
        "dtype": str(stored.dtype),
        "inner": inner,
        "ordered": bool(dtype.ordered),
        "categories": encode_column(listed, name).cast(pa.string()).to_pylist(),
        "categories dtype": str(listed.dtype),
        "categories inner": listed_inner,
    }
    return stored, _verified(encoding, stored, column, name)


def _restore_category(column: pd.Series[Any], encoding: Encoding) -> pd.Series[Any]:
    texts = pa.chunked_array([pa.array(encoding["categories"], pa.large_string())])
    listed = parse_column(texts, encoding["categories dtype"])
    categories = pd.Index(
        restore_column(listed, encoding["categories inner"]) if encoding["categories inner"] else listed
    )
    values = restore_column(column, encoding["inner"]) if encoding["inner"] else column
    known = categories if encoding["inner"] else pd.Index(listed)
    # pd.Categorical(values) would not find values of another dtype.
    codes = np.where(values.isna(), -1, known.get_indexer(values.astype(object)))
    if ((codes < 0) & ~values.isna()).any():
        return column  # A value was edited, and is not a category.
    restored = pd.Categorical.from_codes(codes, categories=categories, ordered=encoding["ordered"])
    return pd.Series(restored, index=column.index)


def _verified(encoding: Encoding, stored: pd.Series[Any], column: pd.Series[Any], name: str) -> Encoding:
    """Return the encoding if it restores the column exactly."""
    restored = None
    with contextlib.suppress(ValueError, TypeError, ArithmeticError, pa.ArrowException):
        restored = restore_column(stored, encoding)
    if restored is None or restored.dtype != column.dtype or not restored.equals(column):
        raise ExportError(
            f"{name} has dtype {column.dtype}, which would not read back. Convert it with astype(str) first."
        )
    return encoding


def _store_arrow(column: pd.Series[Any], dtype: pd.ArrowDtype, name: str) -> tuple[pd.Series[Any], Encoding | None]:
    """Return a column of Arrow's dtypes with the corresponding dtype of pandas."""
    if pa.types.is_nested(dtype.pyarrow_dtype):
        plain = plain_column(column)
    elif (types := _PANDAS_DTYPES.get(dtype.pyarrow_dtype)) or (
        dtype.kind in "mM" and not pa.types.is_date(dtype.pyarrow_dtype)
    ):
        plain = pa.chunked_array([pa.array(column)]).to_pandas(types_mapper=lambda _: types)
    elif pa.types.is_dictionary(dtype.pyarrow_dtype):
        plain = pd.Series(column.array.astype(pd.ArrowDtype(dtype.pyarrow_dtype.value_type)), index=column.index)
    else:
        _check_name(dtype, name)
        return column, None
    stored, encoding = store_column(plain, name)
    encoding = {
        "kind": "arrow",
        "dtype": str(stored.dtype),
        "type": _encode_type(dtype.pyarrow_dtype),
        "inner": encoding,
    }
    return stored, _verified(encoding, stored, column, name)


def _check_name(dtype: pd.ArrowDtype, name: str) -> None:
    """Raise an error if pandas cannot use a dtype, or not find it by its name. A file records only the name."""
    found = None
    with contextlib.suppress(TypeError, NotImplementedError):
        _ = dtype.type  # Raises NotImplementedError for types that pandas cannot use.
        found = pd.api.types.pandas_dtype(str(dtype))
    if found != dtype:
        raise ExportError(f"{name} has dtype {dtype}, which would not read back. Convert it with astype(str) first.")


def _encode_type(arrow: pa.DataType) -> str:
    return base64.b64encode(pa.schema([pa.field("", arrow)]).serialize()).decode()


def _decode_type(encoded: str) -> pa.DataType:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded))).field(0).type
