"""Records and a declaration in, a typed DataFrame out.

Each page becomes a chunk of compact Arrow columns as soon as it is read; a column gets its pandas dtype once,
from all chunks together. A value is only put into a typed column if it fits exactly; otherwise the whole
column stays as it came.
"""

from __future__ import annotations

import datetime as dt
import itertools
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from kismet_nb.errors import InvalidInputError, UnexpectedAnswerError
from kismet_nb.resources import RESOURCES, Column, Dtype, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Chunk", "chunk", "describe", "source_of", "table", "texts"]

# The exact Python types of JSON values that a dtype takes, and how they are held until the table is built.
# Times are held as text: a column with one that cannot be read stays as it came.
_FITS: dict[Dtype, tuple[frozenset[type], pa.DataType]] = {
    "Int64": (frozenset({int}), pa.int64()),
    "boolean": (frozenset({bool}), pa.bool_()),
    "str": (frozenset({str}), pa.large_string()),  # pandas' own, so that its column shares this memory
    "Float64": (frozenset({int, float}), pa.float64()),
    "datetime64[us, UTC]": (frozenset({str}), pa.string()),
    "datetime64[us]": (frozenset({str}), pa.string()),
}
_PANDAS_DTYPES = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.large_string(): pd.StringDtype("pyarrow", na_value=np.nan),
    pa.float64(): pd.Float64Dtype(),
}
_FIRST, _LAST = (pd.Timestamp(text, tz="UTC") for text in ("0001-01-01", "9999-12-31 23:59:59.999999"))
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,6}0*)?)?(Z|[+-]\d\d:?\d\d)", re.IGNORECASE)


# A field of the rows, or what stands in one: the object in it and the key there, or the list in it and "count".
Field = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The fields of some rows: Arrow arrays where every value fits, plain lists where not."""

    length: int
    columns: dict[Field, pa.Array | list[Any]]


def chunk(resource: Resource, rows: Sequence[dict[str, Any]]) -> Chunk:
    """Turn rows into columns; a field that no row has gets no column."""
    declared = {column.name: column for column in resource.columns}
    columns = {}
    for field, values in _fields(resource, rows):
        column = declared.get(_name(resource, field))
        if column and column.blank_is_missing:
            values = [None if value == "" else value for value in values]  # noqa: PLW2901 - the same, cleaned
        columns[field] = _held(values, column.dtype if column else "object")
    return Chunk(len(rows), columns)


def _fields(resource: Resource, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[Field, Sequence[Any]]]:
    """Yield each field that the rows make, and its values."""
    counted = dict(resource.counted)
    for name in dict.fromkeys(itertools.chain.from_iterable(rows)):
        if name in resource.withheld:
            continue
        values = _values(name, rows)
        if name in counted:
            yield (name, "count"), [_length(resource, name, value) for value in values]
        elif name in resource.opened and all(value is None or isinstance(value, dict) for value in values):
            for key in dict.fromkeys(key for value in values for key in value or ()):
                yield (name, key), [(value or {}).get(key) for value in values]
        else:
            yield name, values


def _name(resource: Resource, field: Field) -> str:
    """Return how a field is called as a column."""
    if isinstance(field, str):
        return field
    return dict(resource.counted).get(field[0]) or "_".join(field)


def _values(name: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
    try:
        return list(map(operator.itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]


def _length(resource: Resource, name: str, value: object) -> int | None:
    if value is None or isinstance(value, list):
        return None if value is None else len(value)
    raise UnexpectedAnswerError(
        f"{name} holds something other than lists, so it cannot be counted. Report it with the endpoint "
        f"{resource.path}.",
        status=200,
        resource=resource.name,
    )


def table(resource: Resource, chunks: Sequence[Chunk]) -> tuple[pd.DataFrame, list[str]]:
    """Build the table of a resource.

    Returns
    -------
    frame
        The declared columns in their order and dtypes, then those that the declaration does not know.
    drift
        In words, where the API's answer differs from the declaration; no values.
    """
    rows = sum(piece.length for piece in chunks)
    sent = dict.fromkeys(field for piece in chunks for field in piece.columns)
    fields: dict[str, Field] = {field: field for field in sent if isinstance(field, str)}
    for field in sent:
        if not isinstance(field, str):
            # user_id is a field of its own; an id within user must not take its place.
            names = itertools.chain([_name(resource, field)], (("." * dots).join(field) for dots in itertools.count(1)))
            fields[next(name for name in names if name not in fields)] = field
    drift, series = [], {}
    for column in resource.columns:
        if rows and column.name not in fields and column.expected:
            drift.append(f"{column.name} is no longer sent, and all missing here")
        pieces = _pieces(fields.get(column.name, column.name), chunks)
        series[column.name], misfits = _typed(column.dtype, pieces)
        if misfits:
            drift.append(f"{column.name} has {misfits} values that are not {column.dtype}, and stays as it came")
    for name, field in fields.items():
        if name not in series:
            series[name] = _inferred(_pieces(field, chunks))
            drift.append(f"{name} is new, and kept as {series[name].dtype}")
    drift = ["".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text) for text in drift]
    return _framed(series, rows), drift


def _framed(series: dict[str, pd.Series[Any]], rows: int) -> pd.DataFrame:
    try:
        return pd.DataFrame(series, index=pd.RangeIndex(rows))
    except UnicodeEncodeError:  # a field's name has half a surrogate pair
        columns = pd.Index(list(series), dtype=object)
        return pd.DataFrame(dict(enumerate(series.values())), index=pd.RangeIndex(rows)).set_axis(columns, axis=1)


def describe(resource: str | pd.DataFrame) -> pd.DataFrame:
    """Return the data dictionary of a table.

    Parameters
    ----------
    resource
        The table's name, such as ``"users"``, or a table of a fetch.

    Returns
    -------
    DataFrame
        One row per column, with ``column``, ``dtype``, ``nullable`` (a missing value is normal), ``personal``
        (``pseudonymize`` replaces it) and ``meaning``. A notebook cuts long texts; ``.style.hide()`` shows them whole.

    Raises
    ------
    InvalidInputError
        There is no such table.

    Examples
    --------
    >>> describe("users")["column"].head(3).tolist()
    ['id', 'email', 'is_admin']
    """
    name = source_of(resource).get("resource") if isinstance(resource, pd.DataFrame) else resource
    if not isinstance(name, str) or name not in RESOURCES:
        told = f"{name!r}" if isinstance(name, str) else f"of this {type(resource).__name__}"
        raise InvalidInputError(f"There is no table {told}. There is: {', '.join(RESOURCES)}.")

    def words(column: Column) -> dict[str, object]:
        return {
            "column": column.name,
            "dtype": column.dtype,
            "nullable": column.nullable or not column.expected,
            "personal": column.personal,
            "meaning": column.meaning,
        }

    return pd.DataFrame([words(column) for column in RESOURCES[name].columns])


def source_of(df: pd.DataFrame) -> dict[str, Any]:
    """Return what a table says about where it came from; nothing if it was not fetched."""
    source = df.attrs.get("kismet")
    return source if isinstance(source, dict) else {}


def texts(values: Any) -> pd.Series[Any]:  # noqa: ANN401 - a column or its array
    """Return values as texts; as objects if one has half a surrogate pair, which pandas' own texts cannot hold."""
    column = pd.Series(values, dtype=object)
    listed = [None if gone else str(value) for value, gone in zip(column, column.isna(), strict=True)]
    column = pd.Series(listed, column.index, dtype=object, name=column.name)
    try:
        return column.astype("str")
    except UnicodeEncodeError:
        return column


