"""Files: written whole or not at all, safe in a spreadsheet, and read back exactly."""

import contextlib
import datetime as dt
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import dateutil.tz
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kismet_nb as kn

SUFFIXES = [".csv", ".csv.gz", ".parquet", ".xlsx"]
by_suffix = pytest.mark.parametrize("suffix", SUFFIXES)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "=1+1", "'=1", "''@x", "+", "-5", "\ttab", "\rx", "a\rb", 'say "x"', "1", "NA", "true", "\ufeffx", "\0", "＝1"]
)
NOTHING = st.none()


def frame(rows):
    """Build a table with every dtype that a fetch can return."""
    ids, texts, flags, numbers, times, lists = ([row[column] for row in rows] if rows else [] for column in range(6))
    return pd.DataFrame(
        {
            "id": pd.array(ids, dtype="Int64"),
            "=name": pd.array(texts, dtype="str"),
            "is_admin": pd.array(flags, dtype="boolean"),
            "score": pd.array(numbers, dtype="Float64"),
            "created_at": pd.Series(pd.to_datetime(times, utc=True)).astype("datetime64[us, UTC]"),
            "roles": pd.Series(lists, dtype=object),
        }
    )


def rows_with(text):
    """Invent rows of such a table."""
    return st.lists(
        st.tuples(
            NOTHING | st.integers(-(2**63), 2**63 - 1),
            NOTHING | text,
            NOTHING | st.booleans(),
            NOTHING | st.floats(allow_nan=False, allow_infinity=False),
            NOTHING | st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01")),
            NOTHING | st.lists(text, max_size=2),
        ),
        max_size=6,
    )


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("safe", [True, False])
@given(rows=rows_with(TEXT))
@settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_reads_back_exactly(tmp_path, suffix, safe, rows):
    """Values, missing values, dtypes, column order and attrs survive, whatever the text is."""
    table = frame(rows)
    table.attrs["kismet"] = {"resource": "users"}
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}", spreadsheet_safe=safe))

    pd.testing.assert_frame_equal(table, back)
    assert table["score"].tolist() == back["score"].tolist()  # to the last digit
    assert table.attrs == back.attrs


@by_suffix
def test_users_read_back_without_the_json(client, tmp_path, suffix):
    """The documented dtypes are enough for a users table, full or empty."""
    for users in (kn.fetch_users(client=client), kn.fetch_users("nobody@example.org", client=client)):
        path = kn.export(users, tmp_path / f"users{suffix}", provenance=False)

        assert [path.name] == [file.name for file in tmp_path.iterdir()]
        pd.testing.assert_frame_equal(users, kn.read_export(path))


@by_suffix
def test_columns_kept_as_they_came_read_back(tmp_path, suffix):
    """Mixed values, huge numbers and nested objects survive."""
    values = [2**70, "12", True, None, {"a": [1, None]}, 1.5]
    back = kn.read_export(kn.export(pd.DataFrame({"odd": pd.Series(values, dtype=object)}), tmp_path / f"t{suffix}"))

    assert values == back["odd"].tolist()


@by_suffix
def test_a_derived_table_reads_back(tmp_path, suffix):
    """NumPy dtypes and another time zone survive; the gaps of a filtered index are not written."""
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


@by_suffix
@pytest.mark.parametrize("zone", [dt.timezone(dt.timedelta(hours=-4), "EDT"), dateutil.tz.gettz("America/New_York")])
def test_a_zone_that_cannot_be_found_by_name_becomes_utc(tmp_path, suffix, zone):
    """The instants stay; the zone has no name that pandas knows."""
    table = pd.DataFrame({"at": [pd.Timestamp("2026-07-01", tz=zone)]})
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))

    pd.testing.assert_frame_equal(table.assign(at=table["at"].dt.tz_convert("UTC")), back)


