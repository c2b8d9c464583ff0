"""A source of credentials: its name, its credentials, and a note about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kismet_nb.auth.credentials import masked, masked_unverified
from kismet_nb.auth.current import current_login
from kismet_nb.errors import CredentialsError

if TYPE_CHECKING:
    from pathlib import Path

    from kismet_nb.auth.credentials import Credentials
    from kismet_nb.errors import KismetError

__all__ = [
    "ENVIRONMENT",
    "KEYRING",
    "SECRET_IN",
    "CredentialSource",
    "FoundCredentials",
    "unusable_source",
    "usable_source",
]

ENVIRONMENT = "the environment"
KEYRING = "the key store"
SECRET_IN = " (secret in "  # noqa: S105 - stands between the names of a source and of a file


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """Credentials and their source.

    Attributes
    ----------
    credentials, api_url
        The credentials, and the address that they belong to.
    source
        The name of their source.
    secret_file
        The file with the secret, or None.
    value_files
        The files that ``KISMET_CLIENT_ID_FILE`` and ``KISMET_CLIENT_SECRET_FILE`` name.
    """

    credentials: Credentials
    api_url: str
    source: str
    secret_file: Path | None = None
    value_files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """One source of credentials.

    Attributes
    ----------
    name
        ``"the environment"``, the path of a ``.env`` relative to the working directory, or ``"the key store"``. If
        the secret is in a file of its own, the name is followed by ``" (secret in FILE)"``.
    note
        A description of what the source contains.
    found
        The credentials, if they are usable.
    error
        The error that ``kn.login()`` raises because of this source. It has no traceback, because the frames
        that read the source contain the secret.
    warning
        The warning of ``kn.login()`` if it uses this source.
    advice
        What to do about old credentials.
    """

    name: str
    note: str
    found: FoundCredentials | None = None
    error: KismetError | None = None
    warning: str = ""
    advice: str = ""


def usable_source(found: FoundCredentials, *, warning: str = "", file_note: str = "") -> CredentialSource:
    """Return the source of these credentials. Its note shows part of the Client ID, the warning and the file's note."""
    login, client_id = current_login(), found.credentials.client_id
    verified = login is not None and login.client.client_id == client_id
    shown = masked(client_id) if verified else masked_unverified(client_id)
    note = f"credentials for {urlsplit(found.api_url).netloc}, Client ID {shown}"
    return CredentialSource(
        found.source, ". ".join(filter(None, [note, warning, file_note])), found=found, warning=warning
    )


def unusable_source(name: str, problem: str) -> CredentialSource:
    """Return a source whose credentials cannot be used."""
    return CredentialSource(name, f"unusable: {problem}", error=CredentialsError(problem))
