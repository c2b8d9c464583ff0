"""What the commands write: results on stdout, all else on stderr, and both with the time in a log if one is named."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
import warnings
from typing import TYPE_CHECKING

from kismet_nb.errors import InvalidInputError, without_notebook_advice

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

__all__ = ["fail", "messages", "note", "say", "spell_out_missing_characters", "warn"]

_package_logger = logging.getLogger("kismet_nb")  # waits for the server
_logger = logging.getLogger("kismet_nb.cli")


def spell_out_missing_characters() -> None:
    """Write characters that an output's encoding lacks as escapes. On Windows, a redirected output has few."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def messages(*, quiet: bool, log: str | None) -> Iterator[None]:
    """Write warnings and waits as one line each on stderr, and everything to the log.

    Parameters
    ----------
    quiet
        Leave out waits. Warnings stay, because they are about the table.
    log
        The file to which lines are appended.

    Raises
    ------
    InvalidInputError
        The log cannot be written.
    """
    handlers: list[logging.Handler] = [_stderr_handler(quiet=quiet)]
    if log is not None:
        handlers.append(_log_handler(log))
    level = _package_logger.level
    with warnings.catch_warnings():
        # A warning is one plain line; Python's default adds a line of source code.
        warnings.showwarning = lambda message, *_args, **_kwargs: warn(str(message))
        _package_logger.setLevel(logging.INFO)
        for handler in handlers:
            _package_logger.addHandler(handler)
        try:
            yield
        finally:
            _package_logger.setLevel(level)
            for handler in handlers:
                _package_logger.removeHandler(handler)
                handler.close()


def _stderr_handler(*, quiet: bool) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR if quiet else logging.WARNING)
    handler.addFilter(lambda record: record.name == _package_logger.name)
    handler.setFormatter(_OneLine("kismet-nb: %(message)s"))
    return handler


def _log_handler(file: str) -> logging.Handler:
    problem = ""
    try:
        handler = _LogFile(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        problem = error.strerror or type(error).__name__
    if problem:
        raise InvalidInputError(f"The log {file} cannot be written: {problem}. Choose another file.")
    formatter = _OneLine("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    return handler


class _LogFile(logging.FileHandler):
    """A log that may not stop a command: if the disk is full, one line on stderr says so."""

    failed = False

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        error = sys.exc_info()[1]
        if not self.failed and isinstance(error, OSError):
            _write_line(f"kismet-nb: The log {self.baseFilename} cannot be written: {error.strerror}.")
        self.failed = True

    def close(self) -> None:
        with contextlib.suppress(OSError):  # It writes what could not be written before.
            super().close()


class _OneLine(logging.Formatter):
    """A line per message, without advice for a notebook."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = without_notebook_advice(record.message).replace("\n", " ")
        return super().formatMessage(record)


def say(options: argparse.Namespace, text: str) -> None:
    """Write that something was done; to the log only with --quiet."""
    _logger.info("%s", text)
    if options.quiet:
        return
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:  # What was done stays done, although a full disk does not take the line about it.
        _discard(sys.stdout)
        warn(f"The output cannot be written: {error.strerror}.")


def note(text: str) -> None:
    """Write a line that was asked for on stderr, also with --quiet."""
    _logger.info("%s", text)
    _write_line(text)


def fail(problem: object, code: int) -> int:
    """Write why a command failed as one line, and return its exit code."""
    text = without_notebook_advice(str(problem))
    _logger.error("%s", text)
    _write_line(f"kismet-nb: {text}")
    return code


def warn(text: str) -> None:
    """Write a warning as one line."""
    _logger.warning("%s", text)
    _write_line(f"kismet-nb: {text}")


def _write_line(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # stderr may be a file on a full disk too, and the command goes on.
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Let a stream go nowhere. Otherwise Python tries again at exit to write what is left, and changes the code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
