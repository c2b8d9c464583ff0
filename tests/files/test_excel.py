"""Excel files: readable by people, and exact for read_export."""

import sys

import numpy as np
import openpyxl
import pandas as pd
import pytest
from files.random_tables import EXCEL_TEXT, build_frame, rows_with
from hypothesis import given

import kismet_nb as kn


def sheets(path):
    """Return the sheets of an Excel file by name, as openpyxl reads them."""
    book = openpyxl.load_workbook(path)
    return {page.title: page for page in book.worksheets}


@pytest.mark.parametrize("tz", [None, "America/New_York"])
@given(rows=rows_with(EXCEL_TEXT))
def test_any_table_without_control_characters_reads_back_from_excel(tmp_path, tz, rows):
    """Values, missing values, dtypes, column order and attrs read back, whichever zone the times are shown in."""
    table = build_frame(rows)
    table.attrs["kismet"] = {"resource": "users"}
    back = kn.read_export(kn.export(table, tmp_path / "t.xlsx", tz=tz))

    pd.testing.assert_frame_equal(table, back)
    assert table["score"].tolist() == back["score"].tolist()  # to the last digit
    assert table.attrs == back.attrs


def test_a_sheet_is_ready_to_work_with(client, tmp_path):
    """The header is frozen and has filters, columns fit their text, and times are in the zone of the header."""
    users = kn.fetch_users(client=client)
    page = sheets(kn.export(users, tmp_path / "users.xlsx", tz="America/New_York"))["table"]
    header = [cell.value for cell in page[1]]

    assert "created_at (America/New_York)" == header[6]
    assert users["created_at"][0].tz_convert("America/New_York").tz_localize(None) == page["G2"].value
    assert ("A2", "A1:H132") == (page.freeze_panes, page.auto_filter.ref)
    assert users["email"].str.len().max() <= page.column_dimensions["B"].width <= 60


def test_excel_runs_no_formula_and_rounds_no_number(tmp_path):
    """Formulas and integers of 16 digits are text, other numbers keep 17 digits, and a list is readable."""
    table = pd.DataFrame(
        {
            "name": ["=1+1", "#N/A"],
            "id": pd.array([2**60, 1], dtype="Int64"),
            "n": [0.1 + 0.2, 2],
            "roles": [["provider", "organization_admin"], ["a, b"]],
        }
    )
    page = sheets(kn.export(table, tmp_path / "t.xlsx"))["table"]

    assert [("=1+1", "s"), ("1152921504606846976", "s"), (0.1 + 0.2, "n"), ("provider, organization_admin", "s")] == [
        (cell.value, cell.data_type) for cell in page[2]
    ]
    assert [("#N/A", "s"), ("1", "s"), (2, "n"), ('["a, b"]', "s")] == [(c.value, c.data_type) for c in page[3]]


def test_empty_texts_are_not_missing_in_excel(tmp_path):
    """Empty texts stay distinct from missing values."""
    table = pd.DataFrame({"id": range(3), "a": ["", "x", ""], "b": ["", "", None]})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / "t.xlsx")))


def test_an_ambiguous_time_is_text(tmp_path):
    """An ambiguous time, or one finer than a millisecond, is text with its offset."""
    times = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T12:00:00.000001Z", "2026-11-01T12:00:00Z"]
    table = pd.DataFrame({"at": pd.to_datetime(times, format="ISO8601")})
    page = sheets(kn.export(table, tmp_path / "t.xlsx", tz="America/New_York"))["table"]

    assert [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
        "2026-11-01T07:00:00.000001-05:00",
        pd.Timestamp("2026-11-01 07:00"),
    ] == [cell.value for cell in page["A"][1:]]


@pytest.mark.parametrize("tz", ["Europe/Berlin", "America/New_York", "UTC"])
def test_times_at_the_ends_of_the_calendar_read_back_from_excel(tmp_path, tz):
    """If the clock of the zone would show year 0 or 10000, the cell is text in UTC."""
    times = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", None, "2026-01-01T00:00:00Z"]
    table = pd.DataFrame({"at": pd.to_datetime(times, format="ISO8601")})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / "t.xlsx", tz=tz)))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pd.DataFrame({"a": ["x" * 32_768]}), "32,767"),
        (pd.DataFrame({"a": ["🌻" * 16_384]}), "32,767"),
        (pd.DataFrame({"a": ["secret\x01"]}), "control"),
        (pd.DataFrame({"a": ["secret\uffff"]}), "control"),
        (pd.DataFrame({"a": np.zeros(1_048_576)}), "1,048,575"),
    ],
)
def test_what_excel_cannot_hold_is_refused(tmp_path, table, reason):
    """Long text, too many rows and control characters are errors that show no value. Nothing is written."""
    with pytest.raises(kn.ExportError, match=reason) as caught:
        kn.export(table, tmp_path / "new" / "t.xlsx")

    assert "secret" not in str(caught.value)
    assert [] == list(tmp_path.iterdir())


