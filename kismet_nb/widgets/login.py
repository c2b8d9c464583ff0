"""login(), logout() and login_status().

``login()`` uses stored credentials. Otherwise it asks a person, but never blocks a headless run.
"""

from __future__ import annotations

import dataclasses
import getpass
import sys
import warnings
from typing import TYPE_CHECKING, Literal

from kismet_nb.auth import keyring_store
from kismet_nb.auth.credentials import ID_VARIABLE, SECRET_VARIABLE, WAYS_TO_LOG_IN, Credentials
from kismet_nb.auth.current import Login, current_login, held_login, log_out
from kismet_nb.auth.discovery import (
    credential_sources,
    deciding_source,
    find_api_url,
    find_credentials,
    next_login_note,
)
from kismet_nb.errors import CredentialsError, InvalidInputError, KismetError
from kismet_nb.fetch.log_in import log_in
from kismet_nb.fetch.rotation import rotate as rotate_credentials
from kismet_nb.frontend import in_voila, jupyter_kernel, marimo_logs_messages, marimo_mode
from kismet_nb.transport.client import KismetClient

if TYPE_CHECKING:
    from kismet_nb.auth.source import CredentialSource
    from kismet_nb.widgets.login_form import FormLogin

__all__ = ["LoginStatus", "login", "login_status", "logout"]

NOBODY_TO_ROTATE = (
    "rotate=True asks for the new credentials, but nobody can be asked here. Nothing was changed. Pass a client that "
    "has them: kn.login(kn.KismetClient(client_id, client_secret), rotate=True)."
)


@dataclasses.dataclass(frozen=True, slots=True)
class LoginStatus:
    """Who is logged in, and which credentials ``login()`` would find.

    Attributes
    ----------
    login
        This notebook's login, or None.
    sources
        The sources that ``login()`` reads, in this order, with a note about each.
    next_source
        The source that ``login()`` would use now, or None if it would ask or raise an error.
    """

    login: Login | None
    sources: tuple[CredentialSource, ...]
    next_source: str | None

    @property
    def places(self) -> tuple[CredentialSource, ...]:
        """The former name of ``sources``."""
        warnings.warn("LoginStatus.places is now LoginStatus.sources.", DeprecationWarning, stacklevel=2)
        return self.sources

    def __repr__(self) -> str:
        width = max(len(source.name) for source in self.sources)
        lines = [str(self.login or "Nobody is logged in."), "", "kn.login() reads, in this order:"]
        for number, source in enumerate(self.sources, start=1):
            used = "  <- this login" if self.login and self.login.source == source.name else ""
            lines.append(f"  {number}. {source.name:{width}}  {source.note}{used}")
        lines.append(f"  {len(self.sources) + 1}. {'you':{width}}  a form in a notebook, questions in a terminal")
        lines += ["", next_login_note(self.sources) or "After kn.logout(), kn.login() asks you."]
        lines.append("A client= argument takes precedence over all of this.")
        lines += [source.advice for source in self.sources if source.advice]
        return "\n".join(lines)


def login(client: KismetClient | None = None, *, prompt: bool = False, rotate: bool = False) -> Login | FormLogin:
    """Log this notebook in, and print the organization's address and the source of the credentials.

    Credentials are searched in the environment, then in the nearest ``.env``, then in the operating system's key store,
    if "Remember on this computer" saved them there. If none are found, a notebook shows a form and a terminal asks.
    ``KISMET_CLIENT_SECRET_FILE`` may name a file with the secret, and ``KISMET_CLIENT_ID_FILE`` one with the Client
    ID, as with Docker and systemd. The credentials are verified with one small request (``/organization_users``). If
    the server refuses them, an earlier login stays.

    JupyterLab, Notebook, Voila and marimo's editor show the form. An app of ``marimo run`` shows no form, because its
    readers share one process and would share the login. Each reader of a Voila page has their own kernel and login.
    Voila runs all cells when the page opens, so such a page fetches in a function that a button calls.

    Parameters
    ----------
    client
        Use this client's credentials instead of searching for credentials.
    prompt
        Ask with getpass, even if credentials are stored. Use it if a notebook cannot show the form, or to switch to
        other credentials. Voila and marimo show the form.
    rotate
        Replace the credentials with new ones: ask for them, or use those of ``client``. If the server accepts them,
        they become this notebook's, and replace the earlier ones in the key store. Otherwise nothing changes. If
        the key store has credentials of another login for the same address, it keeps them. Clients made earlier keep
        the earlier credentials.

    Returns
    -------
    Login or FormLogin
        To compare two organizations, pass the ``.client`` of each to the fetch functions. A form has a client after it
        has logged in.

    Raises
    ------
    CredentialsError
        A source has only one of the two values, or there are no credentials and nobody can be asked. Or
        ``rotate=True`` got the earlier credentials again.
    AuthenticationError, UnavailableError, UnexpectedAnswerError, NotFoundError, RequestRefusedError
        The server refused the credentials, or did not answer as documented.
    InvalidInputError
        ``client`` is not a client, or the API's address cannot be used.

    Warns
    -----
    UserWarning
        ``KISMET_API_URL`` in the environment is ignored, because the ``.env`` with the credentials has another one. Or
        other users of this computer can read the file with the secret, which is warned of once per file.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.login()  # doctest: +SKIP
    Logged in: 131 users at api.kismethealth.com, from the environment, Client ID …ab12.

    Two organizations side by side:

    >>> here = kn.login()  # doctest: +SKIP
    >>> there = kn.login(prompt=True)  # doctest: +SKIP
    >>> kn.fetch_users(client=here.client), kn.fetch_users(client=there.client)  # doctest: +SKIP

    New credentials instead of the earlier ones:

    >>> kn.login(rotate=True)  # doctest: +SKIP
    New Client ID for https://api.kismethealth.com: my-client-cd34
    New Client Secret (not shown):
    Logged in: 131 users at api.kismethealth.com, from the terminal, Client ID …cd34.
    Replaced in this computer's key store.

    A page of Voila, after ``kn.login()``:

    >>> import ipywidgets
    >>> from IPython.display import display
    >>> button, output = ipywidgets.Button(description="Show users"), ipywidgets.Output()
    >>> @output.capture(clear_output=True)
    ... def show(_):
    ...     try:
    ...         display(kn.view(kn.fetch_users()))
    ...     except kn.KismetError as error:
    ...         print(error)
    >>> button.on_click(show)
    >>> display(button, output)  # doctest: +SKIP
    """
    if client is not None:
        if not isinstance(client, KismetClient):
            raise InvalidInputError(f"client must be a KismetClient, not {type(client).__name__}.")
        return _log_in_and_print(client, client.source, rotate=rotate)
    ask = prompt or rotate
    if not ask and (held := held_login()):  # a report has the login of the notebook that writes it
        print(held)
        return held
    present = current_login()
    if not ask and (found := find_credentials(remembered=True)):
        client = KismetClient.from_credentials(found.credentials, api_url=found.api_url)
        return _log_in_and_print(client, found.source)
    means = _means_to_ask(prompt=prompt)
    if means is None:
        if present is None or ask:
            raise CredentialsError(NOBODY_TO_ROTATE if rotate else _why_nobody_is_asked())
        print(present)
        return present
    if means == "text":
        return _ask(present, rotate=rotate)
    from kismet_nb.widgets.login_form import show_form  # noqa: PLC0415 - ipywidgets and anywidget are slow to import

    return show_form(present, rotate=rotate)


