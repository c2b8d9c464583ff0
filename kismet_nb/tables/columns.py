"""Convert records to columns: compact Arrow arrays.

If a value does not fit its dtype exactly, the column of these rows is a plain list.
"""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kismet_nb.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kismet_nb.resources import Dtype, Resource

__all__ = ["ARROW_TYPES", "Columns", "Field", "column_name", "to_arrow", "to_columns"]

# The Python types of JSON values that fit each dtype, and the Arrow type until the table is built.
# Times are text until then, because a column with a time that cannot be parsed is kept as sent.
ARROW_TYPES: dict[Dtype, tuple[frozenset[type], pa.DataType]] = {
    "Int64": (frozenset({int}), pa.int64()),
    "boolean": (frozenset({bool}), pa.bool_()),
    "str": (frozenset({str}), pa.large_string()),  # the type that pandas uses, so that no copy is made
    "Float64": (frozenset({int, float}), pa.float64()),
    "datetime64[us, UTC]": (frozenset({str}), pa.string()),
    "datetime64[us]": (frozenset({str}), pa.string()),
}

# A field of the rows. (field, key) is a key of the object in a field; (field, "count") is the length of its list.
Field = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields of some rows: Arrow arrays if all values fit, otherwise plain lists."""

    length: int
    columns: dict[Field, pa.Array | list[Any]]


def to_columns(resource: Resource, rows: Sequence[dict[str, Any]]) -> Columns:
    """Convert rows to columns. A field that no row has gets no column."""
    declared = {column.name: column for column in resource.columns}
    columns = {}
    for field, values in _fields(resource, rows):
        column = declared.get(column_name(resource, field))
        if column and column.blank_is_missing:
            values = [None if value == "" else value for value in values]  # noqa: PLW2901 - the same, cleaned
        columns[field] = to_arrow(values, column.dtype if column else "object")
    return Columns(len(rows), columns)


def _fields(resource: Resource, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[Field, Sequence[Any]]]:
    """Yield each field of the rows with its values."""
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


def column_name(resource: Resource, field: Field) -> str:
    """Return the column name of a field."""
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


def to_arrow(values: Sequence[Any], dtype: Dtype) -> pa.Array | list[Any]:
    """Return values as an Arrow array if every one fits the dtype exactly, otherwise as a plain list."""
    if dtype in ARROW_TYPES:
        types, arrow = ARROW_TYPES[dtype]
        if set(map(type, values)) <= types | {type(None)}:
            try:
                return pa.array(values, arrow)
            except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
                pass  # an integer beyond 64 bits, or a lone surrogate: kept as sent
    return list(values)