@pytest.mark.parametrize(
    ("name", "dtype", "values"),
    [
        ("t.csv", "date32[pyarrow]", [dt.date(2026, 1, 1), None]),
        ("t.xlsx", "date32[pyarrow]", [dt.date(2026, 1, 1), None]),
        ("t.csv", pd.ArrowDtype(pa.decimal128(5, 2)), [1, None]),
        ("t.xlsx", pd.ArrowDtype(pa.decimal128(5, 2)), [1, None]),
        ("t.xlsx", "timestamp[us, tz=UTC][pyarrow]", [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None]),
        ("t.parquet", pd.ArrowDtype(pa.list_(pa.string())), [["a"], None]),
    ],
)
def test_a_dtype_that_would_not_read_back_is_refused(tmp_path, name, dtype, values):
    """The message names the column and what to do; nothing is written."""
    with pytest.raises(kn.ExportError, match=r"^odd has dtype .* Convert it with"):
        kn.export(pd.DataFrame({"odd": pd.array(values, dtype=dtype)}), tmp_path / name)

    assert [] == list(tmp_path.iterdir())


def test_a_csv_is_safe_in_a_spreadsheet(tmp_path):
    """The file is marked as UTF-8, a formula is text, times carry their zone, and days are no more than days."""
    times = pd.to_datetime(["2026-01-05T09:00:00Z", None])
    table = pd.DataFrame({"name": ["=1+1", "Zoë"], "at": times, "day": pd.to_datetime(["2026-01-05", None])})
    lines = kn.export(table, tmp_path / "t.csv").read_bytes().decode().splitlines()

    assert ['\ufeff"name","at","day"', '"\'=1+1","2026-01-05T09:00:00Z","2026-01-05"', '"Zoë",,'] == lines


def test_an_edited_csv_still_reads(client, tmp_path):
    """After an edit, which is told, documented columns keep their dtypes where they fit; a cut is told too."""
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


def test_a_damaged_note_beside_a_csv_is_told(tmp_path):
    """Without it, nothing says whether the CSV is whole."""
    path = kn.export(pd.DataFrame({"n": [1, 2]}), tmp_path / "t.csv")
    note = tmp_path / "t.csv.json"
    note.write_bytes(note.read_bytes()[:-10])
    with pytest.warns(UserWarning, match=r"t\.csv\.json beside it cannot be read"):
        assert 2 == len(kn.read_export(path))


def test_a_parquet_file_whose_names_were_damaged_is_an_error(client, tmp_path):
    """Pages have checksums; what stands about them has one too."""
    path = kn.export(kn.fetch_users(client=client), tmp_path / "users.parquet")
    path.write_bytes(path.read_bytes().replace(b"email", b"dmail"))
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(path)


def test_the_same_table_makes_the_same_gzip(tmp_path):
    """No time stamp is in the compressed file, and it is what gzip reads."""
    table = pd.DataFrame({"id": [1]})
    first, second = (kn.export(table, tmp_path / name).read_bytes() for name in ("a.csv.gz", "b.csv.gz"))

    assert first == second
    assert bytes(4) == first[4:8]
    assert b'\xef\xbb\xbf"id"\n1\n' == gzip.decompress(first)


@pytest.mark.parametrize("path", ["users.txt", "users", "users.csv.zip", 7, None])
def test_a_path_that_cannot_be_used_is_refused(tmp_path, path):
    """An unknown suffix or no path at all is refused before anything is written."""
    with pytest.raises(kn.InvalidInputError):
        kn.export(pd.DataFrame({"a": [1]}), path)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("path", ["~nosuchuser/x.csv", "x" * 300 + ".csv", "a\0b.csv", "loop/x.csv", "a\ud83d.csv"])
def test_a_path_that_the_system_does_not_take_is_refused(tmp_path, path, read):
    """Nobody's home, too long a name, what no name may hold, and links in a circle; in words that can be shown."""
    Path("loop").symlink_to("loop")
    with pytest.raises(kn.InvalidInputError, match="cannot be used") as caught:
        kn.read_export(path) if read else kn.export(pd.DataFrame({"a": [1]}), path)

    assert str(caught.value).encode()
    assert ["loop"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "x" * 250 + ".csv"])
