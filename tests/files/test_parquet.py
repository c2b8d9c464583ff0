"""Parquet files: every damage is detected."""

import contextlib

import numpy as np
import pandas as pd
import pytest

import kismet_nb as kn


def test_damaged_column_names_are_an_error(client, tmp_path):
    """The column names have a checksum, as the pages have."""
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
