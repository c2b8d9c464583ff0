"""The form of login(rotate=True) in a real JupyterLab and Notebook 7 in a real Chromium."""

import pytest

pytestmark = pytest.mark.browser
FRONTS = ("lab/tree", "notebooks")


@pytest.mark.parametrize("front", FRONTS)
def test_new_credentials_replace_the_remembered_ones(open_notebook, front):
    """The earlier ones stay after a refusal, and are replaced in the key store when the server accepts the new ones."""
    who = "print(kn.login_status().sources[-1].note)"
    book = open_notebook(front, "import kismet_nb as kn\nme = kn.login()", "new = kn.login(rotate=True)", who)
    book.run(0)
    book.type_id()
    book.page.get_by_label("Remember on this computer").check()
    book.type("earlier-secret")
    book.submit("Remembered in this computer's key store.")
    book.run(1)
    book.wait_for("The earlier ones stay until the server accepts these.")
    book.kismet.mode = "401"
    book.field("Client ID").press_sequentially("client-id-cd34")
    book.type(book.secret)
    book.submit("Nothing was changed: the earlier credentials stay in use.")
    assert 0 == book.page.get_by_label("Remember on this computer").locator("visible=true").count()
    assert [] == book.traces(), "refused"
    book.run(2)
    book.page.get_by_text("Client ID …ab12, remembered today").wait_for()
    book.kismet.mode = "well"
    book.type(book.secret)
    book.submit("Replaced in this computer's key store.")
    book.run(2)
    book.page.get_by_text("Client ID …cd34, remembered today").wait_for()
    assert [] == book.traces(), "rotated"
