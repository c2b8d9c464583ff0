"""Excel files with several tables, titles, number formats and rows of totals; read with openpyxl and read_export."""

import errno
import gc
import io
import os
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import kismet_nb as kn

CALLS = pd.DataFrame(
    {
        "who": ["ada", "zoe", "ada", "bo"],
        "month": pd.PeriodIndex(["2026-09", "2026-09", "2026-10", "2026-10"], freq="M"),
        "calls": [1, 2, 3, 4],
    }
)
PIVOT = CALLS.pivot_table(
    index="who", columns="month", values="calls", aggfunc="sum", margins=True, margins_name="total"
)


@pytest.fixture
def tables(client):
    """Return two fetched tables and a pivot by the names of their sheets."""
    users = kn.fetch_users(client=client)
    return {"Users": users, "Admins": users[users["is_admin"].eq(other=True)].reset_index(drop=True), "By month": PIVOT}


def test_several_tables_read_back_one_by_one(tmp_path, tables):
    """Each table has its sheet, and reads back with its dtypes, index and attrs."""
    path = kn.export(tables, tmp_path / "t.xlsx", title="Clinic in October")
    book = openpyxl.load_workbook(path)

    assert [*tables, "about"] == book.sheetnames
    for name, table in tables.items():
        back = kn.read_export(path, sheet=name)
        pd.testing.assert_frame_equal(table, back)
        assert table.attrs == back.attrs


def test_one_of_several_tables_must_be_chosen(tmp_path, tables):
    """Without a name, or with an unknown one, the error lists the names."""
    path = kn.export(tables, tmp_path / "t.xlsx")
    for sheet in (None, "Rooms"):
        with pytest.raises(kn.InvalidInputError, match="Users, Admins, By month"):
            kn.read_export(path, sheet=sheet)
    with pytest.raises(kn.InvalidInputError, match="leave sheet out"):
        kn.read_export(kn.export(PIVOT, tmp_path / "t.csv"), sheet="Users")


def test_a_sheet_of_another_program(tmp_path):
    """A workbook that export did not write is read by the name of a sheet."""
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"id": [1]}).to_excel(book, sheet_name="first", index=False)
        pd.DataFrame({"id": [2]}).to_excel(book, sheet_name="second", index=False)

    assert [2] == kn.read_export(tmp_path / "t.xlsx", sheet="second")["id"].tolist()


def test_a_sheet_that_was_renamed_is_found_by_its_columns(tmp_path, tables):
    """The other tables' sheets are not mistaken for it."""
    path = kn.export(tables, tmp_path / "t.xlsx", title="Clinic")
    book = openpyxl.load_workbook(path)
    book["Admins"].title = "People"
    book.save(path)

    pd.testing.assert_frame_equal(tables["Admins"], kn.read_export(path, sheet="Admins"))


def test_a_title_is_above_the_header(tmp_path):
    """Title, an empty row, then the header: frozen, printed on each page, and filtered from there."""
    page = openpyxl.load_workbook(kn.export(CALLS, tmp_path / "t.xlsx", title="=Calls"))["table"]

    assert ("=Calls", "s", True) == (page["A1"].value, page["A1"].data_type, page["A1"].font.bold)
    assert ["who", "month", "calls"] == [cell.value for cell in page[3]]
    assert ("A4", "$3:$3", "A3:C7") == (page.freeze_panes, page.print_title_rows, page.auto_filter.ref)


def test_each_sheet_may_have_its_own_title(tmp_path, tables):
    """A sheet that is not in the mapping has no title. All sheets read back."""
    path = kn.export(tables, tmp_path / "t.xlsx", title={"Admins": "Who may change settings", "By month": "Calls"})
    book = openpyxl.load_workbook(path)

    firsts = [book[name]["A1"].value for name in tables]
    assert ["id", "Who may change settings", "Calls"] == firsts
    assert [len(table) for table in tables.values()] == [len(kn.read_export(path, sheet=name)) for name in tables]


