"""The notebooks and the data of the package, and their copies for JupyterLab."""

import resource
import signal
from pathlib import Path

import pytest

import kismet_nb as kn
from kismet_nb.reports.shipped import copy_notebooks, notebooks_folder, prepare_folder

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


def test_a_full_disk_leaves_no_part_of_a_notebook():
    """A later call would keep the part, as it keeps every existing file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(kn.ExportError, match="could not be copied to notebooks: File too large"):
            copy_notebooks(Path("notebooks"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)

    assert set() == names("notebooks")


def make_clone(root):
    """Make a folder with what shows that it is a clone of this repository, and with a notebook in it."""
    for file in ("kismet_nb/__init__.py", "pyproject.toml", "notebooks/03_report.ipynb", "data/README.md"):
        Path(root, file).parent.mkdir(parents=True, exist_ok=True)
        Path(root, file).write_text("tracked")


@pytest.mark.parametrize("folder", ["clone/notebooks", "clone", "clone/data", "link"])
def test_no_saved_notebook_is_in_a_tracked_folder_of_a_clone(folder):
    """The copies are in my_notebooks, with the clone's data beside it, and git ignores all of them."""
    make_clone("clone")
    Path("link").symlink_to("clone/notebooks")
    used, copied = prepare_folder(Path(folder))

    assert Path("clone/my_notebooks").resolve() == used
    assert names(used) - {".gitignore"} == {file.name for file in copied if file.parent == used}
    assert "tracked" not in (used / "03_report.ipynb").read_text()
    assert "tracked" == Path("clone/notebooks/03_report.ipynb").read_text()
    assert "*" == (used / ".gitignore").read_text().strip()
    assert (used, []) == prepare_folder(Path(folder))


def test_a_new_folder_is_ignored_by_git_and_an_existing_one_is_left_as_it_is():
    """In somebody's own repository, too, a commit does not include what is saved; rules of one's own stay."""
    make_clone("clone")
    Path("books").mkdir()
    used, _ = prepare_folder(Path("books"))
    new, _ = prepare_folder(Path("clone/new/books"))

    assert Path("books") == used
    assert ".gitignore" not in names("books")
    assert (Path("clone/new/books"), "*") == (new, (new / ".gitignore").read_text().strip())
    assert (new, []) == prepare_folder(new)


def test_the_folder_for_copies_is_ignored_in_this_repository():
    """The rule is in the repository as well, for a folder that was made by hand."""
    assert "/my_notebooks/" in (CLONE / ".gitignore").read_text().splitlines()
