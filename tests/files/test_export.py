"""export and read_export: every table reads back from every format, or is refused."""

import datetime as dt
import hashlib
import json

import dateutil.tz
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from files.random_tables import TEXT, build_frame, rows_with
from hypothesis import given

import kismet_nb as kn


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("safe", [True, False])
@given(rows=rows_with(TEXT))
def test_any_table_reads_back_exactly(tmp_path, suffix, safe, rows):
    """Values, missing values, dtypes, column order and attrs read back, whatever the text."""
    table = build_frame(rows)
    table.attrs["kismet"] = {"resource": "users"}
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}", spreadsheet_safe=safe))

    pd.testing.assert_frame_equal(table, back)
    assert table["score"].tolist() == back["score"].tolist()  # to the last digit
    assert table.attrs == back.attrs


def test_users_read_back_without_provenance(client, tmp_path, suffix):
    """Without provenance, a users table gets its documented dtypes, full or empty."""
    for users in (kn.fetch_users(client=client), kn.fetch_users("nobody@example.org", client=client)):
        path = kn.export(users, tmp_path / f"users{suffix}", provenance=False)

        assert [path.name] == [file.name for file in tmp_path.iterdir()]
        pd.testing.assert_frame_equal(users, kn.read_export(path))


def test_mixed_columns_read_back(tmp_path, suffix):
    """Mixed values, integers beyond 64 bits and nested objects read back."""
    values = [2**70, "12", True, None, {"a": [1, None]}, 1.5]
    back = kn.read_export(kn.export(pd.DataFrame({"odd": pd.Series(values, dtype=object)}), tmp_path / f"t{suffix}"))

    assert values == back["odd"].tolist()


def test_a_derived_table_reads_back(tmp_path, suffix):
    """NumPy dtypes and another time zone read back; the index that filtering leaves is not written."""
    table = pd.DataFrame(
        {
            "n": np.array([1, 2, 3]),
            "x": [0.1, np.nan, 3],
            "b": [True, False, True],
            "day": pd.date_range("2026-01-01", periods=3, unit="us"),
            "local": pd.date_range("2026-01-01", periods=3, tz="America/New_York", unit="us"),
        }
    )[lambda df: df["n"] != 2]

    pd.testing.assert_frame_equal(
        table.reset_index(drop=True), kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))
    )


@pytest.mark.parametrize("zone", [dt.timezone(dt.timedelta(hours=-4), "EDT"), dateutil.tz.gettz("America/New_York")])
def test_a_zone_without_a_name_becomes_utc(tmp_path, suffix, zone):
    """Times of a zone without an IANA name are written in UTC: the same instants."""
    table = pd.DataFrame({"at": [pd.Timestamp("2026-07-01", tz=zone)]})
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))

    pd.testing.assert_frame_equal(table.assign(at=table["at"].dt.tz_convert("UTC")), back)


@pytest.mark.parametrize(
    ("name", "dtype", "values"),
    [
        ("t.csv", "time64[us][pyarrow]", [dt.time(9, 30), None]),
        ("t.xlsx", "time64[us][pyarrow]", [dt.time(9, 30), None]),
        ("t.csv", pd.ArrowDtype(pa.decimal128(5, 2)), [1, None]),
        ("t.xlsx", pd.ArrowDtype(pa.decimal128(5, 2)), [1, None]),
    ],
)
def test_a_dtype_that_would_not_read_back_is_refused(tmp_path, name, dtype, values):
    """The message names the column and the remedy. Nothing is written."""
    with pytest.raises(kn.ExportError, match=r"^odd has dtype .* Convert it with"):
        kn.export(pd.DataFrame({"odd": pd.array(values, dtype=dtype)}), tmp_path / name)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "table",
    [
        [1],
        None,
        pd.Series([1]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
        pd.DataFrame([[1]], columns=[np.nan]),
        pd.DataFrame([[1]], columns=pd.Index([("a", "b")], tupleize_cols=False)),
        pd.DataFrame([[1, 2]], columns=pd.Index([1, pd.Period("2026-10", "M")], dtype=object)),
        pd.DataFrame([[1]], columns=pd.Index(["\ud83d"], dtype=object)),
        pd.DataFrame({"a": [1]}).rename_axis("a"),
        pd.DataFrame({"a": [1]}).rename_axis(5),
        pd.DataFrame({"index": [1]}, index=["x"]),
    ],
)
def test_a_table_that_would_lose_data_is_refused(tmp_path, table):
    """A value that is not a DataFrame, duplicate names, and names that cannot be restored are refused."""
    with pytest.raises(kn.InvalidInputError):
        kn.export(table, tmp_path / "t.csv")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("values", [["Ada \ud83d", None, "Zoë", 'a"\\'], [["Ada \ud83d", "b"], None, []]])
