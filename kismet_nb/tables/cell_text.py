"""Values of cells as plain text, for readers. The caller escapes it for HTML."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["CellFormat", "exact_text", "heading_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFormat:
    """The format of cells as text, for people.

    Text stays as it is. The items of a list are joined by commas. A time without a zone at midnight is written as a
    day. A time in a zone is written without the zone's name, so the heading should name it.

    Parameters
    ----------
    missing
        The text for a missing value.
    true, false
        The texts for truth values.
    integers, floats
        Format specifications, for example ``",d"`` and ``",.1f"``. By default, floats have up to three decimals, and
        three significant digits below 1.
    times
        A format for ``strftime``.

    Examples
    --------
    >>> CellFormat(true="yes", floats=",.1f").text([True, 1234.56])
    'yes, 1,234.6'
    """

    missing: str = ""
    true: str = "True"
    false: str = "False"
    integers: str = "d"
    floats: str | None = None
    times: str = "%Y-%m-%d %H:%M:%S"

    def text(self, value: Any) -> str:  # noqa: ANN401 - any cell
        """Return the text of one value."""
        if isinstance(value, str):
            return value
        if isinstance(value, list | tuple | np.ndarray):  # pandas reads lists from Parquet as arrays
            return ", ".join(map(self.text, value))
        if _is_missing(value):
            return self.missing
        if isinstance(value, bool | np.bool_):
            return self.true if value else self.false
        if isinstance(value, int | np.integer):
            return format(value, self.integers)
        if isinstance(value, float | np.floating):
            return _rounded(float(value)) if self.floats is None else format(value, self.floats)
        if isinstance(value, dt.datetime):
            return f"{value:%Y-%m-%d}" if _is_day(value) else value.strftime(self.times)
        return str(value)

    def texts(self, column: pd.Series[Any]) -> list[str]:
        """Return the text of each value of a column."""
        if isinstance(column.dtype, pd.DatetimeTZDtype):  # three times as fast as one by one
            return list(column.dt.strftime(self.times).fillna(self.missing))
        return [self.text(value) for value in column.astype(object)]


def heading_text(name: object) -> str:
    """Return a column name as text. Column names of a pivot may be days or months.

    Examples
    --------
    >>> heading_text(pd.Timestamp("2026-02-01")), heading_text(("calls", pd.Timestamp("2026-02-01")))
    ('2026-02-01', "('calls', '2026-02-01')")
    """
    if isinstance(name, tuple):
        return str(tuple(heading_text(part) if isinstance(part, dt.datetime) else part for part in name))
    return CellFormat().text(name) if isinstance(name, dt.datetime) else str(name)


def exact_text(value: Any, *, missing: str) -> str:  # noqa: ANN401 - any cell
    r"""Return a value as one line, unrounded: text as it is, an empty text as ``""``, other values as JSON.

    Control characters are escaped, so the line can be printed in a terminal.

    Examples
    --------
    >>> print(exact_text(["a", 1.50], missing="(none)"), exact_text("two\nlines", missing="(none)"))
    ["a", 1.5] two\nlines
    """
    if _is_missing(value):
        return missing
    if isinstance(value, str) and value:
        text = value
    elif isinstance(value, dt.date):
        text = _json_value(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=_json_value)
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _json_value(value: Any) -> Any:  # noqa: ANN401 - any value that JSON does not have
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}" if _is_day(value) else value.isoformat().replace("+00:00", "Z")
    return str(value)


def _is_missing(value: Any) -> bool:  # noqa: ANN401 - any cell
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _is_day(value: dt.datetime) -> bool:
    return value.tzinfo is None and value.time() == dt.time()


def _rounded(value: float) -> str:
    return f"{value:.3g}" if 0 < abs(value) < 1 else f"{value:.3f}".rstrip("0").rstrip(".")
