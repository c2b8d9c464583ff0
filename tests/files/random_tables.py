"""Random tables with every dtype that a fetch can return."""

import pandas as pd
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "=1+1", "'=1", "''@x", "+", "-5", "\ttab", "\rx", "a\rb", 'say "x"', "1", "NA", "true", "\ufeffx", "\0", "＝1"]
)
# Formulas after the separators of other spreadsheets, with and without apostrophes and quotation marks.
TEXT |= st.text(st.sampled_from("';,|\t\n\"=x"), max_size=8)
EXCEL_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8)
EXCEL_TEXT |= st.sampled_from(
    ["", "=1+1", "#N/A", " a ", "a\rb\r\n", "_x000D_", "_x005F_x000D_", "[]", "a, b", "true", "1"]
)
NOTHING = st.none()


def build_frame(rows):
    """Build a table with every dtype that a fetch can return."""
    ids, texts, flags, numbers, times, lists = ([row[column] for row in rows] if rows else [] for column in range(6))
    return pd.DataFrame(
        {
            "id": pd.array(ids, dtype="Int64"),
            "=name": pd.array(texts, dtype="str"),
            "is_admin": pd.array(flags, dtype="boolean"),
            "score": pd.array(numbers, dtype="Float64"),
            "created_at": pd.Series(pd.to_datetime(times, utc=True)).astype("datetime64[us, UTC]"),
            "roles": pd.Series(lists, dtype=object),
        }
    )


def rows_with(text):
    """Return a strategy for the rows of such a table."""
    return st.lists(
        st.tuples(
            NOTHING | st.integers(-(2**63), 2**63 - 1),
            NOTHING | text,
            NOTHING | st.booleans(),
            NOTHING | st.floats(allow_nan=False, allow_infinity=False),
            NOTHING | st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01")),
            NOTHING | st.lists(text, max_size=2),
        ),
        max_size=6,
    )