def test_a_path_that_leads_nowhere_is_an_error(monkeypatch, tmp_path, name):
    """The working directory is gone, or there is no room for the name of the JSON."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    if len(name) < 250:
        gone.rmdir()
    with pytest.raises(kn.KismetError, match=r"No such file|too long"):
        kn.export(pd.DataFrame({"a": [1]}), name)


@contextlib.contextmanager
def in_an_open_folder():
    """Yield a folder that all users may look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def as_nobody():
    """Be a user who may not do everything, where the tests are run by one who may."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("act", [lambda path: kn.export(pd.DataFrame({"a": [1]}), path), kn.read_export])
def test_a_folder_that_may_not_be_looked_into_is_refused(act):
    """The message says that the path cannot be used."""
    with in_an_open_folder() as folder:
        (folder / "closed").mkdir(0)
        with as_nobody(), pytest.raises(kn.InvalidInputError, match="cannot be used"):
            act(folder / "closed" / "t.csv")


@pytest.mark.parametrize(
    "table",
    [
        [1],
        None,
        pd.Series([1]),
        pd.DataFrame({1: [1]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1]], columns=pd.Index(["\ud83d"], dtype=object)),
        pd.DataFrame({"a": [1]}, index=["x"]),
        pd.DataFrame({"a": [1]}).rename_axis("n"),
    ],
)
def test_a_table_that_would_lose_something_is_refused(tmp_path, table):
    """No DataFrame, doubled or unnamed columns, or a telling index are refused before anything is written."""
    with pytest.raises(kn.InvalidInputError):
        kn.export(table, tmp_path / "t.csv")

    assert [] == list(tmp_path.iterdir())


def test_folders_are_made_and_a_folder_is_refused(tmp_path):
    """Missing folders are made; a folder at the path is no file."""
    assert kn.export(pd.DataFrame({"a": [1]}), "new/deep/t.csv").is_file()
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(kn.InvalidInputError, match="folder"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.parquet")


@by_suffix
def test_a_full_disk_leaves_the_old_file(tmp_path, suffix):
    """When the system refuses to write on, the old file is whole and nothing else is left."""
    path = kn.export(pd.DataFrame({"a": [1]}), tmp_path / f"t{suffix}", provenance=False)
    before = path.read_bytes()
    code = f"""
import resource, signal, sys
import numpy as np, pandas as pd, kismet_nb as kn
table = pd.DataFrame({{"a": np.random.default_rng(1).integers(0, 2**62, 100_000)}})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    kn.export(table, {str(path)!r})
except kn.ExportError as error:
    sys.exit(7)
"""
    assert 7 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    assert before == path.read_bytes()
    assert [path.name] == [file.name for file in tmp_path.iterdir()]


@by_suffix
@pytest.mark.parametrize("values", [["Ada \ud83d", None, "Zoë", 'a"\\'], [["Ada \ud83d", "b"], None, []]])
def test_half_a_surrogate_pair_reads_back(tmp_path, suffix, values):
    """Text that no encoding takes is written with its escape, in the table and in what is said about it."""
    table = pd.DataFrame({"name": pd.Series(values, dtype=object)})
    table.attrs["kismet"] = {"filters": ["email=\ud83d"]}
    back = kn.read_export(kn.export(table, tmp_path / f"t{suffix}"))

    assert values == back["name"].tolist()
    assert table.attrs == back.attrs


@by_suffix
def test_a_value_that_no_format_takes_is_an_error_that_shows_it_not(tmp_path, suffix):
    """The column is named, the value is not, and nothing is written."""
    with pytest.raises(kn.ExportError) as caught:
        kn.export(pd.DataFrame({"name": pd.Series([{"secret"}], dtype=object)}), tmp_path / f"t{suffix}")

    assert "secret" not in str(caught.value)
    assert [] == list(tmp_path.iterdir())


def test_options_go_to_pandas(tmp_path):
    """A separator is pandas' own; an option, or a value of it, that pandas does not know is named."""
    table = pd.DataFrame({"a": [1], "b": ["=x"]})

    assert "\ufeffa;b\n1;'=x\n" == kn.export(table, tmp_path / "t.csv", sep=";").read_text()
    for name, value in (("colour", "red"), ("encoding", "bogus"), ("columns", ["zz"])):
        with pytest.raises(kn.InvalidInputError, match=name):
            kn.export(table, tmp_path / "u.csv", **{name: value})

    assert ["t.csv"] == [file.name for file in tmp_path.iterdir()]


