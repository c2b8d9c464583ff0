"""The login form: heading and help as ipywidgets, the two fields as an HTML form (``login_form.js``).

The fields are not ipywidgets, because a widget's value is sent with every key and may be saved in the notebook. Here
the secret stays in the HTML field and goes to the kernel once, as the binary buffer of one message. No trait holds
it. No trait holds the kernel's answers either, because a saved notebook must not claim that somebody is logged in.

Tested in JupyterLab 4 and Notebook 7 with ipywidgets 8. JupyterLab 4 cannot draw the widgets of ipywidgets 7. The
documentation of anywidget names VS Code and Colab too. If a notebook cannot show the form, or drops its binary
message, ``kn.login(prompt=True)`` asks with getpass, and the two environment variables always work.

This module imports ipywidgets and anywidget, which takes a while, so import it when the first form is shown.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import traitlets
from IPython.display import display

from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import ID_VARIABLE, SECRET_VARIABLE, Credentials
from kismet_nb.auth.current import Login, current_login, log_out, login_watchers
from kismet_nb.auth.discovery import THIS_FORM, credential_sources, find_api_url, next_login_note
from kismet_nb.errors import CredentialsError, KismetError
from kismet_nb.fetch.log_in import log_in
from kismet_nb.fetch.rotation import rotate as rotate_credentials
from kismet_nb.transport.client import KismetClient

__all__ = ["FormLogin", "LoginFields", "LoginForm", "show_form"]

# Printed below the form, because a person who sees no form does not see its help either.
WITHOUT_THE_FORM = f"""\
No form above? kn.login(prompt=True) asks here.
Or set {ID_VARIABLE} and {SECRET_VARIABLE}."""
WITHOUT_THE_ROTATION_FORM = "No form above? kn.login(prompt=True, rotate=True) asks here."
NOT_THE_NOTEBOOKS = "This is no longer the notebook's login: it is used only where its .client is passed."
LOG_IN = "Log in to <strong>{host}</strong>"
ROTATE = "New credentials for <strong>{host}</strong>. The earlier ones stay until the server accepts these."
HELP = """\
<details data-lm-suppress-shortcuts="true">
<summary>Help</summary>
<dl>
<dt>Where are my credentials?</dt>
<dd>In the Kismet dashboard. The secret is shown there only once; if it is lost, create new credentials.</dd>
<dt>Paste both at once</dt>
<dd>Paste the lines of a .env file into either field.</dd>
<dt>Skip this form</dt>
<dd>Set <code>{id}</code> and <code>{secret}</code> in the environment or in a .env file.</dd>
<dt>Remember me</dt>
<dd>{remember}</dd>
<dt>The form does not respond</dt>
<dd>Run <code>kn.login(prompt=True)</code>, which asks below the cell.</dd>
<dt>No account</dt>
<dd>Run <code>kn.use_demo()</code>, which logs in to an invented organization.</dd>
</dl>
</details>"""

Answer = tuple[str, str]  # the fields' next state ("open", "verifying", "refused" or "done"), and a message


class FormLogin:
    """What ``login()`` returns when it shows a form.

    Attributes
    ----------
    login
        The form's login, or None while it is not logged in.
    client
        The client of that login.
    """

    def __init__(self, login: Login | None) -> None:
        self.login = login

    @property
    def client(self) -> KismetClient:
        """The client of this form's login.

        Raises
        ------
        CredentialsError
            The form has not logged in yet, or has logged out.
        """
        if self.login is None:
            raise CredentialsError("The form is not logged in. Fill it in, then run this cell again.")
        return self.login.client

    def __repr__(self) -> str:
        return str(self.login or "A login form that is not logged in.")

    def _ipython_display_(self) -> None:
        """Show nothing more below the form."""


class LoginFields(anywidget.AnyWidget):
    """The two fields, the buttons and the answers: an HTML form that sends messages.

    Parameters
    ----------
    handle
        What ``login()`` returns for this form.
    api_url
        The address that the credentials are sent to, even if the environment changes later.
    rotate
        Whether they replace earlier credentials, which stay if the server refuses the new ones.
    traits
        ``can_remember``: whether the form offers "Remember on this computer".
    """

    _esm: ClassVar[Path] = Path(__file__).with_name("login_form.js")
    _css: ClassVar[Path] = Path(__file__).with_name("login_form.css")
    can_remember = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, handle: FormLogin, api_url: str, *, rotate: bool, **traits: bool) -> None:
        super().__init__(**traits)
        self._handle, self._api_url, self._rotate = handle, api_url, rotate
        self._answer: Answer = ("done", str(handle.login)) if handle.login and not rotate else ("open", "")
        self.on_msg(self._receive)
        login_watchers.append(self._on_login_change)

    def _receive(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        kind = content.get("kind")
        if kind == "log-out":
            self._reply(_log_out(self._handle))
        elif kind == "log-in":
            self._reply(("verifying", "Verifying …"))
            remember = content.get("remember") is True
            self._reply(_log_in(self._handle, buffers, self._api_url, remember=remember, rotate=self._rotate))
        else:  # The form was drawn, perhaps after the page was reloaded.
            self._reply(self._answer)

    def _on_login_change(self, before: Login | None, now: Login | None) -> None:
        if self._answer[0] != "verifying" and (answer := _after_login_change(self._handle, before, now)):
            self._reply(answer)

    def _reply(self, answer: Answer) -> None:
        self._answer = answer
        self.send({"state": answer[0], "message": answer[1]})


class LoginForm(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """A heading with the address, the fields, and the help."""

    def __init__(self, handle: FormLogin, api_url: str, *, rotate: bool) -> None:
        reason = keyring_store.unavailable_reason()
        heading = ipywidgets.HTML((ROTATE if rotate else LOG_IN).format(host=html.escape(urlsplit(api_url).netloc)))
        fields = LoginFields(handle, api_url, rotate=rotate, can_remember=reason is None and not rotate)
        help_text = ipywidgets.HTML(_help(reason, rotate=rotate))
        super().__init__([heading.add_class("kismet-heading"), fields, help_text.add_class("kismet-help")])
        self.add_class("kismet-login")

    def __repr__(self) -> str:
        return "Kismet login form"


def show_form(present: Login | None, *, rotate: bool) -> FormLogin:
    """Display a form below the cell, and return the login that it will hold."""
    handle = FormLogin(present)
    api_url = present.client.api_url if rotate and present else find_api_url()
    display(LoginForm(handle, api_url, rotate=rotate))  # type: ignore[no-untyped-call]
    print(WITHOUT_THE_ROTATION_FORM if rotate else WITHOUT_THE_FORM)
    return handle


def _help(cannot_remember: str | None, *, rotate: bool) -> str:
    remember = (
        "Tick “Remember on this computer” to save both in its key store. <code>kn.logout(forget=True)</code> "
        "deletes them again."
    )
    if rotate:
        remember = "If this computer's key store has the earlier credentials, the new ones replace them there."
    if cannot_remember:
        remember = f"Not on this computer. Its key store cannot be used: {html.escape(cannot_remember)}."
    return HELP.format(id=ID_VARIABLE, secret=SECRET_VARIABLE, remember=remember)


def _log_in(handle: FormLogin, buffers: list[memoryview], api_url: str, *, remember: bool, rotate: bool) -> Answer:
    """Log in with the credentials that the form sent, or replace earlier ones by them."""
    try:
        typed = _parse_credentials(buffers)
        client = KismetClient.from_credentials(typed, api_url=api_url)
        login, note = rotate_credentials(client, THIS_FORM) if rotate else (log_in(client, THIS_FORM), "")
    except KismetError as error:
        return "refused", str(error).replace(". ", ".\n")
    except KeyboardInterrupt:
        return "refused", "Interrupted. Nothing was changed."
    except Exception as error:  # noqa: BLE001 - a traceback here would show the frames that hold the secret
        return "refused", f"Something unexpected went wrong ({type(error).__name__}). Nothing was changed."
    handle.login = login
    message = f"{login}\n{note}" if note else str(login)
    login.client.source = "the form"  # An error in a later cell must not speak of "this form".
    if remember:
        try:
            keyring_store.save_credentials(api_url, typed)
            message += "\nRemembered in this computer's key store."
        except keyring_store.KeyringError as error:
            message += f"\nNot remembered: the key store was not used, {error}."
    return "done", message


def _parse_credentials(buffers: list[memoryview]) -> Credentials:
    if not buffers:
        raise CredentialsError(
            "This notebook program passes no binary messages on, so the secret did not arrive. Run "
            "kn.login(prompt=True) instead."
        )
    values = json.loads(bytes(buffers[0]))
    return Credentials(values["id"], values["secret"])


def _log_out(handle: FormLogin) -> Answer:
    """Log out this form's login. A later login of the notebook stays."""
    mine, handle.login = handle.login, None
    if mine is current_login():
        log_out()
    elif mine:
        mine.client.close()
    if present := current_login():
        return "open", f"Logged out.\nThe notebook stays logged in from {present.source}."
    note = next_login_note(tuple(credential_sources()))
    return "open", f"Logged out.\n{note}" if note else "Logged out."


def _after_login_change(handle: FormLogin, before: Login | None, now: Login | None) -> Answer | None:
    """Return what a form shows after another cell or form has logged in or out; None if nothing changes for it."""
    mine = handle.login
    if mine and now and now.client is mine.client:
        handle.login = now
        return "done", str(now)
    if mine is None or mine is not before:
        return None
    if now:
        return "done", f"{mine}\n{NOT_THE_NOTEBOOKS}"
    handle.login = None
    return "open", "Logged out."
