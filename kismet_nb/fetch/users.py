"""The users of the organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.errors import InvalidInputError
from kismet_nb.fetch.arguments import chosen_client, is_sendable
from kismet_nb.fetch.query import Query
from kismet_nb.fetch.table import fetch_table
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    import pandas as pd

    from kismet_nb.transport.client import KismetClient

__all__ = ["fetch_users"]


def fetch_users(
    email: str | None = None, *, client: KismetClient | None = None, progress: bool | None = None
) -> pd.DataFrame:
    """Fetch every user of the organization (``/organization_users``).

    Parameters
    ----------
    email
        Only users with this address, as the server matches it.
    client
        The client of the organization. By default this notebook's login.
    progress
        Whether to show a progress bar; by default only in a terminal or a notebook, and only for long work.

    Returns
    -------
    DataFrame
        One row per user, in the server's order, complete, with the columns

        ``id`` Int64, ``email`` str, ``is_admin`` boolean, ``roles`` object (a list of role names, from newer
        servers only), ``display_name`` str, ``waiting_room_url`` str, ``created_at`` and ``updated_at``
        datetime64[us, UTC],

        then any undeclared ones. ``attrs["kismet"]`` records where the table came from. An empty table has the
        same columns and dtypes.

    Raises
    ------
    IncompleteError
        The list changed during every attempt to read it.
    AuthenticationError, NotFoundError, RequestRefusedError, UnavailableError, UnexpectedAnswerError
        The server refused the request, could not be reached, or did not answer as documented.
    SchemaDriftError
        Instead of the warning below, from a strict client.
    CredentialsError
        Nobody is logged in.
    InvalidInputError
        ``email`` is empty or not text.

    Warns
    -----
    SchemaDriftWarning
        The table is complete, but the server sent columns or values that are not declared.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> demo = kn.use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> kn.fetch_users().shape
    (131, 8)
    >>> demo.stop()
    """
    query: tuple[tuple[str, str], ...] = ()
    if email is not None:
        if not isinstance(email, str) or not email.strip() or not is_sendable(email):
            raise InvalidInputError("email must be an address as text, such as 'ada.ferris@example.org'.")
        query = (("email", email.strip()),)
    queries = [Query(RESOURCES["users"].path, query)]
    return fetch_table(chosen_client(client), "users", queries, progress)[0]