def test_totals_stay_outside_the_filter(tmp_path):
    """The last row of a pivot with margins is bold, and sorting does not move it."""
    page = openpyxl.load_workbook(kn.export(PIVOT, tmp_path / "t.xlsx"))["table"]

    assert ["who", "2026-09", "2026-10", "total"] == [cell.value for cell in page[1]]
    assert ["total", 3, 7, 10] == [cell.value for cell in page[5]]
    assert [True] * 4 == [cell.font.bold for cell in page[5]]
    assert "A1:D4" == page.auto_filter.ref
    plain = openpyxl.load_workbook(kn.export(PIVOT.iloc[:-1], tmp_path / "t.xlsx"))["table"]
    assert ("A1:D4", False) == (plain.auto_filter.ref, plain["A4"].font.bold)


def test_number_formats_change_what_is_shown(tmp_path):
    """The values keep all digits, and dates stay dates."""
    shares = pd.DataFrame(
        {"who": ["ada"], "share": [0.123456789], "day": pd.to_datetime(["2026-10-01"]).date, "n": [2**60]}
    )
    path = kn.export(shares, tmp_path / "t.xlsx", number_formats={"share": "0.0%", "n": "0.00"})
    page = openpyxl.load_workbook(path)["table"]

    assert (0.123456789, "0.0%") == (page["B2"].value, page["B2"].number_format)
    assert page["C2"].is_date
    assert (str(2**60), "@") == (page["D2"].value, page["D2"].number_format)  # more digits than Excel can hold
    pd.testing.assert_frame_equal(shares, kn.read_export(path))


def test_the_last_sheet_is_about_all_tables(tmp_path, tables):
    """It has the provenance of each table and the meanings of its columns. The rows for read_export are hidden."""
    page = openpyxl.load_workbook(kn.export(tables, tmp_path / "t.xlsx"))["about"]
    firsts = [cell.value for cell in page["A"]]

    assert "Where these tables come from" == firsts[0]
    assert list(tables) == [first for first in firsts if first in tables]
    assert 3 == firsts.count("rows in this file")
    assert 3 == firsts.count("for read_export")
    assert all(page.row_dimensions[row].hidden for row, first in enumerate(firsts, 1) if first == "for read_export")


@pytest.mark.parametrize(
    ("tables", "name", "arguments"),
    [
        ({}, "t.xlsx", {}),
        ({"a": CALLS}, "t.csv", {}),
        ({"a": [1]}, "t.xlsx", {}),
        ({"": CALLS}, "t.xlsx", {}),
        ({1: CALLS}, "t.xlsx", {}),
        ({"a" * 32: CALLS}, "t.xlsx", {}),
        ({"a/b": CALLS}, "t.xlsx", {}),
        ({"'a": CALLS}, "t.xlsx", {}),
        ({"About": CALLS}, "t.xlsx", {}),
        ({"History": CALLS}, "t.xlsx", {}),
        ({"a": CALLS, "A": CALLS}, "t.xlsx", {}),
        (CALLS, "t.csv", {"title": "Calls"}),
        (CALLS, "t.parquet", {"number_formats": {"calls": "0"}}),
        (CALLS, "t.xlsx", {"title": ""}),
        (CALLS, "t.xlsx", {"title": "two\nlines"}),
        ({"a": CALLS}, "t.xlsx", {"title": {"b": "Calls"}}),
        (CALLS, "t.xlsx", {"title": "Calls", "provenance": False}),
        (CALLS, "t.xlsx", {"number_formats": {"share": "0"}}),
        (CALLS, "t.xlsx", {"number_formats": {"calls": ""}}),
        (CALLS, "t.xlsx", {"number_formats": "0.0%"}),
    ],
)
def test_invalid_arguments_are_refused_before_anything_is_written(tmp_path, tables, name, arguments):
    """Nothing is written, and the error says what to change."""
    with pytest.raises(kn.InvalidInputError):
        kn.export(tables, tmp_path / name, **arguments)

    assert [] == list(tmp_path.iterdir())


def test_a_full_disk_is_one_error(monkeypatch, tables):
    """openpyxl's own open files say nothing of it afterwards. The old file stays."""

    class Full(io.BufferedRandom):
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Path("clinic.xlsx").write_bytes(b"old")
    monkeypatch.setattr(os, "fdopen", lambda handle, _: Full(io.FileIO(handle, "r+")))
    with pytest.raises(kn.ExportError, match="No space left on device") as caught:
        kn.export(tables, "clinic.xlsx")
    del caught
    gc.collect()  # An exception in a destructor would be a warning, and so an error.

    assert (b"old", ["clinic.xlsx"]) == (Path("clinic.xlsx").read_bytes(), [file.name for file in Path().iterdir()])
