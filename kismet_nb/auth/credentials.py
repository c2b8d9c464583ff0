"""A Client ID with its secret, and the rule that they are sent to one address only."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from kismet_nb.errors import IN_A_NOTEBOOK, CredentialsError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "DEFAULT_API_URL",
    "FILE_VARIABLES",
    "ID_VARIABLE",
    "SECRET_VARIABLE",
    "THE_ARGUMENT",
    "URL_VARIABLE",
    "WAYS_TO_LOG_IN",
    "Credentials",
    "checked_api_url",
    "is_loopback",
    "masked",
    "masked_unverified",
]

DEFAULT_API_URL = "https://api.kismethealth.com"
ID_VARIABLE = "KISMET_CLIENT_ID"
SECRET_VARIABLE = "KISMET_CLIENT_SECRET"  # noqa: S105 - the name of a variable, not a secret
URL_VARIABLE = "KISMET_API_URL"
# By variable: the variable that names a file with its value.
FILE_VARIABLES = {ID_VARIABLE: f"{ID_VARIABLE}_FILE", SECRET_VARIABLE: f"{SECRET_VARIABLE}_FILE"}
THE_ARGUMENT = "the argument"  # the source of credentials that were passed to KismetClient
ADDRESS = f"The API's address (api_url, or {URL_VARIABLE})"
WAYS_TO_LOG_IN = (
    f"Set {ID_VARIABLE} and {SECRET_VARIABLE} in the environment or in a .env file. To try without an account: "
    f"kismet-nb demo in a terminal.{IN_A_NOTEBOOK}run kn.login(), or kn.use_demo() to try without an account."
)


class Credentials:
    """A Client ID and its secret. The secret is never shown.

    The constructor never raises, so that no traceback contains the secret as an argument. Call ``check()`` next.

    Parameters
    ----------
    client_id, client_secret
        The two texts from the Kismet dashboard. Surrounding whitespace and line breaks are removed.

    Attributes
    ----------
    client_id
        The Client ID.
    source
        Where the credentials came from, for messages.
    secret_value
        A function that returns the secret.

    Examples
    --------
    >>> Credentials("my-client-ab12", "not shown")
    Credentials(Client ID my…)
    """

    __slots__ = ("client_id", "secret_value", "source")

    def __init__(self, client_id: str, client_secret: str) -> None:
        self.source = THE_ARGUMENT
        self.client_id = client_id.strip() if isinstance(client_id, str) else client_id
        stripped = client_secret.strip() if isinstance(client_secret, str) else client_secret
        # A closure keeps the secret out of vars(), of the slots, and of tools that print attributes.
        self.secret_value: Callable[[], str] = lambda: stripped

    def check(self) -> None:
        """Raise an error if a value cannot be sent.

        Raises
        ------
        CredentialsError
            A value is empty, not text, or a placeholder, or it has a character that is not allowed in a header.
        """
        problem = _problem("Client ID", self.client_id) or _problem("Client Secret", self.secret_value())
        if problem:
            raise CredentialsError(problem)

    def headers_for(self, url: str, api_url: str) -> Mapping[str, str]:
        """Return the two headers if ``url`` has the scheme, host and port of ``api_url``, otherwise no headers."""
        if _origin(url) != _origin(api_url):
            return {}
        return {"X-Client-ID": self.client_id, "X-Client-Secret": self.secret_value()}

    def echoed_in(self, text: str) -> bool:
        """Return whether ``text`` contains six characters of the secret in a row, in upper or lower case."""
        secret, text = self.secret_value().lower(), text.lower()
        piece = min(6, len(secret))
        return any(secret[start : start + piece] in text for start in range(len(secret) - piece + 1))

    def same_as(self, other: Credentials) -> bool:
        """Return whether both values are the same as those of ``other``."""
        return (self.client_id, self.secret_value()) == (other.client_id, other.secret_value())

    def __repr__(self) -> str:
        return f"Credentials(Client ID {masked_unverified(self.client_id)})"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        # pickle, copy, deepcopy and multiprocessing all call this method.
        raise TypeError("Credentials cannot be copied or pickled: the secret would leave this process.")


def masked(client_id: str) -> str:
    """Return the last four characters of a Client ID that the server has accepted."""
    return f"…{client_id[-4:]}" if isinstance(client_id, str) and len(client_id) > 8 else "…"


def masked_unverified(client_id: str) -> str:
    """Return the first two characters of a Client ID that the server has not accepted.

    It shows less than ``masked``, because a Client ID that was swapped with the secret is the secret.
    """
    return f"{client_id[:2]}…" if isinstance(client_id, str) and len(client_id) > 8 else "…"


def checked_api_url(api_url: str) -> str:
    """Return ``api_url`` without a trailing slash and without ``/api/external``.

    Raises
    ------
    InvalidInputError
        The address is not https (plain http is accepted for loopback only), or contains a user, query or fragment.
    """
    text = api_url.strip() if isinstance(api_url, str) else ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or any(character.isspace() for character in text):
        raise InvalidInputError(f"{ADDRESS} must look like {DEFAULT_API_URL}.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInputError(f"{ADDRESS} must not contain a user, a password, a query or a fragment.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise InvalidInputError(
            f"{ADDRESS} must begin with https://, but {parts.scheme or 'no scheme'} was given: others on the network "
            "could read the secret. Plain http is accepted only for this machine."
        )
    path = parts.path.rstrip("/").removesuffix("/api/external")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _problem(name: str, value: object) -> str | None:
    if not isinstance(value, str):
        return f"The {name} must be text, not {type(value).__name__}."
    if not value:
        return f"The {name} is empty. {WAYS_TO_LOG_IN}"
    if not re.fullmatch(r"[!-~]+", value):
        return (
            f"The {name} contains a space, a line break or a character that is not allowed in a header. It was "
            "probably changed while copying. Copy it again from the Kismet dashboard."
        )
    if re.match(r"(?i)your[-_]", value):
        return f"The {name} is still the placeholder from the documentation. Replace it with your own."
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
