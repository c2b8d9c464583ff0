"""Set up a report's kernel before the first cell."""

from __future__ import annotations

from kismet_nb.reports.display import show_tables_as_html
from kismet_nb.reports.handover import receive_login

__all__ = ["set_up"]


def set_up(*, has_login: bool) -> None:
    """Set the display of tables, and receive the login of the process that writes the report.

    Raises
    ------
    KismetError
        The server refused the credentials or could not be reached.
    """
    show_tables_as_html()
    if has_login:
        receive_login()
