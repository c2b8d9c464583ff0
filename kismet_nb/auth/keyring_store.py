"""The operating system's key store: the only place where a pair is kept for next time.

It is reached through the optional package ``keyring`` (``pip install "kismet-nb[keyring]"``). Where there is no
key store, that is said plainly; a pair is never written to a file of ours instead.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from kismet_nb.auth.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeyStoreError", "delete_pair", "load_pair", "save_pair", "why_not"]

SERVICE = "kismet_nb"
LONGEST_WAIT = 60.0  # seconds; the system may be asking for a password, in a window that nobody sees

Result = TypeVar("Result")


class KeyStoreError(Exception):
    """The key store cannot be used; the message says why, and holds nothing secret."""


def why_not() -> str | None:
    """Say why nothing can be remembered on this machine, or return None if it can."""
    try:
        _ask(lambda _backend: None)
    except KeyStoreError as error:
        return str(error)
    return None


def load_pair(api_url: str) -> Credentials | None:
    """Return the pair that is remembered for an address, or None.

    Raises
    ------
    KeyStoreError
        There is no key store, it stays locked, or what it holds is not a pair of ours.
    """

    def load(backend: Any) -> Credentials | None:  # noqa: ANN401 - of a package that may be missing
        kept = backend.get_password(SERVICE, api_url)
        if kept is None:
            return None
        pair = json.loads(kept)
        return Credentials(pair["client_id"], pair["client_secret"])

    return _ask(load)


def save_pair(api_url: str, credentials: Credentials) -> None:
    """Remember a pair for an address, in place of an earlier one.

    Raises
    ------
    KeyStoreError
        There is no key store, or it refused.
    """

    def save(backend: Any) -> None:  # noqa: ANN401 - as above
        pair = {"client_id": credentials.client_id, "client_secret": credentials.secret_value()}
        backend.set_password(SERVICE, api_url, json.dumps(pair))

    _ask(save)


def delete_pair(api_url: str) -> bool:
    """Delete the pair that is remembered for an address; return whether there was one.

    Raises
    ------
    KeyStoreError
        There is no key store, or it refused.
    """

    def delete(backend: Any) -> bool:  # noqa: ANN401 - as above
        if backend.get_password(SERVICE, api_url) is None:
            return False
        backend.delete_password(SERVICE, api_url)
        return True

    return _ask(delete)


def _ask(question: Callable[[Any], Result]) -> Result:
    """Put a question to the key store, in a thread of its own so that nobody waits for ever.

    Only the name of an error comes out of that thread: the error's frames hold the secret.
    """
    if importlib.util.find_spec("keyring") is None:
        raise KeyStoreError('the package keyring is not installed; pip install "kismet-nb[keyring]" brings it')
    answers: list[Result] = []
    problems: list[str] = []

    def ask() -> None:
        try:
            import keyring  # noqa: PLC0415 - optional, and slow to load

            chosen = keyring.get_keyring()
            # keyring may chain what it finds: the first that is good enough is ours.
            backend = next(filter(_is_a_key_store, getattr(chosen, "backends", [chosen])), None)
            if backend is None:
                problems.append("there is none on this machine")
            else:
                answers.append(question(backend))
        except Exception as error:  # noqa: BLE001 - backends raise whatever their system raises
            problems.append(f"it refused ({type(error).__name__})")

    thread = threading.Thread(target=ask, name="kismet-nb key store", daemon=True)
    thread.start()
    thread.join(LONGEST_WAIT)
    if answers:
        return answers[0]
    raise KeyStoreError(problems[0] if problems else f"it did not answer within {LONGEST_WAIT:.0f} s; is it locked?")


def _is_a_key_store(backend: Any) -> bool:  # noqa: ANN401 - as above
    """Tell whether a backend of keyring keeps secrets as the operating system does.

    keyring gives its own null and fail backends, and the plain files of ``keyrings.alt``, a priority below 1.
    """
    return bool(backend.priority >= 1) and not type(backend).__module__.startswith("keyrings.alt")
