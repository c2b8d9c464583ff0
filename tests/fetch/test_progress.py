"""TQDM_DISABLE hides the bar."""

import pytest

from kismet_nb.fetch.progress import PageCounter, progress_bar


@pytest.fixture
def _terminal(monkeypatch):
    """Let stderr be a terminal."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize(
    ("value", "progress", "hidden"),
    [(None, None, False), ("", None, False), ("0", None, False), ("1", None, True), ("1", True, False)],
)
def test_tqdms_variable_hides_the_bar_that_was_not_asked_for(value, progress, hidden, monkeypatch):
    """As elsewhere, TQDM_DISABLE=1 means no bar; progress=True still shows one."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("TQDM_DISABLE", value)
    with progress_bar("users", PageCounter(3), progress) as bar:
        assert hidden is bool(bar.disable)
