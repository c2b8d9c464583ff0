"""A report as PDF, printed by a real Chromium."""

import base64
import re
from pathlib import Path

import nbformat
import pypdf
import pytest

import kismet_nb as kn

pytestmark = pytest.mark.browser

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def texts(path):
    """Return the text of each page."""
    return [page.extract_text() for page in pypdf.PdfReader(path).pages]


def titles(outline):
    """Return the titles of an outline, of all levels."""
    return [title for item in outline for title in (titles(item) if isinstance(item, list) else [item.title])]


def notebook(*cells):
    """Write a report's notebook: a text is a Markdown cell, a tuple of one text is code."""
    made = [nbformat.v4.new_code_cell("demo = True", metadata={"tags": ["parameters"]})]
    for cell in cells:
        new = nbformat.v4.new_code_cell(*cell) if isinstance(cell, tuple) else nbformat.v4.new_markdown_cell(cell)
        made.append(new)
    nbformat.write(nbformat.v4.new_notebook(cells=made), "own.ipynb")
    return "own.ipynb"


def test_the_report_is_a_pdf_with_logo_and_page_numbers(tmp_path):
    """Title and organization are on page 1 and in the properties. Each page has its number; its text can be copied."""
    Path("logo.png").write_bytes(PNG)
    written = kn.report("r.pdf", demo=True, title="Our month", organization="Riverside Clinic", logo="logo.png")
    pdf = pypdf.PdfReader(written)
    pages = texts(written)

    assert "Our month – Riverside Clinic" == pdf.metadata.title
    assert re.search(r"Riverside Clinic\s+Our month", pages[0])
    assert 1 == len(pdf.pages[0].images)
    assert [f"Page {n} of {len(pages)}" for n in range(1, len(pages) + 1)] == [
        re.search(r"Page \d+ of \d+", page)[0] for page in pages
    ]
    assert "How many calls did each provider hold in each week?" in "".join(pages)
    assert {"Our month", "Calls", "Users and invites"} <= set(titles(pdf.outline))
    assert ["logo.png", "r.pdf"] == sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".")


def test_the_heading_of_a_table_is_on_each_of_its_pages():
    """A long table has its header row at the top of each page, and no row is cut."""
    table = "import pandas as pd\npd.DataFrame({'provider': [f'Provider-{n:03}' for n in range(60)]})"
    pages = texts(kn.report("r.pdf", notebook=notebook("# A list", (table,), "\n\n", (table,))))

    assert 1 < len(pages)
    assert all("Provider\n" in page for page in pages if "Provider-" in page)
    assert [f"Provider-{n:03}" for n in range(60)] * 2 == re.findall(r"Provider-\d+", "".join(pages))


def test_no_heading_stands_alone_at_the_foot_of_a_page():
    """A heading is on the page of its chart or of its table's first row, however long the text before it is."""
    cells = ["# All"]
    for n in range(14):
        svg = '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="300">'
        svg += f'<text x="9" y="40">top-{n}-</text><text x="9" y="290">bottom-{n}-</text></svg>'
        cells += ["\n\n".join(f"Line {line}." for line in range(3 * n)), f"## Chart-{n}-"]
        cells += [(f"from IPython.display import SVG\nSVG({svg!r})",), f"### Table-{n}-\n\nOf all."]
        cells += [(f"import pandas as pd\npd.DataFrame({{'provider': ['Ada-{n}-', 'Bo-{n}-']}})",)]
    pages = texts(kn.report("r.pdf", notebook=notebook(*cells)))

    def page_of(text):
        return next(number for number, page in enumerate(pages) if text in page)

    for n in range(14):
        assert page_of(f"Chart-{n}-") == page_of(f"top-{n}-") == page_of(f"bottom-{n}-")
        assert page_of(f"Table-{n}-") == page_of(f"Ada-{n}-") == page_of(f"Bo-{n}-")


def test_a_wide_table_fits_on_paper(browser, tmp_path):
    """Eight columns fit on paper and on screens, also of a phone, and no address is broken."""
    cell = "import kismet_nb as kn\nkn.use_demo(); users = kn.fetch_users(progress=False)\nusers.head(10)"
    kn.report("r.pdf", notebook=notebook("# Users", (cell,)), demo=True)
    kn.report("r.html", notebook=notebook("# Users", (cell,)), demo=True)
    [page] = texts("r.pdf")

    assert 10 == len(re.findall(r"^\S*@example\.\w+", page.replace(" ", "\n"), re.MULTILINE))
    for width, media in ((700, "print"), (400, "screen"), (1000, "screen")):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.emulate_media(media=media)
        tab.goto(f"file://{tmp_path}/r.html")
        assert width >= tab.evaluate("document.documentElement.scrollWidth")
        tab.close()
