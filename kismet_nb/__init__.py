"""A Kismet Health organization as clean pandas DataFrames.

::

    import kismet_nb as kn

    kn.login()                               # or kn.use_demo(), without an account
    users = kn.fetch_users()                 # every user of the organization, typed, complete
    kn.export(users, "exports/users.parquet")
"""

import signal
import sys
from importlib.metadata import version
from pathlib import Path

if sys.argv and Path(sys.argv[0]).stem == "kismet-nb" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until cli.main catches KeyboardInterrupt, Ctrl-C ends the command at once and without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import kismet_nb.report  # noqa: F401 - loaded first: a later import would replace the function of that name
from kismet_nb import charts, summaries
from kismet_nb.demo.organization import DemoOrganization
from kismet_nb.demo.use_demo import use_demo
from kismet_nb.errors import (
    AuthenticationError,
    CredentialsError,
    ExportError,
    GoneWarning,
    IncompleteError,
    IncompleteWarning,
    InvalidInputError,
    KismetError,
    NotFoundError,
    RequestRefusedError,
    SchemaDriftError,
    SchemaDriftWarning,
    UnavailableError,
    UnexpectedAnswerError,
)
from kismet_nb.explore.compare import compare
from kismet_nb.explore.format_changes import format_changes
from kismet_nb.explore.profile import profile
from kismet_nb.explore.pseudonymize import pseudonymize
from kismet_nb.explore.small_groups import small_groups
from kismet_nb.fetch import (
    fetch_call_metrics,
    fetch_calls,
    fetch_egresses,
    fetch_invites,
    fetch_roles,
    fetch_users,
    fetch_waiting_room_subs,
    fetch_waiting_rooms,
)
from kismet_nb.fetch.usage import usage
from kismet_nb.files.export import export
from kismet_nb.files.read_export import read_export
from kismet_nb.reports.report import report
from kismet_nb.snapshots import snapshot
from kismet_nb.store.read import read_store, store_files
from kismet_nb.store.sql import sql
from kismet_nb.store.sync import sync
from kismet_nb.tables.describe import describe
from kismet_nb.transport.client import KismetClient
from kismet_nb.widgets.explore import explore
from kismet_nb.widgets.login import login, login_status, logout
from kismet_nb.widgets.table_view import view

__all__ = [
    "AuthenticationError",
    "CredentialsError",
    "DemoOrganization",
    "ExportError",
    "GoneWarning",
    "IncompleteError",
    "IncompleteWarning",
    "InvalidInputError",
    "KismetClient",
    "KismetError",
    "NotFoundError",
    "RequestRefusedError",
    "SchemaDriftError",
    "SchemaDriftWarning",
    "UnavailableError",
    "UnexpectedAnswerError",
    "charts",
    "compare",
    "describe",
    "explore",
    "export",
    "fetch_call_metrics",
    "fetch_calls",
    "fetch_egresses",
    "fetch_invites",
    "fetch_roles",
    "fetch_users",
    "fetch_waiting_room_subs",
    "fetch_waiting_rooms",
    "format_changes",
    "login",
    "login_status",
    "logout",
    "profile",
    "pseudonymize",
    "read_export",
    "read_store",
    "report",
    "small_groups",
    "snapshot",
    "sql",
    "store_files",
    "summaries",
    "sync",
    "usage",
    "use_demo",
    "view",
]

__version__ = version("kismet-nb")


def __dir__() -> list[str]:
    """Return the public names, so that completion in a notebook shows no internal modules."""
    return __all__
