"""DuckDB, Polars, pyarrow and pandas find the cells of a table in each exported file."""

import csv
import datetime as dt
import gzip
import json
import re

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from readers.tables import cells, plain

import kismet_nb as kn

TEXTS = {"keep_default_na": False, "dtype": str, "skip_blank_lines": False}
PARQUET = {
    "duckdb": lambda path: duckdb.read_parquet(str(path)).to_arrow_table(),
    "polars": lambda path: pl.read_parquet(path).to_arrow(),
    "pyarrow": pyarrow.parquet.read_table,
    "pandas": pd.read_parquet,
}
CSV = {
    "duckdb": lambda path: duckdb.read_csv(str(path), all_varchar=True, header=True).to_arrow_table(),
    "polars": lambda path: pl.read_csv(path, infer_schema=False).to_arrow(),
    "pyarrow": lambda path: pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header(path), pa.string())),
    ),
    "pandas": lambda path: pd.read_csv(path, **TEXTS),
    "csv": lambda path: pd.DataFrame(rows(path)[1:], columns=header(path)),
}
OPENPYXL = {"engine": "openpyxl", "infer_schema_length": None}
WHOLE = {"drop_empty_rows": False, "drop_empty_cols": False, "raise_if_empty": False}
EXCEL = {
    "pandas": lambda path: pd.read_excel(path, keep_default_na=False, na_values=[""], dtype=object),
    "polars": lambda path: pl.read_excel(path, **OPENPYXL, **WHOLE).to_arrow(),
}
# DuckDB strips the names of columns in a CSV. Polars leaves quotation marks in them doubled.
KNOWN_LIMITS = {"duckdb": str.strip, "polars": lambda name: name.replace('"', '""')}


def rows(path):
    """Return the rows of a CSV as Python's own reader finds them."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def header(path):
    """Return the first row of a CSV."""
    return rows(path)[0]


def found(table):
    """Return the names and the columns that a library read."""
    if isinstance(table, pa.Table):
        return table.column_names, [[plain(cell) for cell in column.to_pylist()] for column in table.columns]
    return list(table.columns), cells(table)


def expected_cells(table):
    """Return the columns of a table. If a column has values of several types, all but text are JSON."""
    columns = []
    for column in cells(table):
        types = {type(cell) for cell in column if cell is not None}
        columns.append([as_json(cell) for cell in column] if len(types) > 1 else column)
    return columns


def as_json(cell):
    """Return a cell of a mixed column as it is written."""
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell)


def without_apostrophe(text):
    """Return a text of a CSV without the apostrophe before a formula."""
    return text[1:] if isinstance(text, str) and re.match(r"'+[=+\-@\t\r\n]", text) else text


def is_written_as(text, value):
    """Return whether a text of a CSV is this value. A missing value has no text; some readers return ""."""
    if value is None or value == "":
        return text in (None, "")
    if isinstance(value, str):
        return without_apostrophe(text) == value
    if isinstance(value, list):
        return json.loads(text) == value
    if isinstance(value, int):
        return text == str(value)
    if isinstance(value, float):
        return float(text) == value
    return plain(pd.Timestamp(text)) == value


def is_shown_as(cell, value, zone):
    """Return whether a cell of Excel is this value, with times on the clock of the zone."""
    if value is None or value == "":
        return cell in (None, "")
    if isinstance(value, list):
        return cell == (", ".join(value) or "[]")
    if isinstance(value, dt.datetime) and zone:
        value = pd.Timestamp(value).tz_convert(zone).tz_localize(None)
    if isinstance(cell, str):  # openpyxl shows the escapes that Excel resolves.
        cell = cell.replace("_x000D_", "\r").replace("_x005F\r", "_x000D_")
    return cell == value


@pytest.mark.parametrize("reader", PARQUET)
def test_parquet_is_read_by_other_libraries(tables, folder, reader):
    """Names and cells are those of the table."""
    for name, table in tables.items():
        names, columns = found(PARQUET[reader](folder / f"{name}.parquet"))

        assert (name, list(table.columns)) == (name, names)
        assert (name, expected_cells(table)) == (name, columns)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("reader", CSV)
def test_csv_is_read_by_other_libraries(tables, folder, reader, suffix):
    """Each text is the cell of the table."""
    for name, table in tables.items():
        names, columns = found(CSV[reader](folder / f"{name}{suffix}"))
        pairs = [
            (column, text, value)
            for column, texts, values in zip(table.columns, columns, expected_cells(table), strict=True)
            for text, value in zip(texts, values, strict=True)
        ]

        expected = [KNOWN_LIMITS.get(reader, str)(column) for column in table.columns]

        assert (name, expected) == (name, [without_apostrophe(text) for text in names])
        assert (name, []) == (name, [pair for pair in pairs if not is_written_as(*pair[1:])])


@pytest.mark.parametrize("reader", EXCEL)
def test_excel_is_read_by_other_libraries(tables, folder, reader):
    """Each cell is that of the table; the header of a time names its zone."""
    for name, table in tables.items():
        if reader == "polars" and table.empty:  # Polars reads no header without rows.
            continue
        names, columns = found(EXCEL[reader](folder / f"{name}.xlsx"))
        zones = [str(dtype.tz) if isinstance(dtype, pd.DatetimeTZDtype) else "" for dtype in table.dtypes]
        pairs = [
            (column, cell, value, zone)
            for column, zone, shown, values in zip(table.columns, zones, columns, expected_cells(table), strict=True)
            for cell, value in zip(shown, values, strict=True)
        ]

        assert names == [f"{column} ({zone})" if zone else column for column, zone in zip(table, zones, strict=True)]
        assert (name, []) == (name, [pair for pair in pairs if not is_shown_as(*pair[1:])])


def test_the_types_of_a_csv_are_detected(folder):
    """DuckDB, Polars and pandas find numbers, booleans and times in a users table by themselves."""
    path = folder / "users.csv"
    table = duckdb.read_csv(str(path))
    types = dict(zip(table.columns, map(str, table.types), strict=True))

    assert ("BIGINT", "BOOLEAN", "VARCHAR") == (types["id"], types["is_admin"], types["email"])
    assert "TIMESTAMP WITH TIME ZONE" == types["created_at"]
    assert {"id": pl.Int64, "is_admin": pl.Boolean, "created_at": pl.Datetime("us", "UTC")}.items() <= dict(
        pl.read_csv(path, try_parse_dates=True).schema
    ).items()
    assert {"id": "int64", "is_admin": "bool", "created_at": "datetime64[us, UTC]"} == {
        name: str(dtype)
        for name, dtype in pd.read_csv(path, parse_dates=["created_at"]).dtypes.items()
        if name in {"id", "is_admin", "created_at"}
    }


def test_snapshots_of_two_months_are_read_together(tables, tmp_path):
    """Polars, DuckDB, pyarrow and pandas read a folder of exports as one table, also if one has no rows."""
    users, nobody = tables["users"], tables["nobody"]
    for month, table in {"2026-01": nobody, "2026-02": users, "2026-03": users.assign(roles=None)}.items():
        kn.export(table, tmp_path / f"users-{month}.parquet")
    expected = len(users) * 2

    assert expected == pl.scan_parquet(tmp_path / "*.parquet").collect().height
    assert expected == len(duckdb.read_parquet(f"{tmp_path}/*.parquet").fetchall())
    assert expected == pyarrow.parquet.read_table(tmp_path).num_rows == len(pd.read_parquet(tmp_path))