def _held(values: Sequence[Any], dtype: Dtype) -> pa.Array | list[Any]:
    if dtype in _FITS:
        types, arrow = _FITS[dtype]
        if set(map(type, values)) <= types | {type(None)}:
            try:
                return pa.array(values, arrow)
            except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
                pass  # beyond 64 bits, or half a surrogate pair: kept as it came
    return list(values)


def _pieces(field: Field, chunks: Sequence[Chunk]) -> list[pa.Array | list[Any]]:
    return [piece.columns.get(field, [None] * piece.length) for piece in chunks]


def _typed(dtype: Dtype, pieces: list[pa.Array | list[Any]]) -> tuple[pd.Series[Any], int]:
    """Return a column, and how many of its values do not fit its dtype."""
    if dtype == "object":
        return _as_it_came(pieces), 0
    held = [_held(piece, dtype) if isinstance(piece, list) else piece for piece in pieces]
    misfits = sum(_misfits(piece, dtype) for piece in held if isinstance(piece, list))
    if misfits:
        return _as_it_came(pieces), misfits
    column = pa.chunked_array(held, _FITS[dtype][1])
    if not dtype.startswith("datetime64"):
        if dtype != "str":
            column = column.combine_chunks()  # pandas takes long over many
        return column.to_pandas(types_mapper=_PANDAS_DTYPES.get), 0
    times, misfits = _times(column) if dtype.endswith("UTC]") else _days(column)
    return (_as_it_came(pieces), misfits) if times is None else (times, 0)


def _misfits(values: list[Any], dtype: Dtype) -> int:
    return sum(isinstance(_held([value], dtype), list) for value in values)


def _times(column: pa.ChunkedArray) -> tuple[pd.Series[Any] | None, int]:
    arrow = pa.timestamp("us", tz="UTC")
    try:
        times = column.cast(arrow).to_pandas()
        # Arrow reads years that Python has not, and that cannot be shown then.
        if not ((times < _FIRST) | (times > _LAST)).any():
            return times, 0
    except pa.ArrowInvalid:
        pass  # Arrow reads the usual spellings fast; the others are read one by one
    values = [_instant(text) for text in column.to_pylist()]
    misfits = sum(isinstance(value, str) for value in values)
    return (None, misfits) if misfits else (pa.chunked_array([pa.array(values, arrow)]).to_pandas(), 0)


def _days(column: pa.ChunkedArray) -> tuple[pd.Series[Any] | None, int]:
    """Read plain days: the API does not say in which time zone they begin."""
    misfits = sum(text is not None and not _is_day(text) for text in column.to_pylist())
    return (None, misfits) if misfits else (column.cast(pa.timestamp("us")).to_pandas(), 0)


def _is_day(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _instant(text: str | None) -> dt.datetime | str | None:
    """Read an ISO 8601 time with an offset; give back what cannot be held to the microsecond."""
    if text is None or not _INSTANT.fullmatch(text):
        return text
    try:
        return dt.datetime.fromisoformat(text.upper()).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return text


def _as_it_came(pieces: Iterable[pa.Array | list[Any]]) -> pd.Series[Any]:
    values: list[Any] = []
    for piece in pieces:
        values += piece if isinstance(piece, list) else piece.to_pylist()
    column = np.empty(len(values), dtype=object)
    column[:] = values  # not np.array(values): that would make a table of lists of equal length
    return pd.Series(column, dtype=object)


def _inferred(pieces: list[pa.Array | list[Any]]) -> pd.Series[Any]:
    came = _as_it_came(pieces)
    if came.notna().any():
        for dtype in ("Int64", "boolean", "str", "Float64"):
            held = _held(list(came), dtype)
            if not isinstance(held, list):
                return cast("pd.Series[Any]", pa.chunked_array([held]).to_pandas(types_mapper=_PANDAS_DTYPES.get))
    return came
