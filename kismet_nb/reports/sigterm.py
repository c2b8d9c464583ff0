"""SIGTERM, by which a service manager ends a process, with a clean-up before the end."""

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
    """Let SIGTERM run the clean-up of this block before it ends the process.

    Python's default is to end at once, which would leave temporary files behind. A handler of the calling program
    stays in place.
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
