"""Folders and names of a store, and arguments that are refused before anything is sent or written."""

import stat
from pathlib import Path

import pytest
from store.clinic import open_clinic, versions
from support.faulty_server import CLIENT_ID, SECRET

import kismet_nb as kn


def test_a_store_has_a_folder_for_each_organization_and_version(clinic):
    """The names are as documented, and other users of the computer have no access."""
    clinic.sync(["users", "calls", "call_metrics"])
    [version] = versions()
    files = sorted(str(file.relative_to(f"store/clinic-a/{version}")) for file in Path("store").rglob("20*/**/*.*"))

    this_month = max(clinic.figures)[:7]
    assert files == [
        "call_metrics/2026-01.parquet",
        f"call_metrics/{this_month}.parquet",
        "calls/2026-01.parquet",
        "calls/2026-02.parquet",
        "lists/all.parquet",
        "users/all.parquet",
        "version.json",
    ]
    for folder in ("store", "store/clinic-a", f"store/clinic-a/{version}"):
        assert 0o700 == stat.S_IMODE(Path(folder).stat().st_mode)
    for file in Path(f"store/clinic-a/{version}").rglob("*.*"):
        assert 0o400 == stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", ".sync", "_a", " a", "a ", "a.", "a/b", "a\\b", "a\0", "a\n", "a=b"),
        "con",
        "Nul.x",
        "lost+found",
        "a\ud83d",
        "ä" * 101,
        7,
    ],
)
def test_an_organization_that_cannot_name_a_folder_is_refused(clinic, name):
    """Nothing is sent and no folder is created."""
    with pytest.raises(kn.InvalidInputError, match="organization must be usable as the name of a folder"):
        clinic.sync(organization=name)

    assert ([], []) == (clinic.requests, list(Path().iterdir()))


@pytest.mark.parametrize("name", ["a", "Clinic A (north)", "klinik-ä", "2026-11-24T060000Z"])
def test_other_names_are_used_as_they_are(clinic, name):
    """Spaces and letters of any language are permitted."""
    clinic.sync(organization=name)

    assert [name] * 2 == kn.read_store("store", "users")["organization"].tolist()


@pytest.mark.parametrize("file", ["store", "store/clinic-a"])
def test_a_file_in_place_of_a_folder_is_refused(clinic, file):
    """The file stays as it is, and nothing is sent."""
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text("a file")
    with pytest.raises(kn.InvalidInputError, match="file"):
        clinic.sync()

    assert ([], "a file") == (clinic.requests, Path(file).read_text())


@pytest.mark.parametrize("folder", [None, 7, "", "~nosuchuser/store", "a\0b"])
def test_a_folder_that_cannot_be_used_is_refused(clinic, folder):
    """Neither sync nor read_store accepts it."""
    for use in (lambda: clinic.sync(folder=folder), lambda: kn.read_store(folder, "users")):
        with pytest.raises(kn.InvalidInputError):
            use()

    assert [] == clinic.requests


def test_another_host_is_refused(clinic):
    """The rows of another server would all look changed; nothing is sent."""
    clinic.sync()
    with (
        kn.KismetClient(CLIENT_ID, SECRET, api_url="https://api.example.org") as other,
        pytest.raises(kn.InvalidInputError, match=r"at 127\.0\.0\.1, but this client reads from api\.example\.org"),
    ):
        clinic.sync(client=other)

    assert 1 == len(versions())


def test_a_server_on_this_machine_may_change_its_port(clinic):
    """The demo organization uses another port at each start."""
    clinic.sync()
    with open_clinic() as restarted:
        assert 0 == restarted.sync()["users"]["added"]


@pytest.mark.parametrize("tables", ["nonsense", ["users", "nonsense"], "participants", [], None.__class__, 7])
def test_a_table_that_does_not_exist_is_refused(clinic, tables):
    """Nothing is sent."""
    with pytest.raises(kn.InvalidInputError):
        clinic.sync(tables)

    assert [] == clinic.requests


@pytest.mark.parametrize("options", [{"keep": 0}, {"keep": True}, {"keep": "3"}, {"participants": True}])
def test_invalid_options_are_refused(clinic, options):
    """Nothing is sent. Participants need the calls, which are not named here."""
    with pytest.raises(kn.InvalidInputError):
        clinic.sync("users", **options)

    assert [] == clinic.requests


def test_without_a_login_nothing_is_created():
    """The error is that of a fetch, and no folder is created."""
    with pytest.raises(kn.CredentialsError, match="Nobody is logged in"):
        kn.sync("store")

    assert [] == list(Path().iterdir())


def test_a_folder_that_cannot_be_read_is_an_error(clinic, monkeypatch):
    """Otherwise the rows of its organization would be left out without a word. A disk's own folder is skipped."""
    for name in ("clinic-a", "clinic-b"):
        clinic.sync(organization=name)
    Path("store/lost+found").mkdir()
    listed = Path.iterdir

    def refuse(folder):
        if folder.name in {"clinic-b", "lost+found"}:
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    for use in (
        lambda: kn.read_store("store", "users"),
        lambda: kn.sql("store", "SELECT * FROM users"),
        lambda: clinic.sync(organization="clinic-b"),
    ):
        with pytest.raises(kn.ExportError, match="clinic-b cannot be read: Permission denied"):
            use()
    (Path("store") / "clinic-b").rename("elsewhere")

    assert ["clinic-a"] == kn.read_store("store", "users")["organization"].unique().tolist()
