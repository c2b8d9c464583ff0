"""CSV files: safe in a spreadsheet, with a sidecar that restores dtypes and detects changes."""

import csv
import gzip
import hashlib
import json

import pandas as pd
import pytest

import kismet_nb as kn


def test_a_csv_is_safe_in_a_spreadsheet(tmp_path):
    """The file is marked as UTF-8, a formula is text, times carry their zone, and dates have no time."""
    times = pd.to_datetime(["2026-01-05T09:00:00Z", None])
    table = pd.DataFrame({"name": ["=1+1", "Zoë"], "at": times, "day": pd.to_datetime(["2026-01-05", None])})
    lines = kn.export(table, tmp_path / "t.csv").read_bytes().decode().splitlines()

    assert ['\ufeff"name","at","day"', '"\'=1+1","2026-01-05T09:00:00Z","2026-01-05"', '"Zoë",,'] == lines


def test_options_go_to_pandas(tmp_path):
    """pandas gets the separator. If it does not accept an option or its value, the error names the option."""
    table = pd.DataFrame({"a": [1], "b": ["=x"]})

    assert "\ufeffa;b\n1;'=x\n" == kn.export(table, tmp_path / "t.csv", sep=";").read_text()
    for name, value in (("colour", "red"), ("encoding", "bogus"), ("columns", ["zz"])):
        with pytest.raises(kn.InvalidInputError, match=name):
            kn.export(table, tmp_path / "u.csv", **{name: value})

    assert ["t.csv"] == [file.name for file in tmp_path.iterdir()]


def test_the_same_table_makes_the_same_gzip(tmp_path):
    """The gzip header has no time stamp, and gzip can read the file."""
    table = pd.DataFrame({"id": [1]})
    first, second = (kn.export(table, tmp_path / name).read_bytes() for name in ("a.csv.gz", "b.csv.gz"))

    assert first == second
    assert bytes(4) == first[4:8]
    assert b'\xef\xbb\xbf"id"\n1\n' == gzip.decompress(first)


def test_an_edited_csv_still_reads(client, tmp_path):
    """An edited or truncated CSV raises a warning; documented columns keep their dtypes if all values fit."""
    users = kn.fetch_users(client=client)
    path = kn.export(users, tmp_path / "users.csv")
    path.write_text(path.read_text().replace("1002,", "one,", 1))
    with pytest.warns(UserWarning, match="had 131 rows then, and has 131 now") as caught:
        back = kn.read_export(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:101]))
    with pytest.warns(UserWarning, match="has 100 now"):
        assert 100 == len(kn.read_export(path))

    assert __file__ == caught[0].filename
    assert "one" == back["id"][0]
    assert users["created_at"].dtype == back["created_at"].dtype


def test_a_damaged_sidecar_raises_a_warning(tmp_path):
    """If the sidecar cannot be read, a warning says that the CSV cannot be checked for changes."""
    path = kn.export(pd.DataFrame({"n": [1, 2]}), tmp_path / "t.csv")
    sidecar = tmp_path / "t.csv.json"
    sidecar.write_bytes(sidecar.read_bytes()[:-10])
    with pytest.warns(UserWarning, match=r"t\.csv\.json beside it cannot be read"):
        assert 2 == len(kn.read_export(path))


