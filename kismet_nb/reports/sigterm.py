"""Run clean-up code before SIGTERM, the signal of service managers, ends the process."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["clean_up_on_sigterm"]


class _SigtermError(BaseException):
    """SIGTERM arrived."""


@contextlib.contextmanager
def clean_up_on_sigterm() -> Iterator[None]:
    """Run the ``finally`` clauses of the block on SIGTERM before the process ends.

    By default, SIGTERM ends Python immediately and leaves temporary files. If the calling program has a handler of its
    own, nothing changes.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def terminate(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not stop the clean-up
        raise _SigtermError

    signal.signal(signal.SIGTERM, terminate)
    terminated = False
    try:
        yield
    except _SigtermError:
        terminated = True
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if terminated:
        signal.raise_signal(signal.SIGTERM)
