"""One HTML file for people who have no notebook: a notebook is executed, and what its cells show is written.

The file holds no code and no script, and loads nothing: a double-click opens it anywhere, and a browser prints it.
The notebook is ``03_report.ipynb``; a copy of it can be changed at will and be passed as ``notebook``. Everything
but its cells' results is left out: their code, what they write to stderr, and cells tagged ``not-in-report``.
"""

from __future__ import annotations

import asyncio
import calendar
import datetime as dt
import html
import os
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from kismet_nb import errors
from kismet_nb.dates import parse_date, parse_month, time_zone
from kismet_nb.errors import InvalidInputError, KismetError
from kismet_nb.files.atomic import replace_file
from kismet_nb.files.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    import IPython.display
    from nbformat import NotebookNode

__all__ = ["listing", "notebooks_folder", "numbers", "period", "report"]

TAG = "not-in-report"
SUFFIXES = (".html", ".htm")
OWN_PROCESS = (
    "A report is made in a process of its own, which knows the two variables and .env, but no login of a notebook; "
    "demo=True (in a terminal, --demo) shows the demo organization."
)


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
    """Make a report of a month, or of some days: one HTML file, which appears whole or not at all.

    It is made in a process of its own, with the credentials of the environment or of a ``.env`` file; a form's are
    this notebook's only.

    Parameters
    ----------
    path
        The file, ending in ``.html``.
    month
        Such as ``"2026-10"``; last month by default.
    start, end
        First and last day instead of a month, both included.
    tz
        The time zone whose days count, such as ``"America/New_York"``; UTC by default.
    fail_rate_unit
        ``"fraction"`` or ``"percent"``: see ``summaries.fail_rate``. Without it, fail rates are left out.
    demo
        Look at the demo organization; it needs no credentials.
    notebook
        Your own copy of ``03_report.ipynb``. What you pass here replaces the values in its cell tagged
        ``parameters``; what you do not pass stays as it is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidInputError
        An option cannot be used, or something is not installed; nothing was fetched.
    KismetError
        What a cell of the notebook raised, such as an ``IncompleteError``; an older file is untouched.

    Examples
    --------
    >>> report("report.html", demo=True).name  # doctest: +SKIP
    'report.html'
    """
    target = check_path(path, SUFFIXES)
    given = {"month": month, "start": start, "end": end, "tz": tz, "fail_rate_unit": fail_rate_unit}
    period(month=month, start=start, end=end, tz=tz or "UTC")  # refused now, not after a long fetch
    if fail_rate_unit not in {None, "fraction", "percent"}:
        raise InvalidInputError('fail_rate_unit must be "fraction" or "percent".')
    source = notebooks_folder() / "03_report.ipynb" if notebook is None else check_path(notebook, (".ipynb",))
    if not source.is_file():
        raise InvalidInputError(f"There is no notebook {source}.")
    for module in ("nbconvert", "ipykernel", "altair", "vl_convert"):
        if find_spec(module) is None:
            raise InvalidInputError(f'A report needs {module}. Install it with: pip install "kismet-nb[report]"')
    values = {name: str(value) for name, value in given.items() if value is not None}
    book = _with_parameters(source, {**values, "demo": demo})
    _execute(book)
    with replace_file(target) as file:
        file.write(_page(book).encode())
    return target


def period(
    *,
    month: str | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    tz: str = "UTC",
) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a report: of a month, or as given, or of last month.

    Raises
    ------
    InvalidInputError
        There is no such month, day or time zone, or the days are only half given, in the wrong order, or all ahead.

    Examples
    --------
    >>> period(month="2026-02")
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    today = dt.datetime.now(time_zone(tz)).date()
    if start is None and end is None:
        end_of_last = today.replace(day=1) - dt.timedelta(days=1)
        first = end_of_last.replace(day=1) if month is None else parse_month(month, "month")
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    elif month is not None or start is None or end is None:
        raise InvalidInputError("Pass either month, or both start and end.")
    else:
        first, last = parse_date(start, "start"), parse_date(end, "end")
    if last < first:
        raise InvalidInputError(f"end ({last}) is before start ({first}).")
    if first > today:
        raise InvalidInputError(f"Nothing can be said about {first} and later yet: today is {today}.")
    return first, last


