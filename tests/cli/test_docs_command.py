"""``kismet-nb docs`` opens the reference, and says what to install if it cannot be built. tests/docs builds it."""

import os

import pytest

from kismet_nb.cli import main


@pytest.fixture
def opened(monkeypatch):
    """Return the list of addresses that are opened in a browser, as if Sphinx were installed."""
    monkeypatch.setattr("kismet_nb.cli.commands.find_spec", lambda name: name)
    addresses = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    return addresses


@pytest.fixture
def site(tmp_path):
    """Return a folder that looks like a built site."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "searchindex.js").touch()
    return folder


def test_a_built_site_is_opened(site, opened, capsys):
    """It is not built again."""
    assert 0 == main(["docs", str(site)])
    assert [(site / "index.html").as_uri()] == opened
    assert f"The reference is at {opened[0]}\n" == capsys.readouterr().out


def test_an_outdated_site_is_built_again(site, opened, monkeypatch):
    """A file of the package is newer, for example after an update."""
    built = []
    monkeypatch.setattr("kismet_nb.cli.commands._run_module", lambda *call: built.append(call) or 0)
    os.utime(site / "searchindex.js", (0, 0))

    assert 0 == main(["docs", str(site)])
    assert [("kismet_nb.docs", [str(site)])] == built
    assert opened


def test_no_browser_prints_the_address_only(site, opened):
    """A machine without a screen has no browser."""
    assert 0 == main(["docs", str(site), "--no-browser"])
    assert [] == opened


def test_the_default_folder_is_in_the_users_cache(tmp_path, monkeypatch, opened):
    """Each version has its own folder, beside the caches of other programs."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    built = []
    monkeypatch.setattr("kismet_nb.cli.commands._run_module", lambda *call: built.append(call) or 0)
    assert 0 == main(["docs"])

    [(module, [folder])] = built
    assert "kismet_nb.docs" == module
    assert folder.startswith(str(tmp_path / "cache" / "docs-"))
    assert opened


def test_a_failed_build_is_an_error(tmp_path, monkeypatch, opened, capsys):
    """Nothing is opened."""
    monkeypatch.setattr("kismet_nb.cli.commands._run_module", lambda *_: 1)

    assert 1 == main(["docs", str(tmp_path / "site")])
    assert "The reference could not be built in" in capsys.readouterr().err
    assert [] == opened


def test_without_sphinx_the_error_says_what_to_install(monkeypatch, capsys):
    """It names the extra."""
    monkeypatch.setattr("kismet_nb.cli.commands.find_spec", lambda _: None)

    assert 2 == main(["docs"])
    assert 'pip install "kismet-nb[docs]"' in capsys.readouterr().err
