"""Fit a table on a page: find the font size, the minimum width of each column, and the parts of a wide table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ColumnText", "Fit", "fit_columns"]

# For each font size: the characters per line of a page, including padding, and the CSS class of the table.
_SIZES = ((97, ""), (115, " small"), (132, " smaller"))
_NARROW = 45  # characters; a narrower table is not stretched to the width of the page
_PADDING = 2.1  # characters per column
_MAX_LINE = 26  # longer texts have several lines
_MAX_WORD = 34  # longer words are broken
_MIN_WORD = 14  # words up to this length are never broken


@dataclass(frozen=True, slots=True)
class ColumnText:
    """The texts of a column.

    Attributes
    ----------
    heading, cells
        The texts.
    can_wrap
        Whether a cell may have several lines.
    """

    heading: str
    cells: Sequence[str]
    can_wrap: bool

    @property
    def longest_word(self) -> int:
        """The length of the longest text without a possible line break."""
        words = self.heading.split()
        for cell in self.cells:
            words += cell.split() if self.can_wrap else [cell]
        return max(map(len, words), default=1)

    @property
    def longest_cell(self) -> int:
        """The length of the longest cell."""
        return max(map(len, self.cells), default=1)


@dataclass(frozen=True, slots=True)
class Fit:
    """The layout of a table.

    Attributes
    ----------
    css_class
        The class for the font size, with a space before it; empty for the normal size.
    parts
        The positions of the columns of each part. There is one part if all columns fit. Otherwise each part begins with
        the first column.
    widths
        The minimum width of each column, in characters.
    """

    css_class: str
    parts: list[list[int]]
    widths: list[int]


def fit_columns(columns: Sequence[ColumnText]) -> Fit:
    """Return the layout of a table with these columns.

    A word is broken if it has more than 34 characters, or if the table does not fit otherwise. The longest words are
    broken first.
    """
    one_part = [list(range(len(columns)))]
    words = [min(_MAX_WORD, column.longest_word) for column in columns]
    lines = [max(word, min(_MAX_LINE, column.longest_cell)) for word, column in zip(words, columns, strict=True)]
    if _needed(lines) <= _SIZES[0][0]:
        return Fit(" narrow" if _needed(lines) <= _NARROW else "", one_part, lines)
    for room, css_class in _SIZES:
        if _needed(words) <= room:
            return Fit(css_class, one_part, words)
    room, css_class = _SIZES[-1]
    for limit in range(_MAX_WORD, _MIN_WORD - 1, -1):
        limited = [min(word, limit) if column.can_wrap else word for word, column in zip(words, columns, strict=True)]
        if _needed(limited) <= room:
            return Fit(css_class, one_part, limited)
    room, css_class = _SIZES[1]
    return Fit(css_class, _split(words, room), words)


def _needed(widths: Sequence[int]) -> float:
    return sum(widths) + _PADDING * len(widths)


def _split(widths: Sequence[int], room: float) -> list[list[int]]:
    """Return the columns of each part; each part has the first column and at least one other."""
    parts = [[0]]
    for column in range(1, len(widths)):
        part = [*parts[-1], column]
        if len(parts[-1]) > 1 and _needed([widths[n] for n in part]) > room:
            parts.append([0, column])
        else:
            parts[-1] = part
    return parts
