"""Every dtype of a DataFrame: the column reads back exactly from every format, or export refuses it and names it."""

import datetime as dt
import decimal

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import kismet_nb as kn

TIMES = pd.to_datetime(["2026-01-05T09:00:00.123456", None, "1969-12-31"], format="ISO8601")
DATES = [dt.date(2026, 1, 5), None, dt.date(1, 1, 1)]


def arrow(arrow_type, values):
    """Return a column of this type of Arrow."""
    return pd.Series(pd.array(values, dtype=pd.ArrowDtype(arrow_type)))


WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
NULLABLE = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "boolean"]
READ_BACK = {
    **{name: pd.Series(np.array([1, 0, 1]).astype(name)) for name in [*WHOLE, *FLOATS, "bool"]},
    **{name: pd.Series(pd.array([1, None, 0], dtype=name)) for name in NULLABLE},
    **{
        f"{kind}[{unit}]": pd.Series(values).astype(f"{kind}[{unit}]")
        for unit in ("s", "ms", "us", "ns")
        for kind, values in (("datetime64", TIMES), ("timedelta64", pd.to_timedelta(["1 days 02:00:01", None, "-3s"])))
    },
    "str": pd.Series(["a", None, ""]),
    "string": pd.Series(["a", None, ""], dtype="string"),
    "zone": pd.Series(TIMES).dt.tz_localize("America/New_York"),
    "pd.cut": pd.cut(pd.Series([1, 5, np.nan]), 3),
    "labels of pd.cut": pd.cut(pd.Series([1, 5, 9]), 3, labels=["few", "some", "many"]),
    "interval of integers": pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left")),
    "month": pd.Series(pd.PeriodIndex(["2026-01", None], freq="M")),
    "week": pd.Series(pd.PeriodIndex(["2026-01-05", None], freq="W")),
    "quarter": pd.Series(pd.PeriodIndex(["2026-01-05", None], freq="Q")),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 1])),
    "dates": pd.Series(DATES, dtype=object),
    "integers and floats": pd.Series([1, 2.5, None], dtype=object),
    "string of Arrow": arrow(pa.string(), ["a", None, ""]),
    "large string of Arrow": arrow(pa.large_string(), ["a", None, ""]),
    "boolean of Arrow": arrow(pa.bool_(), [True, None, False]),
    "unsigned integer of Arrow": arrow(pa.uint64(), [2**64 - 1, None, 0]),
    "float of Arrow": arrow(pa.float32(), [0.5, None, 0]),
    "date of Arrow": arrow(pa.date32(), DATES),
    "nanoseconds of Arrow": arrow(pa.timestamp("ns"), [dt.datetime(2026, 1, 1), None]),  # noqa: DTZ001 - has no zone
    "zone of Arrow": arrow(pa.timestamp("ms", "America/New_York"), [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None]),
    "dictionary of Arrow": arrow(pa.dictionary(pa.int32(), pa.string()), ["a", None, "a"]),
}
REFUSED = {
    "complex": pd.Series([1j]),
    "times without a date": pd.Series([dt.time(9)], dtype=object),
    "decimals": pd.Series([decimal.Decimal("1.10")], dtype=object),
    "bytes": pd.Series([b"a"], dtype=object),
    "sets": pd.Series([{1}], dtype=object),
    "keys that are not text": pd.Series([{1: 2}], dtype=object),
    "decimal of Arrow": arrow(pa.decimal128(5, 2), [1]),
    "map of Arrow": arrow(pa.map_(pa.string(), pa.int64()), [[("a", 1)]]),
    "lists of times": arrow(pa.list_(pa.timestamp("us")), [[TIMES[0].to_pydatetime()]]),
}


@pytest.mark.parametrize("column", READ_BACK.values(), ids=READ_BACK)
def test_a_column_of_any_dtype_reads_back(tmp_path, suffix, column):
    """The dtype, all values and missing values are those that were written."""
    table = pd.DataFrame({"value": column, "row": range(len(column))})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / f"t{suffix}")))


@pytest.mark.parametrize("column", REFUSED.values(), ids=REFUSED)
def test_a_column_that_would_not_read_back_is_refused(tmp_path, suffix, column):
    """The message names the column and the type, and nothing is written."""
    table = pd.DataFrame({"odd": column})
    with pytest.raises(kn.ExportError, match=r"^odd has (dtype|a value of type) .* Convert"):
        kn.export(table, tmp_path / f"t{suffix}")

    assert [] == list(tmp_path.iterdir())


def test_dates_are_dates_in_other_programs(tmp_path):
    """The dates of ``.dt.date`` are written without a time, and with Parquet's own type."""
    table = pd.DataFrame({"day": [dt.date(2026, 1, 5), None]})
    sheet = openpyxl.load_workbook(kn.export(table, tmp_path / "t.xlsx"))["table"]
    schema = pyarrow.parquet.read_schema(kn.export(table, tmp_path / "t.parquet"))

    assert '"day"\n"2026-01-05"\n\n' == kn.export(table, tmp_path / "t.csv", spreadsheet_safe=False).read_text()
    assert (dt.datetime(2026, 1, 5), "yyyy-mm-dd") == (sheet["A2"].value, sheet["A2"].number_format)  # noqa: DTZ001
    assert pa.date32() == schema.field("day").type


def test_months_and_bins_are_text_in_other_programs(tmp_path):
    """A month is written as ``2026-01``, a bin of ``pd.cut`` as ``(0, 10]``, a duration with its days."""
    table = pd.DataFrame(
        {
            "month": pd.Series(pd.PeriodIndex(["2026-01"], freq="M")),
            "bin": pd.cut(pd.Series([5]), [0, 10]),
            "wait": pd.to_timedelta(["26:00:00"]),
        }
    )
    lines = kn.export(table, tmp_path / "t.csv").read_text().splitlines()

    assert '"2026-01","(0, 10]","1 days 02:00:00"' == lines[1]
