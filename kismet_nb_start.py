"""Start the command line. An interrupt while the package is imported ends it with one line, as later on."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

__all__ = ["main"]


def main() -> int:
    """Import the command line, run it and return its exit code."""
    default = signal.getsignal(signal.SIGINT)
    if default is signal.default_int_handler:  # A process in the background may ignore interrupts.
        signal.signal(signal.SIGINT, _end)
    from kismet_nb.cli import main as run  # noqa: PLC0415 - this import takes a second or two

    signal.signal(signal.SIGINT, default)
    return run()


def _end(*_: object) -> NoReturn:
    # An exception would be reported by whatever is being imported.
    os.write(2, b"kismet-nb: interrupted\n")
    os._exit(130)
