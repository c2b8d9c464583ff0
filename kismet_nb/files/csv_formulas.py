"""Escape text in a CSV that a spreadsheet would run as a formula, with an apostrophe, and restore it exactly.

If a spreadsheet splits rows at another separator than the file's, it ignores the quotation marks. So a formula is also
escaped after a separator or a line break inside a text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SEPARATORS", "FormulaEscaper", "unescape_version_1"]

SEPARATORS = ",;\t|"  # those of spreadsheets; read_export detects them
_FORMULA = "[=+\\-@＝＋－＠]"  # the full-width forms too
_SKIPPED = "['\"\t\r\n]*"  # may be between the separator and the formula
_BLANK = "'*[\t\r\n]"  # Some spreadsheets ignore these at the beginning of a cell.
_VERSION_1 = "'*[=+\\-@\t\r\n＝＋－＠]"


class FormulaEscaper:
    """Escapes formulas in a file with this separator.

    An apostrophe is put wherever a cell would begin with a formula, even before other apostrophes. So removing one
    apostrophe at each of these places restores the text.
    """

    def __init__(self, separator: str) -> None:
        others = re.escape("".join(set(SEPARATORS) - {separator}) + "\r\n")
        start = f"(?:\\A|(?<=[{others}]))"
        self._place = re.compile(f"{start}(?={_SKIPPED}{_FORMULA})|\\A(?={_BLANK})")
        self._apostrophe = re.compile(f"{start}'(?={_SKIPPED}{_FORMULA})|\\A'(?={_BLANK})")
        # Arrow's regular expressions have no lookbehind. This one finds the few texts that the others change.
        self._any = f"^{_BLANK}|(^|[{others}]){_SKIPPED}{_FORMULA}"

    def escape(self, text: str) -> str:
        """Return a text with its formulas escaped."""
        return self._place.sub("'", text)

    def unescape(self, text: str) -> str:
        """Return the text before it was escaped."""
        return self._apostrophe.sub("", text)

    def escape_column(self, texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Return a column with each text escaped."""
        return self._map(self.escape, texts)

    def unescape_column(self, texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Return a column with each text unescaped."""
        return self._map(self.unescape, texts)

    def _map(self, change: Callable[[str], str], texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        if isinstance(texts, pa.ChunkedArray):
            return pa.chunked_array([self._map(change, chunk) for chunk in texts.chunks], texts.type)
        found = pc.match_substring_regex(texts, self._any).fill_null(False)  # noqa: FBT003 - the value to fill in
        changed = [change(text) for text in texts.filter(found).to_pylist()]
        return pc.replace_with_mask(texts, found, pa.array(changed, texts.type)) if changed else texts


def unescape_version_1(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Unescape the texts of a file of format 1, in which only the beginning of a text was escaped."""
    return pc.replace_substring_regex(texts, f"^'({_VERSION_1})", r"\1")
