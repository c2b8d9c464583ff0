"""Tables, and the result of ``compare``, as text for a terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from kismet_nb.explore.comparable import RESULT_COLUMNS
from kismet_nb.explore.compare import CHANGES
from kismet_nb.tables.cell_text import exact_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["format_changes", "format_table"]


def format_changes(changes: pd.DataFrame) -> str:
    """Return the result of ``compare`` as lines of text. Control characters in values are escaped.

    Examples
    --------
    >>> import pandas as pd
    >>> from kismet_nb import compare
    >>> october, november = pd.DataFrame({"id": [11, 12]}), pd.DataFrame({"id": [12]})
    >>> print(format_changes(compare(october, november, key="id")))
    0 added, 1 removed, 0 changed
    <BLANKLINE>
    REMOVED
    id
    11
    """
    sources = changes.attrs.get("kismet_compare", {})
    lines = [f"{side:6}  {_source_text(sources[side])}" for side in ("before", "after") if sources.get(side)]
    parts = {change: changes[changes["change"] == change] for change in CHANGES}
    names = [name for name in changes.columns if name not in RESULT_COLUMNS]
    lines.append(_count_text(parts, names, sources.get("ignored", [])))
    for change in ("added", "removed", "changed"):
        shown = parts[change][names if change != "changed" else [*names, "column", "before", "after"]]
        if len(shown):
            lines += ["", change.upper(), format_table(shown)]
    for change in ("column added", "column removed"):
        if len(parts[change]):
            lines += ["", f"{change.upper()}: {', '.join(map(_cell, parts[change]['column']))}"]
    return "\n".join(lines)


def _source_text(source: dict[str, Any]) -> str:
    time = str(source.get("fetched_at")).replace("T", " ").replace("+00:00", " UTC")
    return f"{source.get('rows')} {source.get('resource')} of {source.get('api_host')}, fetched {time}"


def _count_text(parts: dict[str, pd.DataFrame], names: list[str], ignored: list[str]) -> str:
    added, removed, values = (len(parts[change]) for change in ("added", "removed", "changed"))
    rows = len(parts["changed"][names].drop_duplicates())
    value_count = f" ({values} values)" if values > rows else ""
    without = f", without {' and '.join(ignored)}" if ignored else ""
    return f"{added} added, {removed} removed, {rows} changed{value_count}{without}"


def format_table(table: pd.DataFrame) -> str:
    """Return a table as lines of text, with each column as wide as its longest text."""
    cells = [[_cell(value) for value in table.iloc[:, place].tolist()] for place in range(table.shape[1])]
    lines = [[_cell(name) for name in table.columns], *zip(*cells, strict=True)]
    widths = [max(map(_width, texts)) for texts in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:  # noqa: ANN401 - any value of a table
    return exact_text(value, missing="(none)")


def _width(text: str) -> int:
    """Return how many columns a text takes in a terminal: wide letters take two, combining marks none."""
    return sum(
        0 if unicodedata.category(letter) in {"Mn", "Me"} else 1 + (unicodedata.east_asian_width(letter) in {"W", "F"})
        for letter in text
    )
