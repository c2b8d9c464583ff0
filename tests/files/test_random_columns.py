"""Columns of every dtype with random values: equal after export and read_export, or refused by name."""

import pandas as pd
import pytest
from files.random_columns import COLUMNS
from hypothesis import given, settings
from hypothesis import strategies as st

import kismet_nb as kn

# Values and dtypes that cannot be written as JSON, as text or by pandas' name of the dtype.
REFUSED = {
    *("complex", "objects", "times as objects", "intervals of times", "binary of Arrow", "fixed binary of Arrow"),
    *("null of Arrow", "string_view of Arrow", "date64 of Arrow", "time32 of Arrow", "time64 of Arrow"),
    *("decimal of Arrow", "list of lists of Arrow", "list of times of Arrow", "map of Arrow"),
}


@pytest.mark.parametrize("kind", COLUMNS)
@given(data=st.data())
@settings(max_examples=settings.default.max_examples // 2)  # for each of more than a hundred dtypes
def test_a_column_reads_back_or_is_refused(tmp_path, kind, data):
    """A refusal names the column and its dtype, or the type of a value, and nothing is written."""
    column = data.draw(COLUMNS[kind])
    table = pd.DataFrame({"row": range(len(column)), "odd": column})
    for suffix in (".csv", ".parquet", ".xlsx"):
        path = tmp_path / f"t{suffix}"
        path.unlink(missing_ok=True)
        refusal = ""
        try:
            kn.export(table, path)
        except kn.ExportError as error:
            refusal = str(error)
        if refusal:
            types = {type(value).__name__ for value in column}
            reasons = [f"odd has dtype {column.dtype},", *(f"odd has a value of type {name} " for name in types)]

            assert any(refusal.startswith(reason) for reason in reasons), refusal
            assert kind in REFUSED
            assert not path.exists()
            continue
        back = kn.read_export(path)

        pd.testing.assert_frame_equal(table, back, check_exact=True)
        assert [type(value) for value in column] == [type(value) for value in back["odd"]]
