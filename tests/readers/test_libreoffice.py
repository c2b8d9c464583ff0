"""LibreOffice opens and saves exported files; read_export finds the same table, or says what changed."""

import shutil
import subprocess
import warnings

import pandas as pd
import pytest

import kismet_nb as kn

pytestmark = [pytest.mark.libreoffice, pytest.mark.slow]
FETCHED = ["users", "nobody", "calls", "participants", "metrics", "egresses", "rooms", "subs", "invites", "roles"]
EXCEL = "xlsx:Calc MS Excel 2007 XML"
CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"
OPEN_CSV = "--infilter=CSV:44,34,76,1,,0,false,true"  # UTF-8 with commas, and numbers are recognized


@pytest.fixture(scope="session")
def save(tmp_path_factory):
    """Return a function that opens files in LibreOffice, saves them, and returns the folder of the new ones."""
    profile = tmp_path_factory.mktemp("profile")

    def save(files, *options):
        out = tmp_path_factory.mktemp("saved")
        command = ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", *options, "--outdir", str(out)]
        subprocess.run([*command, *map(str, files)], check=True, capture_output=True, timeout=300)
        assert len(files) == len(list(out.iterdir()))
        return out

    return save


def read(path):
    """Return a table, and the text of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = kn.read_export(path)
    return table, " ".join(str(warning.message) for warning in caught)


def differing(before, after):
    """Return the names of columns that differ."""
    assert list(before.columns) == list(after.columns)
    return [name for name in before.columns if not before[name].equals(after[name])]


def columns_with(table, is_lost):
    """Return the names of columns that have a value which LibreOffice does not keep."""
    return [name for name in table.columns if any(is_lost(value) for value in table[name].astype(object))]


def is_text_lost(value):
    """Return whether LibreOffice saves a text as another one: empty, with a carriage return, or its escape."""
    return isinstance(value, str) and (value == "" or "\r" in value or "_x000D_" in value)


def is_rounded(value):
    """Return whether a number has more than the 15 digits that LibreOffice keeps."""
    return isinstance(value, float) and not pd.isna(value) and float(f"{value:.15g}") != value


def test_a_workbook_saved_by_libreoffice(tables, folder, save):
    """Columns are the same, or the warning names them. If all are the same, the provenance is kept."""
    saved = save(sorted(folder.glob("*.xlsx")), "--convert-to", EXCEL)
    for name, table in tables.items():
        back, warning = read(saved / f"{name}.xlsx")
        lost = columns_with(table, lambda value: is_text_lost(value) or is_rounded(value))

        assert (name, lost) == (name, differing(table, back))
        assert f"changed columns: {', '.join(lost)}." in warning if lost else not warning
        assert back.attrs == ({} if lost else table.attrs)


def test_a_formula_added_in_libreoffice(tables, folder, save, tmp_path):
    """The result of a formula is a value of the new column."""
    import openpyxl

    book = openpyxl.load_workbook(folder / "users.xlsx")
    book["table"]["I1"] = "domain"
    for row in range(2, len(tables["users"]) + 2):
        book["table"][f"I{row}"] = f'=MID(B{row},FIND("@",B{row})+1,99)'
    book.save(tmp_path / "users.xlsx")
    back, warning = read(save([tmp_path / "users.xlsx"], "--convert-to", EXCEL) / "users.xlsx")

    assert "new columns: domain." in warning
    pd.testing.assert_frame_equal(tables["domain"].drop(columns="size").astype({"domain": "str"}), back)


def test_a_csv_saved_by_libreoffice(tables, folder, save):
    """The warning says that the file changed. Only empty texts and rounded numbers differ from the fetched table."""
    saved = save(sorted(folder.glob("*.csv")), OPEN_CSV, "--convert-to", CSV)
    for name in FETCHED:
        table = tables[name]
        shutil.copy(folder / f"{name}.csv.json", saved)
        back, warning = read(saved / f"{name}.csv")

        assert f"changed since export wrote it: it had {len(table)} rows then, and has {len(back)} now" in warning
        assert (name, columns_with(table, is_text_lost) + columns_with(table, is_rounded)) == (
            name,
            differing(table, back),
        )
        assert {} == back.attrs


def test_a_csv_saved_as_a_workbook_by_libreoffice(tables, folder, save):
    """A workbook of another program has the documented dtypes."""
    saved = save([folder / f"{name}.csv" for name in FETCHED], OPEN_CSV, "--convert-to", EXCEL)
    for name in FETCHED:
        table = tables[name]
        back, _ = read(saved / f"{name}.xlsx")

        apostrophes = columns_with(table, lambda value: isinstance(value, str) and value[:1] in set("=+-@"))
        expected = [*columns_with(table, is_text_lost), *columns_with(table, is_rounded), *apostrophes]

        assert (name, expected) == (name, differing(table, back))


def test_times_in_a_workbook_are_times(folder, save):
    """LibreOffice finds times in a workbook; in a CSV, a time with its zone stays text."""
    [book] = save([folder / "users.xlsx"], "--convert-to", CSV).iterdir()
    [text] = save([folder / "users.csv"], OPEN_CSV, "--convert-to", EXCEL).iterdir()

    assert "2023-01-12 13:56:45" in book.read_text()
    assert "2023-01-12T13:56:45Z" in pd.read_excel(text)["created_at"].tolist()
