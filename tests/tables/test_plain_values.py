"""Tables that another library read from an exported Parquet file are shown like the exported table."""

import re

import duckdb
import pandas as pd
import polars as pl
import pytest

import kismet_nb as kn
from kismet_nb.reports import html_table

READERS = {
    "pandas": pd.read_parquet,
    "pandas with Arrow": lambda file: pd.read_parquet(file, dtype_backend="pyarrow"),
    "DuckDB": lambda file: duckdb.sql(f"from '{file}'").df(),
    "Polars": lambda file: pl.read_parquet(file).to_pandas(),
    "Polars with Arrow": lambda file: pl.read_parquet(file).to_pandas(use_pyarrow_extension_array=True),
}


def cells(view):
    """Return the cells that go to the browser."""
    return view._rows


def headings_and_cells(table):
    """Return the texts of a report's table and how they are aligned."""
    return re.findall("<t([hd][^>]*)>([^<]*)", html_table(table).data.replace("Etc/UTC", "UTC"))


@pytest.mark.parametrize("reader", READERS)
def test_a_table_that_another_library_read_is_shown_like_the_original(reader, client):
    """Arrays are lists, Arrow's times have their zone and truth values are words, in view, profile and html_table."""
    invites = kn.fetch_invites(client=client).assign(used=pd.array([True, False, None] * 6, "boolean"))
    file = kn.export(invites, "invites.parquet")
    read = READERS[reader](file)
    read.attrs = invites.attrs  # DuckDB and Polars do not read them
    facts = ["missing", "distinct", "content", "note"]

    assert cells(kn.view(invites, tz="America/New_York")) == cells(kn.view(read, tz="America/New_York"))
    assert headings_and_cells(invites) == headings_and_cells(read)
    assert kn.profile(invites)[facts].equals(kn.profile(read)[facts].replace("Etc/UTC", "UTC", regex=True))


def test_categories_of_arrow_are_shown_as_their_values():
    """A dictionary column is shown like a column of its values."""
    table = pd.DataFrame({"status": ["open", None, "open"]}).astype("category")
    arrow = table.convert_dtypes(dtype_backend="pyarrow")

    assert cells(kn.view(table)) == cells(kn.view(arrow))
    assert kn.profile(table)["content"].tolist() == kn.profile(arrow)["content"].tolist()
