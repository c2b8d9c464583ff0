"""Format tables, and the result of ``compare``, as text for a terminal or an email."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from kismet_nb.errors import InvalidInputError
from kismet_nb.explore.comparable import RESULT_COLUMNS
from kismet_nb.explore.compare import CHANGES
from kismet_nb.tables.cell_text import exact_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["format_changes", "format_table"]

MAX_NAMES = 3  # names of organizations to write; if there are more, only their number is written
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")  # characters with a meaning in Markdown


def format_changes(changes: pd.DataFrame, *, markdown: bool = False) -> str:
    """Return the result of ``compare`` as text. Control characters in values are escaped.

    Parameters
    ----------
    changes
        The result of ``compare``; it may be filtered.
    markdown
        Return Markdown tables instead of aligned lines of plain text.

    Returns
    -------
    str
        The two compared tables, the numbers of added, removed and changed rows, and then each change.

    Raises
    ------
    InvalidInputError
        ``changes`` is not a result of ``compare``.

    Examples
    --------
    >>> import pandas as pd
    >>> from kismet_nb import compare
    >>> october, november = pd.DataFrame({"id": [11, 12]}), pd.DataFrame({"id": [12]})
    >>> changes = compare(october, november, key="id")
    >>> print(format_changes(changes))
    0 added, 1 removed, 0 changed
    <BLANKLINE>
    REMOVED
    id
    11
    >>> print(format_changes(changes, markdown=True))
    0 added, 1 removed, 0 changed
    <BLANKLINE>
    **Removed**
    <BLANKLINE>
    | id |
    |---|
    | 11 |
    """
    if not set(getattr(changes, "columns", ())) >= RESULT_COLUMNS:
        raise InvalidInputError("changes must be the result of compare.")
    sources = changes.attrs.get("kismet_compare", {})
    lines = [f"{side:6}  {_side_text(sources[side])}" for side in ("before", "after") if sources.get(side)]
    if markdown:
        lines = [f"- {' '.join(_escaped(line).split())}" for line in lines] + [""] * bool(lines)
    parts = {change: changes[changes["change"] == change] for change in CHANGES}
    names = [name for name in changes.columns if name not in RESULT_COLUMNS]
    lines.append(_count_text(parts, names, sources.get("ignored", [])))
    for change in ("added", "removed", "changed"):
        shown = parts[change][names if change != "changed" else [*names, "column", "before", "after"]]
        if len(shown):
            rows = _rows(shown)
            heading, table = (f"**{change.capitalize()}**\n", _piped) if markdown else (change.upper(), _aligned)
            lines += ["", heading, table(rows)]
    for change in ("column added", "column removed"):
        if len(parts[change]):
            columns = ", ".join(map(_cell, parts[change]["column"]))
            lines += [
                "",
                f"**{change.capitalize()}**: {_escaped(columns)}" if markdown else f"{change.upper()}: {columns}",
            ]
    return "\n".join(lines)


def _side_text(recorded: dict[str, Any]) -> str:
    """Return where a compared table came from, as one line; a summary names the tables that it was made from."""
    made_from = recorded.get("made_from")
    text = f"a summary of {' and '.join(map(_source_text, made_from))}" if made_from else _source_text(recorded)
    return exact_text(text, missing="")


def _source_text(source: dict[str, Any]) -> str:
    """Return the number of rows, the resource, the time, and the organizations of a store or the host of a fetch."""
    time = str(source.get("fetched_at")).replace("T", " ").replace("+00:00", " UTC")
    rows, names = f"{source.get('rows')} {source.get('resource')}", source.get("organizations", [])
    if not names:
        return f"{rows} of {source.get('api_host')}, fetched {time}"
    whose = ", ".join(names) if len(names) <= MAX_NAMES else f"{len(names)} organizations"
    return f"{rows} of {whose}, as of {time}"


def _count_text(parts: dict[str, pd.DataFrame], names: list[str], ignored: list[str]) -> str:
    added, removed, values = (len(parts[change]) for change in ("added", "removed", "changed"))
    rows = len(parts["changed"][names].drop_duplicates())
    value_count = f" ({values} values)" if values > rows else ""
    without = f", without {' and '.join(ignored)}" if ignored else ""
    return f"{added} added, {removed} removed, {rows} changed{value_count}{without}"


def format_table(table: pd.DataFrame) -> str:
    """Return a table as lines of aligned text. Control characters in values are escaped."""
    return _aligned(_rows(table))


def _rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the names of the columns, then the cells of each row as text."""
    # By position, because two columns may have the same name.
    cells = [[_cell(value) for value in table.iloc[:, place].tolist()] for place in range(table.shape[1])]
    return [tuple(map(_cell, table.columns)), *zip(*cells, strict=True)]


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as lines, with each column as wide as its longest text."""
    widths = [max(map(_width, texts)) for texts in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _piped(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as a table in Markdown."""
    lines = [f"| {' | '.join(map(_escaped, row))} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _cell(value: Any) -> str:  # noqa: ANN401 - any value of a table
    return exact_text(value, missing="(none)")


def _width(text: str) -> int:
    """Return the width of a text in a terminal: wide letters take two columns, combining marks take none."""
    return sum(
        0 if unicodedata.category(letter) in {"Mn", "Me"} else 1 + (unicodedata.east_asian_width(letter) in {"W", "F"})
        for letter in text
    )
