"""The login form in a real JupyterLab and Notebook 7 in a real Chromium; the secret leaves no trace."""

import pytest

pytestmark = pytest.mark.browser
LOG_IN = "import kismet_nb as kn\nme = kn.login()"
FRONTS = ("lab/tree", "notebooks")


@pytest.mark.parametrize("saving", [True, False])
@pytest.mark.parametrize("front", FRONTS)
def test_the_secret_leaves_no_trace(open_notebook, front, saving):
    """The secret is never in a file, a log or a message from the kernel, at any step of a login."""
    cells = (LOG_IN, "len(kn.fetch_users(client=me.client))", "import time; time.sleep(3)")
    book = open_notebook(front, *cells, saving=saving)
    book.run(0)
    book.type_id()
    book.type(book.secret[:12])
    assert [] == book.traces(), "typing"
    book.type(book.secret[12:])
    assert [] == book.traces(), "typed"
    book.page.keyboard.press("Tab")
    assert [] == book.traces(), "field left"

    book.kismet.mode = "slow 401"
    book.submit("Verifying")
    assert "true" == book.page.locator(".kismet-login form").get_attribute("aria-busy")
    assert [] == book.traces(), "in flight"
    book.kismet.may_answer.set()
    book.wait_for("Possible reasons, the most likely first: a wrong Client ID; a wrong secret")
    assert [] == book.traces(), "refused"
    text_for = {"echo": "(400)", "redirect": "redirects", "500": "failed (500)", "hang up": "refused the credentials"}
    for mode, text in text_for.items():
        book.kismet.mode = mode
        book.type(book.secret)
        book.submit(text)
        assert [] == book.traces(), mode

    book.kismet.mode = "well"
    book.type(book.secret)
    book.submit("Logged in: 3 users")
    assert [] == book.traces(), "logged in"
    book.run(1)
    book.page.locator(".jp-OutputArea-output").get_by_text("3", exact=True).wait_for()
    assert [] == book.traces(), "the rest of the notebook run"

    book.run(0)
    book.wait_for("Logged in: 3 users")
    book.button("Switch").click()
    book.type_id()
    book.type(book.secret)
    book.run(2)
    book.field("Client Secret").press("Enter")
    assert [] == book.traces(), "kernel busy"
    book.wait_for("Logged in: 3 users")
    book.button("Switch").click()
    book.type(book.secret)
    assert [] == book.traces(), "switching"
    book.page.reload()
    book.wait_for_kernel()
    book.wait_for("Logged in: 3 users")
    assert [] == book.traces(), "page reloaded"

    book.button("Switch").click()
    book.type_id()
    book.type(book.secret)
    book.restart()
    assert [] == book.traces(), "kernel restarted"
    book.submit("lost its kernel")
    assert [] == book.traces(), "sent to a kernel that has ended"
    book.run(0)
    book.type(book.secret)
    book.run(0)
    book.page.wait_for_timeout(500)
    assert [] == book.traces(), "abandoned, and the cell run again"


def test_the_form_says_that_the_kernel_is_busy(open_notebook):
    """If a cell is running, the form says that the login waits, and logs in after the cell has ended."""
    book = open_notebook("lab/tree", LOG_IN, "import time; time.sleep(20)", saving=False)
    book.run(0)
    book.type_id()
    book.type(book.secret)
    book.run(1)
    book.submit("If a cell is still running, this login waits for it.")
    book.wait_for("Logged in: 3 users")

    assert [] == book.traces()


WEAK = """
import anywidget, ipywidgets, traitlets
from pathlib import Path
import kismet_nb.widgets.login_form as ours

class Weak(ours.LoginFields):
    _esm = Path(ours.__file__).with_name("login_form.js").read_text().replace(
        "const credentials =", 'model.set("typed", secret.value); model.save_changes(); const credentials =')
    typed = traitlets.Unicode().tag(sync=True)

form = Weak(ours.FormLogin(None), api_url="http://127.0.0.1:9", rotate=False).add_class("kismet-login")
password = ipywidgets.Password(description="Client Secret")
display({name})
"""