@by_suffix
def test_a_damaged_or_missing_file_is_an_error(tmp_path, suffix):
    """Reading says that the file is missing or damaged, whatever the library underneath says."""
    with pytest.raises(kn.InvalidInputError, match="no file"):
        kn.read_export(tmp_path / f"t{suffix}")
    (tmp_path / f"t{suffix}").write_bytes(b'"a","b"\n1\n\xff\xfe"')
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(tmp_path / f"t{suffix}")


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.csv.gz", gzip.compress(b"a\n1\n", mtime=0)[:10] + b"\xff" * 20), ("t.csv", b"a" * 200_000 + b"\n1\n")],
    ids=["gzip", "header"],
)
def test_damage_of_other_kinds_is_an_error_too(tmp_path, name, content):
    """A broken stream inside gzip, and a header without an end."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(tmp_path / name)


def test_a_parquet_file_with_one_wrong_byte_gives_no_other_values(tmp_path):
    """Wherever the byte is, it is an error or does not matter."""
    table = pd.DataFrame({"a": np.random.default_rng(1).integers(0, 2**62, 1000)})
    path = kn.export(table, tmp_path / "t.parquet")
    whole = path.read_bytes()
    for position in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        with contextlib.suppress(kn.ExportError):
            pd.testing.assert_frame_equal(table, kn.read_export(path))


@pytest.mark.parametrize("dtypes", [{"a": "nonsense"}, {"a": "decimal128(3, 2)[pyarrow]"}, {"a": 1}, ["a"]])
def test_a_json_that_says_odd_things_is_damage(tmp_path, dtypes):
    """A dtype that pandas does not know, or something else in its place, is an error in our words."""
    path = kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.csv")
    note = tmp_path / "t.csv.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"dtypes": dtypes}))
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(path)


@by_suffix
def test_a_file_that_may_not_be_read_is_not_called_damaged(suffix):
    """The message says that it cannot be opened."""
    with in_an_open_folder() as folder:
        path = kn.export(pd.DataFrame({"a": [1]}), folder / f"t{suffix}")
        path.chmod(0)
        with as_nobody(), pytest.raises(kn.ExportError, match="cannot be opened"):
            kn.read_export(path)


def test_a_stale_json_does_not_stay(tmp_path):
    """Without provenance, the JSON of an earlier export beside the file is removed."""
    table = pd.DataFrame({"a": [1]})
    kn.export(table, tmp_path / "t.csv")
    kn.export(table, tmp_path / "t.csv", provenance=False)

    assert ["t.csv"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("theirs", ["[1]", '{"format": 1}', "no JSON", None])
def test_a_json_of_someone_else_stays(tmp_path, theirs):
    """A file, or a folder, that only has the name of the JSON is not touched: it is refused, or left alone."""
    note = tmp_path / "t.csv.json"
    note.write_text(theirs) if theirs else note.mkdir()
    with pytest.raises(kn.InvalidInputError, match=r"t\.csv\.json is no file of export"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.csv")
    assert ["t.csv.json"] == [file.name for file in tmp_path.iterdir()]
    kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.csv", provenance=False)

    assert note.is_dir() if theirs is None else theirs == note.read_text()


def test_a_csv_and_its_json_are_replaced_together(tmp_path):
    """Where the disk has no room for the JSON, the CSV stays the old one; attrs may hold what UTF-8 cannot."""
    table = pd.DataFrame({"a": [1]})
    table.attrs = {"note": "half \ud83d"}
    path = kn.export(table, tmp_path / "t.csv")
    assert table.attrs == kn.read_export(path).attrs
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    code = f"""
import resource, signal, sys
import pandas as pd, kismet_nb as kn
table = pd.DataFrame({{"a": [2]}})
table.attrs = {{"note": "x" * 60_000}}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    kn.export(table, {str(path)!r})
except kn.ExportError:
    sys.exit(7)
