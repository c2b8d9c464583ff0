"""Charts in a real Chromium: in JupyterLab and Notebook 7, and in the page that nbconvert makes of the notebook."""

import nbconvert
import nbformat
import pandas as pd
import pytest

import kismet_nb as kn

pytestmark = pytest.mark.browser
CHARTS = """
import pandas as pd
import kismet_nb as kn

names = ["<img src=x onerror='window.ran=1'>", "Ada Ferris"]
users = pd.DataFrame({"id": [11, 12], "display_name": names})
days = pd.date_range("2026-08-03 15:00", periods=60, tz="UTC")
calls = pd.DataFrame({"organization_user_id": [11, 12] * 30, "created_at": days})
kn.charts.calls_per_period(calls, users, by="month")
"""


def text_colours(page):
    """Return the lightness (0 to 255) of the chart's title and of the page behind it, and the chart's background."""
    read = """() => {
      const lightness = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number); return (r + g + b) / 3; };
      const chart = document.querySelector('.kismet-chart');
      let behind = chart;
      while (/rgba\\(0, 0, 0, 0\\)/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
      const title = [...chart.querySelectorAll('text')].find(text => text.textContent.startsWith('How many calls'));
      const paper = getComputedStyle(chart.querySelector('svg > rect')).fill;
      return [lightness(getComputedStyle(title).fill), lightness(getComputedStyle(behind).backgroundColor), paper];
    }"""
    return page.evaluate(read)


def hover(page, label):
    """Move the mouse to the mark with this description, and return the text of the tooltip."""
    page.locator(f'.kismet-chart path[aria-label^="{label}"]').first.hover()
    tip = page.locator(".kismet-chart > div")
    tip.wait_for(state="visible", timeout=20_000)
    return tip.inner_text()


@pytest.mark.parametrize(("front", "dark"), [("lab/tree", False), ("lab/tree", True), ("notebooks", False)])
def test_a_chart_shows_the_numbers_under_the_mouse_and_follows_the_theme(front, dark, open_notebook):
    """The tooltip has the name as text; nothing is loaded from elsewhere; the chart has no background of its own."""
    book = open_notebook(front, CHARTS, dark=dark)
    page, elsewhere = book.page, []
    here = (book.jupyter.url, "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(here) else elsewhere.append(sent.url))
    book.run(0)
    page.locator(".kismet-chart svg").wait_for(timeout=60_000)

    assert "Ada Ferris\nAug 2026\n14 calls" == hover(page, "Ada Ferris")
    assert hover(page, "<img").startswith("<img src=x onerror")
    page.mouse.move(0, 0)
    page.locator(".kismet-chart > div").wait_for(state="hidden")
    text, behind, paper = text_colours(page)
    assert (text > 160 and behind < 60) if dark else (text < 60 and behind > 200)
    assert "none" == paper
    assert page.evaluate("window.ran") is None
    assert [] == elsewhere


def test_a_chart_shows_numbers_in_the_page_that_nbconvert_makes(open_notebook, browser):
    """In a saved notebook as HTML, charts need neither a kernel nor the internet."""
    book = open_notebook("lab/tree", CHARTS)
    book.run(0)
    book.page.locator(".kismet-chart svg").wait_for(timeout=60_000)
    book.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    for theme in "light", "dark":
        html, _ = nbconvert.HTMLExporter(theme=theme).from_filename(str(book.file))
        target = book.file.with_suffix(f".{theme}.html")
        target.write_text(html)
        page = browser.new_page()
        page.route("http*://**", lambda route: route.abort())  # no internet
        page.goto(f"file://{target}")

        assert "All providers\nAug 2026\n29 calls" == hover(page, "All providers")
        text, behind, _ = text_colours(page)
        assert abs(text - behind) > 120
        page.close()


def test_a_chart_in_a_notebook_that_is_not_trusted_is_a_picture(open_notebook, jupyter):
    """In a notebook that came by mail, no script runs, and a chart is shown as a picture."""
    book = open_notebook("lab/tree", "1")
    chart = kn.charts.email_domains(pd.DataFrame({"email": ["ada@example.org", "dee@example.net"]}))
    output = nbformat.v4.new_output("display_data", chart._repr_mimebundle_())
    cell = nbformat.v4.new_code_cell("chart", outputs=[output], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), jupyter.folder / "from-mail.ipynb")
    book.page.goto(f"{jupyter.url}lab/tree/from-mail.ipynb?token=planted&reset")
    picture = book.page.get_by_alt_text("At which domains are the users' addresses?")
    picture.wait_for(timeout=60_000)

    assert picture.evaluate("picture => picture.complete && picture.naturalWidth > 300")
    assert 0 == book.page.locator(".kismet-chart svg").count()
