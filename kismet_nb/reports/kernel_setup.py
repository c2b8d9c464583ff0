"""Set up a report's kernel before the first cell."""

from __future__ import annotations

from kismet_nb.reports.display import show_tables_as_html
from kismet_nb.reports.handover import receive_login
from kismet_nb.reports.usage import write_usage_after_each_cell

__all__ = ["set_up"]


def set_up(*, has_login: bool, usage_file: str | None) -> None:
    """Set the display of tables, record requests, and receive the login of the process that writes the report.

    Parameters
    ----------
    has_login
        Whether standard input holds a login.
    usage_file
        The file for the counts of requests; None if they are not recorded.

    Raises
    ------
    KismetError
        The server refused the credentials or could not be reached.
    """
    show_tables_as_html()
    if usage_file is not None:
        write_usage_after_each_cell(usage_file)
    if has_login:
        receive_login()
