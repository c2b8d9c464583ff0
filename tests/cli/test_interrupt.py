"""Ctrl-C ends a command at any moment without a traceback."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from support.faulty_server import CLIENT_ID, SECRET, serving

COMMAND = Path(sys.executable).with_name("kismet-nb")


def test_ctrl_c_while_pandas_loads(tmp_path):
    """An interrupt during the imports prints nothing."""
    began = tmp_path / "began"
    (tmp_path / "pandas.py").write_text(f"import pathlib, time\npathlib.Path({str(began)!r}).touch()\ntime.sleep(60)\n")
    with _start(tmp_path, "tables", PYTHONPATH=str(tmp_path)) as process:
        _wait_for(began.exists)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)

    assert (-signal.SIGINT, ("", "")) == (process.returncode, said)


def test_ctrl_c_in_a_command(tmp_path):
    """An interrupt of a running command prints one line, and the exit code is 130."""
    requested, go_on = threading.Event(), threading.Event()

    def answer(*_):
        requested.set()
        go_on.wait(60)
        return b""

    with serving(answer) as (url, _):
        credentials = {"KISMET_CLIENT_ID": CLIENT_ID, "KISMET_CLIENT_SECRET": SECRET, "KISMET_API_URL": url}
        with _start(tmp_path, "export", "users", "users.csv", **credentials) as process:
            assert requested.wait(60)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)
        go_on.set()

    assert (130, ("", "kismet-nb: interrupted\n")) == (process.returncode, said)


def _start(folder, *arguments, **environment):
    return subprocess.Popen(
        [COMMAND, *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(is_true):
    give_up_at = time.monotonic() + 60
    while not is_true() and time.monotonic() < give_up_at:
        time.sleep(0.005)
    assert is_true()
