"""The command line: the package's functions for a terminal and a scheduler.

Exit codes: 0 for success. 1 for a ``KismetError``, whose message is the last line on stderr, or if the reader of
stdout closed the pipe. 2 for wrong usage, including ``InvalidInputError``. 130 for an interrupt.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from kismet_nb.cli.options import parse
from kismet_nb.cli.output import escape_unencodable_characters, fail, messages
from kismet_nb.cli.stats import request_stats
from kismet_nb.errors import InvalidInputError, KismetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    escape_unencodable_characters()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        with messages(quiet=options.quiet, log=options.log):
            return _run(options)
    except InvalidInputError as error:  # from messages(): the log cannot be written
        return fail(error, 2)


def _run(options: argparse.Namespace) -> int:
    try:
        with _stats(options):
            options.run(options)
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader, for example head, has closed the pipe. Without this line, Python reports it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KismetError as error:
        return fail(error, 2 if isinstance(error, InvalidInputError) else 1)
    except KeyboardInterrupt:
        return fail("interrupted", 130)
    return 0


def _stats(options: argparse.Namespace) -> contextlib.AbstractContextManager[None]:
    """Return a context that writes ``--stats``. With ``sync --each``, the process of each organization writes them."""
    each = getattr(options, "each", None)
    return request_stats() if options.stats and not each else contextlib.nullcontext()
