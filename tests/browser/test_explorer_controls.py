"""The HTML controls of explore's panel for marimo, in a real Chromium without marimo."""

from pathlib import Path

import pytest

from kismet_nb.widgets import explorer_controls

pytestmark = pytest.mark.browser
RENDER = """async (source) => {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { default: widget } = await import(address);
  window.sent = [];
  const model = { on: (_, receive) => (window.receive = receive), off() {}, send: (content) => sent.push(content) };
  widget.render({ model, el: document.body });
}"""


def control(kind, label, value="", options=()):
    """Return a control as the kernel describes it."""
    return {"kind": kind, "label": label, "value": value, "options": options, "placeholder": "", "hidden": False}


def test_a_response_to_another_control_does_not_erase_what_is_being_typed(browser):
    """The kernel needs a moment for an answer, and people go on with the next field."""
    page = browser.new_page()
    page.evaluate(RENDER, Path(explorer_controls.__file__).with_suffix(".js").read_text(encoding="utf-8"))
    lines = [[control("select", "By", "day", ["day", "week"]), control("text", "From", "2026-01-01")]]
    page.evaluate("lines => receive({ lines })", lines)
    page.get_by_label("By").select_option("week")
    page.get_by_label("From").fill("2026-02")
    lines[0][0]["value"] = "week"
    page.evaluate("lines => receive({ lines })", lines)
    typed = page.get_by_label("From").input_value()
    page.get_by_label("From").press("Enter")
    page.evaluate("lines => receive({ lines })", lines)
    corrected = page.get_by_label("From").input_value()
    sent = page.evaluate("sent")
    page.close()

    assert ("2026-02", "2026-01-01") == (typed, corrected)
    assert ["week", "2026-02"] == [content["value"] for content in sent if content["kind"] == "chosen"]
