"""Replace this notebook's credentials by new ones. The earlier ones are kept until the server accepts the new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import masked_unverified
from kismet_nb.auth.current import current_login
from kismet_nb.auth.discovery import credential_sources, deciding_source
from kismet_nb.errors import CredentialsError, KismetError
from kismet_nb.fetch.log_in import log_in
from kismet_nb.frontend import in_voila

if TYPE_CHECKING:
    from kismet_nb.auth.credentials import Credentials
    from kismet_nb.auth.current import Login
    from kismet_nb.transport.client import KismetClient

__all__ = ["rotate"]


def rotate(client: KismetClient, source: str) -> tuple[Login, str]:
    """Verify new credentials, make them this notebook's, and replace the earlier ones in the key store.

    If somebody is logged in at the address with other credentials than those in the key store, these stay there. They
    may be of another organization, because many organizations have one address.

    Parameters
    ----------
    client
        A client with the new credentials.
    source
        Where they came from.

    Returns
    -------
    tuple
        The new login, and what happened to the earlier credentials, in words.

    Raises
    ------
    KismetError
        The credentials are not new, or the server refused them or could not be reached. Nothing was changed.
    """
    remembered, problem = None, ""
    try:
        # The key store of a Voila page is the server's, where the next reader would be logged in with them.
        remembered = None if in_voila() else keyring_store.load_credentials(client.api_url)
    except keyring_store.KeyringError as error:
        problem = str(error)
    present = current_login()
    earlier = [present.client.credentials] if present and present.client.api_url == client.api_url else []
    earlier += [remembered.credentials] if remembered else []
    if any(client.credentials.same_as(credentials) for credentials in earlier):
        raise CredentialsError(
            "These are the earlier credentials. Create new ones in the Kismet dashboard, and rotate to those."
        )
    try:
        login = log_in(client, source)
    except KismetError as error:
        error.message += " Nothing was changed: the earlier credentials stay in use." if earlier else ""
        raise
    notes = []
    if remembered and earlier[0].same_as(remembered.credentials):
        notes.append(_replace_remembered(client))
    elif remembered:
        notes.append(
            "The key store has other credentials for this address, perhaps of another organization, and keeps them: "
            f"Client ID {masked_unverified(remembered.credentials.client_id)}."
        )
    elif problem and keyring_store.unavailable_reason() is None:
        notes.append(
            f"If the key store has the earlier credentials, it keeps them, because it was not used: {problem}."
        )
    return login, "\n".join([*notes, *_other_source(client.credentials)])


def _replace_remembered(client: KismetClient) -> str:
    try:
        keyring_store.save_credentials(client.api_url, client.credentials)
    except keyring_store.KeyringError as error:
        return f"The key store still has the earlier credentials, because it was not used: {error}."
    return "Replaced in this computer's key store."


def _other_source(credentials: Credentials) -> list[str]:
    """Name the environment or the ``.env`` if the next ``kn.login()`` takes other credentials from there."""
    source = deciding_source(tuple(credential_sources(remembered=False)))
    if source is None or source.found is None or source.found.credentials.same_as(credentials):
        return []
    return [f"Replace the earlier credentials in {source.name} too, because the next kn.login() uses those."]