def test_a_lone_surrogate_reads_back(tmp_path, suffix, values):
    """A lone surrogate is written with its escape, in the table and in its provenance."""
    table = pd.DataFrame({"name": pd.Series(values, dtype=object)})
    table.attrs["kismet"] = {"filters": ["email=\ud83d"]}
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))

    assert values == back["name"].tolist()
    assert table.attrs == back.attrs


def test_the_error_for_an_unwritable_value_does_not_show_it(tmp_path, suffix):
    """The message names the column, not the value. Nothing is written."""
    with pytest.raises(kn.ExportError) as caught:
        kn.export(pd.DataFrame({"name": pd.Series([{"secret"}], dtype=object)}), tmp_path / f"t{suffix}")

    assert "secret" not in str(caught.value)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "options"),
    [("t.xlsx", {"tz": "Mars/Olympus"}), ("t.csv", {"tz": "UTC"}), ("t.xlsx", {"sep": ";"})],
)
def test_an_option_of_another_format_is_refused(tmp_path, name, options):
    """An unknown zone, a zone for another format and pandas' options for Excel are refused by name."""
    with pytest.raises(kn.InvalidInputError, match=r"Mars|tz|sep"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / name, **options)

    assert [] == list(tmp_path.iterdir())


def test_a_damaged_or_missing_file_is_an_error(tmp_path, suffix):
    """The message says that the file is missing or damaged, whatever exception the library raises."""
    with pytest.raises(kn.InvalidInputError, match="no file"):
        kn.read_export(tmp_path / f"t{suffix}")
    (tmp_path / f"t{suffix}").write_bytes(b'"a","b"\n1\n\xff\xfe"')
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(tmp_path / f"t{suffix}")