def test_the_scan_finds_a_password_widget(open_notebook):
    """A secret typed into an ipywidgets.Password is found in the notebook, its HTML, the log and a message."""
    book = open_notebook("lab/tree", WEAK.format(name="password"))
    book.run(0)
    book.page.locator("input[type=password]").press_sequentially(book.secret)
    found = book.traces()

    assert {"a message from the kernel", "server.log", book.file.name, book.file.with_suffix(".html").name} <= set(
        found
    )


def test_the_scan_finds_a_weakened_form(open_notebook):
    """If our form sends the secret as a synchronised trait, it is found in the same places."""
    book = open_notebook("lab/tree", WEAK.format(name="form"))
    book.run(0)
    book.type_id()
    book.type(book.secret)
    assert [] == book.traces()
    book.submit("Verifying")
    found = book.traces()

    assert {"a message from the kernel", "server.log", book.file.name, book.file.with_suffix(".html").name} <= set(
        found
    )


def test_remembered_credentials_log_in_and_are_deleted(open_notebook):
    """If the box is ticked, the key store has them, login() uses them, and logout(forget=True) deletes them."""
    book = open_notebook("notebooks", LOG_IN, "kn.logout()\nkn.login()", "kn.logout(forget=True)\nkn.login_status()")
    book.run(0)
    book.type_id()
    book.type(f"  {book.secret} ")
    book.page.get_by_label("Remember on this computer").check()
    book.button("Log in").dblclick()
    book.wait_for("Remembered in this computer's key store.")
    book.run(1)
    book.wait_for("Logged out.")
    book.page.get_by_text("from the key store, Client ID …ab12.").wait_for()
    book.run(2)
    book.page.get_by_text("Deleted from the key store.").wait_for()
    book.page.get_by_text("nothing is remembered").wait_for()

    assert [book.secret, book.secret] == [headers["X-Client-Secret"] for headers in book.kismet.visits]
    assert [] == book.traces()


@pytest.mark.parametrize(("dark", "width"), [(False, 1100), (True, 420)])
def test_the_form_by_keyboard_and_paste(open_notebook, jupyter, dark, width):
    """Pasted lines of a .env fill both fields, Tab and Enter suffice, and a second Enter does not log out."""
    book = open_notebook("notebooks", LOG_IN, dark=dark, width=width)

    def picture(name):
        right = "element => element.getBoundingClientRect().right"
        form = book.page.locator(".kismet-login")
        assert form.evaluate(right) <= form.locator("..").evaluate(right)
        book.page.screenshot(path=jupyter.folder / f"{'dark' if dark else 'light'}-{name}.png")

    book.run(0)
    book.field("Client ID").focus()
    picture("open")
    assert book.page.locator(".kismet-heading").get_by_text("Log in to 127.0.0.1").is_visible()
    help_button, answer = book.page.locator(".kismet-help summary"), book.page.get_by_text("which asks below the cell")
    assert not answer.is_visible()
    help_button.press("Enter")
    assert answer.is_visible()
    picture("help")
    help_button.press("Enter")
    book.field("Client ID").focus()
    book.page.evaluate(
        """text => { const data = new DataTransfer(); data.setData('text', text); document.activeElement.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })); }""",
        f'export KISMET_CLIENT_ID="client-id-ab12"\r\nKISMET_CLIENT_SECRET={book.secret}\r\n',
    )
    book.button("Show secret").press("Enter")
    assert book.secret == book.field("Client Secret").input_value()
    picture("shown")
    book.kismet.mode = "401"
    book.page.keyboard.press("Shift+Tab")
    book.page.keyboard.press("Enter")
    book.page.get_by_role("alert").get_by_text("refused the credentials").wait_for()
    picture("refused")
    assert "Client Secret" == book.page.evaluate("() => document.activeElement.labels[0].firstChild.textContent.trim()")

    book.kismet.mode = "well"
    book.type(book.secret)
    book.submit("Logged in: 3 users")
    book.page.keyboard.press("Enter")
    picture("done")
    assert not book.page.locator(".kismet-heading").is_visible()
    assert not help_button.is_visible()
    book.button("Switch").click()
    picture("switch")
    book.button("Stay logged in").click()
    book.button("Log out").click()
    book.wait_for("Logged out.")
    assert book.field("Client ID").is_visible()
