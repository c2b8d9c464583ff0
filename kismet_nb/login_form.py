"""The log-in: what is found is used, a person is asked where one is there, and nobody else is kept waiting.

The form is an HTML form of its own, not a set of ipywidgets: a widget's value is synchronised with every key, and
may be saved in the notebook. Here the secret lives in the form's field only and goes to the kernel once, as the
binary buffer of one message. No trait ever holds it.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import json
import sys
from typing import TYPE_CHECKING, Any

from kismet_nb import fetch
from kismet_nb.client import KismetClient
from kismet_nb.credentials import WAYS_TO_LOG_IN, Credentials, find_api_url, find_credentials
from kismet_nb.errors import CredentialsError, KismetError

if TYPE_CHECKING:
    import anywidget

__all__ = ["login", "logout"]

PLAIN_TEXT = (
    "Log-in form. If you see only this text, set KISMET_CLIENT_ID and KISMET_CLIENT_SECRET in the environment or in a "
    ".env file, and run kn.login() again."
)


def login() -> None:
    """Log this notebook in, and say who and where.

    Credentials are taken from the environment, then from the nearest ``.env``. Without either, a notebook shows a
    form, and a terminal asks. They are verified with one cheap request (``/organization_users``).

    Raises
    ------
    CredentialsError
        Half a pair was found, or there is none and nobody to ask.
    AuthenticationError, UnavailableError, UnexpectedAnswerError
        The server refused the pair, or did not answer as documented.

    Examples
    --------
    >>> import kismet_nb as kn
    >>> kn.login()  # doctest: +SKIP
    Logged in: 131 users at api.kismethealth.com, from the environment, Client ID …ab12.
    """
    found = find_credentials()
    if found is not None:
        client = KismetClient.from_credentials(found.credentials, api_url=found.api_url)
        print(fetch.log_in(client, found.source))
    elif _in_notebook():
        from IPython.display import display  # noqa: PLC0415 - only a notebook has it

        display(_form_class()(api_url=find_api_url()))  # type: ignore[no-untyped-call]
    elif sys.stdin is not None and sys.stdin.isatty():
        api_url = find_api_url()
        client_id = input(f"Client ID for {api_url}: ")
        # Never a variable of this frame: a traceback of a refused pair would hold it.
        typed = Credentials(client_id, getpass.getpass("Client Secret (not shown): "))
        print(fetch.log_in(KismetClient.from_credentials(typed, api_url=api_url), "the terminal"))
    else:
        raise CredentialsError(f"There are no credentials, and nobody to ask for them. {WAYS_TO_LOG_IN}")


def logout() -> None:
    """Forget this notebook's login, and say if the environment or a ``.env`` would log it in again."""
    was_in = fetch.current_login() is not None
    fetch.log_out()
    print("Logged out." if was_in else "Nobody was logged in.")
    with contextlib.suppress(KismetError):
        if found := find_credentials():
            print(f"kn.login() would log in again with the credentials from {found.source}.")


