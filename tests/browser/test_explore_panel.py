"""The panel of explore in a real JupyterLab and Notebook 7 in a real Chromium."""

import re

import pytest

import kismet_nb as kn

pytestmark = pytest.mark.browser
FETCH = """
import kismet_nb as kn

kn.use_demo()
users = kn.fetch_users(progress=False)
held = kn.fetch_calls(users, progress=False)
"""


def choose(page, label, value):
    """Choose a value in a control, or type it and leave the control."""
    control = page.locator(".widget-hbox").get_by_label(label, exact=True).first
    if control.evaluate("element => element.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
        control.press("Tab")


@pytest.mark.parametrize("front", ["lab/tree", "notebooks"])
def test_a_question_is_answered_and_its_code_runs_in_a_cell(open_notebook, front):
    """A filter, a period and a zone are chosen; the copied code makes the same table; no row is saved.

    The chart has no background of its own, because JupyterLab is dark here.
    """
    book = open_notebook(front, FETCH, "kn.explore(held, users)", "", saving=True, dark=front == "lab/tree")
    page = book.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    book.run(0)
    page.get_by_text("Logged in to the demo organization").wait_for(timeout=60_000)
    book.run(1)
    page.locator(".kismet-answer pre").wait_for(timeout=60_000)
    choose(page, "Question", "Calls per period")
    choose(page, "By", "month")
    choose(page, "Time zone", "America/Chicago")
    choose(page, "From", "2026-06-01")
    page.get_by_role("button", name="Add a filter").click()
    choose(page, "Only where", "users: display_name")
    page.locator(".widget-dropdown select").nth(3).select_option("contains")
    page.get_by_placeholder("several").fill("chen")
    page.get_by_placeholder("several").press("Tab")
    page.locator(".kismet-answer pre").get_by_text("some_users").wait_for(timeout=30_000)
    page.locator(".kismet-answer svg").wait_for()
    paper = page.locator(".kismet-answer svg > rect").first
    assert "none" == paper.evaluate("rect => getComputedStyle(rect).fill")
    page.locator("table.dataTable tbody").get_by_text("Chen").first.wait_for(timeout=30_000)
    page.screenshot(path=book.file.with_suffix(".png"))
    info = page.locator(".dt-info").inner_text()
    page.get_by_role("button", name="Copy the code").click()
    code = page.evaluate("navigator.clipboard.readText()")
    assert 'tz="America/Chicago"' in code.replace("'", '"')
    assert 'held[held["organization_user_id"].isin(some_users["id"])]' in code

    page.locator(".jp-Notebook .jp-Cell .cm-content").nth(2).click()
    page.keyboard.insert_text(f"{code}\nprint(len(answer), 'rows')")
    page.keyboard.press("Control+Enter")
    rows = re.search(r"of ([\d,]+)", info)[1].replace(",", "")
    page.locator(".jp-OutputArea-output").get_by_text(f"{rows} rows").wait_for(timeout=30_000)

    choose(page, "File", str(book.file.with_suffix(".csv")))
    page.get_by_role("button", name="Export").click()
    page.get_by_text(f"Wrote {int(rows):,} rows").wait_for(timeout=30_000)
    assert int(rows) == len(kn.read_export(book.file.with_suffix(".csv")))
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = book.file.read_text()
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert [] == re.findall(r"[A-Z]\w+ Chen|@example\.", saved)
