"""Check that two tables can be compared, and make their columns comparable."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import ORGANIZATION, RESOURCES
from kismet_nb.tables.provenance import provenance, sources

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kismet_nb.resources import Resource

__all__ = [
    "RESULT_COLUMNS",
    "check_tables",
    "check_unique",
    "column_names",
    "common_resource",
    "concat_column",
    "key_codes",
    "key_columns",
    "plain_values",
]

RESULT_COLUMNS = frozenset({"change", "column", "before", "after"})  # of compare; a key cannot have these names

# NumPy's integers and booleans have no missing value, but an added or removed column has a missing key.
_NULLABLE_DTYPES = {"i": "Int64", "u": "UInt64", "b": "boolean"}


# Tables ---------------------------------------------------------------------------------------------------------


def check_tables(before: object, after: object) -> None:
    """Raise if the differences between two tables would not be changes.

    Raises
    ------
    InvalidInputError
        A table is not a DataFrame, has invalid column names or is incomplete, or their provenance differs.
    """
    _check_frame("before", before)
    _check_frame("after", after)
    _check_provenance(cast("pd.DataFrame", before), cast("pd.DataFrame", after))


def _check_frame(side: str, frame: object) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(
            f"{side} must be a pandas DataFrame, not {type(frame).__name__}. kn.read_export() reads one from a file."
        )
    if not all(isinstance(name, str) for name in frame.columns) or frame.columns.has_duplicates:
        raise InvalidInputError(f"Column names must be text without duplicates. Rename the columns of {side} first.")


def _check_provenance(before: pd.DataFrame, after: pd.DataFrame) -> None:
    sides = {"before": before, "after": after}
    for side, frame in sides.items():
        if any(source.get("verdict", "complete") != "complete" for source in sources(frame)):
            raise InvalidInputError(
                f"{side} is incomplete: rows that were not read would look removed. Fetch it again."
            )
    if not sources(before) or not sources(after):
        return
    _check_same_origin(provenance(before), provenance(after))
    _check_order(provenance(before), provenance(after))
    filtered = [side for side, frame in sides.items() if len(frame) != provenance(frame).get("rows", len(frame))]
    if len(filtered) == 1:
        raise InvalidInputError(
            f"{filtered[0]} was filtered after the fetch, the other table was not: the missing rows would look added "
            "or removed. Compare the whole tables and filter the result, or filter both."
        )


def _check_same_origin(before: dict[str, Any], after: dict[str, Any]) -> None:
    aspects = {"resource": _resource_name, "host": _host, "filters": _filters, "pseudonyms": _pseudonyms}
    for aspect, value_of in aspects.items():
        one, other = value_of(before), value_of(after)
        if one != other:
            raise InvalidInputError(
                f"The tables differ in {aspect}: before has {one}, after has {other}. Every difference between them "
                "would look like a change. Fetch both in the same way."
            )


def _check_order(before: dict[str, Any], after: dict[str, Any]) -> None:
    recorded = pd.Series([before.get("fetched_at"), after.get("fetched_at")], dtype=object)
    fetched = pd.to_datetime(recorded, utc=True, errors="coerce", format="ISO8601")
    if fetched[0] > fetched[1]:
        times = " and ".join(f"{time:%Y-%m-%d %H:%M}" for time in fetched)
        raise InvalidInputError(
            f"before was fetched later than after ({times} UTC). Swap them, because added rows would look removed."
        )


def _resource_name(source: dict[str, Any]) -> str:
    names = [str(table.get("resource")) for table in source.get("made_from", [])]
    return f"a summary of {' and '.join(names)}" if names else str(source.get("resource"))


def _host(source: dict[str, Any]) -> str:
    host = str(next((table.get("api_host") for table in source.get("made_from", [])), source.get("api_host")))
    # Each demo organization has a different port.
    return "this machine" if urlsplit(f"//{host}").hostname in {"127.0.0.1", "localhost", "::1"} else host


def _filters(source: dict[str, Any]) -> str:
    return json.dumps(source.get("filters", []), default=str)


def _pseudonyms(source: dict[str, Any]) -> str:
    columns, unit = source.get("pseudonymized"), source.get("coarse_times")
    text = f"some in {', '.join(columns)}, by key {source.get('pseudonym_key')}" if columns else "none"
    return f"{text}, with times by {unit}" if unit else text


def common_resource(before: pd.DataFrame, after: pd.DataFrame) -> Resource | None:
    """Return the resource of both tables, or None if it differs or is not recorded."""
    names = {provenance(before).get("resource"), provenance(after).get("resource")}
    return RESOURCES.get(names.pop() or "") if len(names) == 1 else None


# Keys -----------------------------------------------------------------------------------------------------------


def column_names(argument: str, names: str | Iterable[str]) -> list[str]:
    """Return the column names in an argument, without duplicates.

    Raises
    ------
    InvalidInputError
        A name is not text.
    """
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if not all(isinstance(name, str) for name in listed):
        raise InvalidInputError(f"{argument} must be the name of a column, or several names.")
    return list(dict.fromkeys(listed))


def key_columns(before: pd.DataFrame, after: pd.DataFrame, resource: Resource | None, named: list[str]) -> list[str]:
    """Return the columns that identify a row in both tables: the named ones, otherwise the key of the resource.

    Raises
    ------
    InvalidInputError
        There is no key, or a column of the key does not exist or has missing values.
    """
    label = [ORGANIZATION] if ORGANIZATION in before and ORGANIZATION in after else []  # ids are unique within one
    keys = named or ([*label, *resource.key] if resource else [])
    if not keys:
        raise InvalidInputError(
            "The tables do not both record their resource. Name the columns that identify a row: key='id' "
            "(in a terminal: --key id)."
        )
    if reserved := RESULT_COLUMNS.intersection(keys):
        raise InvalidInputError(f"The result has its own column {min(reserved)}. Rename that part of the key.")
    sides = {"before": before, "after": after}
    for side, frame in sides.items():
        if absent := [name for name in keys if name not in frame]:
            raise InvalidInputError(
                f"{side} has no column {absent[0]}, which identifies a row. If it is the index, call reset_index()."
            )
    # user_id is missing in every row of metrics of the whole organization.
    keys = [name for name in keys if before[name].notna().any() or after[name].notna().any()] or keys
    for side, frame in sides.items():
        if missing := int(frame[keys].isna().any(axis=1).sum()):
            raise InvalidInputError(f"{side} has {missing} rows without {' and '.join(keys)}, which identifies a row.")
    return keys


def key_codes(keys: pd.DataFrame) -> NDArray[np.intp]:
    """Return a number for the key of each row. Equal keys have equal numbers, in the order of the keys.

    Raises
    ------
    InvalidInputError
        A column contains lists or objects.
    """
    codes = np.zeros(len(keys), dtype=np.intp)
    for name in keys:
        column = keys[name]
        if column.dtype == object:
            # In Python and pandas, True equals 1. A tuple equals no number.
            distinct = [(value,) if isinstance(value, bool | np.bool_) else value for value in column]
            column = pd.Series(distinct, dtype=object)
        try:
            numbers, values = pd.factorize(column)
        except TypeError:
            values = None
        if values is None:
            raise InvalidInputError(f"{name} contains lists or objects, which cannot identify a row. Name another key.")
        codes = codes * max(1, len(values)) + _ranks(pd.Series(values).tolist())[numbers]
        codes = np.unique(codes, return_inverse=True)[1]  # keeps the codes small before the next multiplication
    return codes


def _ranks(values: list[Any]) -> NDArray[np.intp]:
    try:
        order = sorted(range(len(values)), key=values.__getitem__)
    except TypeError:  # numbers and text in one column: any fixed order is sufficient
        order = sorted(range(len(values)), key=lambda place: (type(values[place]).__name__, str(values[place])))
    return np.argsort(order)


def check_unique(side: str, codes: NDArray[np.intp], keys: list[str]) -> None:
    """Raise if two rows of a table have the same key.

    Raises
    ------
    InvalidInputError
        There are duplicate keys.
    """
    if duplicates := len(codes) - len(np.unique(codes)):
        raise InvalidInputError(
            f"{side} has {duplicates} rows with a duplicate {' and '.join(keys)}, which must identify a row. Remove "
            "them with drop_duplicates(), or add a column to the key."
        )


# Columns and values ---------------------------------------------------------------------------------------------


def concat_column(before: pd.DataFrame, after: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a column of ``concat([before, after])`` in a dtype that keeps each value."""
    absent = pd.Series(dtype=object)
    columns = [_common(frame[name]) if name in frame else absent.reindex(frame.index) for frame in (before, after)]
    if columns[0].dtype != columns[1].dtype or columns[0].dtype == object:
        columns = [pd.Series([_date_as_time(value) for value in column], dtype=object) for column in columns]
    return pd.concat(columns, ignore_index=True)


