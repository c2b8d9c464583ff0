"""The log-in: what is found is used, a person is asked where one is there, and nobody else is kept waiting.

The form is an HTML form of its own (``login_form.js``), not a set of ipywidgets: a widget's value is synchronised
with every key, and may be saved in the notebook. Here the secret lives in the form's field only and goes to the
kernel once, as the binary buffer of one message. No trait ever holds it, and none holds what the kernel answers
either: a saved notebook must not claim that somebody is logged in.

Tried in JupyterLab 4 and Notebook 7, with ipywidgets 8 and 7.7. Only read about: anywidget's documents name VS Code
and Colab, and the source of Colab's widget manager passes binary messages on; Databricks' documents offer ipywidgets
from Runtime 11 on and say nothing of anywidget. Where the form is not shown, or its message does not arrive,
``kn.login(prompt=True)`` asks with getpass, and the two variables always work.
"""

from __future__ import annotations

import dataclasses
import functools
import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kismet_nb.auth import keyring_store as key_store
from kismet_nb.auth.credentials import WAYS_TO_LOG_IN, Credentials
from kismet_nb.auth.current import Login, current_login, log_out, login_watchers
from kismet_nb.auth.discovery import KEY_STORE, THIS_FORM, find_api_url, find_credentials, places
from kismet_nb.errors import CredentialsError, InvalidInputError, KismetError
from kismet_nb.fetch.verify import log_in
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    import anywidget

    from kismet_nb.auth.discovery import Place

__all__ = ["FormLogin", "LoginStatus", "login", "login_status", "logout"]

WITHOUT_THE_FORM = """\
No form above? kn.login(prompt=True) asks here.
Or set KISMET_CLIENT_ID and KISMET_CLIENT_SECRET."""
NOT_THE_NOTEBOOKS = "This is no longer the notebook's login: it is used only where its .client is passed."


class FormLogin:
    """What ``login()`` returns when it shows a form: the login to be.

    Attributes
    ----------
    client
        The client, once the form has logged in.
    """

    def __init__(self, login: Login | None) -> None:
        self._login = login

    @property
    def client(self) -> KismetClient:
        """The client of this form's login.

        Raises
        ------
        CredentialsError
            The form has not logged in yet, or has logged out.
        """
        if self._login is None:
            raise CredentialsError("The form is not logged in. Fill it in, then run this cell again.")
        return self._login.client

    def __repr__(self) -> str:
        return str(self._login or "A log-in form that is not logged in.")

    def _ipython_display_(self) -> None:
        """Show nothing more below the form."""


@dataclasses.dataclass(frozen=True, slots=True)
class LoginStatus:
    """Who is logged in, and what ``login()`` would find.

    Attributes
    ----------
    login
        This notebook's login, or None.
    places
        Where ``login()`` looks, in this order, and what is there.
    next_source
        Where ``login()`` would take a pair from now, without asking; None if it would ask, or raise.
    """

    login: Login | None
    places: tuple[Place, ...]
    next_source: str | None

    def __repr__(self) -> str:
        width = max(len(place.name) for place in self.places)
        lines = [str(self.login or "Nobody is logged in."), "", "kn.login() looks at, in this order:"]
        for number, place in enumerate(self.places, start=1):
            won = "  <- this login" if self.login and self.login.source == place.name else ""
            lines.append(f"  {number}. {place.name:{width}}  {place.note}{won}")
        lines.append(f"  {len(self.places) + 1}. {'you':{width}}  a form in a notebook, questions in a terminal")
        lines += ["", _what_logs_in_again(self.places) or "After kn.logout(), kn.login() asks you."]
        lines.append("A client= argument goes before all of this.")
        return "\n".join(lines)