"""
    assert 7 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


@by_suffix
def test_permissions_and_links_stay(tmp_path, suffix):
    """A new file has the usual permissions, an old one keeps its own, and a link is written through."""
    table, path = pd.DataFrame({"a": [1]}), tmp_path / f"t{suffix}"
    (tmp_path / "usual").touch()
    kn.export(table, path)
    assert (tmp_path / "usual").stat().st_mode == path.stat().st_mode
    path.chmod(0o640)
    link = tmp_path / f"link{suffix}"
    link.symlink_to(path)
    kn.export(pd.DataFrame({"a": [2]}), link)

    assert link.is_symlink()
    assert 0o640 == path.stat().st_mode & 0o777
    assert [2] == kn.read_export(path)["a"].tolist()


# Excel, and where a table came from

EXCEL_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8)
EXCEL_TEXT |= st.sampled_from(
    ["", "=1+1", "#N/A", " a ", "a\rb\r\n", "_x000D_", "_x005F_x000D_", "[]", "a, b", "true", "1"]
)


@pytest.mark.parametrize("tz", [None, "America/New_York"])
@given(rows=rows_with(EXCEL_TEXT))
@settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_without_control_characters_reads_back_from_excel(tmp_path, tz, rows):
    """Values, missing values, dtypes, column order and attrs survive, whichever zone the times are shown in."""
    table = frame(rows)
    table.attrs["kismet"] = {"resource": "users"}
    back = kn.read_export(kn.export(table, tmp_path / "t.xlsx", tz=tz))

    pd.testing.assert_frame_equal(table, back)
    assert table["score"].tolist() == back["score"].tolist()  # to the last digit
    assert table.attrs == back.attrs


def sheets(path):
    """Read an Excel file as openpyxl alone does: the cells of each sheet by its name."""
    book = openpyxl.load_workbook(path)
    return {page.title: page for page in book.worksheets}


def test_a_sheet_is_ready_to_work_with(client, tmp_path):
    """The header stays in sight and filters, columns are as wide as their text, and times stand in the zone named."""
    users = kn.fetch_users(client=client)
    page = sheets(kn.export(users, tmp_path / "users.xlsx", tz="America/New_York"))["table"]
    header = [cell.value for cell in page[1]]

    assert "created_at (America/New_York)" == header[6]
    assert users["created_at"][0].tz_convert("America/New_York").tz_localize(None) == page["G2"].value
    assert ("A2", "A1:H132") == (page.freeze_panes, page.auto_filter.ref)
    assert users["email"].str.len().max() <= page.column_dimensions["B"].width <= 60


def test_excel_runs_and_rounds_nothing(tmp_path):
    """What looks like a formula is text, so are integers of 16 digits; other numbers keep 17; a list reads well."""
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
    """However many there are, below and beside each other."""
    table = pd.DataFrame({"id": range(3), "a": ["", "x", ""], "b": ["", "", None]})

    pd.testing.assert_frame_equal(table, kn.read_export(kn.export(table, tmp_path / "t.xlsx")))


def test_a_time_that_a_cell_cannot_tell_is_text(tmp_path):
    """In the hour that a clock shows twice, and below a millisecond, the cell says the time with its offset."""
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
    """Where the clock of the zone would show year 0 or 10000, the cell says the time in UTC."""
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
    """Too long a text, too many rows and control characters are an error that shows no value; nothing is written."""
    with pytest.raises(kn.ExportError, match=reason) as caught:
        kn.export(table, tmp_path / "new" / "t.xlsx")

    assert "secret" not in str(caught.value)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "options"),
    [("t.xlsx", {"tz": "Mars/Olympus"}), ("t.csv", {"tz": "UTC"}), ("t.xlsx", {"sep": ";"})],
)
def test_an_option_that_does_not_fit_the_format_is_refused(tmp_path, name, options):
    """An unknown zone, a zone for another format, and pandas' options for Excel are refused, by name."""
    with pytest.raises(kn.InvalidInputError, match=r"Mars|tz|sep"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / name, **options)

    assert [] == list(tmp_path.iterdir())


def test_two_equal_headers_are_refused(tmp_path):
    """A time's header must not become that of another column."""
    table = pd.DataFrame({"at": pd.to_datetime(["2026-01-01T00:00:00Z"]), "at (UTC)": [1]})
    with pytest.raises(kn.InvalidInputError, match="same header"):
        kn.export(table, tmp_path / "t.xlsx")


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    """Whoever lacks the package reads how to install it."""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(kn.InvalidInputError, match=r"kismet-nb\[excel\]"):
        kn.export(pd.DataFrame({"a": [1]}), tmp_path / "t.xlsx")

    assert [] == list(tmp_path.iterdir())


