"""A report's notebook: set its parameters and execute it in a kernel of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kismet_nb import errors
from kismet_nb.errors import InvalidInputError, KismetError, without_notebook_advice
from kismet_nb.reports.sigterm import clean_up_on_sigterm

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

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

    The kernel runs in this Python interpreter. Its files are in a private temporary folder. The kernel and the folder
    are removed in every case: success, failure, interrupt and SIGTERM.

    Raises
    ------
    KismetError
        A cell raised this error, or another one, which is named; or the kernel could not be started or ended early.
    """
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415 - part of an extra
    from nbclient.exceptions import (  # noqa: PLC0415 - part of an extra
        CellControlSignal,
        CellExecutionError,
        DeadKernelError,
    )
    from zmq import ZMQError  # noqa: PLC0415 - part of an extra

    # The error is raised outside the except blocks, so that it does not carry the cell's traceback.
    failure: KismetError | None = None
    try:
        with clean_up_on_sigterm(), _private_folder() as folder:
            _run_in_thread(notebook, folder)
    except CellExecutionError as error:
        failure = _cell_failure(error.ename, error.evalue)
    except KismetError:
        raise
    except (CellControlSignal, DeadKernelError, NoSuchKernel, ZMQError, RuntimeError, OSError) as error:
        failure = KismetError(f"The report's notebook could not be run to its end ({type(error).__name__}).")
    if failure is not None:
        raise failure


def _run_in_thread(notebook: NotebookNode, folder: Path) -> None:
    """Run the notebook in a thread, and cancel it if an exception is raised in this one.

    In the main thread, nbclient handles an interrupt itself and prints a traceback.
    """
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def run() -> None:
        started.append((asyncio.get_running_loop(), asyncio.current_task()))
        await _run(notebook, folder)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, run())
        try:
            running.result()
        except BaseException:
            for loop, task in started:
                with contextlib.suppress(RuntimeError):  # the loop is closed: the run has ended
                    loop.call_soon_threadsafe(task.cancel if task else loop.stop)
            raise


async def _run(notebook: NotebookNode, folder: Path) -> None:
    """Start a kernel, run the notebook in it and stop it."""
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415 - part of an extra
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415 - part of an extra
    from nbclient import NotebookClient  # noqa: PLC0415 - part of an extra

    # With ipc no other user of this machine can connect to the kernel, and the kernel does not warn about that.
    # The path of a socket may have about 100 characters only.
    ipc = os.name == "posix" and len(str(folder)) < 80
    kernel = AsyncKernelManager(
        kernel_name="python3",
        # Without folders to search, "python3" is this interpreter, whatever is registered under that name.
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        connection_file=str(folder / "kernel.json"),
        transport="ipc" if ipc else "tcp",
    )
    client = NotebookClient(notebook, km=kernel, timeout=None, resources={"metadata": {"path": str(Path.cwd())}})
    try:
        # The outputs of cells come through the kernel's sockets. What its process writes by itself is not shown.
        await _finish(client.async_start_new_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        await _finish(client.async_start_new_kernel_client())
        await client.async_execute()
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await kernel.shutdown_kernel(now=True)


async def _finish(step: Coroutine[Any, Any, object]) -> None:
    """Run a step to its end even if this task is cancelled: jupyter_client cannot cancel the start of a kernel."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        task.exception()  # read, so that asyncio does not log it
        raise


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """Create a temporary folder that no other user can read, and remove it afterwards."""
    name = ""
    with contextlib.suppress(OSError):
        name = tempfile.mkdtemp(prefix="kismet-nb-")
    if not name:
        raise KismetError("No folder for temporary files can be written. Set TMPDIR to one that can.")
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)


def _cell_failure(name: str, message: str) -> KismetError:
    """Return the error to raise for an error in a cell.

    Only the messages of our own errors are repeated, because others may quote values of the tables.
    """
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, KismetError):
        text = without_notebook_advice(message)
        return kind(f"{text} {LOGIN_HINT}" if kind is errors.CredentialsError else text)
    return KismetError(f"A cell of the report's notebook raised {name}. Open the notebook and run it to see which.")