def _date_as_time(value: object) -> object:
    """Return a date as the timestamp of its midnight, which other tables contain instead."""
    if isinstance(value, pd.Period):
        return value.start_time
    return pd.Timestamp(value) if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else value


def _common(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column in the common dtype of columns with such values."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return cast("pd.Series[Any]", column.dt.tz_convert("UTC"))
    return column.astype("str" if isinstance(dtype, pd.StringDtype) else _NULLABLE_DTYPES.get(dtype.kind, dtype))


def plain_values(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return a column as Python values with a type in JSON. Missing values are None.

    Times become ISO 8601 text. A midnight without a zone becomes a day, so that it equals a date.
    """
    dtype, end = column.dtype, ""
    if isinstance(dtype, pd.DatetimeTZDtype):
        column, end = column.dt.tz_convert("UTC").dt.tz_localize(None), "Z"
    if column.dtype.kind == "M" and isinstance(column.dtype, np.dtype):
        texts = np.datetime_as_string(column.to_numpy()).tolist()
        listed = [_time_text(text) + end if end else _day_text(text) for text in texts]
    elif dtype.kind in "biuf" or isinstance(dtype, pd.StringDtype):
        listed = column.tolist()
    else:
        listed = [_plain_value(value) for value in column.tolist()]
    values = np.empty(len(column), dtype=object)
    values[:] = listed
    values[column.isna().to_numpy()] = None
    return values


def _plain_value(value: Any) -> Any:  # noqa: ANN401 - any value of a table
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain_value(item) for name, item in value.items()}
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            return _day_text(value.isoformat())
        return _time_text(value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()) + "Z"
    if isinstance(value, dt.date | pd.Period):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def _time_text(time: str) -> str:
    """Return an ISO 8601 time without trailing zeros of its fraction."""
    return time.rstrip("0").rstrip(".") if "." in time else time


def _day_text(time: str) -> str:
    return _time_text(time).removesuffix("T00:00:00")
