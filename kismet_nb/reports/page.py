"""An executed notebook as one HTML page: no code, no script, and nothing loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["render_page"]

EXCLUDED_TAG = "not-in-report"


def render_page(notebook: NotebookNode) -> str:
    """Return the page of an executed notebook.

    It holds the Markdown cells and the outputs of the code cells. Cells tagged ``not-in-report``, stderr and widgets
    are left out. ``notebook`` is changed.
    """
    from nbconvert.exporters import HTMLExporter  # noqa: PLC0415 - part of an extra

    notebook.metadata.pop("widgets", None)  # the state of widgets may hold whole tables
    notebook.cells = [cell for cell in notebook.cells if EXCLUDED_TAG not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _clean_outputs(cell)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(notebook)
    heading = re.search(r"<h1[^>]*>(.*?)(?:<a |</h1>)", body, re.DOTALL)
    title = re.sub("<[^>]*>", "", heading[1]) if heading else "Report"
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    values = {"{title}": title, "{body}": body}
    return re.sub("{title}|{body}", lambda found: values[found[0]], template)


def _clean_outputs(cell: NotebookNode) -> None:
    """Remove stderr and widgets from a cell's outputs, and make SVG part of the page."""
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    for output in cell.outputs:
        data = output.get("data", {})
        data.pop("application/vnd.jupyter.widget-view+json", None)  # a widget needs scripts
        if "image/svg+xml" in data:
            data["text/html"] = data.pop("image/svg+xml")  # inline, so that a browser finds its text