def notebooks_folder() -> Path:
    """Return where the notebooks are that come with this package: in it, or beside it in a clone."""
    package = Path(__file__).parents[1]
    return next(place for place in (package / "notebooks", package.parent / "notebooks") if place.is_dir())


def numbers(values: Mapping[str, object]) -> IPython.display.HTML:
    """Show a few numbers large, each above its name; missing ones as a dash.

    Examples
    --------
    >>> "1,204" in numbers({"calls": 1204}).data
    True
    """
    cards = "".join(
        f"<div><strong>{html.escape(_shown(value, group=True) or '–')}</strong> {html.escape(name)}</div>"
        for name, value in values.items()
    )
    return _html(f'<div class="numbers">{cards}</div>')


def listing(table: pd.DataFrame, *, rows: int = 20) -> IPython.display.HTML:
    """Show the first rows of a table, readable and as plain text, and say how many more there are.

    Names of columns become headings, times are to the minute with their zone in the heading, and what is missing is
    a dash.

    Examples
    --------
    >>> "&lt;b&gt;" in listing(pd.DataFrame({"display_name": ["<b>"]})).data
    True
    """
    columns = []
    for name, dtype in table.dtypes.items():
        zone = f" ({dtype.tz})" if isinstance(dtype, pd.DatetimeTZDtype) else ""
        kind = "number" if pd.api.types.is_numeric_dtype(dtype) else "time" if zone else "text"
        columns.append((str(name).replace("_", " ").capitalize() + zone, kind))
    head = "".join(f'<th class="{kind}">{html.escape(text)}</th>' for text, kind in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}">{html.escape(_shown(value)) or "–"}</td>'
            for value, (_, kind) in zip(row, columns, strict=True)
        )
        + "</tr>"
        for row in table.head(rows).itertuples(index=False, name=None)
    )
    more = len(table) - rows
    rest = f"… and {more:,} more." if more > 0 else "None." if table.empty else ""
    note = f"<p class='more'>{rest}</p>" if rest else ""
    return _html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}")


# Execution ------------------------------------------------------------------------------------------------------


def _with_parameters(source: Path, values: Mapping[str, object]) -> NotebookNode:
    """Read the notebook, and put a cell with these values behind the one tagged ``parameters``."""
    import nbformat  # noqa: PLC0415 - part of an extra

    problem = ""
    try:
        book: NotebookNode = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, OSError) as error:
        problem = type(error).__name__
    if problem:
        raise InvalidInputError(f"{source} cannot be read as a notebook ({problem}).")
    tagged = [n for n, cell in enumerate(book.cells) if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise InvalidInputError(f"{source} has no cell tagged 'parameters', in which to set them.")
    lines = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    book.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(lines))  # type: ignore[no-untyped-call]
    return book


