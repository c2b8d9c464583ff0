"""report(): write one HTML file for people who have no notebook.

The notebook ``03_report.ipynb``, or the user's own copy of it, is executed in a new kernel and its outputs become the
page. The file contains no code and no script and loads nothing, so it opens with a double-click and prints from any
browser.
"""

from __future__ import annotations

import calendar
import datetime as dt
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from kismet_nb.dates import parse_date, parse_month, time_zone
from kismet_nb.errors import InvalidInputError
from kismet_nb.files.atomic import replace_file
from kismet_nb.files.paths import check_path
from kismet_nb.reports.notebook import execute, read_notebook
from kismet_nb.reports.page import render_page
from kismet_nb.reports.shipped import notebooks_folder

if TYPE_CHECKING:
    import os
    from pathlib import Path

__all__ = ["report", "report_period"]

SUFFIXES = (".html", ".htm")


def report(
    path: str | os.PathLike[str],
    *,
    month: str | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    tz: str | None = None,
    fail_rate_unit: Literal["fraction", "percent"] | None = None,
    demo: bool = False,
    notebook: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a report of a month, or of other days, as one HTML file.

    The report runs in a separate process, with the credentials of the environment or of a ``.env`` file. Credentials
    that were typed into the login form are not available there.

    Parameters
    ----------
    path
        The file, ending in ``.html``. It is replaced whole or not at all.
    month
        The month, for example ``"2026-10"``; by default last month.
    start, end
        First and last day instead of a month, both included.
    tz
        The time zone that days and times are shown in, for example ``"America/New_York"``; by default UTC.
    fail_rate_unit
        ``"fraction"`` or ``"percent"``: see ``summaries.fail_rate``. Without it, fail rates are left out.
    demo
        Report on the demo organization, which needs no credentials.
    notebook
        Your own copy of ``03_report.ipynb``. The arguments that you pass here replace the values in its cell tagged
        ``parameters``; the other values stay.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidInputError
        An argument cannot be used, or a package is not installed; nothing was fetched.
    KismetError
        The error that a cell of the notebook raised, for example ``IncompleteError``; an older file is unchanged.

    Examples
    --------
    >>> report("report.html", demo=True).name  # doctest: +SKIP
    'report.html'
    """
    target = check_path(path, SUFFIXES)
    report_period(month=month, start=start, end=end, tz=tz or "UTC")  # fails now instead of after a long fetch
    if fail_rate_unit not in {None, "fraction", "percent"}:
        raise InvalidInputError('fail_rate_unit must be "fraction" or "percent".')
    source = notebooks_folder() / "03_report.ipynb" if notebook is None else check_path(notebook, (".ipynb",))
    if not source.is_file():
        raise InvalidInputError(f"There is no notebook {source}.")
    for module in ("nbconvert", "ipykernel", "altair", "vl_convert"):
        if find_spec(module) is None:
            raise InvalidInputError(f'A report needs {module}. Install it with: pip install "kismet-nb[report]"')
    options = {"month": month, "start": start, "end": end, "tz": tz, "fail_rate_unit": fail_rate_unit}
    parameters = {name: str(value) for name, value in options.items() if value is not None}
    executed = read_notebook(source, {**parameters, "demo": demo})
    execute(executed)
    with replace_file(target) as file:
        file.write(render_page(executed).encode())
    return target


def report_period(
    *,
    month: str | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    tz: str = "UTC",
) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a report: of a month, from ``start`` to ``end``, or of last month.

    Parameters
    ----------
    month, start, end
        As in ``report``.
    tz
        The time zone that decides which month is last month.

    Returns
    -------
    tuple of date
        The first and the last day, both included.

    Raises
    ------
    InvalidInputError
        The month, a day or the time zone does not exist. Only one of ``start`` and ``end`` is given, or ``end`` is
        before ``start``, or all days are in the future.

    Examples
    --------
    >>> report_period(month="2026-02")
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    today = dt.datetime.now(time_zone(tz)).date()
    if start is None and end is None:
        end_of_last_month = today.replace(day=1) - dt.timedelta(days=1)
        first = end_of_last_month.replace(day=1) if month is None else parse_month(month, "month")
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    elif month is not None or start is None or end is None:
        raise InvalidInputError("Pass either month, or both start and end.")
    else:
        first, last = parse_date(start, "start"), parse_date(end, "end")
    if last < first:
        raise InvalidInputError(f"end ({last}) is before start ({first}).")
    if first > today:
        raise InvalidInputError(f"The period starts in the future, on {first}. Choose a start up to today ({today}).")
    return first, last