def test_a_duplicate_column_is_an_error(tmp_path):
    """A duplicate column name is an error; empty columns without a header are ignored."""
    (tmp_path / "t.csv").write_text("a,b,a\n1,2,3\n")
    book = openpyxl.Workbook()
    for row in (["a", None, None, "a"], [1, None, None, 3]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    for name in ("t.csv", "t.xlsx"):
        with pytest.raises(kn.ExportError, match="two columns named a"):
            kn.read_export(tmp_path / name)
    book.active["D1"] = "b"
    book.save(tmp_path / "t.xlsx")

    assert ["a", "", "b"] == list(kn.read_export(tmp_path / "t.xlsx"))


def test_every_format_keeps_the_provenance(client, tmp_path, suffix):
    """The provenance is in the file or beside it; with provenance=False it is left out."""
    users = kn.fetch_users(client=client)
    recorded = kn.read_export(kn.export(users, tmp_path / f"a{suffix}"))
    without = kn.read_export(kn.export(users, tmp_path / f"b{suffix}", provenance=False))

    assert users.attrs == recorded.attrs
    assert {} == without.attrs
    pd.testing.assert_frame_equal(users, without)


def test_the_row_count_of_the_file_is_written(client, tmp_path):
    """``attrs`` keeps the row count of the fetch; the file has its own row count."""
    users = kn.fetch_users(client=client)
    for table, note in (
        (users, "131"),
        (users[:8], "8: 131 were fetched"),
        (pd.concat([users, users[:1]], ignore_index=True), "132: 131 were fetched"),
    ):
        path = kn.export(table, tmp_path / "t.csv")
        book = openpyxl.load_workbook(kn.export(table, tmp_path / "t.xlsx"))
        about = {row[0].value: row[1].value for row in book["about"].rows}

        assert note == json.loads((tmp_path / "t.csv.json").read_text())["rows in this file"]
        assert ("131", note) == (about["rows"], about["rows in this file"])
        assert users.attrs == kn.read_export(path).attrs == kn.read_export(tmp_path / "t.xlsx").attrs


@pytest.mark.parametrize(
    ("values", "cells", "arrow_type"),
    [
        (["Ada", None, "true", "=1"], ["Ada", None, "true", "'=1"], pa.large_string()),
        ([2**60 + 1, None, 7], [str(2**60 + 1), None, "7"], pa.int64()),
        ([True, None, False], ["true", None, "false"], pa.bool_()),
        ([0.1 + 0.2, None, 2.0], ["0.30000000000000004", None, "2"], pa.float64()),
        (["Bo", True, 2**70, "12", None, {"a": [1]}, "null"], None, pa.large_string()),
        ([[], "[]", ["a"], '"x"', '"', "[" * 5000], None, pa.large_string()),
        ([None, None], [None, None], pa.large_string()),
    ],
)
def test_an_object_column_is_written_with_the_type_of_its_values(tmp_path, suffix, values, cells, arrow_type):
    """Other programs find texts, numbers and booleans in the cells, and the column reads back as objects."""
    table = pd.DataFrame({"value": pd.Series(values, dtype=object), "row": range(len(values))})
    path = kn.export(table, tmp_path / f"t{suffix}")
    back = kn.read_export(path)

    assert (values, "object") == (back["value"].tolist(), str(back["value"].dtype))
    assert [type(value) for value in values] == [type(value) for value in back["value"]]
    if suffix == ".parquet":
        assert arrow_type == pyarrow.parquet.read_schema(path).field("value").type
    elif suffix == ".csv" and cells:
        raw = pd.read_csv(path, dtype=object)["value"]
        assert cells == [None if missing else cell for cell, missing in zip(raw, raw.isna(), strict=True)]


def test_texts_of_a_mixed_column_have_no_quotation_marks(tmp_path, suffix):
    """In a mixed column, other programs find the texts themselves, not JSON."""
    values = ["Bo", "12", True, None, 'say "x"']
    path = kn.export(pd.DataFrame({"value": pd.Series(values, dtype=object)}), tmp_path / f"t{suffix}")
    if suffix == ".parquet":
        cells = pd.read_parquet(path)["value"]
    elif suffix == ".xlsx":
        cells = pd.read_excel(path, dtype=object)["value"]
    else:
        cells = pd.read_csv(path, dtype=object, skip_blank_lines=False)["value"]

    assert ["Bo", "12", "true", None, 'say "x"'] == cells.astype(object).where(cells.notna(), None).tolist()


def test_files_of_version_0_1_read_back(tmp_path):
    """In earlier files, every value of an object column is JSON."""
    cells, values = ['"Bo"', "1", None, '{"a": [1, null]}'], ["Bo", 1, None, {"a": [1, None]}]
    metadata = {"format": 1, "dtypes": {"odd": "object"}, "attrs": {"note": "old"}}
    content = b'"odd"\n"""Bo"""\n"1"\n\n"{""a"": [1, null]}"\n'
    (tmp_path / "t.csv").write_bytes(content)
    (tmp_path / "t.csv.json").write_text(json.dumps(metadata | {"sha256": hashlib.sha256(content).hexdigest()}))
    frame = pd.DataFrame({"odd": pd.Series(cells, dtype=object)})
    frame.attrs = {"kismet_nb json columns": ["odd"], "note": "old"}
    frame.to_parquet(tmp_path / "t.parquet")
    book = openpyxl.Workbook()
    for cell in ("odd", *cells):
        book.active.append([cell])
    book.create_sheet("about").append(["for read_export", json.dumps(metadata | {"headers": {"odd": ["odd", None]}})])
    book.save(tmp_path / "t.xlsx")

    for name in ("t.csv", "t.parquet", "t.xlsx"):
        back = kn.read_export(tmp_path / name)
        assert (values, {"note": "old"}) == (back["odd"].tolist(), back.attrs)


def test_a_table_that_pandas_read_from_parquet_can_be_exported(tmp_path, suffix):
    """Lists that came back as NumPy arrays are written, and read back as lists."""
    lists = [["provider"], None, [], ["provider", "organization_admin"]]
    path = kn.export(pd.DataFrame({"id": range(4), "roles": lists, "tags": lists}), tmp_path / "first.parquet")
    back = kn.read_export(kn.export(pd.read_parquet(path), tmp_path / f"second{suffix}"))

    assert (lists, lists) == (back["roles"].tolist(), back["tags"].tolist())


def test_missing_values_among_lists_are_missing(tmp_path, suffix):
    """A join leaves NaN in a column of lists; it is written as a missing list."""
    table = pd.DataFrame({"roles": pd.Series([["provider"], np.nan, pd.NA], dtype=object)})

    assert [["provider"], None, None] == kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))["roles"].tolist()


