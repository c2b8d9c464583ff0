"""Cells as text: rounded for readers, exact and on one line for comparisons."""

import dataclasses
import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from kismet_nb.tables.cell_text import CellFormat, exact_text

REPORT = CellFormat(missing="–", true="yes", false="no", floats=",.1f", times="%Y-%m-%d %H:%M")
MIDNIGHT, MORNING = pd.Timestamp("2026-02-03"), pd.Timestamp("2026-02-03T10:00:01", tz="America/New_York")


@pytest.mark.parametrize(
    ("value", "text", "in_a_report"),
    [
        (None, "", "–"),
        (pd.NA, "", "–"),
        (pd.NaT, "", "–"),
        (float("nan"), "", "–"),
        ("", "", ""),
        ("<b>", "<b>", "<b>"),
        (True, "True", "yes"),
        (np.array([False])[0], "False", "no"),
        (2**53 + 1, "9007199254740993", "9007199254740993"),
        (np.int64(1234), "1234", "1234"),
        (1234.5678, "1234.568", "1,234.6"),
        (np.float32(0.5), "0.5", "0.5"),
        (0.00012345, "0.000123", "0.0"),
        (12.0, "12", "12.0"),
        (Decimal("1.10"), "1.10", "1.10"),
        (MIDNIGHT, "2026-02-03", "2026-02-03"),
        (dt.date(2026, 2, 3), "2026-02-03", "2026-02-03"),
        (MORNING, "2026-02-03 10:00:01", "2026-02-03 10:00"),
        (MORNING.normalize(), "2026-02-03 00:00:00", "2026-02-03 00:00"),
        (["a", None, 1.5], "a, , 1.5", "a, –, 1.5"),
        (np.array(["a", "b"], dtype=object), "a, b", "a, b"),
        ((), "", ""),
    ],
)
def test_a_cell_is_text_for_a_reader(value, text, in_a_report):
    """Each kind of value has one text, and a format changes only what its parameters name."""
    assert text == CellFormat().text(value)
    assert in_a_report == REPORT.text(value)


def test_integers_are_grouped_on_request():
    """Ids are not grouped by default."""
    assert "1,234" == dataclasses.replace(REPORT, integers=",d").text(1234)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (MORNING, "datetime64[us, America/New_York]"),
        (MIDNIGHT, "datetime64[us]"),
        (5, "Int64"),
        (0.5, "Float64"),
        (True, "boolean"),
        ("a", "str"),
        (["a"], "object"),
    ],
)
def test_a_column_has_the_texts_of_its_values(value, dtype):
    """The texts of a column are those of its values one by one, missing ones included."""
    assert [REPORT.text(value), "–"] == REPORT.texts(pd.Series([value, None], dtype=dtype))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(none)"),
        (float("nan"), "(none)"),
        ("", '""'),
        ("5", "5"),
        ("\x1b[2J\n", r"\x1b[2J\n"),
        (True, "true"),
        (0.1 + 0.2, "0.30000000000000004"),
        (["a", 1, None], '["a", 1, null]'),
        ([np.int64(1), np.array(["é"], dtype=object)], '[1, ["é"]]'),
        (MIDNIGHT, "2026-02-03"),
        (dt.date(2026, 2, 3), "2026-02-03"),
        (MORNING, "2026-02-03T10:00:01-05:00"),
        (MORNING.tz_convert("UTC"), "2026-02-03T15:00:01Z"),
        ({"at": MIDNIGHT}, '{"at": "2026-02-03"}'),
    ],
)
def test_an_exact_text_rounds_nothing(value, text):
    """Nothing is rounded, a control character is escaped, an empty text is not missing."""
    assert text == exact_text(value, missing="(none)")