def test_two_equal_headers_are_refused(tmp_path):
    """The header of a time column must differ from those of other columns."""
    table = pd.DataFrame({"at": pd.to_datetime(["2026-01-01T00:00:00Z"]), "at (UTC)": [1]})
    with pytest.raises(kn.InvalidInputError, match="same header"):
        kn.export(table, tmp_path / "t.xlsx")


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    """If openpyxl is missing, the message says how to install it."""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[excel\]"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.xlsx")

    assert [] == list(tmp_path.iterdir())


def test_the_meaning_of_a_time_names_the_zone_shown(client, tmp_path):
    """If the table is shown in another zone than UTC, the meanings on the second sheet name that zone."""
    about = sheets(kn.export(kn.fetch_users(client=client), tmp_path / "t.xlsx", tz="Asia/Kolkata"))["about"]

    assert "When it was created, Asia/Kolkata." in [row[2].value for row in about.rows]


def test_an_edited_sheet_still_reads(client, tmp_path):
    """After an edit in a spreadsheet, a column keeps its dtype if all its cells fit."""
    users = kn.fetch_users(client=client)
    path = kn.export(users, tmp_path / "users.xlsx", tz="Asia/Kolkata")
    book = openpyxl.load_workbook(path)
    book["table"].delete_rows(2)
    book["table"]["A2"] = "one"
    book.save(path)
    with pytest.warns(UserWarning, match="had 131 rows then, and has 130 now"):
        back = kn.read_export(path)

    assert "one" == back["id"][0]
    expected = users.drop(columns="id")[1:].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, back.drop(columns="id"))


def test_a_sheet_of_another_program_reads(tmp_path):
    """Without metadata, undocumented columns get a dtype from their cells."""
    book = openpyxl.Workbook()
    for row in (["id", "n", "ok", "x", "note", "day"], [7, 1, True, 0.5, "a", pd.Timestamp("2026-01-02")]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")

    assert ["Int64", "Int64", "boolean", "Float64", "str", "datetime64[us]"] == [
        str(dtype) for dtype in kn.read_export(tmp_path / "t.xlsx").dtypes
    ]


def test_the_second_sheet_is_for_people(client, tmp_path):
    """It lists the provenance, the time zone, and the meaning of each column."""
    pages = sheets(kn.export(kn.fetch_users(client=client), tmp_path / "users.xlsx"))
    about = {row[0].value: row[1].value for row in pages["about"].rows}

    assert ["table", "about"] == list(pages)
    assert ("users", "complete", "UTC") == (about["resource"], about["verdict"], about["times are shown in"])
    assert ("Int64", "datetime64[us, UTC]") == (about["id"], about["created_at (UTC)"])
    assert "Key of the user." in [row[2].value for row in pages["about"].rows]
    assert pages["about"].row_dimensions[pages["about"].max_row].hidden  # what only read_export needs


def test_excel_shows_times_in_their_own_zone(tmp_path):
    """A table in New York's time is shown and described in it, unless ``tz`` says otherwise; both read back."""
    times = pd.Series(pd.to_datetime(["2026-01-05T09:00Z", None, "2026-11-01T06:30Z"])).astype("datetime64[us, UTC]")
    table = pd.DataFrame({"week": times.dt.tz_convert("America/New_York"), "created_at": times})
    for tz, headers in (
        (None, ["week (America/New_York)", "created_at (UTC)"]),
        ("Asia/Tokyo", ["week (Asia/Tokyo)", "created_at (Asia/Tokyo)"]),
    ):
        path = kn.export(table, tmp_path / "t.xlsx", tz=tz)
        about = {row[0].value: row[1].value for row in sheets(path)["about"].rows}

        assert headers == [cell.value for cell in sheets(path)["table"][1]]
        assert ("America/New_York, UTC" if tz is None else tz) == about["times are shown in"]
        pd.testing.assert_frame_equal(table, kn.read_export(path))
    path = kn.export(table, tmp_path / "t.xlsx", provenance=False)

    assert pd.Timestamp("2026-01-05 04:00") == sheets(path)["table"]["A2"].value
    pd.testing.assert_frame_equal(table, kn.read_export(path))


@pytest.mark.parametrize(
    ("values", "number_format"),
    [
        ([12.345678901, 3, None], "0.00"),
        ([0.5, 2.25], "General"),
        ([1 / 3, 123.0], "0.000"),
        ([0.0123456, 0], "0.0000"),
        ([1e-12, 2], "General"),
        ([1e300 / 3, -1e20 / 3], "General"),
        ([float("inf"), 2 / 3], "0.000"),
        ([None, None], "General"),
    ],
)
def test_averages_are_shown_with_few_digits(tmp_path, values, number_format):
    """A column is as wide as the digits shown; the cells keep all digits."""
    table = pd.DataFrame({"mean": pd.array(values, "Float64")})
    path = kn.export(table, tmp_path / "t.xlsx")
    page = sheets(path)["table"]

    assert number_format == page["A3"].number_format
    pd.testing.assert_frame_equal(table, kn.read_export(path))
    if number_format != "General":
        assert page.column_dimensions["A"].width <= 12
