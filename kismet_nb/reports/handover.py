"""Send the login of this process to the kernel of a report.

A report runs in a kernel of its own, even if it is written from a notebook. So its cells cannot change the notebook's
variables, its settings of Matplotlib, Altair and pandas, or its display hook. An interrupt ends them immediately, and
the page is the same as from a terminal. The notebook's own process cannot guarantee this, because IPython has one shell
per process and libraries have one configuration per process.

The kernel gets the login through an anonymous pipe, which is its standard input. The pipe has no name, so only these
two processes can use it. Its content stays in memory, and the kernel reads it before the first cell runs. The secret is
in no environment variable, file, argument, pickle or message of Jupyter, and therefore in no log and no output.
"""

from __future__ import annotations

import json
import os

from kismet_nb.auth.credentials import Credentials
from kismet_nb.auth.current import Login, pin_login
from kismet_nb.errors import CredentialsError
from kismet_nb.fetch.log_in import log_in
from kismet_nb.transport.client import KismetClient

__all__ = ["receive_login", "send_login"]

SETTINGS = ("timeout", "retries", "patience", "max_in_flight", "page_size", "verify", "strict", "api_url")
MAX_BYTES = 4096  # the smallest capacity of a pipe, so that writing never waits for the reader


def send_login(login: Login, pipe: int) -> None:
    """Write a login to a pipe.

    Raises
    ------
    CredentialsError
        The credentials are too long.
    """
    client = login.client
    settings = {name: getattr(client, name) for name in SETTINGS}
    message = json.dumps([client.client_id, client.credentials.secret_value(), login.source, settings]).encode()
    if len(message) > MAX_BYTES:
        raise CredentialsError("The credentials are too long. Log in with the credentials that Kismet issued.")
    os.write(pipe, message)


def receive_login() -> None:
    """Read a login from standard input and log in; ``kn.login()`` returns this login until there is another one.

    Raises
    ------
    KismetError
        The server refused the credentials or could not be reached.
    """
    client, source = _read_client()
    log_in(client, source)
    pin_login()


def _read_client() -> tuple[KismetClient, str]:
    with open(0, "rb", closefd=False) as pipe:
        client_id, secret, source, settings = json.loads(pipe.read())
    return KismetClient.from_credentials(Credentials(client_id, secret), **settings), source
