"""Two tables of the same resource, fetched at different times: what was added, removed and changed.

A value counts as changed only if it is another value. Missing values of every kind are equal to each other and to
nothing else. An instant is the same in another time zone, and a number in another dtype, to the last digit; a list
is the same if it has the same items in the same order. ``True`` and 1 are two values, and so are 5 and the text "5".
"""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from kismet_nb.errors import InvalidInputError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kismet_nb.resources import Resource

__all__ = ["compare", "readable"]

CHANGES = ("added", "removed", "changed", "column added", "column removed")
# Columns that tell a person which row is meant: those that a table has stand beside its key.
LABELS = ("display_name", "user_display_name", "email", "slug", "name")
RESERVED = frozenset({"change", "column", "before", "after"})
# A change of the table has no key, which NumPy's integers and booleans cannot say.
NULLABLE = {"i": "Int64", "u": "UInt64", "b": "boolean"}
NO_ROW = -1
NO_COLUMN = -1


def compare(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    key: str | Sequence[str] = (),
    ignore: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Return what happened to a table between two fetches: rows added, rows removed, and each changed value.

    The order of the rows in the two tables does not matter.

    Parameters
    ----------
    before, after
        The older and the newer table, from ``fetch_…`` or ``read_export``. A table says by which filters it was
        fetched, but not their values, nor for which users or calls: fetch both in the same way.
    key
        The columns that together tell rows apart. A fetched table knows its own (``id`` for users); for any other
        table they must be named.
    ignore
        Columns whose changes do not count, such as ``"updated_at"``, which changes whenever another column does.

    Returns
    -------
    DataFrame
        One row per change: first what was added, then removed, then changed, each in the order of the keys.

        ``change`` str
            ``"added"``: the row is in ``after`` only. ``"removed"``: it is in ``before`` only. ``"changed"``: it
            is in both, and this value differs. ``"column added"``, ``"column removed"``: the table got or lost a
            column, which is one change, however many rows there are. A column that the API documents as never
            empty, but that is missing in every row, was not sent, and counts as lost.
        the key
            Such as ``id``; missing beside a change of the table. A part of it that is missing in every row of
            both tables is left out.
        the names
            Those of ``display_name``, ``user_display_name``, ``email``, ``slug`` and ``name`` that the table has,
            so that people can read the change: as they are in ``after``, or last were in ``before``.
        ``column`` str
            The changed column; missing for rows added and removed.
        ``before``, ``after`` str, or object where not all values are text
            The old and the new value, missing where it is missing. Times are ISO 8601 text, in UTC if they have a
            zone (``"2026-10-31T09:00:00Z"``), so that the result can be exported like any table.

        ``attrs["kismet_compare"]`` says where the two tables came from.

    Raises
    ------
    InvalidInputError
        The tables cannot be compared: they are of different resources, hosts, filters or pseudonyms; ``before`` was
        fetched after ``after``; one is incomplete; one was filtered after the fetch and the other was not; a key is
        missing or comes twice; a named column is not there.

    Examples
    --------
    >>> october = pd.DataFrame({"id": [11, 12], "email": ["ada.ferris@example.org", "bo.chen@example.org"]})
    >>> november = pd.DataFrame({"id": [11, 13], "email": ["ada@example.org", "cy.ng@example.org"]})
    >>> changes = compare(october, november, key="id")
    >>> changes[["change", "id", "email"]].values.tolist()
    [['added', 13, 'cy.ng@example.org'], ['removed', 12, 'bo.chen@example.org'], ['changed', 11, 'ada@example.org']]
    """
    _check_frame("before", before)
    _check_frame("after", after)
    _check_sources(before, after)
    ignored = _listed("ignore", ignore)
    resource = _resource(before, after)
    keys = _key(before, after, resource, _listed("key", key))
    every_column = list(dict.fromkeys([*after, *before]))
    if unknown := [name for name in ignored if name not in every_column or name in keys]:
        raise InvalidInputError(f"{unknown[0]} cannot be ignored: there is no such column, or it is part of the key.")
    about = {"before": provenance(before), "after": provenance(after), "ignored": ignored}

    columns = [name for name in every_column if name not in {*keys, *ignored}]
    labels = [name for name in LABELS if name in every_column and name not in keys]
    rows = pd.DataFrame({name: _stacked(before, after, name) for name in [*keys, *labels]})
    codes = _codes(rows[keys])
    old, new = codes[: len(before)], codes[len(before) :]
    _check_unique("before", old, keys)
    _check_unique("after", new, keys)
    at = pd.Index(old).get_indexer(pd.Index(new))  # where each row of after is in before, or -1
    kept = np.flatnonzero(at >= 0)

    # A row goes by its place in the two tables one below the other.
    found = [
        _found("added", np.flatnonzero(at < 0) + len(before)),
        _found("removed", np.flatnonzero(~np.isin(old, new))),
    ]
    # A column that is never empty, but has no value in any row, was not sent. A table without rows cannot tell.
    declared = resource.columns if resource and len(before) and len(after) else ()
    never_empty = {column.name for column in declared if not column.nullable}
    for number, name in enumerate(columns):
        was_there, is_there = (
            name in frame and (name not in never_empty or bool(frame[name].notna().any())) for frame in (before, after)
        )
        if was_there and is_there:
            earlier, later = before[name].take(at[kept]), after[name].take(kept)
            changed = np.flatnonzero(_differ(earlier, later))
            values = _plain(earlier.iloc[changed]), _plain(later.iloc[changed])
            found.append(_found("changed", kept[changed] + len(before), number, values))
        elif was_there or is_there:
            found.append(_found("column added" if is_there else "column removed", np.array([NO_ROW]), number))
    changes = pd.concat(found, ignore_index=True)
    order = np.lexsort((changes["column"], np.append(codes, NO_ROW)[changes["row"]], changes["change"]))
    return _result(changes.iloc[order], rows, columns, about)


def _result(found: pd.DataFrame, rows: pd.DataFrame, columns: list[str], about: dict[str, Any]) -> pd.DataFrame:
    names = rows.reindex(found["row"])
    result = pd.DataFrame(
        {
            "change": pd.array([CHANGES[number] for number in found["change"]], dtype="str"),
            **{name: _shown(names[name]) for name in names},
            "column": pd.array([None if at == NO_COLUMN else columns[at] for at in found["column"]], dtype="str"),
            "before": _shown(found["before"]),
            "after": _shown(found["after"]),
        }
    )
    result.attrs = {"kismet_compare": about}
    return result


def _shown(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column for the result: texts among objects become texts, unless one has half a surrogate pair."""
    try:
        return pd.Series(column.array)
    except UnicodeEncodeError:
        return pd.Series(column.to_numpy(), dtype=object)


def _found(
    change: str,
    rows: NDArray[np.intp],
    column: int = NO_COLUMN,
    values: tuple[NDArray[np.object_], NDArray[np.object_]] | None = None,
) -> pd.DataFrame:
    nothing = np.full(len(rows), None, dtype=object)
    before, after = values or (nothing, nothing)
    facts = {"change": CHANGES.index(change), "row": rows, "column": column}
    return pd.DataFrame(facts | {"before": pd.Series(before, dtype=object), "after": pd.Series(after, dtype=object)})


# For a terminal -------------------------------------------------------------------------------------------------


def readable(changes: pd.DataFrame) -> str:
    """Return what ``compare`` found as text for a terminal. A control character in a value is spelled out."""
    about = changes.attrs.get("kismet_compare", {})
    lines = [f"{side:6}  {_described(about[side])}" for side in ("before", "after") if about.get(side)]
    parts = {change: changes[changes["change"] == change] for change in CHANGES}
    names = [name for name in changes.columns if name not in RESERVED]
    rows_changed = len(parts["changed"][names].drop_duplicates())
    ignored = f", without {' and '.join(about['ignored'])}" if about.get("ignored") else ""
    added, removed, values = (len(parts[change]) for change in ("added", "removed", "changed"))
    of_values = f" ({values} values)" if values > rows_changed else ""
    lines.append(f"{added} added, {removed} removed, {rows_changed} changed{of_values}{ignored}")
    for change in ("added", "removed", "changed"):
        shown = parts[change][names if change != "changed" else [*names, "column", "before", "after"]]
        if len(shown):
            lines += ["", change.upper(), _aligned(shown)]
    for change in ("column added", "column removed"):
        if len(parts[change]):
            lines += ["", f"{change.upper()}: {', '.join(map(_cell, parts[change]['column']))}"]
    return "\n".join(lines)


def _described(source: dict[str, Any]) -> str:
    when = str(source.get("fetched_at")).replace("T", " ").replace("+00:00", " UTC")
    return f"{source.get('rows')} {source.get('resource')} of {source.get('api_host')}, fetched {when}"


def _aligned(table: pd.DataFrame) -> str:
    lines = [
        list(table.columns),
        *zip(*([_cell(value) for value in table[name].tolist()] for name in table), strict=True),
    ]
    widths = [max(map(_width, texts)) for texts in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    """Return how many places a text takes in a terminal: wide letters two, marks on a letter none."""
    return sum(
        0 if unicodedata.category(letter) in {"Mn", "Me"} else 1 + (unicodedata.east_asian_width(letter) in {"W", "F"})
        for letter in text
    )


def _cell(value: Any) -> str:  # noqa: ANN401 - any value of a table
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "(none)"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


# What may be compared -------------------------------------------------------------------------------------------


def _check_frame(side: str, frame: object) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(
            f"{side} must be a pandas DataFrame, not {type(frame).__name__}. kn.read_export() makes one of a file."
        )
    if not all(isinstance(name, str) for name in frame.columns) or frame.columns.has_duplicates:
        raise InvalidInputError(f"Column names must be text, each once. Rename those of {side} first.")


def _listed(what: str, names: str | Iterable[str]) -> list[str]:
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if not all(isinstance(name, str) for name in listed):
        raise InvalidInputError(f"{what} must be the name of a column, or several names.")
    return list(dict.fromkeys(listed))


def _check_sources(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Refuse tables whose differences would not tell what happened in between."""
    sides = {"before": before, "after": after}
    for side, frame in sides.items():
        if provenance(frame).get("verdict", "complete") != "complete":
            raise InvalidInputError(
                f"{side} is incomplete: rows that were not read would look removed. Fetch it again."
            )
    if not provenance(before) or not provenance(after):
        return
    for what, tell in (
        ("resource", _resource_name),
        ("host", _host),
        ("filters", _filters),
        ("pseudonyms", _pseudonyms),
    ):
        one, other = tell(provenance(before)), tell(provenance(after))
        if one != other:
            raise InvalidInputError(
                f"The tables are not of the same {what}: before has {one}, after has {other}. Every difference "
                "between them would look like a change."
            )
    said = pd.Series([provenance(frame).get("fetched_at") for frame in sides.values()], dtype=object)
    fetched = pd.to_datetime(said, utc=True, errors="coerce", format="ISO8601")
    if fetched[0] > fetched[1]:
        times = " and ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in fetched)
        raise InvalidInputError(
            f"before was fetched later than after ({times} UTC). Swap them: who joined would look removed."
        )
    cut = [side for side, frame in sides.items() if len(frame) != provenance(frame).get("rows", len(frame))]
    if len(cut) == 1:
        raise InvalidInputError(
            f"{cut[0]} was filtered after the fetch, the other table was not: the rows left out would look added or "
            "removed. Compare the whole tables and filter the result, or filter both."
        )


def _resource_name(source: dict[str, Any]) -> str:
    return str(source.get("resource"))


def _host(source: dict[str, Any]) -> str:
    host = str(source.get("api_host"))
    # The demo organization gets another port each time.
    return "this machine" if urlsplit(f"//{host}").hostname in {"127.0.0.1", "localhost", "::1"} else host


def _filters(source: dict[str, Any]) -> str:
    return json.dumps(source.get("filters", []), default=str)


def _pseudonyms(source: dict[str, Any]) -> str:
    columns = source.get("pseudonymized")
    return f"some in {', '.join(columns)}, by key {source.get('pseudonym_key')}" if columns else "none"


def _resource(before: pd.DataFrame, after: pd.DataFrame) -> Resource | None:
    """Return the declaration that both tables follow."""
    names = {provenance(before).get("resource"), provenance(after).get("resource")}
    return RESOURCES.get(names.pop() or "") if len(names) == 1 else None


# The rows -------------------------------------------------------------------------------------------------------


def _key(before: pd.DataFrame, after: pd.DataFrame, resource: Resource | None, named: list[str]) -> list[str]:
    """Return the columns that tell rows apart, after making sure that they do."""
    keys = named or list(resource.key if resource else ())
    if not keys:
        raise InvalidInputError(
            "The tables do not both say what they are a table of. Name the columns that tell rows apart: key='id' "
            "(in a terminal: --key id)."
        )
    if reserved := RESERVED.intersection(keys):
        raise InvalidInputError(f"The result has its own column {min(reserved)}. Rename that part of the key.")
    sides = {"before": before, "after": after}
    for side, frame in sides.items():
        if absent := [name for name in keys if name not in frame]:
            raise InvalidInputError(
                f"{side} has no column {absent[0]}, which tells rows apart. If it is the index, call reset_index()."
            )
    # The user of metrics of the whole organization is missing in every row.
    keys = [name for name in keys if before[name].notna().any() or after[name].notna().any()] or keys
    for side, frame in sides.items():
        if missing := int(frame[keys].isna().any(axis=1).sum()):
            raise InvalidInputError(f"{side} has {missing} rows without {' and '.join(keys)}, which tells rows apart.")
    return keys


def _check_unique(side: str, codes: NDArray[np.intp], keys: list[str]) -> None:
    if doubled := len(codes) - len(np.unique(codes)):
        raise InvalidInputError(
            f"{side} has {doubled} rows whose {' and '.join(keys)} came before, so it does not tell rows apart. "
            "Remove them with drop_duplicates(), or name a longer key."
        )


def _stacked(before: pd.DataFrame, after: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a column of both tables one below the other, in a dtype that keeps each value."""
    nothing = pd.Series(dtype=object)
    pair = [_common(frame[name]) if name in frame else nothing.reindex(frame.index) for frame in (before, after)]
    if pair[0].dtype != pair[1].dtype:
        pair = [pd.Series(column.tolist(), dtype=object) for column in pair]
    return pd.concat(pair, ignore_index=True)


def _common(column: pd.Series[Any]) -> pd.Series[Any]:
    dtype: Any = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return cast("pd.Series[Any]", column.dt.tz_convert("UTC"))
    return column.astype("str" if isinstance(dtype, pd.StringDtype) else NULLABLE.get(dtype.kind, dtype))


def _codes(keys: pd.DataFrame) -> NDArray[np.intp]:
    """Return a number for the key of each row: the same for the same key, and in the order of the keys."""
    codes = np.zeros(len(keys), dtype=np.intp)
    for name in keys:
        column = keys[name]
        if column.dtype == object:
            # Python, and so pandas, takes True for 1; a tuple of it is equal to no number.
            apart = [(value,) if isinstance(value, bool | np.bool_) else value for value in column]
            column = pd.Series(apart, dtype=object)
        try:
            numbers, values = pd.factorize(column)
        except TypeError:
            values = None
        if values is None:
            raise InvalidInputError(f"{name} holds lists or objects, which cannot tell rows apart. Name another key.")
        codes = codes * max(1, len(values)) + _ranks(pd.Series(values).tolist())[numbers]
        codes = np.unique(codes, return_inverse=True)[1]  # small again, before the next column multiplies
    return codes


def _ranks(values: list[Any]) -> NDArray[np.intp]:
    try:
        order = sorted(range(len(values)), key=values.__getitem__)
    except TypeError:  # numbers and texts in one column: numbers of any type first, as _codes needs some order
        order = sorted(range(len(values)), key=lambda place: (type(values[place]).__name__, str(values[place])))
    return np.argsort(order)


# The values -----------------------------------------------------------------------------------------------------


def _differ(before: pd.Series[Any], after: pd.Series[Any]) -> NDArray[np.bool_]:
    missing = before.isna().to_numpy() & after.isna().to_numpy()
    zoned = all(isinstance(column.dtype, pd.DatetimeTZDtype) for column in (before, after))
    typed = before.dtype == after.dtype and (before.dtype.kind in "biufM" or isinstance(before.dtype, pd.StringDtype))
    if zoned or typed:
        same = pd.Series(before.array == after.array).fillna(False).to_numpy(dtype=bool)  # noqa: FBT003 - pandas' own
    else:
        same = np.fromiter(map(_same, _plain(before), _plain(after)), dtype=bool, count=len(before))
    return ~(same | missing)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any value of a table
    """Whether two plain values are the same; Python alone says that True is 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _plain(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return a column as values of plain Python, such as JSON knows; missing ones are None."""
    dtype, end = column.dtype, ""
    if isinstance(dtype, pd.DatetimeTZDtype):
        column, end = column.dt.tz_convert("UTC").dt.tz_localize(None), "Z"
    if column.dtype.kind == "M" and isinstance(column.dtype, np.dtype):
        listed = [_trimmed(text) + end for text in np.datetime_as_string(column.to_numpy()).tolist()]
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
            return _trimmed(value.isoformat())
        return _trimmed(value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()) + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def _trimmed(time: str) -> str:
    return time.rstrip("0").rstrip(".") if "." in time else time
