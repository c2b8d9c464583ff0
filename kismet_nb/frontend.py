"""Which program shows the output of this code (Jupyter, Voila, marimo or a terminal), and how to install there."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

__all__ = [
    "in_voila",
    "install_command",
    "is_published",
    "jupyter_kernel",
    "marimo_logs_messages",
    "marimo_mode",
]


def jupyter_kernel() -> Any:  # noqa: ANN401 - ipykernel has no types
    """Return the Jupyter kernel that runs this code, or None. A Voila page has one too."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython() if ipython else None, "kernel", None)


def install_command(extra: str) -> str:
    """Return the command that installs an extra for this Python: for a cell in Jupyter, otherwise for a terminal."""
    python = sys.executable or "python"
    pip = "%pip" if jupyter_kernel() else f'"{python}" -m pip' if " " in python else f"{python} -m pip"
    return f'{pip} install "kismet-nb[{extra}]"'


def in_voila() -> bool:
    """Return whether this code runs for a Voila page. Voila sets the variable in each of its kernels."""
    return jupyter_kernel() is not None and "VOILA_KERNEL_ID" in os.environ


def marimo_mode() -> str | None:
    """Return ``"edit"`` in marimo's editor, ``"run"`` in an app of ``marimo run``, and None elsewhere.

    For a marimo notebook that runs as a script, return None: its output goes to the terminal.
    """
    marimo = sys.modules.get("marimo")
    # The attribute is missing while marimo itself is being imported.
    running = getattr(marimo, "running_in_notebook", None)
    if marimo is None or running is None or not running():
        return None
    return str(marimo.app_meta().mode)


def is_published() -> bool:
    """Return whether this code runs for the readers of a page of Voila or an app of ``marimo run``."""
    return in_voila() or marimo_mode() == "run"


def marimo_logs_messages() -> bool:
    """Return whether marimo logs the messages of widgets, which it does with ``--log-level DEBUG``."""
    return marimo_mode() is not None and logging.getLogger("marimo").isEnabledFor(logging.DEBUG)
