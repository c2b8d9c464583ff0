"""Check the arguments of the fetch functions, and make queries from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast, get_args
from urllib.parse import quote

import numpy as np
import pandas as pd

from kismet_nb.auth.credentials import WAYS_TO_LOG_IN
from kismet_nb.auth.current import current_login, form_advice
from kismet_nb.errors import CredentialsError, InvalidInputError
from kismet_nb.fetch.pagination import OnError
from kismet_nb.fetch.query import Query
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import row_resource
from kismet_nb.transport.client import KismetClient

__all__ = [
    "call_keys",
    "check_on_error",
    "chosen_client",
    "is_sendable",
    "keys_in",
    "nested_list",
    "parse_id",
    "whole_list",
]


def chosen_client(client: KismetClient | None) -> KismetClient:
    """Return the client passed, or this notebook's.

    Raises
    ------
    CredentialsError
        Nobody is logged in.
    """
    if client is not None:
        if not isinstance(client, KismetClient):
            raise InvalidInputError(f"client must be a KismetClient, not {type(client).__name__}.")
        return client
    login = current_login()
    if login is None:
        raise CredentialsError(f"Nobody is logged in. {form_advice() or WAYS_TO_LOG_IN}")
    return login.client


def check_on_error(on_error: object) -> None:
    """Raise InvalidInputError if ``on_error`` is neither ``"raise"`` nor ``"skip"``."""
    if on_error not in get_args(OnError):
        raise InvalidInputError('on_error must be "raise" or "skip".')


def whole_list(name: str) -> list[Query]:
    """Return the query of a resource that is one list per organization."""
    return [Query(RESOURCES[name].path)]


def nested_list(name: str, *keys: int | str) -> Query:
    """Return the query of a list that belongs to a row of another table, such as the calls of a user."""
    resource = RESOURCES[name]
    dtypes = {column.name: column.dtype for column in resource.columns}
    labels = {
        label: parse_id(key) if dtypes[label] == "Int64" else key
        for label, key in zip(resource.parameters, keys, strict=True)
    }
    path = resource.path.format(**{label: quote(str(key), safe="") for label, key in labels.items()})
    return Query(path, labels=tuple(labels.items()))


def parse_id(key: int | str) -> int | str:
    """Return an id as an integer if its text is one without leading zeros, otherwise unchanged."""
    return int(key) if re.fullmatch("0|[1-9][0-9]{0,98}", str(key)) else key


def keys_in(argument: str, given: object, table: str, column: str) -> list[int | str]:
    """Return the keys in an argument that may be a table, its keys, or one key."""
    values: list[object] = [None]
    if isinstance(given, pd.DataFrame):
        if row_resource(given) in {None, table} and column in given:
            values = given[column].tolist()
    elif isinstance(given, int | str | np.generic):
        values = [given]
    elif isinstance(given, Iterable) and not isinstance(given, bytes):
        values = list(given)
    keys = [value.item() if isinstance(value, np.generic) else value for value in values]
    # A key of dots only, such as "..", would change the path.
    if not all(
        isinstance(key, int | str) and not isinstance(key, bool) and str(key).strip(". ") and is_sendable(str(key))
        for key in keys
    ):
        raise InvalidInputError(f"{argument} must be a table of {table.replace('_', ' ')}, or values of its {column}.")
    if column == "id" and any(re.search(r"[@\s]", str(key)) for key in keys):
        raise InvalidInputError(f"{argument} must be ids, not addresses or names: pass the table of {table}.")
    return list(dict.fromkeys(cast("list[int | str]", keys)))


def call_keys(calls: object) -> list[tuple[int | str, int | str]]:
    """Return the user and the id of each call that may have recordings."""
    pairs: list[Any] = [None]
    if isinstance(calls, pd.DataFrame):
        if {"organization_user_id", "id", "has_egresses"} <= set(calls):
            # If has_egresses is missing, the call may have recordings.
            calls = calls.loc[~calls["has_egresses"].eq(False).fillna(value=False).astype(bool)]  # noqa: FBT003 - a value
            pairs = list(zip(calls["organization_user_id"], calls["id"], strict=True))
    elif isinstance(calls, Iterable):
        pairs = list(calls)
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise InvalidInputError("calls must be a table of calls, or tuples (organization_user_id, id).")
    users = [keys_in("calls", [user], "calls", "organization_user_id")[0] for user, _ in pairs]
    ids = [keys_in("calls", [call], "calls", "id")[0] for _, call in pairs]
    return list(dict.fromkeys(zip(users, ids, strict=True)))


def is_sendable(text: str) -> bool:
    """Return whether a text can be sent: it has no lone surrogate."""
    return text.encode(errors="replace").decode() == text
