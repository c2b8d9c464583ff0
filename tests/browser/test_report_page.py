"""A report opened in a real Chromium by its path, as a double-click does."""

import pytest

import kismet_nb as kn

pytestmark = pytest.mark.browser


def test_a_report_opens_alone_and_fits_on_paper(browser, tmp_path):
    """It requests no other file and logs no error, and no chart is wider or higher than a sheet of paper."""
    kn.report("report.html", demo=True, fail_rate_unit="fraction")
    page, requested, logged = browser.new_page(), [], []
    page.on("request", lambda sent: requested.append(sent.url))
    page.on("console", lambda message: logged.append(message.text))
    page.set_viewport_size({"width": 680, "height": 900})  # a sheet between its margins
    page.emulate_media(media="print")
    page.goto(f"file://{tmp_path}/report.html")
    boxes = page.eval_on_selector_all("svg", "all => all.map(svg => svg.getBoundingClientRect().toJSON())")

    assert [f"file://{tmp_path}/report.html"] == requested
    assert [] == logged
    assert 9 == len(boxes)
    assert [] == [box for box in boxes if box["right"] > 680 or box["height"] > 900]
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
