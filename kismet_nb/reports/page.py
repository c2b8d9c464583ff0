"""Render an executed notebook as one HTML page without code and scripts, which loads nothing."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kismet_nb.reports.images import embed_images

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Branding", "render_page"]

EXCLUDED_TAG = "not-in-report"
_HEADING = re.compile(r"(<h1[^>]*>)(.*?)(?=<a |</h1>)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Branding:
    """The title, organization and logo of a page.

    Attributes
    ----------
    title
        Replaces the notebook's first heading, which is the title by default.
    organization
        The name of the organization.
    logo
        The ``data:`` URL of an image.
    """

    title: str | None = None
    organization: str | None = None
    logo: str | None = None

    @property
    def header(self) -> str:
        """The logo and the name as HTML."""
        name = html.escape(self.organization or "")
        logo = f'<img class="logo" src="{self.logo}" alt="{name}">' if self.logo else ""
        return f'<header class="branding">{logo}<span>{name}</span></header>' if logo or name else ""


def render_page(notebook: NotebookNode, branding: Branding | None = None, *, folder: Path | None = None) -> str:
    """Return the page of an executed notebook: its Markdown cells and the outputs of its code cells.

    Cells tagged ``not-in-report``, stderr and widgets are left out. The function changes ``notebook``.

    Parameters
    ----------
    notebook
        The notebook.
    branding
        Title, organization and logo.
    folder
        The folder of relative paths of images; by default the working directory.

    Warns
    -----
    UserWarning
        An image cannot be embedded in the page.
    """
    from nbconvert.exporters import HTMLExporter  # noqa: PLC0415 - part of an extra

    branding = branding or Branding()
    notebook.metadata.pop("widgets", None)  # the state of widgets may contain whole tables
    notebook.cells = [cell for cell in notebook.cells if EXCLUDED_TAG not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _clean_outputs(cell)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(notebook)
    body = embed_images(body, folder or Path.cwd())
    if branding.title is not None:
        body = _replace_heading(body, html.escape(branding.title))
    heading = _HEADING.search(body)
    title = re.sub("<[^>]*>", "", heading[2]) if heading else "Report"
    if branding.organization:
        title += f" – {html.escape(branding.organization)}"
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    values = {"{title}": title, "{body}": branding.header + body}
    return re.sub("{title}|{body}", lambda found: values[found[0]], template)


def _replace_heading(body: str, title: str) -> str:
    """Replace the text of the first heading, or add a heading if there is none."""
    replaced, count = _HEADING.subn(lambda found: found[1] + title, body, count=1)
    return replaced if count else f"<h1>{title}</h1>\n{body}"


def _clean_outputs(cell: NotebookNode) -> None:
    """Remove stderr and widgets from a cell's outputs, and convert SVG outputs to HTML."""
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    for output in cell.outputs:
        data = output.get("data", {})
        data.pop("application/vnd.jupyter.widget-view+json", None)  # a widget needs scripts
        if "image/svg+xml" in data:
            data["text/html"] = data.pop("image/svg+xml")  # inline, so that the browser's search finds its text