def login(client: KismetClient | None = None, *, prompt: bool = False) -> Login | FormLogin:
    """Log this notebook in, and say who and where.

    Credentials are taken from the environment, then from the nearest ``.env``, then from the operating system's
    key store if "Remember on this computer" put a pair there. Without any, a notebook shows a form, and a
    terminal asks. They are verified with one cheap request (``/organization_users``). A refused log-in leaves an
    earlier one as it was.

    Parameters
    ----------
    client
        Take this client's pair instead of looking for one.
    prompt
        Ask, with getpass, whatever else could be found: where the form cannot be shown, or to switch.

    Returns
    -------
    Login or FormLogin
        Its ``.client`` can be passed to the fetch functions, so that two organizations can be compared. A form
        has one once it has logged in.

    Raises
    ------
    CredentialsError
        Half a pair was found, or there is none and nobody to ask.
    AuthenticationError, UnavailableError, UnexpectedAnswerError, NotFoundError, RequestRefusedError
        The server refused the pair, or did not answer as documented.
    InvalidInputError
        ``client`` is no client, or the API's address cannot be used.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.login()  # doctest: +SKIP
    Logged in: 131 users at api.kismethealth.com, from the environment, Client ID …ab12.

    Two organizations side by side:

    >>> here = kn.login()  # doctest: +SKIP
    >>> there = kn.login(prompt=True)  # doctest: +SKIP
    >>> kn.fetch_users(client=here.client), kn.fetch_users(client=there.client)  # doctest: +SKIP
    """
    if client is not None:
        if not isinstance(client, KismetClient):
            raise InvalidInputError("kn.login(client) takes a KismetClient.")
        return _announced(client, client.source)
    present = current_login()
    if not prompt and (found := find_credentials(remembered=True)):
        client = KismetClient.from_credentials(found.credentials, api_url=found.api_url)
        return _announced(client, found.source)
    if not _somebody_can_answer():
        if present is None or prompt:
            raise CredentialsError(f"There are no credentials, and nobody to ask for them. {WAYS_TO_LOG_IN}")
        print(present)
        return present
    if _kernel() is not None and not prompt:
        return _show_form(present)
    return _ask(present)


def logout(*, forget: bool = False) -> None:
    """Forget this notebook's login, and say what would log it in again.

    Parameters
    ----------
    forget
        Also delete the pair that "Remember on this computer" put into the key store.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.logout()
    Nobody was logged in.
    """
    present = current_login()
    log_out()
    print("Logged out." if present else "Nobody was logged in.")
    if forget:
        try:
            deleted = key_store.delete_pair(present.client.api_url if present else find_api_url())
            print("Deleted from the key store." if deleted else "The key store held nothing.")
        except (key_store.KeyStoreError, KismetError) as error:
            print(f"The key store was not used: {str(error).rstrip('.')}.")
    if again := _what_logs_in_again(tuple(places())):
        print(again)


def login_status() -> LoginStatus:
    """Tell who is logged in, what ``login()`` looks at and finds, and what would still log in after ``logout()``.

    Nothing is sent. Half a pair, empty values and placeholders are named; the key store may ask to be unlocked.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.login_status()  # doctest: +SKIP
    Logged in: 131 users at api.kismethealth.com, from ../.env, Client ID …ab12.

    kn.login() looks at, in this order:
      1. the environment  neither variable is set
      2. ../.env          a pair for api.kismethealth.com, Client ID …ab12  <- this login
      3. the key store    nothing is remembered for api.kismethealth.com
      4. you              a form in a notebook, questions in a terminal

    After kn.logout(), kn.login() would log in again from ../.env.
    A client= argument goes before all of this.
    """
    looked_at = tuple(places())
    decides = next((place for place in looked_at if place.found or place.error), None)
    return LoginStatus(current_login(), looked_at, decides.name if decides and decides.found else None)


def _what_logs_in_again(looked_at: tuple[Place, ...]) -> str | None:
    """Say what ``login()`` does without asking, or None if it asks."""
    decides = next((place for place in looked_at if place.found or place.error), None)
    if decides is None:
        return None
    if decides.error:
        return f"kn.login() raises an error because of {decides.name}: correct what is said of it."
    forget = "; kn.logout(forget=True) deletes it there" if decides.name == KEY_STORE else ""
    return f"After kn.logout(), kn.login() would log in again from {decides.name}{forget}."


def _announced(client: KismetClient, source: str) -> Login:
    login = log_in(client, source)
    print(login)
    return login


def _ask(present: Login | None) -> Login:
    """Ask in the terminal, or below the cell."""
    if present is not None:
        print(present)
        if input("Log in with another pair? [y/N] ").strip().lower() not in {"y", "yes"}:
            return present
    api_url = find_api_url()
    client_id = input(f"Client ID for {api_url}: ")
    # Never a variable of this frame: a traceback of a refused pair would hold it.
    typed = Credentials(client_id, getpass.getpass("Client Secret (not shown): "))
    return _announced(KismetClient.from_credentials(typed, api_url=api_url), "the terminal")


def _kernel() -> Any:  # noqa: ANN401 - ipykernel has no types
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython() if ipython else None, "kernel", None)


def _somebody_can_answer() -> bool:
    kernel = _kernel()
    if kernel is None:
        return sys.stdin is not None and sys.stdin.isatty()
    # A headless run (papermill, nbconvert) says so with its request; the kernel's class is no guide.
    return bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin", False))