def test_numpy_values_in_an_object_column_are_written_as_python_values(tmp_path, suffix):
    """Numbers, booleans and nested arrays of NumPy are written, and read back as Python's own."""
    values = [np.int64(7), np.bool_(1), np.float64(1.5), np.array([[1, 2], [3, 4]]), {"a": np.array(["b"])}]
    table = pd.DataFrame({"value": pd.Series([*values, None], dtype=object)})
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))

    assert [7, True, 1.5, [[1, 2], [3, 4]], {"a": ["b"]}, None] == back["value"].tolist()


@pytest.mark.parametrize(
    "column",
    [
        pd.array([["a"], None, []], dtype=pd.ArrowDtype(pa.list_(pa.string()))),
        pd.array([[1, None], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        pd.array([{"a": 1}, None, {"a": None}], dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))),
        pd.array([2**60 + 1, None, 0], dtype=pd.ArrowDtype(pa.int64())),
        pd.array(["Ada", None, ""], dtype=pd.ArrowDtype(pa.string())),
        pd.array([True, None, False], dtype=pd.ArrowDtype(pa.bool_())),
        pd.array([0.1 + 0.2, None, 2], dtype=pd.ArrowDtype(pa.float64())),
        pd.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
        pd.array(pd.to_datetime(["2026-01-01T09:30", None]), dtype=pd.ArrowDtype(pa.timestamp("s"))),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_arrow_read_back(tmp_path, suffix, column):
    """Dtypes of Arrow, as ``dtype_backend="pyarrow"`` makes them, read back with all values."""
    table = pd.DataFrame({"value": column, "row": range(len(column))})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / f"t{suffix}")))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_unit_read_back(tmp_path, suffix, unit):
    """The unit of a time is part of its dtype, with and without a zone."""
    times = pd.Series(pd.to_datetime(["2026-01-05T09:00:00Z", None, "1969-12-31T23:59:59Z"]))
    table = pd.DataFrame(
        {
            "created_at": times.astype(f"datetime64[{unit}, UTC]"),
            "local": times.dt.tz_convert("America/New_York").astype(f"datetime64[{unit}, America/New_York]"),
            "naive": times.dt.tz_localize(None).astype(f"datetime64[{unit}]"),
        }
    )

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / f"t{suffix}")))


@pytest.mark.parametrize(
    ("values", "categories"),
    [
        (["low", None, "high"], ["high", "middle", "low"]),
        ([3, None, 1], [3, 2, 1]),
        ([0.5, None, 1.0], [1.0, 0.5]),
        ([True, None, False], [True, False]),
        (["1", None, 1], ["1", 1]),
        ([pd.Timestamp("2026-01-05"), None], [pd.Timestamp("2026-01-05"), pd.Timestamp("2025-01-05")]),
        ([None, None], []),
    ],
)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_read_back(tmp_path, suffix, values, categories, ordered):
    """All categories read back in their order, also unused ones."""
    dtype = pd.CategoricalDtype(categories, ordered=ordered)
    table = pd.DataFrame({"level": pd.Series(values, dtype=dtype), "row": range(len(values))})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / f"t{suffix}")))