def _execute(book: NotebookNode) -> None:
    """Run all cells in a kernel of its own, in the working directory."""
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415 - part of an extra
    from nbclient import NotebookClient  # noqa: PLC0415 - as above
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError  # noqa: PLC0415 - as above
    from traitlets.config import Config  # noqa: PLC0415 - as above

    # Where there are sockets in files, nobody else on this machine can listen in, and the kernel does not warn of it.
    config = Config({"KernelManager": {"transport": "ipc" if os.name == "posix" else "tcp"}})
    runner = NotebookClient(
        book,
        timeout=None,
        kernel_name="python3",
        shutdown_kernel="immediate",
        resources={"metadata": {"path": Path.cwd()}},
        config=config,
    )
    failure: KismetError | None = None
    work: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def execute() -> None:
        work.append((asyncio.get_running_loop(), asyncio.current_task()))
        await runner.async_execute()

    try:
        # In a thread, where nbclient leaves signals alone: its own handling of an interrupt ends in a traceback.
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(asyncio.run, execute())
            try:
                running.result()
            except KeyboardInterrupt:
                for loop, task in work:
                    loop.call_soon_threadsafe(task.cancel if task else loop.stop)
                raise
    except CellExecutionError as error:
        # Only our own messages are repeated: those of others may quote values.
        kind = getattr(errors, error.ename, None)
        if isinstance(kind, type) and issubclass(kind, KismetError):
            # A cell says "Run kn.login()", which is no help here.
            hint = f" {OWN_PROCESS}" if kind is errors.CredentialsError else ""
            failure = kind(error.evalue + hint)
        else:
            failure = KismetError(
                f"A cell of the report's notebook raised {error.ename}. Open the notebook and run it to see which."
            )
    except (CellControlSignal, DeadKernelError, NoSuchKernel) as error:
        failure = KismetError(f"The report's notebook could not be run to its end ({type(error).__name__}).")
    if failure is not None:
        raise failure


# The page -------------------------------------------------------------------------------------------------------


def _page(book: NotebookNode) -> str:
    from nbconvert.exporters import HTMLExporter  # noqa: PLC0415 - part of an extra

    book.cells = [cell for cell in book.cells if TAG not in cell.metadata.get("tags", [])]
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                data = output.get("data", {})
                data.pop("application/vnd.jupyter.widget-view+json", None)  # would need scripts
                if "image/svg+xml" in data:
                    data["text/html"] = data.pop("image/svg+xml")  # as part of the page, so that its text can be found
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(book)
    title = re.search(r"<h1[^>]*>(.*?)(?:<a |</h1>)", body, re.DOTALL)
    return PAGE.replace("{title}", re.sub("<[^>]*>", "", title[1]) if title else "Report").replace("{body}", body)


def _html(text: str) -> IPython.display.HTML:
    from IPython.display import HTML  # noqa: PLC0415 - only a notebook has it

    return HTML(text)  # type: ignore[no-untyped-call]


def _shown(value: Any, *, group: bool = False) -> str:  # noqa: ANN401 - any cell
    """Write a value for a reader: times to the minute, missing as nothing; ids are never grouped."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if pd.isna(value):
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}" if value.tzinfo is None and value.time() == dt.time() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if group and isinstance(value, Integral) else str(value)


# The policy forbids scripts and every load, whatever a cell shows. A4 and Letter both hold a chart's width.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body { margin: 0; background: #f3f5f7; color: #1c1f23; font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
main { box-sizing: border-box; max-width: 860px; margin: 0 auto; padding: 32px 44px 56px; background: white; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 8px; padding-bottom: 4px; border-bottom: 2px solid #1b4f72; }
h3 { font-size: 16px; margin: 24px 0 4px; }
.anchor-link { display: none; }
p { margin: 6px 0; }
svg, img { display: block; max-width: 100%; height: auto; margin: 14px 0; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 12px; margin: 20px 0; }
.numbers div { border: 1px solid #c9d1d9; border-left: 4px solid #1b4f72; border-radius: 4px; padding: 8px 12px; }
.numbers strong { display: block; font-size: 26px; line-height: 1.2; }
table { border-collapse: collapse; width: 100%; margin: 12px 0; font-size: 13px; line-height: 1.35; }
th, td { padding: 4px 8px; border-bottom: 1px solid #dfe3e8; text-align: left; vertical-align: top;
         overflow-wrap: break-word; }
th { border-bottom: 2px solid #8b949e; }
.number { text-align: right; }
td.time { white-space: nowrap; }
.more, .jp-RenderedText { color: #57606a; }
pre { white-space: pre-wrap; }
@page { margin: 14mm; }
@media print {
  body { background: white; font-size: 12px; }
  main { max-width: none; padding: 0; }
  svg, img, .numbers, tr { break-inside: avoid; }
  svg, img { max-height: 240mm; }
  h1, h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
