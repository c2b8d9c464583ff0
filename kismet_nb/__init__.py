"""A Kismet Health organization as clean pandas DataFrames.

::

    import kismet_nb as kn

    kn.login()                               # or kn.use_demo(), without an account
    users = kn.fetch_users()                 # every user of the organization, typed, complete
    kn.export(users, "exports/users.parquet")
"""

from kismet_nb.client import KismetClient
from kismet_nb.demo import DemoOrganization, use_demo
from kismet_nb.errors import (
    AuthenticationError,
    CredentialsError,
    ExportError,
    IncompleteError,
    InvalidInputError,
    KismetError,
    NotFoundError,
    RequestRefusedError,
    SchemaDriftWarning,
    UnavailableError,
    UnexpectedAnswerError,
)
from kismet_nb.export import export, read_export
from kismet_nb.fetch import fetch_users
from kismet_nb.login_form import login, logout
from kismet_nb.tables import describe

__all__ = [
    "AuthenticationError",
    "CredentialsError",
    "DemoOrganization",
    "ExportError",
    "IncompleteError",
    "InvalidInputError",
    "KismetClient",
    "KismetError",
    "NotFoundError",
    "RequestRefusedError",
    "SchemaDriftWarning",
    "UnavailableError",
    "UnexpectedAnswerError",
    "describe",
    "export",
    "fetch_users",
    "login",
    "logout",
    "read_export",
    "use_demo",
]
