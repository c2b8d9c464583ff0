"""Columns as columns of a plain dtype that every format holds and every reader knows, and back to what they were.

An object column of texts is stored as texts, not as JSON; the same goes for integers, booleans and floats. Only a
column of mixed values needs JSON, and only for those of its values that are not text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError
from kismet_nb.files.text_codec import (
    documented_dtype,
    encode_column,
    is_text_lists,
    is_valid_text,
    parse_column,
    to_json,
)
from kismet_nb.tables.plain_values import plain_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["METADATA_PREFIX", "Recipe", "StoredTable", "as_objects", "restore_column", "store_table", "stored_dtype"]

METADATA_PREFIX = "kismet_nb "  # of our own keys in the metadata of a Parquet file
# What restores one column: "kind" and the plain "dtype" that it is stored with, and what the kind needs beside them.
Recipe = dict[str, Any]

_KINDS: dict[type, tuple[str, str]] = {
    str: ("text", "str"),
    bool: ("boolean", "boolean"),
    int: ("integer", "Int64"),
    float: ("float", "Float64"),
}
_STR = pd.StringDtype("pyarrow", na_value=np.nan)
# Times are left to Arrow, because their dtype has the same unit and zone.
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


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table whose columns have plain dtypes, and what restores it.

    Attributes
    ----------
    frame
        The columns as they are written, with the ``attrs`` of the table.
    dtypes
        The name of each column's dtype before.
    recipes
        What restores the columns that were changed.
    """

    frame: pd.DataFrame
    dtypes: dict[str, str]
    recipes: dict[str, Recipe]


def store_table(df: pd.DataFrame) -> StoredTable:
    """Return a table with columns of plain dtypes.

    Raises
    ------
    ExportError
        A value cannot be stored in any format.
    """
    frame, recipes = df.copy(deep=False), {}
    for name in df.columns:
        column = df[name]
        stored, recipe = _store_column(column, name)
        if stored is not column:
            frame[name] = stored
        if recipe:
            recipes[name] = recipe
    # pandas.read_parquet leaves our own keys of the file in attrs.
    frame.attrs = {key: value for key, value in df.attrs.items() if not str(key).startswith(METADATA_PREFIX)}
    return StoredTable(frame, {str(name): str(dtype) for name, dtype in df.dtypes.items()}, recipes)


def stored_dtype(name: str, dtypes: Mapping[str, str], recipes: Mapping[str, Recipe]) -> str | None:
    """Return the dtype that a column is stored with, or None if it is not recorded."""
    return str(recipes[name]["dtype"]) if name in recipes else dtypes.get(name)


def restore_column(column: pd.Series[Any], recipe: Recipe) -> pd.Series[Any]:
    """Return a stored column as it was; unchanged if its values were edited and the recipe no longer fits."""
    if str(column.dtype) != recipe["dtype"]:
        return column
    if recipe["kind"] == "arrow":
        inner = restore_column(column, recipe["inner"]) if recipe["inner"] else column
        return pd.Series(inner.array, index=column.index, dtype=pd.ArrowDtype(_decode_type(recipe["type"])))
    if recipe["kind"] == "category":
        return _restore_category(column, recipe)
    # Only as objects do all columns yield Python's own int, bool and float.
    values = [None if missing else value for value, missing in zip(column.astype(object), column.isna(), strict=True)]
    if recipe["kind"] == "mixed":
        text_rows = set(recipe.get("text rows", ()))
        if text_rows and recipe.get("sha256") != _digest(values):
            return column
        values = [value if row in text_rows else _parse(value) for row, value in enumerate(values)]
    return as_objects(values, column.index)


def as_objects(values: Sequence[Any], index: pd.Index) -> pd.Series[Any]:
    """Return values as an object column; each value stays one cell, also if it is a list."""
    column = np.empty(len(values), dtype=object)
    column[:] = values  # np.array(values) would make a table of lists of equal length.
    return pd.Series(column, index=index, dtype=object)


