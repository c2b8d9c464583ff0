"""Find credentials: in the environment, in the nearest ``.env``, and in the operating system's key store."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
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
    checked_api_url,
)
from kismet_nb.auth.dotenv_file import nearest_dotenv, read_dotenv
from kismet_nb.auth.open_files import warn_of_open_file
from kismet_nb.auth.source import (
    ENVIRONMENT,
    KEYRING,
    SECRET_IN,
    CredentialSource,
    FoundCredentials,
    usable_source,
)
from kismet_nb.auth.variables import read_environment, read_named_file, read_nearest_dotenv
from kismet_nb.errors import IN_A_NOTEBOOK, CredentialsError, InvalidInputError, KismetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "THE_FORM",
    "THE_TERMINAL",
    "THIS_FORM",
    "credential_sources",
    "credentials_in_file",
    "deciding_source",
    "find_api_url",
    "find_credentials",
    "how_to_log_in_again",
    "next_login_note",
    "warn_of_next_login",
]

# The sources of typed credentials. A form calls itself "this form" while it verifies them.
THIS_FORM, THE_FORM, THE_TERMINAL = "this form", "the form", "the terminal"


def credential_sources(*, remembered: bool = True) -> Iterator[CredentialSource]:
    """Read the environment, then the nearest ``.env`` with a Kismet variable, then the key store if ``remembered``.

    The ``.env`` is searched from the working directory upward. Reading it does not change ``os.environ``.
    """
    file, unreadable = nearest_dotenv()
    in_file = (read_dotenv(file) or {}) if file else {}
    yield read_environment(in_file, file)
    if file is None:
        skipped = f" ({', '.join(map(os.path.relpath, unreadable))} cannot be read)" if unreadable else ""
        yield CredentialSource(".env", f"no file with Kismet's variables in the working directory or above{skipped}")
    elif file in unreadable:
        problem = f"{os.path.relpath(file)} cannot be read. Check its permissions, and save it as plain UTF-8 text."
        yield CredentialSource(os.path.relpath(file), problem, error=CredentialsError(problem))
    else:
        yield read_nearest_dotenv(in_file, file)
    in_file = {}  # The key store may wait for a person. If that raises, the traceback must not contain the secret.
    if remembered:
        yield _from_keyring()


def deciding_source(sources: Sequence[CredentialSource]) -> CredentialSource | None:
    """Return the first source with credentials or an error: it decides what ``kn.login()`` does."""
    return next((source for source in sources if source.found or source.error), None)


def warn_of_next_login() -> None:
    """Warn of the problems of the credentials that another process of this program will find."""
    source = deciding_source(tuple(credential_sources(remembered=False)))
    if source is not None and source.found is not None:
        _after_warnings(source, source.found)


def find_credentials(*, remembered: bool = False) -> FoundCredentials | None:
    """Return the first credentials from the environment, a ``.env`` and, if ``remembered``, the key store.

    Raises
    ------
    CredentialsError
        A source has only one of the two variables, has unusable values, or names a file without a value. Or the
        credentials are in the environment and the address is in a ``.env``: a folder must not decide where the
        environment's secret is sent.
    InvalidInputError
        The address of the credentials cannot be used.

    Warns
    -----
    UserWarning
        An address in the environment is ignored, because the ``.env`` with the credentials has another one. Or other
        users of this computer can read the file with the secret.
    """
    for source in credential_sources(remembered=remembered):
        if source.error:
            raise source.error
        if source.found:
            return _after_warnings(source, source.found)
    return None


def credentials_in_file(file: str | os.PathLike[str]) -> FoundCredentials:
    """Return the credentials in one file that is written like a ``.env``.

    Raises
    ------
    CredentialsError
        The file cannot be read, or has no usable credentials.
    InvalidInputError
        ``file`` is not a path, or the address of the credentials cannot be used.

    Warns
    -----
    UserWarning
        An address in the environment is ignored, because the file has another one. Or other users of this computer
        can read the file with the secret.
    """
    if not isinstance(file, str | os.PathLike):
        raise InvalidInputError(f"file must be a path, not {type(file).__name__}.")
    path = Path(file)
    source = _named_source(path)
    if source is None:
        raise CredentialsError(f"{path} cannot be read. Check its name and permissions; save it as plain UTF-8 text.")
    if source.error:
        raise source.error
    if source.found is None:
        raise CredentialsError(f"{path} has no credentials: {source.note}. Set {ID_VARIABLE} and {SECRET_VARIABLE}.")
    return _after_warnings(source, source.found)


def _named_source(path: Path) -> CredentialSource | None:
    """Return the source in a file, or None if it cannot be read. Raise nothing: this frame contains the secret."""
    values = read_dotenv(path) if os.path.isfile(path) else None  # noqa: PTH113 - Path.is_file raises in a folder that may not be read
    return None if values is None else read_named_file(values, path)


def _after_warnings(source: CredentialSource, found: FoundCredentials) -> FoundCredentials:
    """Warn of the problems of a source that is used, and return its credentials."""
    if source.warning:
        warnings.warn(source.warning, stacklevel=4)  # the caller of login() or from_env()
    if found.secret_file:
        warn_of_open_file(found.secret_file, stacklevel=4)
    return found


def find_api_url() -> str:
    """Return the address for typed credentials: that of the environment, of the ``.env``, or Kismet's own.

    Raises
    ------
    InvalidInputError
        That address cannot be used.
    """
    file, _ = nearest_dotenv()
    named = os.environ.get(URL_VARIABLE) or ((read_dotenv(file) or {}).get(URL_VARIABLE) if file else None)
    return checked_api_url(named or DEFAULT_API_URL)


def how_to_log_in_again(source: str) -> str:
    """Return what to do about refused credentials from this source."""
    if source == THE_ARGUMENT:
        return "Make a client with the right credentials."
    if source == KEYRING:
        return "Run kn.logout(forget=True), which deletes them there, and log in again: kn.login()."
    if source == THIS_FORM:
        return "Then try again."
    if source in {THE_FORM, THE_TERMINAL}:
        return "Then log in again: kn.login()."
    place, _, secret_file = source.partition(SECRET_IN)
    values = "the Client ID and the secret" if secret_file else f"{ID_VARIABLE} and {SECRET_VARIABLE}"
    if place != ENVIRONMENT and Path(place).name != ".env":
        return f"Correct {values} there."  # kn.login() does not search a file that the caller named
    return f"Correct {values} there.{IN_A_NOTEBOOK}kn.login() then uses them. kn.login(prompt=True) asks for others."


def next_login_note(sources: Sequence[CredentialSource]) -> str | None:
    """Return what the next ``kn.login()`` does without asking, or None if it asks."""
    source = deciding_source(sources)
    if source is None:
        return None
    if source.error:
        return f"kn.login() raises an error because of {source.name}. kn.login_status() shows what to correct."
    forget = "; kn.logout(forget=True) deletes it there" if source.name == KEYRING else ""
    return f"After kn.logout(), kn.login() would log in again from {source.name}{forget}."


def _from_keyring() -> CredentialSource:
    try:
        api_url = find_api_url()
        remembered = keyring_store.load_credentials(api_url)
    except KismetError as error:
        return CredentialSource(KEYRING, f"not read: {error}")
    except keyring_store.KeyringError as error:
        return CredentialSource(KEYRING, f"not used: {error}")
    if remembered is None:
        return CredentialSource(KEYRING, f"nothing is remembered for {urlsplit(api_url).netloc}")
    source = usable_source(FoundCredentials(remembered.credentials, api_url, KEYRING))
    return replace(source, note=f"{source.note}, {remembered.age_note}", advice=remembered.advice)
