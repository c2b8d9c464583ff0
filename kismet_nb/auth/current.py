"""The login of a notebook: the one thing that is remembered between calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kismet_nb.auth.credentials import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from kismet_nb.transport.client import KismetClient

__all__ = ["Login", "current_login", "log_out", "login_watchers", "remember_login"]


@dataclass(frozen=True, slots=True)
class Login:
    """The client that is logged in.

    Attributes
    ----------
    client
        The client that fetches use.
    users
        How many users the organization had at that moment.
    """

    client: KismetClient
    users: int

    @property
    def source(self) -> str:
        """Where the credentials came from."""
        return self.client.source

    def __str__(self) -> str:
        host = urlsplit(self.client.api_url).netloc
        return (
            f"Logged in: {self.users} users at {host}, from {self.source}, Client ID {masked(self.client.client_id)}."
        )

    def _ipython_display_(self) -> None:
        """Show nothing below a cell that ends in ``kn.login()``: it has said all this already."""


_login: Login | None = None
# Called with the login before and the login after each change.
login_watchers: list[Callable[[Login | None, Login | None], None]] = []


def current_login() -> Login | None:
    """Return this notebook's login, or None."""
    return _login


def remember_login(login: Login | None) -> None:
    """Make a login this notebook's; None forgets the present one."""
    global _login
    before, _login = _login, login
    for watcher in login_watchers:
        watcher(before, login)


def log_out() -> None:
    """Forget this notebook's login and close its connections."""
    if _login is not None:
        _login.client.close()
    remember_login(None)
