"""TQDM_DISABLE hides the bar."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kismet_nb.fetch.progress import PageCounter, progress_bar


@pytest.fixture
def _terminal(monkeypatch):
    """Make stderr look like a terminal."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize(
    ("value", "progress", "hidden"),
    [(None, None, False), ("", None, False), ("0", None, False), ("1", None, True), ("1", True, False)],
)
def test_the_variable_hides_a_bar_that_was_not_requested(value, progress, hidden, monkeypatch):
    """TQDM_DISABLE=1 hides the bar, as in tqdm; progress=True still shows it."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("TQDM_DISABLE", value)
    with progress_bar("users", PageCounter(3), progress) as bar:
        assert hidden is bool(bar.disable)


def test_a_bar_whose_drawing_is_interrupted_holds_no_lock(monkeypatch):
    """Otherwise a later fetch in another thread would wait for ever."""

    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    with progress_bar("users", PageCounter(3), progress=True) as bar:
        with monkeypatch.context() as patch:
            patch.setattr(type(bar), "display", interrupt)
            with pytest.raises(KeyboardInterrupt):
                bar.refresh()
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(type(bar).get_lock().acquire, timeout=1).result()
            thread.submit(type(bar).get_lock().release).result()
