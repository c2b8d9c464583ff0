"""Read credentials from the variables of one source: the environment, or a file that is written like a ``.env``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kismet_nb.auth.credentials import (
    DEFAULT_API_URL,
    FILE_VARIABLES,
    ID_VARIABLE,
    SECRET_VARIABLE,
    URL_VARIABLE,
    Credentials,
    checked_api_url,
)
from kismet_nb.auth.open_files import open_file_note
from kismet_nb.auth.source import (
    ENVIRONMENT,
    SECRET_IN,
    CredentialSource,
    FoundCredentials,
    unusable_source,
    usable_source,
)
from kismet_nb.auth.value_files import read_value_files
from kismet_nb.errors import KismetError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_environment", "read_named_file", "read_nearest_dotenv"]


def read_environment(in_dotenv: Mapping[str, str | None], dotenv: Path | None) -> CredentialSource:
    """Read credentials from the environment.

    If only the nearest ``.env`` has the address, they are unusable: a folder must not decide where the environment's
    secret is sent.
    """
    source = _read_variables(ENVIRONMENT, os.environ, Path())
    address = None if os.environ.get(URL_VARIABLE) else in_dotenv.get(URL_VARIABLE)
    if source.found is None or dotenv is None or not address:
        return source
    try:
        is_default = checked_api_url(address) == DEFAULT_API_URL
    except KismetError as error:
        problem = f"In {os.path.relpath(dotenv)}: {error}"
        return CredentialSource(source.name, f"unusable: {problem}", error=type(error)(problem))
    if is_default:
        return source
    return unusable_source(
        source.name,
        f"The credentials are in {source.name}, but {URL_VARIABLE} is in {os.path.relpath(dotenv)}, which must not "
        f"decide where that secret is sent. Set {URL_VARIABLE} in the environment too, or remove it from the file.",
    )


def read_nearest_dotenv(values: Mapping[str, str | None], file: Path) -> CredentialSource:
    """Read credentials from a ``.env`` that was found by search.

    If the file names an address, and also a file outside of its own folder, they are unusable. Otherwise a downloaded
    folder could send any file of one line to any address.
    """
    source = _read_variables(os.path.relpath(file), values, file.parent, file)
    if source.found is None or source.found.api_url in {DEFAULT_API_URL, _address_of_environment()}:
        return source
    folder = file.parent.resolve()
    outside = [path for path in source.found.value_files if not path.resolve().is_relative_to(folder)]
    if not outside:
        return source
    return unusable_source(
        source.name,
        f"{os.path.relpath(file)} names {outside[0]}, which is outside of its folder, and must not decide where that "
        f"file is sent. Set {URL_VARIABLE} in the environment, or move the file into that folder.",
    )


def read_named_file(values: Mapping[str, str | None], file: Path) -> CredentialSource:
    """Read credentials from a file that the caller has named."""
    return _read_variables(str(file), values, file.parent, file)


def _read_variables(
    name: str, values: Mapping[str, str | None], folder: Path, file: Path | None = None
) -> CredentialSource:
    """Read credentials from the variables of a source, which are in ``file``. Relative paths start at ``folder``."""
    in_files = read_value_files(values, folder)
    if in_files.problem:
        return unusable_source(name, f"In {name}: {in_files.problem}")
    files = in_files.files
    found = {
        variable: in_files.values.get(variable) or (values.get(variable) or "").strip() for variable in FILE_VARIABLES
    }
    given = [variable for variable, value in found.items() if value]
    if not given:
        empty = ID_VARIABLE in values or SECRET_VARIABLE in values
        return CredentialSource(name, "the variables are empty" if empty else "neither variable is set")
    if len(given) == 1:
        [missing] = found.keys() - given
        is_set = FILE_VARIABLES[given[0]] if files else given[0]
        return unusable_source(name, f"{name} has {is_set} but neither {missing} nor {FILE_VARIABLES[missing]}.")
    if SECRET_VARIABLE in files:
        name = f"{name}{SECRET_IN}{files[SECRET_VARIABLE]})"
    return _checked_source(
        Credentials(found[ID_VARIABLE], found[SECRET_VARIABLE]),
        values.get(URL_VARIABLE) or os.environ.get(URL_VARIABLE) or DEFAULT_API_URL,
        name,
        secret_file=files.get(SECRET_VARIABLE, file),
        value_files=tuple(files.values()),
    )


def _checked_source(
    credentials: Credentials, api_url: str, name: str, *, secret_file: Path | None, value_files: tuple[Path, ...]
) -> CredentialSource:
    try:
        credentials.check()
        found = FoundCredentials(credentials, checked_api_url(api_url), name, secret_file, value_files)
    except KismetError as error:
        return CredentialSource(name, f"unusable: {error}", error=type(error)(f"In {name}: {error}"))
    file_note = open_file_note(secret_file) if secret_file else ""
    return usable_source(found, warning=_ignored_address(found), file_note=file_note)


def _address_of_environment() -> str | None:
    try:
        return checked_api_url(os.environ[URL_VARIABLE])
    except (KeyError, KismetError):
        return None


def _ignored_address(found: FoundCredentials) -> str:
    """Return a warning if the environment and the credentials have different addresses, otherwise an empty text."""
    if not os.environ.get(URL_VARIABLE):
        return ""
    ignored = _address_of_environment()
    if ignored == found.api_url:
        return ""
    # An unusable address may contain a password, so it is not shown.
    host = urlsplit(ignored).netloc if ignored else "unusable"
    return (
        f"{URL_VARIABLE} ({host}) in the environment is ignored: {found.source} has the credentials and its own "
        f"{URL_VARIABLE} ({urlsplit(found.api_url).netloc}). Remove one of the two."
    )
