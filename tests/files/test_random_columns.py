"""Columns of every dtype with random values: equal after export and read_export, or refused by name."""

import pandas as pd
import pytest
from files.random_columns import COLUMNS
from hypothesis import given
from hypothesis import strategies as st

import kismet_nb as kn


@pytest.mark.parametrize("strategy", COLUMNS.values(), ids=COLUMNS)
@given(data=st.data())
def test_a_column_reads_back_or_is_refused(tmp_path, strategy, data):
    """In all three formats. A refusal names the column and its dtype, or the type of a value, and writes nothing."""
    column = data.draw(strategy)
    table = pd.DataFrame({"row": range(len(column)), "odd": column})
    for suffix in (".csv", ".parquet", ".xlsx"):
        path = tmp_path / f"t{suffix}"
        path.unlink(missing_ok=True)
        try:
            kn.export(table, path)
        except kn.ExportError as error:
            message = str(error)
            kinds = {type(value).__name__ for value in column}
            reasons = [f"has dtype {column.dtype},", *(f"has a value of type {kind} " for kind in kinds)]

            assert message.startswith("odd "), message
            assert any(reason in message for reason in reasons), message
            assert not path.exists()
        else:
            back = kn.read_export(path)
            pd.testing.assert_frame_equal(table, back, check_exact=True)
            assert [type(value) for value in table["odd"]] == [type(value) for value in back["odd"]]
