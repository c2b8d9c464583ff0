"""The command line: the package's functions for a terminal and a scheduler.

Exit codes: 0 for success. 1 for a ``KismetError``, whose message is the last line on stderr, or if the reader of
stdout closed the pipe. 2 for wrong usage, including ``InvalidInputError``. 130 for an interrupt.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from kismet_nb.cli.options import parse
from kismet_nb.cli.output import escape_unencodable_characters, fail, messages
from kismet_nb.cli.stats import request_stats
from kismet_nb.errors import InvalidInputError, KismetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

GREETING = """\
kismet-nb {version} fetches a Kismet Health organization as tables.

Three things to try:

  kismet-nb demo
    Fetch the users of an invented clinic on this computer. No account needed.

  kismet-nb lab
    Open notebooks about that clinic in JupyterLab (extra lab).

  kismet-nb export users exports/users.csv
    Fetch the users of your own organization. First put its credentials into
    the environment or a .env file.

All commands: kismet-nb --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    escape_unencodable_characters()
    given = sys.argv[1:] if arguments is None else arguments
    if not given:
        print(GREETING.format(version=version("kismet-nb")), end="")
        raise SystemExit(2)  # wrong usage: a script whose command is empty by mistake must not look successful
    options = parse(given)
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
