"""A fetch in its own process that gets the signal of Ctrl-C."""

import subprocess
import sys
from pathlib import Path

CODE = """
import os, signal, sys, threading, time
sys.path.insert(0, {tests!r})
from support.fetching import client_of
import kismet_nb as kn
{setup}
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
started = time.monotonic()
try:
    kn.fetch_users(client=client)
except KeyboardInterrupt:
    left = [thread for thread in threading.enumerate() if thread.name == "kismet_nb"]
    print("ended" if time.monotonic() - started < 8 and not left else "late", flush=True)
os._exit(0)
"""


def check_interrupt(setup):
    """Assert that an interrupt ends a fetch that would take 20 s or more, and that no thread is left.

    ``setup`` is the code that makes the client.
    """
    code = CODE.format(tests=str(Path(__file__).parents[1]), setup=setup)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert "ended" == run.stdout.strip(), run.stderr
