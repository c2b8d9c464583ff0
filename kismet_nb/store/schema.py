"""Convert records to rows of a store: declared columns in declared types, all other fields as JSON in ``rest``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import SchemaDriftError
from kismet_nb.resources import ORGANIZATION, RESOURCES
from kismet_nb.tables.build import is_day, name_fields, parse_instant
from kismet_nb.tables.columns import ARROW_TYPES, to_arrow, to_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kismet_nb.resources import Dtype, Resource

__all__ = [
    "LISTS_SCHEMA",
    "REST",
    "TIME",
    "history_schema",
    "row_schema",
    "rows_to_batch",
    "stored_schema",
    "upgrade",
    "upgrade_lists",
]

REST = "rest"
TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.large_string()
_DAY = pa.timestamp("us")
_TYPES: dict[Dtype, pa.DataType] = {dtype: arrow for dtype, (_, arrow) in ARROW_TYPES.items()} | {
    "datetime64[us, UTC]": TIME,
    "datetime64[us]": _DAY,
    "object": pa.list_(pa.string()),
}
_EARLIEST, _LATEST = (  # microseconds; Arrow parses years that Python cannot represent
    pa.scalar(text).cast(TIME).value for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z")
)
LISTS_SCHEMA = pa.schema(
    [
        (ORGANIZATION, _TEXT),
        ("resource", _TEXT),
        ("key", _TEXT),
        ("read_at", TIME),
        ("rows", pa.int64()),
        ("pages", pa.int64()),
        ("attempts", pa.int64()),
        ("proof", _TEXT),
        ("missing", pa.bool_()),
        ("read_from", pa.int64()),  # number of the first row that was read; earlier rows are from older versions
        ("whole_at", TIME),  # when the list was last read whole
        ("per_page", pa.int64()),
        ("rising", pa.bool_()),  # whether the keys rise through all pages
    ]
)


def row_schema(resource: Resource) -> pa.Schema:
    """Return the columns of rows that are read."""
    return pa.schema([(column.name, _TYPES[column.dtype]) for column in resource.columns] + [(REST, _TEXT)])


def stored_schema(resource: Resource) -> pa.Schema:
    """Return the columns of a table's files."""
    return pa.schema([(ORGANIZATION, _TEXT), *row_schema(resource), ("seen_from", TIME)])


def history_schema(resource: Resource) -> pa.Schema:
    """Return the columns of the files of a table's history."""
    return pa.schema([*stored_schema(resource), ("seen_until", TIME), ("ended", _TEXT)])


def rows_to_batch(resource: Resource, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Convert records to a batch of rows; called in the threads that read them.

    Raises
    ------
    SchemaDriftError
        A key is missing or does not fit its type, so it does not identify a row.
    """
    sent = to_columns(resource, rows)
    fields = name_fields(resource, sent.columns)
    rest: dict[int, dict[str, Any]] = {}
    arrays = []
    for column in resource.columns:
        values = sent.columns.get(fields.get(column.name, ""), [None] * len(rows))
        array, mismatches = _fit(values, column.dtype)
        optional = column.nullable or resource.layout == "part"
        if column.name in resource.key and (mismatches or (array.null_count and not optional)):
            raise SchemaDriftError(
                f"{column.name} is missing or is not {column.dtype} in some rows, so a store cannot identify its rows. "
                "Nothing was changed. Install a newer version of kismet-nb, or report this error.",
                resource=resource.name,
            )
        arrays.append(array)
        for position, value in mismatches:
            rest.setdefault(position, {})[column.name] = value
    declared = {column.name for column in resource.columns}
    for name, field in fields.items():
        if name in declared:
            continue
        values = sent.columns[field]
        for position, value in enumerate(values if isinstance(values, list) else values.to_pylist()):
            if value is not None:
                rest.setdefault(position, {})[name] = value
    arrays.append(_rest_column(rest, len(rows)))
    return pa.record_batch(arrays, schema=row_schema(resource))


def _rest_column(rest: dict[int, dict[str, Any]], length: int) -> pa.Array:
    if not rest:
        return pa.nulls(length, _TEXT)
    return pa.array([_json(rest[row]) if rest.get(row) else None for row in range(length)], _TEXT)


def _json(fields: dict[str, Any]) -> str:
    # Keys are sorted, so that equal fields are equal text. ASCII, because a lone surrogate cannot be encoded.
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _fit(values: pa.Array | list[Any], dtype: Dtype) -> tuple[pa.Array, list[tuple[int, Any]]]:
    """Return an array of the values that fit a dtype, and the positions and values of the others."""
    if isinstance(values, pa.Array) and not dtype.startswith("datetime64"):
        return values, []
    if isinstance(values, pa.Array):
        fast = _times(values) if dtype.endswith("UTC]") else None
        if fast is not None:
            return fast, []
        values = values.to_pylist()
    fitting, mismatches = [], []
    for position, value in enumerate(values):
        fits, converted = _fit_one(value, dtype)
        fitting.append(converted)
        if not fits:
            mismatches.append((position, value))
    return pa.array(fitting, _TYPES[dtype]), mismatches


def _times(texts: pa.Array) -> pa.Array | None:
    """Return times that Arrow can parse exactly; None if one of them needs Python's parser."""
    try:
        times = texts.cast(TIME)
    except pa.ArrowInvalid:
        return None
    bounds = pc.min_max(times.cast(pa.int64())).as_py()
    if bounds["min"] is not None and not (_EARLIEST <= bounds["min"] <= bounds["max"] <= _LATEST):
        return None
    return times


def _fit_one(value: Any, dtype: Dtype) -> tuple[bool, Any]:  # noqa: ANN401 - any JSON
    """Return whether a value fits a dtype, and the converted value."""
    if value is None:
        return True, None
    if dtype == "object":
        fits = isinstance(value, list) and not isinstance(to_arrow(value, "str"), list) and None not in value
        return fits, value if fits else None
    if isinstance(to_arrow([value], dtype), list):
        return False, None
    if dtype == "datetime64[us, UTC]":
        moment = parse_instant(value)
        return (False, None) if isinstance(moment, str) else (True, moment)
    if dtype == "datetime64[us]":
        return (True, pa.scalar(value).cast(_DAY).as_py()) if is_day(value) else (False, None)
    return True, value


def upgrade_lists(table: pa.Table) -> pa.Table:
    """Return an older table of lists with the current columns; new columns have missing values."""
    for column in LISTS_SCHEMA:
        if column.name not in table.column_names:
            table = table.append_column(column, pa.nulls(table.num_rows, column.type))
    return table.select(LISTS_SCHEMA.names).cast(LISTS_SCHEMA)


def upgrade(resource_name: str, table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows of an older file with the current columns; new columns are filled from ``rest``."""
    if table.schema.equals(schema):
        return table
    resource = RESOURCES[resource_name]
    new = [column for column in resource.columns if column.name not in table.column_names]
    rest = [json.loads(text) if text else {} for text in table[REST].to_pylist()]
    columns = {name: table[name] for name in table.column_names}
    for column in new:
        columns[column.name], mismatches = _fit([fields.pop(column.name, None) for fields in rest], column.dtype)
        for position, value in mismatches:
            rest[position][column.name] = value
    columns[REST] = pa.array([_json(fields) if fields else None for fields in rest], _TEXT)
    return pa.table([columns[name] for name in schema.names], schema=schema)
