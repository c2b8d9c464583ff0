"""The reference, as ``kismet-nb docs`` builds it: each public name is on it, and it needs no internet."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from contracts.public_api import COMMANDS, SIGNATURES

import kismet_nb as kn
import kismet_nb.reports
from kismet_nb.resources import RESOURCES

pytestmark = [pytest.mark.site, pytest.mark.slow]

NOTEBOOKS = sorted(path.stem for path in Path(__file__).parents[2].glob("notebooks/*.ipynb"))
GROUPS = {"summaries": kn.summaries, "charts": kn.charts, "reports": kismet_nb.reports}
PUBLIC = [
    *(name for name in kn.__all__ if name not in GROUPS),
    *(f"{group}.{name}" for group, module in GROUPS.items() for name in module.__all__),
    *(name for name in SIGNATURES if name.startswith(("KismetClient.", "DemoOrganization."))),
]


class Page:
    """A page of the site: its HTML, and the text of its blocks of code."""

    def __init__(self, file):
        self.html = file.read_text(encoding="utf-8")
        blocks = re.findall(r"<pre>(.*?)</pre>", self.html, re.DOTALL)
        self.code = html.unescape(re.sub(r"<[^>]*>", "", "\n".join(blocks)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Build the site with the command, with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).with_name("kismet-nb"), "docs", folder, "--rebuild", "--strict", "--no-browser"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert 0 == run.returncode, run.stderr  # libzmq may print there while a kernel ends
    return folder


@pytest.fixture(scope="module")
def pages(folder):
    """Return the pages of the site by their paths, without copies of the source code."""
    files = [file for file in folder.rglob("*.html") if "_modules" not in file.parts]
    return {file.relative_to(folder).with_suffix("").as_posix(): Page(file) for file in files}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented_with_an_example(pages, name):
    """One page has its signature and docstring, and a block of code that uses it."""
    found = [page for page in pages.values() if f'id="kismet_nb.{name}"' in page.html]

    assert 1 == len(found)
    assert re.search(rf"\b{name.rpartition('.')[2]}\b", found[0].code)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_documented_with_an_example(pages, command):
    """The page of the command line has its help and a line that runs it."""
    code = pages["commands"].code

    assert re.search(rf"^usage: kismet-nb {command} ", code, re.MULTILINE)
    assert re.search(rf"^kismet-nb {command}\b", code, re.MULTILINE)
    assert [] == [option for option in COMMANDS[command] if f"{option} " not in code]


@pytest.mark.parametrize("table", RESOURCES)
def test_the_data_dictionary_has_every_column(pages, table):
    """The page of the tables has a row for each column, with its dtype and meaning."""
    section = pages["tables"].html.split(f'<section id="{table.replace("_", "-")}">')[1].split("</section>")[0]
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in section.split("<tr")[2:]]
    shown = [[html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in cells]

    assert [
        [column.column, column.dtype, column.meaning.replace("'", "’")] for column in kn.describe(table).itertuples()
    ] == [[name, dtype, meaning] for name, dtype, _, meaning in shown]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_shown_with_its_outputs(pages, name):
    """Each notebook is a page with code, outputs and no error."""
    page = pages[f"notebooks/{name}"].html

    assert page.count('class="cell_output') >= 1
    assert 'class="traceback' not in page


def test_nothing_is_loaded_from_elsewhere(folder):
    """No page, script or style names a file on another host to load."""
    found = []
    for file in folder.rglob("*"):
        if file.suffix in {".html", ".css", ".js"} and "_modules" not in file.parts:
            text = file.read_text(encoding="utf-8")
            found += re.findall(r"""(?:src=|<link[^>]*href=|@import |url\()["']?(?:https?:)?//[^"')\s]+""", text)

    assert [] == found


@pytest.fixture(scope="module")
def chromium():
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (390, "dark")])
def test_every_page_fits_its_window(folder, pages, chromium, width, scheme):
    """No page scrolls sideways, reports an error or asks for anything beyond the folder."""
    page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda sent: sent.url.startswith(("file:", "data:")) or problems.append(sent.url))
    for name in pages:
        page.goto((folder / f"{name}.html").as_uri())
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            problems.append(name)
    page.close()

    assert [] == problems


@pytest.mark.parametrize(("scheme", "bars"), [("light", "rgb(27, 79, 114)"), ("dark", "rgb(59, 138, 196)")])
def test_charts_follow_the_theme(folder, chromium, scheme, bars):
    """Bars are lighter in the dark theme."""
    page = chromium.new_page(color_scheme=scheme)
    page.goto((folder / "charts.html").as_uri())
    page.wait_for_selector(".kismet-chart svg path[fill='#1b4f72']")
    fills = "marks => marks.map(mark => getComputedStyle(mark).fill)"
    shown = page.eval_on_selector_all(".kismet-chart svg path[fill='#1b4f72']", fills)
    page.close()

    assert {bars} == set(shown)


def test_the_search_finds_a_function(folder, chromium):
    """The search works in a page that was opened as a file."""
    page = chromium.new_page()
    page.goto((folder / "search.html").as_uri() + "?q=fetch_calls")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "links => links.map(link => link.getAttribute('href'))")
    page.close()

    assert any(link.startswith("fetch.html#kismet_nb.fetch_calls") for link in found)
