"""Convert an index, and column names that are not text, to plain columns named by text, and back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from kismet_nb.errors import ExportError, InvalidInputError
from kismet_nb.files.stored_columns import restore_column, store_column
from kismet_nb.files.text_codec import LONE_SURROGATE, encode_column, is_valid_text, parse_column

if TYPE_CHECKING:
    from kismet_nb.files.stored_objects import Encoding

__all__ = ["restore_labels", "store_labels"]

NAMES, LEVELS, JOINED, INDEX = "column names", "levels", "joined names", "index"


def store_labels(df: pd.DataFrame) -> tuple[pd.DataFrame, Encoding]:
    """Return a table with text as column names and its index as the first columns, and the encoding of both.

    An unnamed index of integers only numbers the rows, perhaps with gaps after a filter, and is dropped.

    Raises
    ------
    InvalidInputError
        A name cannot be written as text, or two columns would have the same name.
    """
    names, labels = _store_levels(df.columns) if df.columns.nlevels > 1 else _store_names(df.columns)
    if any(map(LONE_SURROGATE.search, names)):
        raise InvalidInputError("A column name is not valid Unicode (it has a lone surrogate). Rename it first.")
    frame, index = df.set_axis(names, axis=1), df.index
    if index.nlevels > 1 or index.name is not None or not (pd.api.types.is_integer_dtype(index.dtype) or not len(df)):
        labels[INDEX] = list(index.names)
        frame = _with_index_columns(frame, index)
    if not all(is_valid_text(name) for name in frame.columns):
        raise InvalidInputError("The name of an index must be a text. Rename it with df.rename_axis() first.")
    if frame.columns.has_duplicates:
        raise InvalidInputError("Column names must be unique. Rename the duplicates first.")
    return frame, labels


def restore_labels(frame: pd.DataFrame, labels: Encoding) -> pd.DataFrame:
    """Restore the index and the column names of a table, as far as its columns are still in the file."""
    index = labels.get(INDEX, [])
    names = _default_names(index)
    if names and names == list(frame.columns[: len(names)]):
        frame = frame.set_index(names).rename_axis(index=index)
    if NAMES in labels:
        frame = frame.set_axis(_restore_names(list(frame.columns), labels[NAMES]), axis=1)
    if LEVELS in labels and list(frame.columns) == labels[JOINED]:
        levels = [_restore_names(texts, level.get(NAMES, {})) for texts, level in labels[LEVELS]]
        frame = frame.set_axis(pd.MultiIndex.from_arrays(levels), axis=1)
    return frame


def _store_levels(columns: pd.Index) -> tuple[list[str], Encoding]:
    """Return the joined names of all levels, such as ``calls 2026-10``, and the encoding of each level."""
    levels = [_store_names(columns.get_level_values(level)) for level in range(columns.nlevels)]
    joined = [" ".join(filter(None, texts)) for texts in zip(*(texts for texts, _ in levels), strict=True)]
    return joined, {JOINED: joined, LEVELS: levels}


def _store_names(columns: pd.Index) -> tuple[list[str], Encoding]:
    """Return the names as texts, and the encoding of names that are not text and of the index's own name."""
    if all(isinstance(name, str) for name in columns):
        return list(columns), {} if columns.name is None else {NAMES: {"name": columns.name}}
    encoding, texts = {}, []
    with contextlib.suppress(ExportError, TypeError):
        stored, inner = store_column(pd.Series(columns), "")
        texts = encode_column(stored, "").cast(pa.string()).to_pylist()
        encoding = {"name": columns.name, "texts": texts, "dtype": str(stored.dtype), "inner": inner}
    if not texts or None in texts or not _restore_names(texts, encoding).equals(columns):
        kind = next(type(name).__name__ for name in columns if not isinstance(name, str))
        raise InvalidInputError(
            f"Column names of type {kind} cannot be written. Rename the columns first, for example with "
            "df.rename(columns=str)."
        )
    return texts, {NAMES: encoding}


def _restore_names(names: list[str], encoding: Encoding) -> pd.Index:
    """Return the names as they were; a name that is not in the encoding stays text."""
    texts = encoding.get("texts", [])
    if not texts:
        return pd.Index(names, name=encoding.get("name"))
    listed = parse_column(pa.chunked_array([pa.array(texts, pa.large_string())]), encoding["dtype"])
    restored = restore_column(listed, encoding["inner"]) if encoding["inner"] else listed
    known = dict(zip(texts, restored, strict=True))
    columns: pd.Index = (
        pd.Index(restored) if names == texts else pd.Index([known.get(name, name) for name in names], dtype=object)
    )
    return columns.rename(encoding["name"])


def _with_index_columns(frame: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    names = _default_names(list(index.names))
    levels = [pd.Series(index.get_level_values(level), name=name) for level, name in enumerate(names)]
    result = pd.concat([*levels, frame.reset_index(drop=True)], axis=1)
    result.attrs = frame.attrs
    return result


def _default_names(names: list[Any]) -> list[Any]:
    """Return the names of index levels; those without a name get the one that ``reset_index`` gives."""
    default = "index" if len(names) == 1 else "level_{}"
    return [default.format(level) if name is None else name for level, name in enumerate(names)]
