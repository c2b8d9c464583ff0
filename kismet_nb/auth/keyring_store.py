"""Save, load and delete credentials in the operating system's key store, through the package keyring.

keyring is optional (``pip install "kismet-nb[keyring]"``). Without a key store, the credentials are not saved.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from kismet_nb.auth.credentials import Credentials
from kismet_nb.frontend import install_command

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "KeyringError",
    "Remembered",
    "delete_credentials",
    "load_credentials",
    "save_credentials",
    "unavailable_reason",
]

SERVICE = "kismet_nb"
MAX_AGE_DAYS = 90  # age at which credentials should be rotated
MAX_WAIT_SECONDS = 60.0  # The system may ask for a password in a window that nobody sees.

Result = TypeVar("Result")


class KeyringError(Exception):
    """The key store cannot be used. The message says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """Credentials in the key store.

    Attributes
    ----------
    credentials
        The credentials.
    since
        The day (UTC) on which they were first saved, or None if an earlier version of this package saved them.
    """

    credentials: Credentials
    since: dt.date | None

    @property
    def age_note(self) -> str:
        """How long the credentials have been saved, in words."""
        if self.since is None:
            return "remembered since an unknown day"
        days = self._days
        return f"remembered for {days} day{'' if days == 1 else 's'}" if days else "remembered today"

    @property
    def advice(self) -> str:
        """What to do about old credentials, or an empty text if they are not old or their age is unknown."""
        if self._days < MAX_AGE_DAYS:
            return ""
        return (
            f"The credentials in the key store are {self._days} days old: it is time to create new ones in the Kismet "
            "dashboard and run kn.login(rotate=True)."
        )

    @property
    def _days(self) -> int:
        return max(0, (_today() - self.since).days) if self.since else 0


def unavailable_reason() -> str | None:
    """Return why credentials cannot be saved on this machine, or None if they can."""
    try:
        _call_backend(lambda _backend: None)
    except KeyringError as error:
        return str(error)
    return None


def load_credentials(api_url: str) -> Remembered | None:
    """Return the credentials that are saved for an address, or None.

    Raises
    ------
    KeyringError
        No key store was found, it stays locked, or its entry cannot be parsed.
    """

    def load(backend: Any) -> Remembered | None:  # noqa: ANN401 - the package keyring may be missing
        entry = backend.get_password(SERVICE, api_url)
        return None if entry is None else _parse(entry)

    return _call_backend(load)


def save_credentials(api_url: str, credentials: Credentials) -> None:
    """Save credentials for an address with today's date, and replace earlier ones. Unchanged ones keep their date.

    Raises
    ------
    KeyringError
        No key store was found, or it raised an error.
    """

    def save(backend: Any) -> None:  # noqa: ANN401 - as above
        values = {"client_id": credentials.client_id, "client_secret": credentials.secret_value()}
        before = _saved_before(backend, api_url)
        since = before.since if before and before.credentials.same_as(credentials) else _today()
        if since:
            values["since"] = since.isoformat()
        backend.set_password(SERVICE, api_url, json.dumps(values))

    _call_backend(save)


def delete_credentials(api_url: str) -> bool:
    """Delete the credentials that are saved for an address, and return whether there were any.

    Raises
    ------
    KeyringError
        No key store was found, or it raised an error.
    """

    def delete(backend: Any) -> bool:  # noqa: ANN401 - as above
        if backend.get_password(SERVICE, api_url) is None:
            return False
        backend.delete_password(SERVICE, api_url)
        return True

    return _call_backend(delete)


def _parse(entry: str) -> Remembered:
    values = json.loads(entry)
    try:
        since = dt.date.fromisoformat(values["since"])
    except (KeyError, ValueError, TypeError):
        since = None
    return Remembered(Credentials(values["client_id"], values["client_secret"]), since)


def _saved_before(backend: Any, api_url: str) -> Remembered | None:  # noqa: ANN401 - as above
    entry = backend.get_password(SERVICE, api_url)
    try:
        return None if entry is None else _parse(entry)
    except (KeyError, ValueError, TypeError):  # an entry that cannot be parsed is replaced
        return None


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _call_backend(function: Callable[[Any], Result]) -> Result:
    """Call a function with the key store, in a thread with a time limit.

    Only the name of an error leaves that thread, because the error's frames contain the secret.
    """
    if importlib.util.find_spec("keyring") is None:
        raise KeyringError(f"the package keyring is not installed; run {install_command('keyring')}")
    results: list[Result] = []
    problems: list[str] = []

    def call() -> None:
        try:
            import keyring  # noqa: PLC0415 - optional, and slow to load

            chosen = keyring.get_keyring()
            # keyring may return a chain of backends. Use the first one that is secure.
            backend = next(filter(_is_secure, getattr(chosen, "backends", [chosen])), None)
            if backend is None:
                problems.append("no key store was found on this machine")
            else:
                results.append(function(backend))
        except Exception as error:  # noqa: BLE001 - each backend raises the errors of its own system
            problems.append(f"it raised an error ({type(error).__name__})")

    thread = threading.Thread(target=call, name="kismet-nb key store", daemon=True)
    thread.start()
    thread.join(MAX_WAIT_SECONDS)
    if results:
        return results[0]
    if problems:
        raise KeyringError(problems[0])
    raise KeyringError(f"it did not respond within {MAX_WAIT_SECONDS:.0f} s; it may be locked")


def _is_secure(backend: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether a backend of keyring uses the operating system's key store.

    The null and fail backends of keyring, and the plain files of ``keyrings.alt``, have a priority below 1.
    """
    return bool(backend.priority >= 1) and not type(backend).__module__.startswith("keyrings.alt")
