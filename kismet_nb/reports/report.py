"""report(): write a report as one file for readers without Jupyter.

A new kernel executes the notebook ``03_report.ipynb``, or the user's own copy of it, and its outputs become the page.
The page has no code and no scripts and loads nothing, so any browser can open and print it. For a PDF, a browser on
this machine prints it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from kismet_nb.auth.current import current_login
from kismet_nb.auth.discovery import warn_of_next_login
from kismet_nb.errors import InvalidInputError
from kismet_nb.files.atomic import replace_file
from kismet_nb.files.paths import check_path, file_suffix
from kismet_nb.frontend import install_command
from kismet_nb.reports.images import read_logo
from kismet_nb.reports.kernel import execute
from kismet_nb.reports.notebook import read_notebook
from kismet_nb.reports.page import Branding, render_page
from kismet_nb.reports.pdf import find_browser, print_pdf
from kismet_nb.reports.period import report_period
from kismet_nb.reports.progress import Steps, report_bar
from kismet_nb.reports.shipped import notebooks_folder

if TYPE_CHECKING:
    import datetime as dt
    import os
    from pathlib import Path

__all__ = ["report"]

SUFFIXES = (".html", ".htm", ".pdf")


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
    quarter: str | None = None,
    title: str | None = None,
    organization: str | None = None,
    logo: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Path:
    """Write a report of a month, of a quarter, or of other days, as one HTML or PDF file.

    The report uses the login of this notebook or program. If there is no login, the report uses the credentials of the
    environment or of a ``.env`` file. It runs in a separate process, so it changes nothing in the notebook.

    Parameters
    ----------
    path
        The file, with the suffix ``.html`` or ``.pdf``. An existing file is replaced only by a complete one. A PDF
        needs Chrome, Edge or Chromium on this machine.
    month
        The month, for example ``"2026-10"``; by default last month.
    start, end
        First and last day instead of a month, both included.
    tz
        The time zone of days and times, for example ``"America/New_York"``; by default UTC.
    fail_rate_unit
        ``"fraction"`` or ``"percent"``: see ``summaries.fail_rate``. By default the unit is found from the numbers. If
        they fit both units, failure rates are left out.
    demo
        Report on the demo organization, which needs no credentials.
    notebook
        Your own copy of ``03_report.ipynb``. The arguments that you pass here replace the values in its cell tagged
        ``parameters``; the other values stay.
    quarter
        The quarter instead of a month, for example ``"2026-Q3"``.
    title
        Replaces the first heading of the notebook.
    organization
        The name of the organization, shown above the title.
    logo
        A PNG or SVG file of at most 1 MB, shown above the title.
    progress
        Whether to show a progress bar; by default only in a terminal or a notebook.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidInputError
        An argument cannot be used, or a package or the browser is not installed; nothing was fetched.
    KismetError
        The error that a cell of the notebook raised, for example ``IncompleteError``. An existing file is unchanged.

    Warns
    -----
    UserWarning
        An image of the notebook is left out; the warning has the reason.

    Examples
    --------
    >>> report("report.html", demo=True).name  # doctest: +SKIP
    'report.html'
    """
    target = check_path(path, SUFFIXES)
    first, last = report_period(month=month, start=start, end=end, tz=tz or "UTC", quarter=quarter)
    if fail_rate_unit not in {None, "fraction", "percent"}:
        raise InvalidInputError('fail_rate_unit must be "fraction" or "percent".')
    source = notebooks_folder() / "03_report.ipynb" if notebook is None else check_path(notebook, (".ipynb",))
    if not source.is_file():
        raise InvalidInputError(f"The notebook {source} does not exist. Check the path.")
    for module in ("nbconvert", "ipykernel", "altair", "vl_convert"):
        if find_spec(module) is None:
            raise InvalidInputError(f"A report needs {module}. Install it with: {install_command('report')}")
    branding = _branding(title, organization, logo)
    browser = find_browser() if file_suffix(target, SUFFIXES) == ".pdf" else None

    parameters: dict[str, Any] = {}
    if (month, quarter, start) != (None, None, None):
        parameters = {"month": month, "quarter": None, "start": None, "end": None}  # replace all values of the notebook
    if quarter is not None or start is not None:
        # An older copy of the notebook has no parameter quarter, so it gets the quarter's days.
        parameters |= {"start": str(first), "end": str(last)}
    options = {"tz": tz, "fail_rate_unit": fail_rate_unit}
    parameters |= {name: value for name, value in options.items() if value is not None}
    executed = read_notebook(source, {**parameters, "demo": demo})
    if not demo and current_login() is None:
        warn_of_next_login()  # a warning in the kernel would not be seen

    steps = Steps(total=len(executed.cells) + 2)  # the start of the kernel, the cells, the page
    with report_bar(steps, progress) as bar:
        bar.follow()
        execute(executed, source.name, None if demo else current_login(), steps, bar.follow)
        steps.start_writing()
        bar.follow()
        page = render_page(executed, branding, folder=source.parent)
        content = print_pdf(page, browser) if browser else page.encode()
        with replace_file(target) as file:
            file.write(content)
        steps.finish()
        bar.follow()
    return target


def _branding(title: str | None, organization: str | None, logo: str | os.PathLike[str] | None) -> Branding:
    """Return the title, organization and logo of the page.

    Raises
    ------
    InvalidInputError
        A value is not text, or the logo cannot be used.
    """
    for name, value in (("title", title), ("organization", organization)):
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise InvalidInputError(f"{name} must be text.")
    return Branding(title, organization, None if logo is None else read_logo(logo))
