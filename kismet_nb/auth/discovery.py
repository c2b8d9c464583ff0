"""Find credentials: in the environment, in the nearest ``.env``, and in the operating system's key store."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import (
    DEFAULT_API_URL,
    ID_VARIABLE,
    SECRET_VARIABLE,
    THE_ARGUMENT,
    URL_VARIABLE,
    Credentials,
    checked_api_url,
    masked,
    masked_unverified,
)
from kismet_nb.auth.current import current_login
from kismet_nb.auth.dotenv_file import nearest_dotenv, read_dotenv
from kismet_nb.errors import IN_A_NOTEBOOK, CredentialsError, InvalidInputError, KismetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "THIS_FORM",
    "CredentialSource",
    "FoundCredentials",
    "credential_sources",
    "credentials_in_file",
    "deciding_source",
    "find_api_url",
    "find_credentials",
    "how_to_log_in_again",
    "next_login_note",
]

ENVIRONMENT = "the environment"
KEYRING = "the key store"
THIS_FORM = "this form"


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """Credentials, the address that they belong to, and the name of their source."""

    credentials: Credentials
    api_url: str
    source: str


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """One source of credentials, and what it holds.

    Attributes
    ----------
    name
        ``"the environment"``, the path of a ``.env`` relative to the working directory, or ``"the key store"``.
    note
        What the source holds, in words.
    found
        The credentials, if there are usable ones.
    error
        The error that ``kn.login()`` raises because of this source. It has no traceback, because the frames
        that read the source hold the secret.
    warning
        What ``kn.login()`` warns of if it uses this source.
    advice
        What to do about old credentials.
    """

    name: str
    note: str
    found: FoundCredentials | None = None
    error: KismetError | None = None
    warning: str = ""
    advice: str = ""


def credential_sources(*, remembered: bool = True) -> Iterator[CredentialSource]:
    """Read the environment, then the nearest ``.env`` with a Kismet variable, then the key store if ``remembered``.

    The ``.env`` is searched from the working directory upward. Reading it does not change ``os.environ``.
    """
    file, unreadable = nearest_dotenv()
    in_file = (read_dotenv(file) or {}) if file else {}
    yield _from_variables(ENVIRONMENT, os.environ, in_file, file)
    if file is None:
        passed_by = f" ({', '.join(map(os.path.relpath, unreadable))} cannot be read)" if unreadable else ""
        yield CredentialSource(".env", f"none with Kismet's variables, from the working directory upward{passed_by}")
    elif file in unreadable:
        problem = f"{os.path.relpath(file)} cannot be read. Check its permissions, and save it as plain UTF-8 text."
        yield CredentialSource(os.path.relpath(file), problem, error=CredentialsError(problem))
    else:
        yield _from_variables(os.path.relpath(file), in_file, {}, file)
    in_file = {}  # The key store may wait for a person. A traceback from there must not hold the file's secret.
    if remembered:
        yield _from_keyring()


def deciding_source(sources: Sequence[CredentialSource]) -> CredentialSource | None:
    """Return the first source with credentials or an error, which decides what ``kn.login()`` does."""
    return next((source for source in sources if source.found or source.error), None)


def find_credentials(*, remembered: bool = False) -> FoundCredentials | None:
    """Return the first credentials from the environment, a ``.env`` and, if ``remembered``, the key store.

    Raises
    ------
    CredentialsError
        A source holds one of the two variables only, or unusable values. Or the environment has the credentials
        and a ``.env`` has the address: a folder must not decide where the environment's secret is sent.
    InvalidInputError
        The address of the credentials cannot be used.

    Warns
    -----
    UserWarning
        An address in the environment is ignored, because the ``.env`` with the credentials has another one.
    """
    for source in credential_sources(remembered=remembered):
        if source.error:
            raise source.error
        if source.found:
            if source.warning:
                warnings.warn(source.warning, stacklevel=3)  # the caller of login() or from_env()
            return source.found
    return None


def credentials_in_file(file: str | os.PathLike[str]) -> FoundCredentials:
    """Return the credentials in one file that is written like a ``.env``.

    Raises
    ------
    CredentialsError
        The file cannot be read, or has no usable credentials.
    InvalidInputError
        ``file`` is no path, or the address of the credentials cannot be used.

    Warns
    -----
    UserWarning
        An address in the environment is ignored, because the file has another one.
    """
    if not isinstance(file, str | os.PathLike):
        raise InvalidInputError(f"file must be the name of a file, not {type(file).__name__}.")
    path = Path(file)
    values = read_dotenv(path) if path.is_file() else None
    if values is None:
        raise CredentialsError(f"{path} cannot be read. Check its name and permissions; save it as plain UTF-8 text.")
    source = _from_variables(str(path), values, {}, path)
    if source.error:
        raise source.error
    if source.found is None:
        raise CredentialsError(f"{path} has no credentials: {source.note}. Set {ID_VARIABLE} and {SECRET_VARIABLE}.")
    if source.warning:
        warnings.warn(source.warning, stacklevel=3)  # the caller of from_env()
    return source.found


def find_api_url() -> str:
    """Return the address for typed credentials: from the environment, from the ``.env``, or Kismet's own.

    Raises
    ------
    InvalidInputError
        That address cannot be used.
    """
    file, _ = nearest_dotenv()
    named = os.environ.get(URL_VARIABLE) or ((read_dotenv(file) or {}).get(URL_VARIABLE) if file else None)
    return checked_api_url(named or DEFAULT_API_URL)


def how_to_log_in_again(source: str) -> str:
    """Return what to do about refused credentials, which depends on their source."""
    if source == THE_ARGUMENT:
        return "Make a client with the right credentials."
    if source == KEYRING:
        return "Run kn.logout(forget=True), which deletes them there, and log in again: kn.login()."
    if source == ENVIRONMENT or source.endswith(".env"):
        return (
            f"Correct {ID_VARIABLE} and {SECRET_VARIABLE} there.{IN_A_NOTEBOOK}kn.login() then uses them, and "
            "kn.login(prompt=True) asks."
        )
    return "Then try again." if source == THIS_FORM else "Then log in again: kn.login()."


def next_login_note(sources: Sequence[CredentialSource]) -> str | None:
    """Return what the next ``kn.login()`` does without asking, or None if it asks."""
    source = deciding_source(sources)
    if source is None:
        return None
    if source.error:
        return f"kn.login() raises an error because of {source.name}: correct what is said of it."
    forget = "; kn.logout(forget=True) deletes it there" if source.name == KEYRING else ""
    return f"After kn.logout(), kn.login() would log in again from {source.name}{forget}."


def _from_variables(
    name: str, values: Mapping[str, str | None], in_file: Mapping[str, str | None], file: Path | None
) -> CredentialSource:
    """Read credentials from variables; ``in_file`` are those of a ``.env`` that must not supply the address."""
    given = [variable for variable in (ID_VARIABLE, SECRET_VARIABLE) if (values.get(variable) or "").strip()]
    if not given:
        empty = ID_VARIABLE in values or SECRET_VARIABLE in values
        return CredentialSource(name, "the variables are there, but empty" if empty else "neither variable is set")
    if len(given) == 1:
        missing = SECRET_VARIABLE if given == [ID_VARIABLE] else ID_VARIABLE
        return _unusable(name, f"{name} has {given[0]} but no {missing}. Set both or neither.")
    credentials = Credentials(values[ID_VARIABLE] or "", values[SECRET_VARIABLE] or "")
    address = values.get(URL_VARIABLE) or os.environ.get(URL_VARIABLE)
    try:
        credentials.check()
        other = None if address else in_file.get(URL_VARIABLE)
        if other and file and checked_api_url(other) != DEFAULT_API_URL:
            return _unusable(
                name,
                f"The credentials are in {name}, but {URL_VARIABLE} is in {os.path.relpath(file)}, which must not "
                f"decide where that secret is sent. Set {URL_VARIABLE} in the environment too, or remove it from "
                "the file.",
            )
        found = FoundCredentials(credentials, checked_api_url(address or DEFAULT_API_URL), name)
    except KismetError as error:
        return CredentialSource(name, f"unusable: {error}", error=type(error)(f"In {name}: {error}"))
    return _usable(found, _ignored_address(found))


def _from_keyring() -> CredentialSource:
    try:
        api_url = find_api_url()
        remembered = keyring_store.load_credentials(api_url)
    except KismetError as error:
        return CredentialSource(KEYRING, f"not asked: {error}")
    except keyring_store.KeyringError as error:
        return CredentialSource(KEYRING, f"not used: {error}")
    if remembered is None:
        return CredentialSource(KEYRING, f"nothing is remembered for {urlsplit(api_url).netloc}")
    source = _usable(FoundCredentials(remembered.credentials, api_url, KEYRING))
    return replace(source, note=f"{source.note}, {remembered.age_note}", advice=remembered.advice)


def _usable(found: FoundCredentials, warning: str = "") -> CredentialSource:
    login, client_id = current_login(), found.credentials.client_id
    verified = login is not None and login.client.client_id == client_id
    shown = masked(client_id) if verified else masked_unverified(client_id)
    note = f"credentials for {urlsplit(found.api_url).netloc}, Client ID {shown}"
    return CredentialSource(found.source, f"{note}. {warning}" if warning else note, found=found, warning=warning)


def _unusable(name: str, problem: str) -> CredentialSource:
    return CredentialSource(name, f"unusable: {problem}", error=CredentialsError(problem))


def _ignored_address(found: FoundCredentials) -> str:
    """Return a warning if the environment names another address than the one of the credentials."""
    ignored = os.environ.get(URL_VARIABLE)
    if not ignored:
        return ""
    try:
        ignored = checked_api_url(ignored)
    except KismetError:
        host = "which cannot be used"  # It may hold a password, so it is not shown.
    else:
        if ignored == found.api_url:
            return ""
        host = urlsplit(ignored).netloc
    return (
        f"{URL_VARIABLE} ({host}) of the environment is ignored: {found.source} has the credentials and its own "
        f"{URL_VARIABLE} ({urlsplit(found.api_url).netloc}). Remove one of the two."
    )
