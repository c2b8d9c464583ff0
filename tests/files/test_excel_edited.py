"""Excel files that were edited: values are read, and every change raises a warning."""

import warnings

import openpyxl
import pandas as pd
import pytest

import kismet_nb as kn


@pytest.fixture
def users():
    """Return a small table of users with provenance."""
    table = pd.DataFrame(
        {
            "id": pd.array([11, 12], "Int64"),
            "is_admin": pd.array([True, False], "boolean"),
            "email": ["ada@example.org", "bo@example.org"],
        }
    )
    table.attrs["kismet"] = {"resource": "users", "rows": 2, "verdict": "complete"}
    return table


def edit(path, change):
    """Change the workbook of a file and save it."""
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


def test_another_first_sheet_is_not_the_table(tmp_path, users):
    """The table is found by its columns, even after a new sheet, renamed, or below a title."""

    def rearrange_sheets(book):
        book["table"].insert_rows(1, 2)
        book["table"]["A1"] = "Users of November"
        book["table"].title = "users"
        book["about"].title = "info"
        book.create_sheet("Sheet1", 0).append(["id", "Count"])

    back = kn.read_export(edit(kn.export(users, tmp_path / "t.xlsx"), rearrange_sheets))

    pd.testing.assert_frame_equal(users, back)
    assert users.attrs == back.attrs


def test_another_first_sheet_is_not_the_table_without_provenance(tmp_path, users):
    """Without provenance, the sheet named table is read."""
    path = kn.export(users, tmp_path / "t.xlsx", provenance=False)

    pd.testing.assert_frame_equal(users, kn.read_export(edit(path, lambda book: book.create_sheet("Sheet1", 0))))


def test_a_file_without_the_table_is_an_error(tmp_path, users):
    """If the sheet or its header was removed, no other sheet is taken for the table."""
    path = kn.export(users, tmp_path / "t.xlsx")
    edit(path, lambda book: book.create_sheet("Sheet1", 0).append(["Row Labels", "Count of id"]))
    edit(path, lambda book: book.remove(book["table"]))
    with pytest.raises(kn.ExportError, match="no sheet has the columns"):
        kn.read_export(path)


def test_coloured_rows_and_columns_are_not_data(tmp_path, users):
    """Cells without a value after the last row and the last column are ignored."""

    def colour(book):
        yellow = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
        for row in range(1, 8):
            for column in range(1, 7):
                book["table"].cell(row, column).fill = yellow

    pd.testing.assert_frame_equal(users, kn.read_export(edit(kn.export(users, tmp_path / "t.xlsx"), colour)))


def test_rows_without_a_value_read_back(tmp_path):
    """Rows with only missing values are kept, also at the end."""
    table = pd.DataFrame({"id": pd.array([None, 1, None, None], "Int64"), "email": [None, "a", None, None]})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / "t.xlsx")))


def test_booleans_as_formulas_are_booleans(tmp_path, users):
    """Some spreadsheets save booleans as the formulas TRUE() and FALSE()."""

    def write_formulas(book):
        book["table"]["B2"], book["table"]["B3"] = "=TRUE()", "=FALSE()"

    pd.testing.assert_frame_equal(users, kn.read_export(edit(kn.export(users, tmp_path / "t.xlsx"), write_formulas)))


def test_a_formula_without_a_result_raises_a_warning(tmp_path, users):
    """A formula that no spreadsheet has computed yet is a missing value, and the warning names its column."""

    def add_domain(book):
        book["table"]["D1"] = "domain"
        book["table"]["D2"] = '=MID(C2,FIND("@",C2)+1,99)'

    path = edit(kn.export(users, tmp_path / "t.xlsx"), add_domain)
    with (
        pytest.warns(UserWarning, match="new columns: domain"),
        pytest.warns(UserWarning, match="formulas without a result in domain") as caught,
    ):
        back = kn.read_export(path)

    assert __file__ == caught[0].filename
    assert users.attrs == back.attrs  # its own columns are unchanged
    pd.testing.assert_frame_equal(users.assign(domain=pd.Series([None, None], dtype="str")), back)


def test_text_that_begins_like_a_formula_is_text(tmp_path):
    """Such a text is not taken for a formula."""
    table = pd.DataFrame({"name": ["=TRUE()", "=1+1", "TRUE"]})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / "t.xlsx")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda page: page.delete_rows(2), "had 2 rows then, and has 1 now"),
        (lambda page: page.append([13, True, "cy@example.org"]), "had 2 rows then, and has 3 now"),
        (lambda page: page.cell(3, 3, "bob@example.org"), "changed columns: email"),
        (lambda page: page.__setitem__("C3", None), "changed columns: email"),
        (lambda page: page.delete_cols(2), "removed columns: is_admin"),
    ],
)
def test_a_changed_sheet_raises_a_warning(tmp_path, users, change, message):
    """The warning says what changed, and the table has no provenance, as for a CSV."""
    path = edit(kn.export(users, tmp_path / "t.xlsx"), lambda book: change(book["table"]))
    with pytest.warns(UserWarning, match=message) as caught:
        back = kn.read_export(path)

    assert __file__ == caught[0].filename
    assert {} == back.attrs


def test_columns_in_another_order_are_not_a_change(tmp_path, users):
    """The order of the columns may change."""
    path = kn.export(users, tmp_path / "t.xlsx")

    def swap_columns(book):
        for row in book["table"].iter_rows():
            row[0].value, row[2].value = row[2].value, row[0].value

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = kn.read_export(edit(path, swap_columns))

    pd.testing.assert_frame_equal(users[["email", "is_admin", "id"]], back)


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("storage (GB)", [1.5]),
        ("price (CET)", [1, None]),
        ("size (GB)", [None]),
        ("team (America/New_York)", ["a"]),
    ],
)
def test_a_header_without_a_time_zone_is_not_split(tmp_path, header, cells):
    """Above numbers, GB means gigabytes. Above times, it is a time zone."""
    path = kn.export(pd.DataFrame({"id": range(len(cells)), header: cells}), tmp_path / "t.xlsx", provenance=False)

    assert ["id", header] == list(kn.read_export(path))


@pytest.mark.parametrize("zone", ["GB", "CET", "UTC", "America/New_York"])
def test_a_header_with_a_time_zone_is_split(tmp_path, zone):
    """Without provenance, the zone in the header is that of the times."""
    table = pd.DataFrame(
        {"seen": pd.to_datetime(["2026-07-01T09:00Z", None]), "created_at": pd.to_datetime([None] * 2, utc=True)}
    )
    back = kn.read_export(kn.export(table, tmp_path / "t.xlsx", provenance=False, tz=zone))

    assert ["seen", "created_at"] == list(back)
    assert table["seen"].tolist() == back["seen"].tolist()
