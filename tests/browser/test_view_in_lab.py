"""A table viewed in a real JupyterLab in a real Chromium."""

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
    book = open_notebook("lab/tree", TABLE, saving=False)  # as JupyterLab comes
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
