"""The login of this notebook, which the fetch functions use unless a client is passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kismet_nb.auth.credentials import masked
from kismet_nb.frontend import in_voila

if TYPE_CHECKING:
    from collections.abc import Callable

    from kismet_nb.transport.client import KismetClient

__all__ = [
    "Login",
    "current_login",
    "form_advice",
    "log_out",
    "login_watchers",
    "pin_login",
    "pinned_login",
    "record_form",
    "remember_login",
]


@dataclass(frozen=True, slots=True)
class Login:
    """A client whose credentials the server has accepted.

    Attributes
    ----------
    client
        The client that the fetch functions use.
    users
        The number of users in the organization when it logged in.
    """

    client: KismetClient
    users: int

    @property
    def source(self) -> str:
        """The source of the credentials."""
        return self.client.source

    def __str__(self) -> str:
        host = urlsplit(self.client.api_url).netloc
        return (
            f"Logged in: {self.users} users at {host}, from {self.source}, Client ID {masked(self.client.client_id)}."
        )

    def _ipython_display_(self) -> None:
        """Show nothing below a cell that ends in ``kn.login()``, which has already printed this text."""

    def _mime_(self) -> tuple[str, str]:
        """Show nothing in marimo either."""
        return "text/plain", ""


_login: Login | None = None
_pinned = False
_form_was_shown = False
# After each change, every watcher is called with the earlier and the new login.
login_watchers: list[Callable[[Login | None, Login | None], None]] = []


def current_login() -> Login | None:
    """Return this notebook's login, or None."""
    return _login


def remember_login(login: Login | None) -> None:
    """Set this notebook's login, or remove it with None, and call the watchers."""
    global _login, _pinned
    before, _login, _pinned = _login, login, False
    for watcher in login_watchers:
        watcher(before, login)


def pin_login() -> None:
    """Until the login changes, let ``kn.login()`` return it instead of searching for credentials."""
    global _pinned  # noqa: PLW0603 - it belongs to the one login
    _pinned = True


def pinned_login() -> Login | None:
    """Return the login that ``kn.login()`` must return, or None if it must search for credentials."""
    return _login if _pinned else None


def record_form() -> None:
    """Record that this notebook shows a login form."""
    global _form_was_shown  # noqa: PLW0603 - it belongs to the one login
    _form_was_shown = True


def form_advice() -> str | None:
    """Return what to do with the form that is shown, or None if there is no form or somebody is logged in."""
    if not _form_was_shown or _login is not None:
        return None
    if in_voila():
        return (
            "Fill in the form above first. Voila runs all cells when the page opens, so fetch in a function that a "
            "button calls: help(kn.login) has an example."
        )
    return "Fill in the form above, then run this cell again."


def log_out() -> None:
    """Remove this notebook's login and close its connections."""
    if _login is not None:
        _login.client.close()
    remember_login(None)
