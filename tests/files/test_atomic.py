"""Files are replaced whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import kismet_nb as kn


def test_a_full_disk_leaves_the_old_file(tmp_path, suffix):
    """If the disk is full, the old file is unchanged and no temporary file is left."""
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


def test_a_file_that_a_reader_has_open_stays(tmp_path, suffix, monkeypatch):
    """Windows refuses to replace an open file. The old file is unchanged and no temporary file is left."""

    def refuse(path, _target):
        raise PermissionError(13, "Access is denied", str(path))

    path = kn.export(pd.DataFrame({"a": [1]}), tmp_path / f"t{suffix}", provenance=False)
    before = path.read_bytes()
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(kn.ExportError, match="Access is denied"):
        kn.export(pd.DataFrame({"a": [2]}), path, provenance=False)

    assert before == path.read_bytes()
    assert [path.name] == [file.name for file in tmp_path.iterdir()]


def test_a_csv_and_its_sidecar_are_replaced_together(tmp_path):
    """If the disk is full before the sidecar is written, the old CSV stays; attrs may hold lone surrogates."""
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


def test_permissions_and_links_stay(tmp_path, suffix):
    """A new file gets default permissions, an existing one keeps its own, and a link is written through."""
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