def _in_notebook() -> bool:
    """Tell whether this is a kernel whose present cell was run by somebody who can answer."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython() if ipython else None, "kernel", None)
    if kernel is None:
        return False
    # A headless run (papermill, nbconvert) says so with its request; the kernel's class is no guide.
    return bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin", False))


@functools.cache
def _form_class() -> type[anywidget.AnyWidget]:
    """Make the widget's class when the first form is shown: importing anywidget takes a while."""
    import anywidget  # noqa: PLC0415 - as said
    import traitlets  # noqa: PLC0415 - as said

    class LoginForm(anywidget.AnyWidget):
        _esm = FORM_SCRIPT
        _css = FORM_STYLE
        api_url = traitlets.Unicode().tag(sync=True)
        state = traitlets.Unicode("open").tag(sync=True)
        message = traitlets.Unicode("").tag(sync=True)

        def __init__(self, **traits: Any) -> None:  # noqa: ANN401 - traitlets' own
            super().__init__(**traits)
            # The pair goes where the form says, even if the environment has changed since.
            self._shown_url = self.api_url
            self.on_msg(self._heard)

        def __repr__(self) -> str:
            return PLAIN_TEXT

        def _heard(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
            if content.get("kind") == "log-out":
                fetch.log_out()
                self._say("open", "Logged out.")
            elif content.get("kind") == "log-in" and buffers:
                self._say("verifying", "Verifying …")
                self._say(*_answer(buffers[0], self._shown_url))

        def _say(self, state: str, message: str) -> None:
            with self.hold_sync():
                self.message, self.state = message, state
            self.send({"kind": "answered"})

    return LoginForm


def _answer(pair: memoryview, api_url: str) -> tuple[str, str]:
    """Try to log in with what the form sent; return the form's next state and what it says."""
    try:
        typed = json.loads(bytes(pair))
        return "done", str(fetch.log_in(KismetClient(typed["id"], typed["secret"], api_url=api_url), "this form"))
    except KismetError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - a traceback here would show the frames that hold the secret
        return "refused", f"Something unexpected went wrong ({type(error).__name__}). Nothing was changed."


FORM_SCRIPT = """
function render({ model, el }) {
  el.classList.add("kismet-login");
  el.innerHTML = `
    <form novalidate data-lm-suppress-shortcuts="true">
      <p class="where">Log in to <strong></strong></p>
      <label>Client ID<input name="id" type="text" autocomplete="username" spellcheck="false"
        autocapitalize="off" required></label>
      <label>Client Secret<input name="secret" type="password" autocomplete="current-password" required></label>
      <div class="buttons">
        <button type="submit">Log in</button>
        <button type="button" class="show" aria-pressed="false">Show secret</button>
      </div>
    </form>
    <p class="status" role="status" aria-live="polite" tabindex="-1"></p>
    <button type="button" class="out" hidden>Log out</button>
    <p class="else">Without this form: set KISMET_CLIENT_ID and KISMET_CLIENT_SECRET in the environment or a .env
      file, and run kn.login() again.</p>`;
  const find = (selector) => el.querySelector(selector);
  const form = find("form"), id = form.elements.id, secret = form.elements.secret;
  const submit = find("[type=submit]"), show = find(".show"), out = find(".out"), status = find(".status");
  let waiting = null;
  find("strong").textContent = model.get("api_url").replace(/^https?:\\/\\//, "");

  function busy(on, seconds = 20) {
    form.setAttribute("aria-busy", String(on));
    submit.disabled = on;
    clearTimeout(waiting);
    if (on) {
      say("Verifying …");
      waiting = setTimeout(() => {
        busy(false);
        say("No answer yet: the kernel is busy with another cell, or it is gone. Try again when it is idle.", "bad");
      }, seconds * 1000);
    }
  }
  function say(text, kind = "") {
    status.textContent = text;
    status.className = "status " + kind;
  }
  function update() {
    const state = model.get("state");
    if (state === "verifying") {
      busy(true, 120);  // the kernel has the pair, and may try a slow server for a good while
      return;
    }
    busy(false);
    form.hidden = find(".else").hidden = state === "done";
    out.hidden = state !== "done";
    say(model.get("message"), { done: "good", refused: "bad" }[state]);
    if (state === "refused") secret.focus();
    // The status, not "Log out": a second Enter would log out again.
    if (state === "done") status.focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (!id.value.trim() || !secret.value.trim()) {
      say("Fill in both fields. They are in the Kismet dashboard; the secret was shown once.", "bad");
      (id.value.trim() ? secret : id).focus();
      return;
    }
    const pair = JSON.stringify({ id: id.value.trim(), secret: secret.value.trim() });
    secret.value = "";
    busy(true);
    model.send({ kind: "log-in" }, undefined, [new TextEncoder().encode(pair).buffer]);
  });
  // JupyterLab takes Enter for itself wherever a cell has the focus; the attribute on the form asks it not to.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    event.stopPropagation();
    form.requestSubmit();
  });
  form.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    const part = (name) => (text.match(new RegExp(name + "\\\\s*=\\\\s*[\\"']?([^\\\\s\\"']+)")) || [])[1];
    if (!part("KISMET_CLIENT_ID") || !part("KISMET_CLIENT_SECRET")) return;
    event.preventDefault();
    id.value = part("KISMET_CLIENT_ID");
    secret.value = part("KISMET_CLIENT_SECRET");
    submit.focus();
  });
  show.addEventListener("click", () => {
    const shown = secret.type === "text";
    secret.type = shown ? "password" : "text";
    show.setAttribute("aria-pressed", String(!shown));
  });
  out.addEventListener("click", () => model.send({ kind: "log-out" }));
  // A second refusal with the same words changes no trait's value: every answer also counts as a message.
  model.on("change:state", update);
  model.on("change:message", update);
  model.on("msg:custom", update);
  if (model.get("state") !== "open") update();
}
export default { render };
"""

FORM_STYLE = """
.kismet-login { max-width: 26rem; padding: 0.25rem 0.25rem 0.5rem; font-family: var(--jp-ui-font-family, sans-serif);
  font-size: 14px; line-height: 1.4; color: var(--jp-ui-font-color1, #222); }
.kismet-login p { margin: 0.25rem 0 0.75rem; }
.kismet-login label { display: block; margin-bottom: 0.75rem; font-weight: 600; }
.kismet-login input { display: block; box-sizing: border-box; width: 100%; margin-top: 0.25rem; padding: 0.45rem 0.6rem;
  font: inherit; font-weight: 400; color: inherit; background: var(--jp-layout-color0, #fff);
  border: 1px solid var(--jp-border-color1, #999); border-radius: 4px; }
.kismet-login .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.kismet-login button { padding: 0.45rem 1rem; font: inherit; color: inherit; cursor: pointer;
  background: var(--jp-layout-color2, #eee); border: 1px solid var(--jp-border-color1, #999); border-radius: 4px; }
.kismet-login button[type=submit] { color: #fff; background: #1565c0; border-color: #1565c0; font-weight: 600; }
.kismet-login button:disabled { opacity: 0.6; cursor: wait; }
.kismet-login [aria-pressed=true] { border-width: 2px; }
.kismet-login :focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px; }
.kismet-login .status { min-height: 1.4em; margin-top: 0.75rem; }
.kismet-login .good::before { content: "✓ "; font-weight: 700; }
.kismet-login .bad { padding-left: 0.6rem; border-left: 3px solid var(--jp-error-color1, #c62828); }
.kismet-login .else { font-size: 12px; color: var(--jp-ui-font-color2, #555); }
.kismet-login [hidden] { display: none; }
"""
