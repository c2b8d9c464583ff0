"""The texts of the login form, which depend on the program that shows it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from urllib.parse import urlsplit

from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import ID_VARIABLE, SECRET_VARIABLE
from kismet_nb.frontend import in_voila, marimo_mode

__all__ = ["WITHOUT_THE_FORM", "WITHOUT_THE_ROTATION_FORM", "FormTexts", "form_texts", "how_to_show_again"]

# Shown below the form until the form is drawn: if a form cannot be drawn, neither can its help.
WITHOUT_THE_FORM = f"""\
No form above? kn.login(prompt=True) asks here.
Or set {ID_VARIABLE} and {SECRET_VARIABLE}."""
WITHOUT_THE_ROTATION_FORM = "No form above? kn.login(prompt=True, rotate=True) asks here."
LOG_IN = "Log in to <strong>{host}</strong>"
ROTATE = "New credentials for <strong>{host}</strong>. The earlier ones stay until the server accepts these."
WHERE = "In the Kismet dashboard. The secret is shown there only once; if it is lost, create new credentials."
PASTE = "Paste the lines of a .env file into either field."
SKIP = f"Set <code>{ID_VARIABLE}</code> and <code>{SECRET_VARIABLE}</code> in the environment or in a .env file."
REMEMBER = """\
Tick “Remember on this computer” to save both in its key store. <code>kn.logout(forget=True)</code> deletes them \
again."""
REPLACED = "If this computer's key store has the earlier credentials, the new ones replace them there."
ASK_BELOW = "Run <code>kn.login(prompt=True)</code>, which asks below the cell."
RUN_AGAIN = "Run the cell again."
NO_ACCOUNT = "Run <code>kn.use_demo()</code>, which logs in to an invented organization."


@dataclass(frozen=True, slots=True)
class FormTexts:
    """The texts of a form, as HTML.

    Attributes
    ----------
    heading, help
        The texts above and below the fields.
    can_remember
        Whether the form offers "Remember on this computer".
    """

    heading: str
    help: str
    can_remember: bool


def form_texts(api_url: str, *, rotate: bool) -> FormTexts:
    """Return the texts of a form for an address."""
    heading = (ROTATE if rotate else LOG_IN).format(host=html.escape(urlsplit(api_url).netloc))
    reason = _why_not_remembered()
    return FormTexts(heading, _help(reason, rotate=rotate), can_remember=reason is None and not rotate)


def _help(cannot_remember: str | None, *, rotate: bool) -> str:
    """Return the help. It is shorter for a Voila page, whose reader can run no cells."""
    entries = [("Where are my credentials?", WHERE), ("Paste both at once", PASTE)]
    if not in_voila():
        remember = REPLACED if rotate else REMEMBER
        if cannot_remember:
            remember = f"Not on this computer. Its key store cannot be used: {html.escape(cannot_remember)}."
        entries += [
            ("Skip this form", SKIP),
            ("Remember me", remember),
            ("The form does not respond", RUN_AGAIN if marimo_mode() else ASK_BELOW),
            ("No account", NO_ACCOUNT),
        ]
    lines = "\n".join(f"<dt>{question}</dt>\n<dd>{answer}</dd>" for question, answer in entries)
    return f'<details data-lm-suppress-shortcuts="true">\n<summary>Help</summary>\n<dl>\n{lines}\n</dl>\n</details>'


def how_to_show_again() -> str:
    """Return how to show the form again after its kernel has ended."""
    return "Reload the page." if in_voila() else "Run the cell with kn.login() again."


def _why_not_remembered() -> str | None:
    """Return why the form cannot remember credentials, or None if it can.

    A Voila page would save them in the server's key store, and they would log in the next reader.
    """
    return "this page is for several people" if in_voila() else keyring_store.unavailable_reason()