def test_the_rows_in_a_file_are_told_where_they_are_not_those_of_the_fetch(client, tmp_path):
    """What ``attrs`` says of the fetch stays as it is; the file itself says how many rows are in it."""
    users = kn.fetch_users(client=client)
    for table, told in (
        (users, "131"),
        (users[:8], "8: after the fetch of 131, rows were left out"),
        (pd.concat([users, users[:1]], ignore_index=True), "132: after the fetch of 131, rows were added"),
    ):
        path = kn.export(table, tmp_path / "t.csv")
        about = {row[0].value: row[1].value for row in sheets(kn.export(table, tmp_path / "t.xlsx"))["about"].rows}

        assert told == json.loads((tmp_path / "t.csv.json").read_text())["rows in this file"]
        assert ("131", told) == (about["rows"], about["rows in this file"])
        assert users.attrs == kn.read_export(path).attrs == kn.read_export(tmp_path / "t.xlsx").attrs


def test_a_meaning_names_the_zone_shown(client, tmp_path):
    """Where the sheet shows another zone than UTC, the second sheet does not speak of UTC."""
    about = sheets(kn.export(kn.fetch_users(client=client), tmp_path / "t.xlsx", tz="Asia/Kolkata"))["about"]

    assert "When it was created, Asia/Kolkata." in [row[2].value for row in about.rows]


def test_an_edited_sheet_still_reads(client, tmp_path):
    """Rows may be sorted and cells changed in a spreadsheet: a column keeps its dtype where all its cells fit."""
    users = kn.fetch_users(client=client)
    path = kn.export(users, tmp_path / "users.xlsx", tz="Asia/Kolkata")
    book = openpyxl.load_workbook(path)
    book["table"].delete_rows(2)
    book["table"]["A2"] = "one"
    book.save(path)
    back = kn.read_export(path)

    assert "one" == back["id"][0]
    expected = users.drop(columns="id")[1:].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, back.drop(columns="id"))


def test_a_sheet_from_elsewhere_reads(tmp_path):
    """Without a second sheet, columns that the API does not document get the dtype that their cells have."""
    book = openpyxl.Workbook()
    for row in (["id", "n", "ok", "x", "note", "day"], [7, 1, True, 0.5, "a", pd.Timestamp("2026-01-02")]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")

    assert ["Int64", "Int64", "boolean", "Float64", "str", "datetime64[us]"] == [
        str(dtype) for dtype in kn.read_export(tmp_path / "t.xlsx").dtypes
    ]


def test_a_column_that_is_there_twice_is_an_error(tmp_path):
    """Neither of the two is dropped without a word; columns of a sheet with nothing in them do not count."""
    (tmp_path / "t.csv").write_text("a,b,a\n1,2,3\n")
    book = openpyxl.Workbook()
    for row in (["a", None, None, "a"], [1, None, None, 3]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    for name in ("t.csv", "t.xlsx"):
        with pytest.raises(kn.ExportError, match="the column a twice"):
            kn.read_export(tmp_path / name)
    book.active["D1"] = "b"
    book.save(tmp_path / "t.xlsx")

    assert ["a", "", "b"] == list(kn.read_export(tmp_path / "t.xlsx"))


@by_suffix
def test_every_format_says_where_the_table_came_from(client, tmp_path, suffix):
    """The origin is in the file or beside it, and with provenance=False nowhere."""
    users = kn.fetch_users(client=client)
    told = kn.read_export(kn.export(users, tmp_path / f"a{suffix}"))
    kept = kn.read_export(kn.export(users, tmp_path / f"b{suffix}", provenance=False))

    assert users.attrs == told.attrs
    assert {} == kept.attrs
    pd.testing.assert_frame_equal(users, kept)


def test_the_second_sheet_is_for_people(client, tmp_path):
    """It says where the table came from, in which zone its times are, and what its columns mean."""
    pages = sheets(kn.export(kn.fetch_users(client=client), tmp_path / "users.xlsx"))
    about = {row[0].value: row[1].value for row in pages["about"].rows}

    assert ["table", "about"] == list(pages)
    assert ("users", "complete", "UTC") == (about["resource"], about["verdict"], about["times are shown in"])
    assert ("Int64", "datetime64[us, UTC]") == (about["id"], about["created_at (UTC)"])
    assert "Key of the user." in [row[2].value for row in pages["about"].rows]
    assert pages["about"].row_dimensions[pages["about"].max_row].hidden  # what only read_export needs
