"""A report's notebook: set its parameters and execute it in a kernel of its own."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kismet_nb import errors
from kismet_nb.errors import InvalidInputError, KismetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbclient import NotebookClient
    from nbformat import NotebookNode

__all__ = ["execute", "read_notebook"]

PARAMETERS_TAG = "parameters"
LOGIN_HINT = (
    "A report runs in a separate process. It uses the two environment variables or .env, but not a notebook's login. "
    "demo=True (in a terminal, --demo) reports on the demo organization."
)


def read_notebook(path: Path, parameters: Mapping[str, object]) -> NotebookNode:
    """Return the notebook, with a cell that sets the parameters after the cell tagged ``parameters``.

    Raises
    ------
    InvalidInputError
        The file is not a notebook, or no cell has the tag.
    """
    import nbformat  # noqa: PLC0415 - part of an extra

    problem = ""
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, OSError) as error:
        problem = type(error).__name__
    if problem:
        raise InvalidInputError(f"{path} cannot be read as a notebook ({problem}).")
    tagged = [n for n, cell in enumerate(notebook.cells) if PARAMETERS_TAG in cell.metadata.get("tags", [])]
    if not tagged:
        raise InvalidInputError(f"{path} has no cell tagged 'parameters'. Tag the cell that sets them.")
    lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(lines))  # type: ignore[no-untyped-call]
    return notebook


def execute(notebook: NotebookNode) -> None:
    """Run all cells in a new kernel, in the working directory, and store their outputs in the notebook.

    Raises
    ------
    KismetError
        A cell raised this error, or another one, which is named; or the kernel ended.
    """
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415 - part of an extra
    from nbclient import NotebookClient  # noqa: PLC0415 - part of an extra
    from nbclient.exceptions import (  # noqa: PLC0415 - part of an extra
        CellControlSignal,
        CellExecutionError,
        DeadKernelError,
    )
    from traitlets.config import Config  # noqa: PLC0415 - part of an extra

    # With ipc no other user of this machine can connect to the kernel, and the kernel does not warn about that.
    config = Config({"KernelManager": {"transport": "ipc" if os.name == "posix" else "tcp"}})
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        shutdown_kernel="immediate",
        resources={"metadata": {"path": Path.cwd()}},
        config=config,
    )
    # The error is raised outside the except blocks, so that it does not carry the cell's traceback.
    failure: KismetError | None = None
    try:
        _run_in_thread(client)
    except CellExecutionError as error:
        failure = _cell_failure(error.ename, error.evalue)
    except (CellControlSignal, DeadKernelError, NoSuchKernel) as error:
        failure = KismetError(f"The report's notebook could not be run to its end ({type(error).__name__}).")
    if failure is not None:
        raise failure


def _run_in_thread(client: NotebookClient) -> None:
    """Run the notebook in a thread and cancel it on KeyboardInterrupt.

    In the main thread, nbclient handles an interrupt itself and prints a traceback.
    """
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def run() -> None:
        started.append((asyncio.get_running_loop(), asyncio.current_task()))
        await client.async_execute()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, run())
        try:
            running.result()
        except KeyboardInterrupt:
            for loop, task in started:
                loop.call_soon_threadsafe(task.cancel if task else loop.stop)
            raise


def _cell_failure(name: str, message: str) -> KismetError:
    """Return the error to raise for an error in a cell.

    Only the messages of our own errors are repeated, because others may quote values of the tables.
    """
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, KismetError):
        # The cell's message says "Run kn.login()", which does not help a report.
        return kind(f"{message} {LOGIN_HINT}" if kind is errors.CredentialsError else message)
    return KismetError(f"A cell of the report's notebook raised {name}. Open the notebook and run it to see which.")
