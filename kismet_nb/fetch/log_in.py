"""Verify credentials with the first request of a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.auth.current import Login, remember_login
from kismet_nb.errors import NotFoundError
from kismet_nb.fetch.pages import parse_page
from kismet_nb.resources import RESOURCES
from kismet_nb.transport.responses import Decoded

if TYPE_CHECKING:
    from kismet_nb.transport.client import KismetClient

__all__ = ["log_in"]


def log_in(client: KismetClient, source: str) -> Login:
    """Verify a client with one cheap request (``/organization_users``) and make it the client of this notebook.

    Raises
    ------
    KismetError
        The server refused the credentials or could not be reached; an earlier login stays.
    """
    client.source = source
    login = Login(client, _count_users(client))
    remember_login(login)
    return login


def _count_users(client: KismetClient) -> int:
    users = RESOURCES["users"]
    try:
        value = client.get(users.path, {"page": 1, "per_page": 1})
    except NotFoundError as error:
        # Every organization has this list, so the address is wrong.
        error.message = f"{client.api_url} responded with 404, so it is probably not the API's address."
        raise
    page, _ = parse_page(users, 1, Decoded(value, date=None))
    return page.total_count
