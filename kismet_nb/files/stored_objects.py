"""Object columns with a plain dtype: texts as texts, numbers as numbers, and only mixed values as JSON."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from kismet_nb.errors import ExportError
from kismet_nb.files.text_codec import DATE_DTYPE, documented_dtype, is_valid_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Encoding", "as_objects", "restore_objects", "store_objects", "text_digest"]

# How one column is stored: "kind", the plain "dtype" that it has in the file, and what the kind needs to restore it.
Encoding = dict[str, Any]

# The first characters of JSON, to avoid slow errors of the parser. Python also reads NaN and Infinity.
JSON_START = re.compile(r'[ \t\r\n]*["\[{\dtfn\-NI]')

_KINDS: dict[type, tuple[str, str]] = {
    str: ("text", "str"),
    bool: ("boolean", "boolean"),
    int: ("integer", "Int64"),
    float: ("float", "Float64"),
    dt.date: ("date", DATE_DTYPE),
}


def store_objects(column: pd.Series[Any], name: str) -> tuple[pd.Series[Any], Encoding]:
    """Return an object column with the dtype of its values, and the encoding that restores it.

    Raises
    ------
    ExportError
        A value cannot be written in any format.
    """
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


def restore_objects(column: pd.Series[Any], encoding: Encoding) -> pd.Series[Any]:
    """Return the object column that was stored; unchanged if it has mixed values and was edited."""
    # Columns of objects yield Python's own int, bool and float; others may yield NumPy's.
    values = [None if missing else value for value, missing in zip(column.astype(object), column.isna(), strict=True)]
    if encoding["kind"] == "mixed":
        text_rows = set(encoding.get("text rows", ()))
        if text_rows and encoding.get("sha256") != text_digest(values):
            return column
        values = [value if row in text_rows else _parse(value) for row, value in enumerate(values)]
    return as_objects(values, column.index)


def as_objects(values: Sequence[Any], index: pd.Index | None = None) -> pd.Series[Any]:
    """Return values as an object column; each value stays one cell, also if it is a list."""
    column = np.empty(len(values), dtype=object)
    column[:] = values  # np.array(values) would make lists of equal length a 2-D array.
    return pd.Series(column, index=index, dtype=object)


def _store_mixed(values: Sequence[Any], index: pd.Index, name: str) -> tuple[pd.Series[Any], Encoding]:
    """Store text as it is and other values as JSON; record which texts would be read as JSON."""
    text_rows = [row for row, value in enumerate(values) if isinstance(value, str) and is_valid_text(value)]
    texts = list(values)
    others = sorted({row for row, value in enumerate(values) if value is not None} - set(text_rows))
    for row, text in zip(others, _all_to_exact_json([values[row] for row in others], name), strict=True):
        texts[row] = text
    encoding: Encoding = {"kind": "mixed", "dtype": "str"}
    ambiguous = [row for row in text_rows if _parse(texts[row]) is not texts[row]]
    if ambiguous:
        encoding |= {"text rows": ambiguous, "sha256": text_digest(texts)}
    return pd.Series(texts, index=index, dtype="str"), encoding


def _all_to_exact_json(values: list[Any], name: str) -> list[str]:
    """Return values as JSON if they would read back as the same values."""
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        texts = [to_json(value) for value in values]
        if json.loads(f"[{','.join(texts)}]") == values:  # several times as fast as one by one
            return texts
    return [_to_exact_json(value, name) for value in values]


def _to_exact_json(value: object, name: str) -> str:
    """Return a value as JSON if it would read back as the same value."""
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        text = to_json(value)
        if json.loads(text) == value:
            return text
    raise ExportError(
        f"{name} has a value of type {type(value).__name__} that would not read back: it is not JSON, or nested too "
        "deeply. Convert the column to text first."
    )


def _parse(text: str | None) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text, or the text itself if it is not JSON."""
    if text is None or not JSON_START.match(text):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def text_digest(texts: Iterable[object]) -> str:
    """Return a checksum of texts, which detects edits."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
