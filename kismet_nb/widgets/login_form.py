"""The login form: heading and help as ipywidgets, the two fields as an HTML form (``login_form.js``).

The fields are not ipywidgets, because a widget sends its value with every key and may save it in the notebook. Here
the secret stays in the HTML field and is sent to the kernel once, as the binary buffer of one message. No trait
contains it, or the kernel's responses: a saved notebook must not claim that somebody is logged in.

Tested in JupyterLab 4, Notebook 7 and Voila with ipywidgets 8, and in marimo's editor, where the fields draw heading
and help themselves. JupyterLab 4 cannot draw the widgets of ipywidgets 7. According to its documentation, anywidget
also supports VS Code and Colab. If a notebook cannot show the form, or drops its binary message,
``kn.login(prompt=True)`` asks with getpass, and the two environment variables always work.

This module imports ipywidgets and anywidget, which are slow to import, so import it when the first form is shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import traitlets
from IPython.display import display

from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import Credentials
from kismet_nb.auth.current import Login, current_login, log_out, login_watchers, record_form
from kismet_nb.auth.discovery import THIS_FORM, credential_sources, find_api_url, next_login_note
from kismet_nb.errors import CredentialsError, KismetError
from kismet_nb.fetch.log_in import log_in
from kismet_nb.fetch.rotation import rotate as rotate_credentials
from kismet_nb.frontend import in_voila, marimo_mode
from kismet_nb.transport.client import KismetClient
from kismet_nb.widgets.login_help import (
    WITHOUT_THE_FORM,
    WITHOUT_THE_ROTATION_FORM,
    heading_text,
    help_text,
    how_to_show_again,
    why_not_remembered,
)

__all__ = ["FormLogin", "LoginFields", "LoginForm", "show_form"]

NOT_THE_NOTEBOOKS = "This is no longer the notebook's login. To use it, pass its .client."


class Answer(NamedTuple):
    """The next state of the fields.

    Attributes
    ----------
    state
        ``"open"``, ``"verifying"``, ``"refused"`` or ``"done"``.
    message
        The text about what happened.
    note
        The text below the buttons about the key store.
    """

    state: str
    message: str
    note: str = ""


class FormLogin:
    """The result of ``login()`` if it shows a form.

    Attributes
    ----------
    login
        The form's login, or None if it is not logged in.
    client
        The client of that login.
    """

    def __init__(self, login: Login | None) -> None:
        self.login = login
        self._fields: LoginFields | None = None  # the form that marimo shows for this object

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

    def set_fields(self, fields: LoginFields) -> None:
        """Set the form that marimo shows for this object."""
        self._fields = fields

    def _display_(self) -> LoginFields | None:
        """Return the form for marimo, where the last expression of a cell replaces what the cell has displayed."""
        return self._fields


class LoginFields(anywidget.AnyWidget):
    """The two fields, the buttons and the answers: an HTML form that sends messages.

    Parameters
    ----------
    handle
        The result of ``login()`` for this form.
    api_url
        The address that the credentials are sent to, even if the environment changes later.
    rotate
        Whether new credentials replace the earlier ones. If the server refuses the new ones, the earlier ones stay.
    traits
        ``can_remember``: whether the form offers "Remember on this computer". ``heading`` and ``help``: HTML, if no
        other widgets show them.
    """

    _esm: ClassVar[Path] = Path(__file__).with_name("login_form.js")
    _css: ClassVar[Path] = Path(__file__).with_name("login_form.css")
    can_remember = traitlets.Bool(default_value=False).tag(sync=True)
    again = traitlets.Unicode().tag(sync=True)
    heading = traitlets.Unicode().tag(sync=True)
    help = traitlets.Unicode().tag(sync=True)

    def __init__(self, handle: FormLogin, api_url: str, *, rotate: bool, **traits: bool | str) -> None:
        super().__init__(again=how_to_show_again(), **traits)
        self._handle, self._api_url, self._rotate = handle, api_url, rotate
        self._answer = Answer("done", str(handle.login)) if handle.login and not rotate else Answer("open", "")
        self._is_drawn, self._hint = False, None
        self.on_msg(self._receive)
        login_watchers.append(self._on_login_change)

    def _receive(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        kind = content.get("kind")
        if kind == "log-out":
            self._reply(_log_out(self._handle))
        elif kind == "log-in":
            self._reply(Answer("verifying", "Verifying …"))
            remember = content.get("remember") is True
            self._reply(_log_in(self._handle, buffers, self._api_url, remember=remember, rotate=self._rotate))
        else:  # the form was drawn, also after a reload of the page
            self._is_drawn = True
            self._remove_hint()
            self._reply(self._answer)

    def set_hint(self, hint: Any) -> None:  # noqa: ANN401 - a display handle of IPython, or of another program
        """Set the display below the form. It is emptied as soon as the form is drawn."""
        self._hint = hint
        self._remove_hint()

    def _remove_hint(self) -> None:
        if self._is_drawn and self._hint:
            self._hint.update({"text/plain": ""}, raw=True)
            self._hint = None

    def _on_login_change(self, before: Login | None, now: Login | None) -> None:
        if self._answer.state != "verifying" and (answer := _after_login_change(self._handle, before, now)):
            self._reply(answer)

    def _reply(self, answer: Answer) -> None:
        self._answer = answer
        note = {"note": answer.note} if answer.note else {}
        self.send({"state": answer.state, "message": answer.message, **note})


class LoginForm(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """A heading with the address, the fields, and the help."""

    def __init__(self, handle: FormLogin, api_url: str, *, rotate: bool) -> None:
        reason = why_not_remembered()
        self.fields = LoginFields(handle, api_url, rotate=rotate, can_remember=reason is None and not rotate)
        heading = ipywidgets.HTML(heading_text(api_url, rotate=rotate))
        below = ipywidgets.HTML(help_text(reason, rotate=rotate))
        super().__init__([heading.add_class("kismet-heading"), self.fields, below.add_class("kismet-help")])
        self.add_class("kismet-login")

    def __repr__(self) -> str:
        return "Kismet login form"


def show_form(present: Login | None, *, rotate: bool) -> FormLogin:
    """Display a form below the cell, and return the object that will have its login."""
    handle = FormLogin(present)
    api_url = present.client.api_url if rotate and present else find_api_url()
    if marimo_mode():  # marimo shows only widgets of anywidget
        fields = _fields_with_texts(handle, api_url, rotate=rotate)
        display(fields)  # type: ignore[no-untyped-call]
        handle.set_fields(fields)
    else:
        form = LoginForm(handle, api_url, rotate=rotate)
        display(form)  # type: ignore[no-untyped-call]
        if not in_voila():
            hint = {"text/plain": WITHOUT_THE_ROTATION_FORM if rotate else WITHOUT_THE_FORM}
            form.fields.set_hint(display(hint, raw=True, display_id=True))  # type: ignore[no-untyped-call]
    record_form()
    return handle


def _fields_with_texts(handle: FormLogin, api_url: str, *, rotate: bool) -> LoginFields:
    reason = why_not_remembered()
    texts = {"heading": heading_text(api_url, rotate=rotate), "help": help_text(reason, rotate=rotate)}
    return LoginFields(handle, api_url, rotate=rotate, can_remember=reason is None and not rotate, **texts)


def _log_in(handle: FormLogin, buffers: list[memoryview], api_url: str, *, remember: bool, rotate: bool) -> Answer:
    """Log in with the credentials that the form sent, or replace the earlier ones with them."""
    try:
        typed = _parse_credentials(buffers)
        client = KismetClient.from_credentials(typed, api_url=api_url)
        login, note = rotate_credentials(client, THIS_FORM) if rotate else (log_in(client, THIS_FORM), "")
    except KismetError as error:
        return Answer("refused", str(error).replace(". ", ".\n"))
    except KeyboardInterrupt:
        return Answer("refused", "Interrupted. Nothing was changed.")
    except Exception as error:  # noqa: BLE001 - a traceback would show the frames that contain the secret
        return Answer(
            "refused", f"An unexpected error occurred ({type(error).__name__}). Nothing was changed. Report it."
        )
    handle.login = login
    message = str(login)
    login.client.source = "the form"  # an error in a later cell must not say "this form"
    if remember:
        try:
            keyring_store.save_credentials(api_url, typed)
            note = "Remembered in this computer's key store."
        except keyring_store.KeyringError as error:
            note = f"Not remembered: the key store was not used, {error}."
    return Answer("done", message, note)


def _parse_credentials(buffers: list[memoryview]) -> Credentials:
    if not buffers:
        raise CredentialsError(
            "This notebook program did not send the secret to Python, so nobody was logged in. Run "
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
        return Answer("open", f"Logged out.\nThe notebook stays logged in from {present.source}.")
    note = next_login_note(tuple(credential_sources()))
    return Answer("open", f"Logged out.\n{note}" if note else "Logged out.")


def _after_login_change(handle: FormLogin, before: Login | None, now: Login | None) -> Answer | None:
    """Return what a form shows after another cell or form has logged in or out, or None if it does not change."""
    mine = handle.login
    if mine and now and now.client is mine.client:
        handle.login = now
        return Answer("done", str(now))
    if mine is None or mine is not before:
        return None
    if now:
        return Answer("done", f"{mine}\n{NOT_THE_NOTEBOOKS}")
    handle.login = None
    return Answer("open", "Logged out.")
