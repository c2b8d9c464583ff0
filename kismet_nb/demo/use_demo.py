"""use_demo(): start the demo organization and log in to it.

This is the only module of the demo that imports the client.
"""

from __future__ import annotations

from kismet_nb.demo.organization import DemoOrganization
from kismet_nb.fetch.log_in import log_in
from kismet_nb.transport.client import KismetClient

__all__ = ["use_demo"]

_demo: DemoOrganization | None = None


def use_demo() -> DemoOrganization:
    """Start the demo organization, once per process, and log in to it.

    Returns
    -------
    DemoOrganization
        ``stop()`` stops its server; otherwise the server stops at the end of the process.

    Examples
    --------
    >>> demo = use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> demo.stop()
    """
    global _demo  # noqa: PLW0603 - one demo organization per process
    if _demo is None or not _demo.running:
        _demo = DemoOrganization()
    client = KismetClient(_demo.client_id, _demo.client_secret, api_url=_demo.api_url)
    login = log_in(client, "the demo organization")
    print(f"Logged in to the demo organization on this machine: {login.users} invented users.")
    return _demo
