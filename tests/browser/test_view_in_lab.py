"""A table viewed in a real JupyterLab in a real Chromium."""

import re

import nbconvert
import pytest

pytestmark = pytest.mark.browser
TABLE = """
import pandas as pd
import kismet_nb as kn

names = ["<img src=x onerror='window.ran=1'>", "<script>window.ran=1</script>", "Ada Ferris"]
links = ["https://app.example.org/meet/ada?a=1&b=2", "javascript:window.ran=1", 'https://x.example.org/"onclick="x']
rows = range(20_000)
table = pd.DataFrame({
    "display_name": [names[row % 3] for row in rows],
    "waiting_room_url": [links[row % 3] for row in rows],
    "email": [f"user{row}@example.org" for row in rows],
})
kn.view(table)
"""


def test_a_large_table_is_searched_and_no_name_runs(open_notebook):
    """Every row can be found, names are text, only web addresses are links, and no row is saved in the notebook."""
    book = open_notebook("lab/tree", TABLE, saving=False)  # JupyterLab's default
    page, elsewhere = book.page, []
    here = (book.jupyter.url, "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(here) else elsewhere.append(sent.url))
    book.run(0)

    page.get_by_text("Rows 1 to 10 of 20,000").wait_for(timeout=60_000)
    links = page.eval_on_selector_all("table.dataTable tbody a", "links => [...new Set(links.map(a => a.href))]")
    assert ["https://app.example.org/meet/ada?a=1&b=2"] == links
    page.locator(".dt-search input").fill("user19999@")
    page.get_by_text("user19999@example.org").wait_for(timeout=20_000)
    page.get_by_text("Rows 1 to 1 of 1").wait_for(timeout=20_000)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    assert page.evaluate("window.ran") is None
    assert [] == elsewhere
    saved = book.file.read_text()
    assert "user0@" in saved  # pandas' own display
    assert "user777@" not in saved


def test_all_rows_are_sorted_and_filtered_and_ten_are_saved(open_notebook):
    """Sort and filter work on all rows. If widgets' state is saved, the notebook still has the first page only."""
    book = open_notebook("lab/tree", TABLE, saving=True)
    page = book.page
    book.run(0)
    page.get_by_text("Rows 1 to 10 of 20,000").wait_for(timeout=60_000)
    heading = page.locator(".dt-scroll-head th").filter(has_text="email")
    for _ in "up", "down":
        heading.locator(".dt-column-title").click()
    page.locator("table.dataTable tbody").get_by_text("user9999@").wait_for(timeout=20_000)
    heading.locator(".dtcc-button_dropdown").click()
    page.keyboard.type("user1234")
    page.get_by_text(re.compile("Rows 1 to 10 of 11")).wait_for(timeout=20_000)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    html, _ = nbconvert.HTMLExporter().from_filename(str(book.file))

    for text in (book.file.read_text(), html):
        assert '"_dt_args"' in text  # the state of the widget was saved
        assert 10 == len(set(re.findall(r"user\d+@", text)))
