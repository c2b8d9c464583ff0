"""Parquet files: damage is detected, and types do not depend on the rows."""

import contextlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import kismet_nb as kn


def test_damaged_column_names_are_an_error(client, tmp_path):
    """The column names have a checksum, like the pages."""
    path = kn.export(kn.fetch_users(client=client), tmp_path / "users.parquet")
    path.write_bytes(path.read_bytes().replace(b"email", b"dmail"))
    with pytest.raises(kn.ExportError, match="damaged"):
        kn.read_export(path)


def test_one_wrong_byte_changes_no_value(tmp_path):
    """A wrong byte anywhere is an error, or changes no value."""
    table = pd.DataFrame({"a": np.random.default_rng(1).integers(0, 2**62, 1000)})
    path = kn.export(table, tmp_path / "t.parquet")
    whole = path.read_bytes()
    for position in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        with contextlib.suppress(kn.ExportError):
            pd.testing.assert_frame_equal(table, kn.read_export(path))


@pytest.mark.parametrize(
    ("name", "values", "arrow_type"),
    [
        ("roles", [], pa.list_(pa.string())),
        ("roles", [None], pa.list_(pa.string())),
        ("roles", [[]], pa.list_(pa.string())),
        ("roles", [["provider"]], pa.list_(pa.string())),
        ("tags", [[]], pa.list_(pa.string())),
        ("email", [], pa.large_string()),
        ("email", [None], pa.large_string()),
        ("email", ["ada@example.org"], pa.large_string()),
        ("id", [None], pa.int64()),
        ("created_at", [None], pa.timestamp("us", "UTC")),
    ],
)
def test_a_documented_column_has_the_same_type_whatever_its_rows(tmp_path, name, values, arrow_type):
    """Files of several months can be read together; the values read back as they were."""
    path = kn.export(pd.DataFrame({name: pd.Series(values, dtype=object)}), tmp_path / "t.parquet")
    back = kn.read_export(path)[name]

    assert pyarrow.parquet.read_schema(path).field(name).type.equals(arrow_type)
    assert (values, "object") == (back.tolist(), str(back.dtype))


def test_files_with_and_without_roles_can_be_read_together(tmp_path):
    """pandas reads a folder of exports as one table."""
    for number, values in enumerate([[], [None], [[]], [["provider"]]]):
        table = pd.DataFrame({"id": pd.array(range(len(values)), "Int64"), "roles": pd.Series(values, dtype=object)})
        kn.export(table, tmp_path / f"invites-{number}.parquet")

    assert [None, [], ["provider"]] == [
        value if value is None else value.tolist() for value in pd.read_parquet(tmp_path)["roles"]
    ]


def test_a_dtype_that_would_not_read_back_leaves_the_older_file(tmp_path):
    """The message names the column; the older file is unchanged."""
    path = kn.export(pd.DataFrame({"price": [1]}), tmp_path / "t.parquet")
    before = path.read_bytes()
    decimals = pd.array([1, None], dtype=pd.ArrowDtype(pa.decimal128(5, 2)))
    with pytest.raises(kn.ExportError, match=r"^price has dtype decimal128\(5, 2\)"):
        kn.export(pd.DataFrame({"price": decimals}), path)

    assert before == path.read_bytes()


def test_options_go_to_pandas(tmp_path):
    """The index, the compression and the size of row groups can be chosen."""
    table = pd.DataFrame({"id": [1, 2], "roles": [["provider"], None]}, index=[5, 3])
    path = kn.export(table, tmp_path / "t.parquet", index=True, compression="gzip", row_group_size=1)
    metadata = pyarrow.parquet.read_metadata(path)

    assert (2, "GZIP") == (metadata.num_row_groups, metadata.row_group(0).column(0).compression)
    pd.testing.assert_frame_equal(table, kn.read_export(path))
