"""Where ``kn.login()`` looks for a pair of credentials, in which order, and what it finds there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dotenv import dotenv_values

from kismet_nb.auth import keyring_store as key_store
from kismet_nb.auth.credentials import (
    DEFAULT_API_URL,
    ID_VARIABLE,
    SECRET_VARIABLE,
    THE_ARGUMENT,
    URL_VARIABLE,
    Credentials,
    checked_api_url,
    masked,
)
from kismet_nb.errors import CredentialsError, KismetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "KEY_STORE",
    "THE_ARGUMENT",
    "THIS_FORM",
    "FoundCredentials",
    "Place",
    "find_api_url",
    "find_credentials",
    "how_to_log_in_again",
    "places",
]

ENVIRONMENT = "the environment"
THIS_FORM = "this form"
KEY_STORE = "the key store"


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """A pair, the address that it belongs to, and where it was found."""

    credentials: Credentials
    api_url: str
    source: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place that is looked at.

    Attributes
    ----------
    name
        ``"the environment"``, the path of a ``.env`` relative to the working directory, or ``"the key store"``.
    note
        What is there, for people.
    found
        The pair, if there is a usable one.
    error
        What ``kn.login()`` raises because of this place. It has no traceback: the frames that read the
        place hold the secret.
    """

    name: str
    note: str
    found: FoundCredentials | None = None
    error: KismetError | None = None


def places(*, remembered: bool = True) -> Iterator[Place]:
    """Look at the environment, the nearest ``.env`` that speaks of Kismet, and, if ``remembered``, the key store.

    The ``.env`` is looked for from the working directory upward, and read without changing ``os.environ``.
    """
    file = _nearest_dotenv()
    in_file = _read_dotenv(file) if file else {}
    yield _look(ENVIRONMENT, os.environ, in_file or {}, file)
    if file is None:
        yield Place(".env", "none with Kismet's variables, from the working directory upward")
    elif in_file is None:
        problem = f"{_shown(file)} cannot be read. Check its permissions, and save it as plain UTF-8 text."
        yield Place(_shown(file), problem, error=CredentialsError(problem))
    else:
        yield _look(_shown(file), in_file, {}, file)
    in_file = None  # a traceback out of the key store, which may wait for a person, must not hold it
    if remembered:
        yield _look_into_key_store()


def find_credentials(*, remembered: bool = False) -> FoundCredentials | None:
    """Return the first pair: from the environment, from a ``.env``, and if ``remembered`` from the key store.

    Raises
    ------
    CredentialsError
        A place holds half a pair or an unusable one, or the pair is in the environment while the address is
        in a ``.env``: a folder must not decide where the environment's secret is sent.
    InvalidInputError
        The address beside the pair cannot be used.
    """
    for place in places(remembered=remembered):
        if place.error:
            raise place.error
        if place.found:
            return place.found
    return None


def how_to_log_in_again(source: str) -> str:
    """Say what to do about a refused pair, which depends on where it came from."""
    if source == THE_ARGUMENT:
        return "Make a client with the right pair."
    if source == KEY_STORE:
        return "Run kn.logout(forget=True), which deletes it there, and log in again: kn.login()."
    if source == ENVIRONMENT or source.endswith(".env"):
        return f"Correct {ID_VARIABLE} and {SECRET_VARIABLE} there and run kn.login(); kn.login(prompt=True) asks."
    return "Then try again." if source == THIS_FORM else "Then log in again: kn.login()."


def find_api_url() -> str:
    """Return the address for a pair that a person types: the environment's, the ``.env``'s, or Kismet's own.

    Raises
    ------
    InvalidInputError
        That address cannot be used.
    """
    file = _nearest_dotenv()
    named = os.environ.get(URL_VARIABLE) or ((_read_dotenv(file) or {}).get(URL_VARIABLE) if file else None)
    return checked_api_url(named or DEFAULT_API_URL)


def _look(name: str, values: Mapping[str, str | None], elsewhere: Mapping[str, str | None], file: Path | None) -> Place:
    """Say what a set of variables holds; ``elsewhere`` are those of a ``.env`` that must not name the address."""
    client_id, secret = (values.get(variable) or "" for variable in (ID_VARIABLE, SECRET_VARIABLE))
    given = {variable for variable in (ID_VARIABLE, SECRET_VARIABLE) if (values.get(variable) or "").strip()}
    if not given:
        empty = ID_VARIABLE in values or SECRET_VARIABLE in values
        return Place(name, "the variables are there, but empty" if empty else "neither variable is set")
    if len(given) == 1:
        (missing,) = {ID_VARIABLE, SECRET_VARIABLE} - given
        return _problem(name, f"{name} has {given.pop()} but no {missing}. Set both or neither.")
    credentials = Credentials(client_id, secret)
    address = values.get(URL_VARIABLE) or os.environ.get(URL_VARIABLE)
    try:
        credentials.check()
        other = None if address else elsewhere.get(URL_VARIABLE)
        if other and file and checked_api_url(other) != DEFAULT_API_URL:
            return _problem(
                name,
                f"The pair is in {name}, but {URL_VARIABLE} is in {_shown(file)}, which must not decide where "
                f"that secret is sent. Set {URL_VARIABLE} in the environment too, or remove it from the file.",
            )
        found = FoundCredentials(credentials, checked_api_url(address or DEFAULT_API_URL), name)
    except KismetError as error:
        return Place(name, f"unusable: {error}", error=type(error)(f"In {name}: {error}"))
    return _pair(found)


def _look_into_key_store() -> Place:
    try:
        api_url = find_api_url()
        credentials = key_store.load_pair(api_url)
    except KismetError as error:
        return Place(KEY_STORE, f"not asked: {error}")
    except key_store.KeyStoreError as error:
        return Place(KEY_STORE, f"not used: {error}")
    if credentials is None:
        return Place(KEY_STORE, f"nothing is remembered for {urlsplit(api_url).netloc}")
    return _pair(FoundCredentials(credentials, api_url, KEY_STORE))


def _pair(found: FoundCredentials) -> Place:
    note = f"a pair for {urlsplit(found.api_url).netloc}, Client ID {masked(found.credentials.client_id)}"
    return Place(found.source, note, found=found)


def _problem(name: str, problem: str) -> Place:
    return Place(name, f"unusable: {problem}", error=CredentialsError(problem))


def _nearest_dotenv() -> Path | None:
    try:
        here = Path.cwd()
    except OSError:
        return None  # it was deleted
    for folder in (here, *here.parents):
        file = folder / ".env"
        if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where it may not look
            continue
        values = _read_dotenv(file)
        if values is None or any(name in values for name in (ID_VARIABLE, SECRET_VARIABLE, URL_VARIABLE)):
            return file
    return None


def _read_dotenv(file: Path) -> dict[str, str | None] | None:
    """Return the variables of a ``.env``, or None if it cannot be read."""
    try:
        # A secret may hold a dollar sign: nothing is interpolated. Notepad writes a byte order mark: utf-8-sig.
        return dotenv_values(file, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _shown(file: Path) -> str:
    return os.path.relpath(file)
