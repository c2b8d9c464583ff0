"""The functions that people call, and this notebook's login."""

from __future__ import annotations

import datetime as dt
import functools
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from kismet_nb import pages, tables
from kismet_nb.credentials import WAYS_TO_LOG_IN, masked
from kismet_nb.errors import CredentialsError, IncompleteError, InvalidInputError, SchemaDriftWarning
from kismet_nb.resources import RESOURCES

if TYPE_CHECKING:
    import pandas as pd
    from tqdm import tqdm

    from kismet_nb.client import KismetClient

__all__ = ["Login", "current_login", "fetch_users", "log_in", "log_out"]


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in, and where.

    Attributes
    ----------
    client
        The client that fetches use.
    source
        Where the credentials came from.
    users
        How many users the organization had at that moment.
    """

    client: KismetClient
    source: str
    users: int

    def __str__(self) -> str:
        host = urlsplit(self.client.api_url).netloc
        return (
            f"Logged in: {self.users} users at {host}, from {self.source}, Client ID {masked(self.client.client_id)}."
        )


# The one thing that a notebook remembers.
_login: Login | None = None


def log_in(client: KismetClient, source: str) -> Login:
    """Verify a client with one cheap request (``/organization_users``) and make it this notebook's.

    Raises
    ------
    KismetError
        The server refused the credentials or could not be reached; an earlier login stays.
    """
    global _login  # noqa: PLW0603 - the one thing that a notebook remembers
    _login = Login(client, source, pages.count_rows(client, RESOURCES["users"]))
    return _login


def log_out() -> None:
    """Forget this notebook's login and close its connections."""
    global _login  # noqa: PLW0603 - as above
    if _login is not None:
        _login.client.close()
    _login = None


def current_login() -> Login | None:
    """Return this notebook's login, or None."""
    return _login


def fetch_users(
    email: str | None = None, *, client: KismetClient | None = None, progress: bool | None = None
) -> pd.DataFrame:
    """Fetch every user of the organization (``/organization_users``).

    Parameters
    ----------
    email
        Only users with this address, as the server matches it.
    client
        Whose organization; this notebook's login by default.
    progress
        Whether to show a progress bar; by default only in a terminal or a notebook, and only for long work.

    Returns
    -------
    DataFrame
        One row a user, in the server's order, complete, with the columns

        ``id`` Int64, ``email`` str, ``is_admin`` boolean, ``roles`` object (a list of role names, from newer
        servers only), ``display_name`` str, ``waiting_room_url`` str, ``created_at`` and ``updated_at``
        datetime64[us, UTC],

        then any that this version does not know. ``attrs["kismet"]`` says where it came from. An empty result
        has the same columns and dtypes.

    Raises
    ------
    IncompleteError
        The list kept moving while it was read.
    AuthenticationError, RequestRefusedError, UnavailableError, UnexpectedAnswerError
        The server refused, was out of reach, or answered something else than its documentation says.
    CredentialsError
        Nobody is logged in.
    InvalidInputError
        ``email`` is not text, or empty.

    Warns
    -----
    SchemaDriftWarning
        The table is complete, but the server sent columns or values that this version does not know.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> demo = kn.use_demo()
    Logged in to the demo organization on this machine: 131 invented users.
    >>> kn.fetch_users().shape
    (131, 8)
    >>> demo.stop()
    """
    filters: dict[str, str | int] = {}
    if email is not None:
        if not isinstance(email, str) or not email.strip():
            raise InvalidInputError("email must be an address as text, such as 'ada.ferris@example.org'.")
        filters["email"] = email.strip()
    return _fetch("users", filters, client, progress)


def _fetch(
    name: str,
    filters: dict[str, str | int],
    client: KismetClient | None,
    progress: bool | None,  # noqa: FBT001 - handed on from a keyword
) -> pd.DataFrame:
    if client is None:
        if _login is None:
            raise CredentialsError(f"Nobody is logged in. {WAYS_TO_LOG_IN}")
        client = _login.client
    resource = RESOURCES[name]
    started = dt.datetime.now(dt.UTC)
    with _progress_bar(name, progress) as bar:

        def on_progress(read: int, known: int) -> None:
            bar.total = known
            bar.update(read - bar.n)

        walked = pages.read_list(client, resource, filters, functools.partial(tables.chunk, resource), on_progress)
    frame, drift = tables.table(resource, walked.chunks)
    frame.attrs["kismet"] = {
        "resource": name,
        "filters": sorted(filters),
        "api_host": urlsplit(client.api_url).netloc,
        "fetched_at": started.isoformat(timespec="seconds"),
        "rows": walked.rows,
        "pages": walked.pages,
        "walks": walked.walks,
        "verdict": "incomplete" if walked.moved else "complete",
        "proof": walked.proof,
        "version": version("kismet-nb"),
    }
    if walked.moved:
        error = IncompleteError(
            f"the list did not stand still in {walked.walks} readings, or the server's count is wrong. At the last: "
            f"{walked.moved}. Try again in a quiet moment; what was read then is in the error's .partial.",
            resource=name,
        )
        error.partial = frame
        raise error
    if drift:
        warnings.warn(f"{name}: {'; '.join(drift)}.", SchemaDriftWarning, stacklevel=3)
    return frame


def _progress_bar(name: str, progress: bool | None) -> tqdm[NoReturn]:  # noqa: FBT001 - as above
    from tqdm.auto import tqdm  # noqa: PLC0415 - tqdm.auto loads ipywidgets in a notebook, which takes its time

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no thread of tqdm's outlives a fetch

    # disable=None means: not where the output is no terminal. The delay hides the bar from short work.
    return Bar(desc=name, unit="page", disable=None if progress is None else not progress, delay=0 if progress else 1.5)