def logout(*, forget: bool = False) -> None:
    """End this notebook's login, and print what would log it in again.

    Parameters
    ----------
    forget
        Also delete the credentials that "Remember on this computer" saved in the key store.

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
            deleted = keyring_store.delete_credentials(present.client.api_url if present else find_api_url())
            print("Deleted from the key store." if deleted else "The key store had no credentials.")
        except (keyring_store.KeyringError, KismetError) as error:
            print(f"The key store was not used: {str(error).rstrip('.')}.")
    if note := next_login_note(tuple(credential_sources())):
        print(note)


def login_status() -> LoginStatus:
    """Return who is logged in, which sources ``login()`` reads, and which would log in after ``logout()``.

    Nothing is sent. Incomplete, empty and placeholder values are named. The key store may ask to be unlocked. For its
    credentials, the age is shown, and after 90 days the advice to rotate them. The age of credentials in the
    environment or in a ``.env`` is unknown.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.login_status()  # doctest: +SKIP
    Logged in: 131 users at api.kismethealth.com, from ../.env, Client ID …ab12.

    kn.login() reads, in this order:
      1. the environment  neither variable is set
      2. ../.env          credentials for api.kismethealth.com, Client ID …ab12  <- this login
      3. the key store    nothing is remembered for api.kismethealth.com
      4. you              a form in a notebook, questions in a terminal

    After kn.logout(), kn.login() would log in again from ../.env.
    A client= argument takes precedence over all of this.
    """
    sources = tuple(credential_sources())
    deciding = deciding_source(sources)
    return LoginStatus(current_login(), sources, deciding.name if deciding and deciding.found else None)


def _log_in_and_print(client: KismetClient, source: str, *, rotate: bool = False) -> Login:
    login, note = rotate_credentials(client, source) if rotate else (log_in(client, source), "")
    print(login)
    if note:
        print(note)
    return login


def _ask(present: Login | None, *, rotate: bool) -> Login:
    """Ask in the terminal, or below the cell."""
    if present is not None:
        print(present)
        if not rotate and input("Log in with other credentials? [y/N] ").strip().lower() not in {"y", "yes"}:
            return present
    api_url = present.client.api_url if rotate and present else find_api_url()
    new = "New " if rotate else ""
    client_id = input(f"{new}Client ID for {api_url}: ")
    # The secret is not a variable of this frame, because the traceback of a refusal would contain it.
    typed = Credentials(client_id, getpass.getpass(f"{new}Client Secret (not shown): "))
    return _log_in_and_print(KismetClient.from_credentials(typed, api_url=api_url), "the terminal", rotate=rotate)


def _means_to_ask(*, prompt: bool) -> Literal["form", "text"] | None:
    """Return how a person is asked here, or None if nobody can answer."""
    mode = marimo_mode()
    if mode or in_voila():  # Voila has no input below a cell. Some versions of marimo save typed input.
        return None if mode == "run" or marimo_logs_messages() else "form"
    kernel = jupyter_kernel()
    if kernel is None:
        return "text" if sys.stdin is not None and sys.stdin.isatty() else None
    # A headless run (papermill, nbconvert) sends allow_stdin=False with its request.
    if not kernel.get_parent("shell").get("content", {}).get("allow_stdin", False):
        return None
    return "text" if prompt else "form"


def _why_nobody_is_asked() -> str:
    if marimo_mode() == "run":
        reason = "an app of marimo run shows no form: all its readers share one process, so they would share the login"
        edit = "where the app is started, or open the notebook with marimo edit"
    elif marimo_logs_messages():
        reason = "no form is shown, because with --log-level DEBUG marimo writes typed text to its log"
        edit = "in the environment or in a .env file, or start marimo without that option"
    else:
        return f"There are no credentials, and nobody can be asked for them. {WAYS_TO_LOG_IN}"
    return f"There are no credentials, and {reason}. Set {ID_VARIABLE} and {SECRET_VARIABLE} {edit}."
