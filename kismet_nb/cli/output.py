"""Write results to stdout, everything else to stderr, and both with their time to the log if one is named."""

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

__all__ = ["escape_unencodable_characters", "fail", "messages", "report_done", "warn", "write_stats_line"]

_package_logger = logging.getLogger("kismet_nb")  # logs waits for the server
_logger = logging.getLogger("kismet_nb.cli")


def escape_unencodable_characters() -> None:
    """Escape characters that stdout or stderr cannot encode. On Windows, a redirected output encodes few."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def messages(*, quiet: bool, log: str | None) -> Iterator[None]:
    """Write each warning and wait as one line to stderr, and all messages to the log.

    Parameters
    ----------
    quiet
        Write no waits to stderr. Warnings stay, because they are about the table.
    log
        The file to append to.

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
    """A log that never stops a command. If the disk is full, it writes one line to stderr."""

    failed = False

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        error = sys.exc_info()[1]
        if not self.failed and isinstance(error, OSError):
            _write_line(f"kismet-nb: The log {self.baseFilename} cannot be written: {error.strerror}.")
        self.failed = True

    def close(self) -> None:
        with contextlib.suppress(OSError):  # close() tries again to write the buffered lines
            super().close()


class _OneLine(logging.Formatter):
    """A formatter that writes one line per message, without advice for a notebook."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = without_notebook_advice(record.message).replace("\n", " ")
        return super().formatMessage(record)


def report_done(options: argparse.Namespace, text: str) -> None:
    """Write a result to stdout and to the log, or with ``--quiet`` to the log only."""
    _logger.info("%s", text)
    if options.quiet:
        return
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:  # A full disk cannot store this line, but the command has succeeded.
        _discard(sys.stdout)
        warn(f"The output cannot be written: {error.strerror}.")


def write_stats_line(text: str) -> None:
    """Write a line of ``--stats`` to stderr, also with ``--quiet``."""
    _logger.info("%s", text)
    _write_line(text)


def fail(problem: object, code: int) -> int:
    """Write as one line why a command failed, and return its exit code."""
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
    except OSError:  # stderr may be a file on a full disk too; the command continues
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Redirect a stream to nowhere. Otherwise Python tries to write the rest at exit, and changes the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
