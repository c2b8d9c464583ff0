"""The notebooks and the data of the package, and their copies for JupyterLab."""

from pathlib import Path

import pytest

import kismet_nb as kn
from kismet_nb.reports.shipped import copy_notebooks, notebooks_folder

CLONE = Path(__file__).parents[2]


def names(folder):
    """Return the names of the files in a folder."""
    return {file.name for file in Path(folder).iterdir()}


def test_the_notebooks_of_the_package_are_found():
    """The report's notebook is one of them."""
    assert (notebooks_folder() / "03_report.ipynb").is_file()


def test_both_folders_are_copied_side_by_side():
    """The notebooks are in the folder and the data is in ``data`` beside it, where the notebooks read it."""
    copied = copy_notebooks(Path("work/notebooks"))

    assert names(CLONE / "notebooks") >= names("work/notebooks") >= {"01_login_and_fetch.ipynb", "03_report.ipynb"}
    assert names(CLONE / "data") == names("work/data")
    assert {file.name for file in copied} == names("work/notebooks") | names("work/data")


def test_an_existing_file_is_never_overwritten():
    """A changed notebook and a changed data file stay as they are; missing files are added."""
    for mine in ("notebooks/03_report.ipynb", "data/README.md"):
        Path(mine).parent.mkdir()
        Path(mine).write_text("mine")
    Path("notebooks/link.ipynb").symlink_to("nowhere")
    Path("notebooks/01_login_and_fetch.ipynb").symlink_to("nowhere")
    copied = copy_notebooks(Path("notebooks"))

    assert "mine" == Path("notebooks/03_report.ipynb").read_text() == Path("data/README.md").read_text()
    assert not Path("notebooks/nowhere").exists()
    assert not {"03_report.ipynb", "README.md", "01_login_and_fetch.ipynb"} & {file.name for file in copied}
    assert Path("notebooks/04_what_changed.ipynb").is_file()
    assert [] == copy_notebooks(Path("notebooks"))


def test_a_folder_that_cannot_be_written_is_an_error():
    """The error names the folder and the reason."""
    Path("notebooks").write_text("a file")
    with pytest.raises(kn.ExportError, match="notebooks could not be copied to notebooks: File exists"):
        copy_notebooks(Path("notebooks"))
