"""The page of an executed notebook."""

import nbformat

from kismet_nb.reports.page import render_page


def test_text_in_braces_is_not_a_placeholder():
    """A heading and a text that look like placeholders of the template are not replaced."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A {body}\n\nand a {title}")])
    page = render_page(notebook)

    assert "<title>A {body}</title>" in page
    assert "and a {title}" in page