@pytest.mark.parametrize("dtypes", [{"a": "nonsense"}, {"a": "decimal128(3, 2)[pyarrow]"}, {"a": 1}, ["a"]])
def test_a_sidecar_with_invalid_dtypes_is_an_error(tmp_path, dtypes):
    """A sidecar with an unknown dtype, or with a value that is not a dtype, is an error."""
    path = kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.csv")
    sidecar = tmp_path / "t.csv.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"dtypes": dtypes}))
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.csv.gz", gzip.compress(b"a\n1\n", mtime=0)[:10] + b"\xff" * 20), ("t.csv", b"a" * 200_000 + b"\n1\n")],
    ids=["gzip", "header"],
)
def test_a_corrupt_csv_is_an_error(tmp_path, name, content):
    """A corrupt gzip stream, and a header without an end, are errors."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(tmp_path / name)


def test_an_outdated_sidecar_is_removed(tmp_path):
    """Without provenance, the sidecar of an earlier export is removed."""
    table = pd.DataFrame({"a": [1]})
    kn.export(table, tmp_path / "t.csv")
    kn.export(table, tmp_path / "t.csv", provenance=False)

    assert ["t.csv"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("theirs", ["[1]", '{"format": 1}', "no JSON", None])
def test_a_file_with_the_name_of_the_sidecar_is_untouched(tmp_path, theirs):
    """A file or folder that only has the name of the sidecar is left unchanged."""
    sidecar = tmp_path / "t.csv.json"
    sidecar.write_text(theirs) if theirs else sidecar.mkdir()
    with pytest.raises(kn.InvalidInputError, match=r"t\.csv\.json was not written by export"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.csv")
    assert ["t.csv.json"] == [file.name for file in tmp_path.iterdir()]
    kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.csv", provenance=False)

    assert sidecar.is_dir() if theirs is None else theirs == sidecar.read_text()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_separator_changes_nothing_else(tmp_path, separator):
    """Integers keep their digits, booleans and floats are written as without options."""
    table = pd.DataFrame(
        {
            "id": pd.array([2**53 + 1, 12, None], "Int64"),
            "big": pd.array([2**64 - 1, None, 0], "UInt64"),
            "ok": pd.array([True, False, None], "boolean"),
            "x": pd.array([1.0, 0.1 + 0.2, None], "Float64"),
            "whole": [1.0, 1e20, -2.0],
            "at": pd.to_datetime(["2026-01-05T09:00Z", None, "2026-01-05T09:00Z"]),
        }
    )
    plain = kn.export(table, tmp_path / "a.csv").read_text().replace('"', "")

    assert plain.replace(",", separator) == kn.export(table, tmp_path / "b.csv", sep=separator).read_text()


def test_options_for_numbers_go_to_pandas(tmp_path):
    """A decimal comma, a format and quotes are applied to floats; integers and booleans stay as they are."""
    table = pd.DataFrame({"id": pd.array([2**53 + 1, None], "Int64"), "ok": [True, False], "x": [0.5, 2.25]})
    options = [
        ({"sep": ";", "decimal": ","}, "9007199254740993;true;0,5\n;false;2,25\n"),
        ({"float_format": "%.1f"}, "9007199254740993,true,0.5\n,false,2.2\n"),
        ({"quoting": csv.QUOTE_NONNUMERIC}, '9007199254740993,"true",0.5\n"","false",2.25\n'),
    ]
    for given, expected in options:
        assert expected == kn.export(table, tmp_path / "t.csv", **given).read_text().partition("\n")[2]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_file_with_another_separator_reads(tmp_path, separator):
    """The separator is detected in the header; documented columns have their dtypes."""
    table = pd.DataFrame({"id": pd.array([2**53 + 1, None], "Int64"), "email": ["ada@example.org", "=x,y"]})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / "t.csv", sep=separator)))


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("id;name, first\n1;Ada\n", ["id", "name, first"]),
        ("name; first,id\nAda,1\n", ["name; first", "id"]),
        ("a;b\n", ["a", "b"]),
        ("a|b;c\td\n1|2\t3\n", ["a|b;c", "d"]),
        ("a\n1;2\n", ["a"]),
    ],
)
def test_the_separator_splits_the_first_two_rows_alike(tmp_path, content, columns):
    """A separator inside a name does not count."""
    (tmp_path / "t.csv").write_text(content)

    assert columns == list(kn.read_export(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("t.csv", {"mode": "a"}),
        ("t.csv", {"date_format": "%d.%m.%Y"}),
        ("t.csv.gz", {"compression": "zip"}),
        ("t.parquet", {"partition_cols": ["id"]}),
    ],
)
def test_an_option_that_cannot_work_is_refused(tmp_path, name, option):
    """The message names the option, and the older file is untouched."""
    path = kn.export(pd.DataFrame({"id": [1]}), tmp_path / name, provenance=False)
    before = path.read_bytes()
    with pytest.raises(kn.InvalidInputError, match=next(iter(option))):
        kn.export(pd.DataFrame({"id": [2]}), path, **option)

    assert before == path.read_bytes()
    assert [name] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("opened_with", [",", ";", "\t", "|"])
def test_no_cell_is_a_formula_whatever_separator_a_spreadsheet_uses(tmp_path, separator, opened_with):
    """A spreadsheet that splits at another separator than the file's finds no formula either."""
    texts = [f"x{between}=1+1{between}y" for between in (",", ";", "\t", "|", "\n", ";\t", ';"', ";\n'")]
    table = pd.DataFrame({"id": pd.array(range(len(texts)), "Int64"), "name": texts, ";=2+2": texts})
    path = kn.export(table, tmp_path / "t.csv", **({} if separator == "," else {"sep": separator}))
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell.lstrip("\t\r\n") for row in csv.reader(file, delimiter=opened_with) for cell in row]

    assert [] == [cell for cell in cells if cell.startswith("=")]
    pd.testing.assert_frame_equal(table, kn.read_export(path))


def test_text_with_separators_is_written_unchanged(tmp_path):
    """Only a formula gets an apostrophe, not each separator or line break."""
    texts = ["a;b, c", "first\n\nsecond", "x; y", "call 9-5"]
    path = kn.export(pd.DataFrame({"note": texts}), tmp_path / "t.csv")

    assert texts == pd.read_csv(path)["note"].tolist()


def test_a_csv_of_version_0_1_reads_back(tmp_path):
    """In earlier files, only the beginning of a text was escaped."""
    content = '\ufeff"name"\n"\'=1+1"\n"x;\'=1"\n'.encode()
    (tmp_path / "t.csv").write_bytes(content)
    metadata = {"format": 1, "sha256": hashlib.sha256(content).hexdigest(), "dtypes": {"name": "str"}, "attrs": {}}
    (tmp_path / "t.csv.json").write_text(json.dumps(metadata))

    assert ["=1+1", "x;'=1"] == kn.read_export(tmp_path / "t.csv")["name"].tolist()


def test_a_csv_saved_without_its_byte_order_mark_has_no_apostrophes(tmp_path):
    """A spreadsheet may remove the byte order mark. The sidecar says that formulas were escaped."""
    table = pd.DataFrame({"name": ["=1+1", "'quoted'"]})
    for safe in (True, False):
        path = kn.export(table, tmp_path / "t.csv", spreadsheet_safe=safe)
        path.write_text(path.read_text(encoding="utf-8-sig").replace('"', ""))
        with pytest.warns(UserWarning, match="changed since export wrote it"):
            back = kn.read_export(path)

        pd.testing.assert_frame_equal(table, back)