def _show_form(present: Login | None) -> FormLogin:
    from IPython.display import display  # noqa: PLC0415 - only a notebook has it

    handle = FormLogin(present)
    why_not = key_store.why_not()
    form = _form_class()(handle, api_url=find_api_url(), cannot_remember=why_not or "")
    display(form)  # type: ignore[no-untyped-call]
    print(WITHOUT_THE_FORM)
    return handle


@functools.cache
def _form_class() -> type[anywidget.AnyWidget]:
    """Make the widget's class when the first form is shown: importing anywidget takes a while."""
    import anywidget  # noqa: PLC0415 - as said
    import traitlets  # noqa: PLC0415 - as said

    class LoginForm(anywidget.AnyWidget):
        _esm = Path(__file__).with_name("login_form.js")
        _css = Path(__file__).with_name("login_form.css")
        api_url = traitlets.Unicode().tag(sync=True)
        cannot_remember = traitlets.Unicode().tag(sync=True)

        def __init__(self, handle: FormLogin, **traits: Any) -> None:  # noqa: ANN401 - traitlets' own
            super().__init__(**traits)
            self._handle = handle
            # The pair goes where the form says, even if the environment has changed since.
            self._shown_url = self.api_url
            present = handle._login  # noqa: SLF001 - the form is its maker
            self._answer = ("done", str(present)) if present else ("open", "")
            self.on_msg(self._heard)
            login_watchers.append(self._login_changed)

        def __repr__(self) -> str:
            return "Kismet log-in form"

        def _heard(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
            asked = content.get("kind")
            if asked == "log-out":
                self._say(*_log_out(self._handle))
            elif asked == "log-in":
                self._say("verifying", "Verifying …")
                self._say(*_log_in(self._handle, buffers, self._shown_url, remember=content.get("remember") is True))
            else:  # a form that has just been drawn, perhaps after the page was loaded again
                self._say(*self._answer)

        def _login_changed(self, before: Login | None, now: Login | None) -> None:
            if self._answer[0] != "verifying" and (answer := _changed(self._handle, before, now)):
                self._say(*answer)

        def _say(self, state: str, message: str) -> None:
            self._answer = state, message
            self.send({"state": state, "message": message})

    return LoginForm


def _log_in(handle: FormLogin, buffers: list[memoryview], api_url: str, *, remember: bool) -> tuple[str, str]:
    """Try to log in with what the form sent; return the form's next state and what it says."""
    try:
        typed = _unpack(buffers)
        login = log_in(KismetClient.from_credentials(typed, api_url=api_url), THIS_FORM)
    except KismetError as error:
        return "refused", str(error).replace(". ", ".\n")
    except KeyboardInterrupt:
        return "refused", "Interrupted. Nothing was changed."
    except Exception as error:  # noqa: BLE001 - a traceback here would show the frames that hold the secret
        return "refused", f"Something unexpected went wrong ({type(error).__name__}). Nothing was changed."
    handle._login = login  # noqa: SLF001 - the form is its maker
    message = str(login)
    login.client.source = "the form"  # which is another cell's when the pair expires
    if remember:
        try:
            key_store.save_pair(api_url, typed)
            message += "\nRemembered in this computer's key store."
        except key_store.KeyStoreError as error:
            message += f"\nNot remembered: the key store was not used, {error}."
    return "done", message


def _changed(handle: FormLogin, before: Login | None, now: Login | None) -> tuple[str, str] | None:
    """Return what a form is to say after another cell, or another form, has logged in or out; None is nothing new."""
    mine = handle._login  # noqa: SLF001 - the form is its maker
    if mine and now and now.client is mine.client:
        handle._login = now  # noqa: SLF001 - as above
        return "done", str(now)
    if mine is None or mine is not before:
        return None
    if now:
        return "done", f"{mine}\n{NOT_THE_NOTEBOOKS}"
    handle._login = None  # noqa: SLF001 - as above
    return "open", "Logged out."


def _unpack(buffers: list[memoryview]) -> Credentials:
    if not buffers:
        raise CredentialsError(
            "This notebook program passes no binary messages on, so the secret did not arrive. Run "
            "kn.login(prompt=True) instead."
        )
    pair = json.loads(bytes(buffers[0]))
    return Credentials(pair["id"], pair["secret"])


def _log_out(handle: FormLogin) -> tuple[str, str]:
    """Log out what this form logged in; another login that came later stays."""
    mine, handle._login = handle._login, None  # noqa: SLF001 - the form is its maker
    if mine is current_login():
        log_out()
    elif mine:
        mine.client.close()
    present = current_login()
    still = f"The notebook stays logged in from {present.source}." if present else _what_logs_in_again(tuple(places()))
    return "open", "\n".join(filter(None, ["Logged out.", still]))