def _store_column(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Recipe | None]:
    """Return a column with a plain dtype, and its recipe if that is another dtype."""
    if isinstance(column.dtype, pd.ArrowDtype):
        return _store_arrow(column, column.dtype, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _store_category(column, column.dtype, name)
    if pd.api.types.is_object_dtype(column.dtype):
        column = plain_column(column)
        return (column, None) if _is_list_column(column, name) else _store_objects(column, name)
    return column, None


def _store_category(column: pd.Series[Any], dtype: pd.CategoricalDtype, name: str) -> tuple[pd.Series[Any], Recipe]:
    """Return the values of a categorical column; the recipe has all categories in their order."""
    categories = pd.Series(dtype.categories)
    # NumPy's integers and booleans have no missing value.
    nullable = categories.convert_dtypes() if categories.dtype.kind in "biu" else categories
    values = nullable.reindex(column.cat.codes.to_numpy()).set_axis(column.index)
    stored, inner = _store_column(values.astype(nullable.dtype), name)
    listed, listed_inner = _store_column(categories, name)
    recipe = {
        "kind": "category",
        "dtype": str(stored.dtype),
        "inner": inner,
        "ordered": bool(dtype.ordered),
        "categories": encode_column(listed, name).cast(pa.string()).to_pylist(),
        "categories dtype": str(listed.dtype),
        "categories inner": listed_inner,
    }
    return stored, _verified(recipe, stored, column, name)


def _restore_category(column: pd.Series[Any], recipe: Recipe) -> pd.Series[Any]:
    texts = pa.chunked_array([pa.array(recipe["categories"], pa.large_string())])
    listed = parse_column(texts, recipe["categories dtype"])
    categories = pd.Index(restore_column(listed, recipe["categories inner"]) if recipe["categories inner"] else listed)
    values = restore_column(column, recipe["inner"]) if recipe["inner"] else column
    # Not as values of the categorical, because values of another dtype would not be found.
    codes = np.where(values.isna(), -1, categories.get_indexer(values.astype(object)))
    if ((codes < 0) & ~values.isna()).any():
        return column  # A value was edited, and is none of the categories.
    restored = pd.Categorical.from_codes(codes, categories=categories, ordered=recipe["ordered"])
    return pd.Series(restored, index=column.index)


def _verified(recipe: Recipe, stored: pd.Series[Any], column: pd.Series[Any], name: str) -> Recipe:
    """Return the recipe if it restores the column exactly."""
    restored = restore_column(stored, recipe)
    if restored.dtype != column.dtype or not restored.equals(column):
        raise ExportError(
            f"{name} has dtype {column.dtype}, which would not read back. Convert it with astype(object) first."
        )
    return recipe


def _store_arrow(column: pd.Series[Any], dtype: pd.ArrowDtype, name: str) -> tuple[pd.Series[Any], Recipe | None]:
    """Return a column of Arrow's dtypes with the corresponding dtype of pandas."""
    if pa.types.is_nested(dtype.pyarrow_dtype):
        plain = plain_column(column)
    elif (types := _PANDAS_DTYPES.get(dtype.pyarrow_dtype)) or pa.types.is_timestamp(dtype.pyarrow_dtype):
        plain = pa.chunked_array([pa.array(column)]).to_pandas(types_mapper=lambda _: types)
    else:
        return column, None
    stored, recipe = _store_column(plain, name)
    recipe = {"kind": "arrow", "dtype": str(stored.dtype), "type": _encode_type(dtype.pyarrow_dtype), "inner": recipe}
    return stored, _verified(recipe, stored, column, name)


def _is_list_column(column: pd.Series[Any], name: str) -> bool:
    """Return whether a column holds lists of texts; if all values are missing, its documented dtype decides."""
    return is_text_lists(column) and (documented_dtype(name) == "object" or bool(column.notna().any()))


def _store_objects(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Recipe]:
    values = [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
    types = {type(value) for value in values if value is not None}
    kind, dtype = _KINDS.get(types.pop(), ("mixed", "str")) if len(types) == 1 else ("mixed", "str")
    if all(value is None for value in values):  # also if the table is empty
        kind, dtype = "missing", documented_dtype(name) or "str"
    if kind == "mixed" or (kind == "text" and not all(value is None or is_valid_text(value) for value in values)):
        return _store_mixed(values, column.index, name)
    try:
        return pd.Series(values, index=column.index, dtype=cast("Any", dtype)), {"kind": kind, "dtype": dtype}
    except OverflowError:  # an integer beyond 64 bits
        return _store_mixed(values, column.index, name)


def _store_mixed(values: Sequence[Any], index: pd.Index, name: str) -> tuple[pd.Series[Any], Recipe]:
    """Store text as it is and other values as JSON; record which texts would be read as JSON."""
    try:
        texts = [
            value if value is None or (isinstance(value, str) and is_valid_text(value)) else to_json(value)
            for value in values
        ]
    except (TypeError, ValueError, RecursionError):
        texts = []
    if len(texts) < len(values):
        raise ExportError(f"{name} holds a value that cannot be written as text: not JSON, or nested too deep.")
    recipe: Recipe = {"kind": "mixed", "dtype": "str"}
    text_rows = [row for row, value in enumerate(values) if value is not None and texts[row] is value]
    ambiguous = [row for row in text_rows if _parse(texts[row]) is not texts[row]]
    if ambiguous:
        recipe |= {"text rows": ambiguous, "sha256": _digest(texts)}
    return pd.Series(texts, index=index, dtype="str"), recipe


def _encode_type(arrow: pa.DataType) -> str:
    return base64.b64encode(pa.schema([pa.field("", arrow)]).serialize()).decode()


def _decode_type(encoded: str) -> pa.DataType:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded))).field(0).type


def _parse(text: str | None) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text, or the text itself if it is not JSON."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _digest(texts: Sequence[str | None]) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
