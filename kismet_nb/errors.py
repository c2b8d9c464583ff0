"""Errors and warnings, each with what to do next.

::

    KismetError                 catch this to catch them all
    ├── InvalidInputError       correct the argument; nothing was sent or written      (also a ValueError)
    ├── CredentialsError        supply credentials: missing, incomplete or unusable; nothing was sent
    ├── AuthenticationError     log in again: the server refused the credentials       401, 403
    ├── NotFoundError           check the id: missing, or not visible to these credentials  404
    ├── RequestRefusedError     change the request: the server refused it              400, 422, other 4xx
    ├── UnavailableError        try again later: retries are used up                   429, 5xx, no connection
    ├── UnexpectedAnswerError   report it, or look for a proxy: not the documented format  200 with HTML, 3xx, …
    ├── IncompleteError         fetch again later: the list changed during every attempt
    ├── SchemaDriftError        adapt the code that reads the table: from a strict client, or a sync
    └── ExportError             close the file or free disk space: the old file is untouched

    SchemaDriftWarning          read it: the table is complete, but the API sent something new
    GoneWarning                 read it: something that was requested no longer exists
    IncompleteWarning           read it: on_error="skip" left out lists that could not be read

Every error has ``status`` (the HTTP status, or None), ``retryable`` (whether the same request may succeed later),
``resource`` and ``page``. No message holds a secret or a request header. A server's text is quoted only if it repeats
no secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "IN_A_NOTEBOOK",
    "AuthenticationError",
    "CredentialsError",
    "ExportError",
    "GoneWarning",
    "IncompleteError",
    "IncompleteWarning",
    "InvalidInputError",
    "KismetError",
    "NotFoundError",
    "RequestRefusedError",
    "SchemaDriftError",
    "SchemaDriftWarning",
    "UnavailableError",
    "UnexpectedAnswerError",
    "without_notebook_advice",
]

IN_A_NOTEBOOK = " In a notebook: "  # starts the last part of a message, which helps in a notebook only


def without_notebook_advice(message: str) -> str:
    """Return a message without the part that helps in a notebook only."""
    return message.partition(IN_A_NOTEBOOK)[0]


class KismetError(Exception):
    """Base of every error raised by this package.

    Attributes
    ----------
    status
        The HTTP status that caused the error, or None.
    retryable
        Whether the same request may succeed if it is tried again.
    resource
        The table that was being fetched, such as ``"users"``, or None.
    page
        The page that was being read, or None.
    list_of
        The owner of the list, such as ``"user 1017"``, or None.
    retry_after
        Seconds that the server asked to wait, or None.
    """

    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        resource: str | None = None,
        page: int | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.resource = resource
        self.page = page
        self.list_of: str | None = None
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        where = [f"{self.resource} of {self.list_of}" if self.list_of else self.resource] if self.resource else []
        if self.page is not None:
            where.append(f"page {self.page}")
        return f"{', '.join(where)}: {self.message}" if where else self.message


class InvalidInputError(KismetError, ValueError):
    """An argument cannot be used. Nothing was sent and nothing was written."""


class CredentialsError(KismetError):
    """There are no usable credentials. Nothing was sent."""


class AuthenticationError(KismetError):
    """The server refused the credentials (401 or 403)."""


class NotFoundError(KismetError):
    """What was requested does not exist, or these credentials have no permission to read it (404)."""


class RequestRefusedError(KismetError):
    """The server refused this request, but not the credentials (400, 422, another 4xx, or 403 for one list of many)."""


class UnavailableError(KismetError):
    """The server could not be reached, or was busy or broken until the retries were used up."""

    retryable = True


class UnexpectedAnswerError(KismetError):
    """The response is not in the documented format: HTML, a redirect, broken or oversized JSON, other fields."""


class IncompleteError(KismetError):
    """The list changed during every attempt to read it, or the server's total is wrong.

    Attributes
    ----------
    partial
        A DataFrame of the rows of the last attempt. Rows may be missing or duplicate.
    """

    retryable = True
    partial: pd.DataFrame | None = None


class SchemaDriftError(KismetError):
    """The API sent columns or values that are not declared.

    A strict client raises it instead of a warning. A sync raises it if a key has another type.
    """


class ExportError(KismetError):
    """The file could not be written or read. An older file of that name is untouched."""


class SchemaDriftWarning(UserWarning):
    """The API sent columns or values that are not declared. All of them were kept."""


class GoneWarning(UserWarning):
    """A user, call or room whose list was requested no longer exists (404). The table is complete without it."""


class IncompleteWarning(UserWarning):
    """Some lists could not be read, and were left out of the table on request (``on_error="skip"``)."""
