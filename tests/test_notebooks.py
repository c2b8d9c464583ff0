"""The notebooks run from top to bottom on the demo organization, and are committed without outputs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

CLONE = Path(__file__).parents[1]
NOTEBOOKS = sorted(CLONE.glob("notebooks/*.ipynb"))
by_name = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.mark.slow
@by_name
def test_a_notebook_runs(notebook, tmp_path):
    """No cell fails, none prints to stderr, and the files that the notebook names exist."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(notebook, folder)
    shutil.copytree(CLONE / "data", tmp_path / "data")
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", notebook.name]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)

    assert 0 == run.returncode, run.stderr[-2000:]
    cells = nbformat.read(folder / notebook.name, 4).cells
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    assert outputs
    named = re.findall(r'"([\w/]+\.(?:csv|parquet|png))"', "\n".join(cell.source for cell in cells))
    assert [] == [name for name in named if not (folder / name).is_file()]
    assert [] == [out.text for out in outputs if out.get("name") == "stderr"]


@by_name
def test_a_notebook_is_committed_without_outputs(notebook):
    """No outputs, execution counts or widget state are committed."""
    book = nbformat.read(notebook, 4)

    assert "widgets" not in book.metadata
    assert [] == [cell.id for cell in book.cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_a_headless_run_without_credentials_fails_at_once_and_says_why(tmp_path):
    """Without a person to prompt, login() in a notebook raises and names the two variables."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import kismet_nb as kn\nkn.login()")])
    nbformat.write(book, tmp_path / "login.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "login.ipynb", "--output", "out"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert 0 != run.returncode
    assert "KISMET_CLIENT_ID and KISMET_CLIENT_SECRET" in run.stderr
