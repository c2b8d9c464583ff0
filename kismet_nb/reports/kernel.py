"""Run a report's notebook in a kernel of its own.

``kismet_nb.reports.handover`` documents the reasons, and how the kernel gets the login.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kismet_nb.errors import KismetError
from kismet_nb.reports.handover import send_login
from kismet_nb.reports.notebook import added_cell, cell_failure, failed_cell
from kismet_nb.reports.sigterm import clean_up_on_sigterm
from kismet_nb.reports.usage import usage_of_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from nbformat import NotebookNode

    from kismet_nb.auth.current import Login
    from kismet_nb.reports.progress import Steps

__all__ = ["execute", "private_folder"]

SET_UP = '__import__("importlib").import_module("kismet_nb.reports.kernel_setup").set_up(has_login={}, usage_file={!r})'
POLL_SECONDS = 0.2


def execute(notebook: NotebookNode, name: str, login: Login | None, steps: Steps, follow: Callable[[], None]) -> None:
    """Run all cells in a new kernel, in the working directory, and store their outputs in the notebook.

    The kernel uses this Python interpreter and a private temporary folder. Both end with this function, also after a
    failure, an interrupt or SIGTERM.

    Parameters
    ----------
    notebook
        The notebook.
    name
        Its name, for error messages.
    login
        The login that ``kn.login()`` returns in the kernel. If it is None, ``kn.login()`` searches for credentials.
    steps
        The progress, updated at the start of each cell.
    follow
        Called every ``POLL_SECONDS`` in this thread.

    Raises
    ------
    KismetError
        A cell raised this error, or another one, which the message names; or the kernel did not start or ended early.
    """
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415 - part of an extra
    from nbclient.exceptions import (  # noqa: PLC0415 - part of an extra
        CellControlSignal,
        CellExecutionError,
        DeadKernelError,
    )
    from zmq import ZMQError  # noqa: PLC0415 - part of an extra

    set_up = added_cell("")
    notebook.cells.insert(0, set_up)
    # The error is raised outside of the except blocks, so that the cell's traceback is not chained.
    failure: KismetError | None = None
    try:
        with clean_up_on_sigterm(), private_folder() as folder, usage_of_kernel(folder) as usage_file:
            set_up.source = SET_UP.format(login is not None, usage_file)
            _run_in_thread(_run(notebook, folder, login, steps), follow)
    except CellExecutionError as error:
        where = "" if set_up.outputs else failed_cell(notebook, name)
        failure = cell_failure(error.ename, error.evalue, where)
    except KismetError:
        raise
    except (CellControlSignal, DeadKernelError, NoSuchKernel, ZMQError, RuntimeError, OSError) as error:
        failure = KismetError(
            f"The report's notebook ended early ({type(error).__name__}). Run it in Jupyter to see why."
        )
    finally:
        notebook.cells.remove(set_up)
    if failure is not None:
        raise failure


def _run_in_thread(work: Coroutine[Any, Any, None], follow: Callable[[], None]) -> None:
    """Run a coroutine in another thread, and cancel it if an exception is raised in this one.

    In the main thread, nbclient would handle an interrupt and print a traceback. In a notebook, that thread has an
    event loop already.
    """
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def run() -> None:
        started.append((asyncio.get_running_loop(), asyncio.current_task()))
        await work

    def run_loop() -> None:
        # The default loop on Windows cannot wait for the kernel's sockets: pyzmq warns, and adds a thread for them.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(run())

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_loop)
        try:
            while wait([running], timeout=POLL_SECONDS).not_done:
                follow()
            running.result()
        except BaseException:
            for loop, task in started:
                with contextlib.suppress(RuntimeError):  # the loop is closed: the run has ended
                    loop.call_soon_threadsafe(task.cancel if task else loop.stop)
            raise


async def _run(notebook: NotebookNode, folder: Path, login: Login | None, steps: Steps) -> None:
    """Start a kernel, run the notebook in it and stop it."""
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415 - part of an extra
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415 - part of an extra
    from nbclient import NotebookClient  # noqa: PLC0415 - part of an extra

    # With ipc, no other user of this machine can connect to the kernel, and the kernel does not warn about that.
    # The path of a socket is limited to about 100 characters.
    ipc = os.name == "posix" and len(str(folder)) < 80
    kernel = AsyncKernelManager(
        kernel_name="python3",
        # Without search folders, "python3" is this interpreter, even if another one is registered with that name.
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        connection_file=str(folder / "kernel.json"),
        transport="ipc" if ipc else "tcp",
    )
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=None,
        resources={"metadata": {"path": str(Path.cwd())}},
        on_cell_start=steps.start_cell,
    )
    try:
        with _input_pipe(login) as standard_input:
            # The outputs of cells come through the kernel's sockets; other output of the kernel process is discarded.
            start = client.async_start_new_kernel(
                stdin=standard_input, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            await _finish(start)
        await _finish(client.async_start_new_kernel_client())
        await client.async_execute()
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await kernel.shutdown_kernel(now=True)


@contextlib.contextmanager
def _input_pipe(login: Login | None) -> Iterator[int]:
    """Yield the kernel's standard input: a pipe with the login, or the null device without one."""
    if login is None:
        yield subprocess.DEVNULL
        return
    reading, writing = os.pipe()
    try:
        try:
            send_login(login, writing)
        finally:
            os.close(writing)
        yield reading
    finally:
        os.close(reading)


async def _finish(step: Coroutine[Any, Any, object]) -> None:
    """Run a step to its end even if this task is cancelled, because jupyter_client cannot cancel a kernel's start."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        task.exception()  # read, so that asyncio does not log it
        raise


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Create a temporary folder that no other user can read, and remove it afterwards."""
    name = ""
    with contextlib.suppress(OSError):
        name = tempfile.mkdtemp(prefix="kismet-nb-")
    if not name:
        raise KismetError("No folder for temporary files is writable. Set TMPDIR to a writable folder.")
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)