def test_an_edited_category_reads_as_text(tmp_path):
    """A cell that is not one of the categories is kept, so the column is text."""
    table = pd.DataFrame({"level": pd.Series(["low", "high"], dtype="category")})
    path = kn.export(table, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(path)
    book["table"]["A2"] = "very low"
    book.save(path)
    with pytest.warns(UserWarning, match="changed columns: level"):
        back = kn.read_export(path)

    assert ["very low", "high"] == back["level"].tolist()


_DATES = pd.Series(pd.to_datetime(["2025-12-30", "2026-01-01", "2026-01-02"]), name="month")
_MONTHS = _DATES.dt.to_period("M")
_COUNTS = pd.DataFrame({"who": ["ada", "zoe", "ada"], "month": _MONTHS, "calls": [1, 2, 3]})


@pytest.mark.parametrize(
    "table",
    [
        _COUNTS.pivot_table(index="who", columns="month", values="calls"),
        _COUNTS.pivot_table(index="who", columns="month", values="calls", margins=True, margins_name="total"),
        _COUNTS.pivot_table(index=["who", "month"], columns=_DATES, values="calls"),
        _COUNTS.pivot_table(index="month", columns=_DATES.dt.date, values="calls"),
        pd.crosstab(_COUNTS["who"], pd.cut(_COUNTS["calls"], [0, 1, 3])),
        _COUNTS.groupby(["month", "calls"]).size().unstack(),
        _COUNTS.groupby("who")[["calls"]].sum(),
        _COUNTS.pivot_table(index="month", columns="who", values="calls", margins=True),
        _COUNTS.assign(day=_DATES.dt.date).pivot_table(index="day", columns="who", values="calls", margins=True),
        _COUNTS.groupby("who").agg({"calls": ["count", "max"], "month": ["max"]}),
        _COUNTS[["calls"]].set_axis(["x", "y", "z"]),
        _COUNTS[["calls"]].set_axis(_DATES.rename(None)),
        _COUNTS[:0].set_index("who"),
    ],
    ids=[
        "months",
        "totals",
        "two levels",
        "dates",
        "bins",
        "hours",
        "groups",
        "month totals",
        "day totals",
        "two headings",
        "texts",
        "times",
        "empty",
    ],
)
def test_an_index_and_names_that_are_not_text_read_back(tmp_path, suffix, table):
    """Pivots and groups are written with all their labels, and read back as they were."""
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))

    pd.testing.assert_frame_equal(table, back)


def test_labels_of_an_edited_table(tmp_path):
    """If columns are added or deleted in a spreadsheet, the other labels do not change."""
    pivot = _COUNTS.pivot_table(index="who", columns="month", values="calls", margins=True, margins_name="total")
    path = kn.export(pivot, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(path)
    book["table"].delete_cols(2)
    book["table"]["D1"] = "note"
    book.save(path)
    with pytest.warns(UserWarning, match="removed columns: 2025-12"):
        back = kn.read_export(path)

    assert [pd.Period("2026-01", "M"), "total", "note"] == list(back.columns)
    assert "who" == back.index.name


def test_other_programs_find_the_labels_as_columns(tmp_path):
    """The labels are columns and names of plain text."""
    pivot = _COUNTS.pivot_table(index="who", columns="month", values="calls", margins=True, margins_name="total")
    text = kn.export(pivot, tmp_path / "t.csv").read_text("utf-8-sig")

    assert '"who","2025-12","2026-01","total"' == text.splitlines()[0]
    assert ["who", "2025-12", "2026-01", "total"] == pyarrow.parquet.read_schema(
        kn.export(pivot, tmp_path / "t.parquet")
    ).names
