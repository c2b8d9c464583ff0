// The log-in form. The secret lives in its field only, and leaves it once: as the binary buffer of one message.

const ACKNOWLEDGED = 8; // seconds in which an idle kernel says that it has the pair
const VERIFIED = 150; // seconds that the kernel may then spend on a slow server

const FORM = `
  <form novalidate data-lm-suppress-shortcuts="true" aria-busy="false">
    <p class="where">Log in to <strong></strong></p>
    <label>Client ID
      <input name="id" type="text" autocomplete="username" spellcheck="false" autocapitalize="off" required></label>
    <label>Client Secret
      <input name="secret" type="password" autocomplete="current-password" spellcheck="false" required></label>
    <label class="remember"><input name="remember" type="checkbox"> Remember on this computer</label>
    <p class="hint" hidden></p>
    <div class="buttons">
      <button type="submit">Log in</button>
      <button type="button" class="show" aria-pressed="false">Show secret</button>
      <button type="button" class="keep" hidden>Stay logged in</button>
    </div>
  </form>
  <p class="status" role="status" tabindex="-1"></p>
  <p class="alert" role="alert"></p>
  <div class="buttons after" hidden>
    <button type="button" class="out">Log out</button>
    <button type="button" class="switch">Switch</button>
  </div>`;

let forms = 0;

function render({ model, el }) {
  el.classList.add("kismet-login");
  el.innerHTML = FORM;
  const find = (selector) => el.querySelector(selector);
  const form = find("form");
  const { id, secret, remember } = form.elements;
  const submit = find("[type=submit]");
  let waiting = null;
  let presentLogin = "";

  find("strong").textContent = model.get("api_url").replace(/^https?:\/\//, "");
  find(".alert").id = `kismet-login-alert-${(forms += 1)}`;
  secret.setAttribute("aria-describedby", find(".alert").id);
  const cannotRemember = model.get("cannot_remember");
  find(".remember").hidden = Boolean(cannotRemember);
  find(".hint").hidden = !cannotRemember;
  find(".hint").textContent = `This computer's key store cannot be used to remember you: ${cannotRemember}.`;

  function say(text, problem = "") {
    const whole = (sentence) => sentence.replaceAll("…", "…\u2060"); // no line break inside "…ab12"
    find(".status").textContent = whole(text || presentLogin);
    find(".status").classList.toggle("good", (text || presentLogin) === presentLogin);
    find(".alert").textContent = whole(problem);
  }

  function busy(on, seconds = 0) {
    form.setAttribute("aria-busy", String(on));
    submit.disabled = id.readOnly = secret.readOnly = on;
    clearTimeout(waiting);
    if (!on) return;
    say("Verifying …");
    waiting = setTimeout(() => {
      busy(false);
      say("", "The kernel has not answered. If a cell is still running, this log-in waits for it. If the kernel was " +
        "restarted, run the cell with kn.login() again.");
    }, seconds * 1000);
  }

  function hear({ state, message }) {
    if (state === "verifying") {
      busy(true, VERIFIED);
      return;
    }
    const asked = form.getAttribute("aria-busy") === "true";
    busy(false);
    const refused = state === "refused";
    secret.setAttribute("aria-invalid", String(refused));
    if (refused) {
      say("", message);
      if (asked) secret.focus();
      return;
    }
    const done = state === "done";
    if (done) secret.value = ""; // another cell may have logged in meanwhile
    presentLogin = done ? message : "";
    say(message);
    form.hidden = done;
    find(".after").hidden = !done;
    find(".keep").hidden = true;
    // The status, not "Log out": a second Enter would log out again.
    if (done && asked) find(".status").focus();
  }

  function send(content, buffers) {
    try {
      model.send(content, undefined, buffers);
    } catch {
      busy(false);
      presentLogin = "";
      find(".keep").hidden = true;
      say("", "This form has lost its kernel. Run the cell with kn.login() again.");
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (!id.value.trim() || !secret.value.trim()) {
      say("", "Fill in both fields. They are in the Kismet dashboard; the secret was shown once.");
      (id.value.trim() ? secret : id).focus();
      return;
    }
    const pair = JSON.stringify({ id: id.value.trim(), secret: secret.value.trim() });
    secret.value = "";
    show(false);
    busy(true, ACKNOWLEDGED);
    send({ kind: "log-in", remember: remember.checked }, [new TextEncoder().encode(pair).buffer]);
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
    const part = (name) => (text.match(new RegExp(`${name}\\s*=\\s*["']?([^\\s"']+)`)) || [])[1];
    const [pastedId, pastedSecret] = [part("KISMET_CLIENT_ID"), part("KISMET_CLIENT_SECRET")];
    if (!pastedId && !pastedSecret) return;
    event.preventDefault();
    if (pastedId) id.value = pastedId;
    if (pastedSecret) secret.value = pastedSecret;
    (!id.value ? id : !secret.value ? secret : submit).focus();
  });

  function show(shown) {
    secret.type = shown ? "text" : "password";
    find(".show").setAttribute("aria-pressed", String(shown));
  }
  find(".show").addEventListener("click", () => show(secret.type === "password"));

  find(".out").addEventListener("click", () => send({ kind: "log-out" }));
  find(".switch").addEventListener("click", () => {
    form.hidden = find(".keep").hidden = false;
    find(".after").hidden = true;
    id.focus();
  });
  find(".keep").addEventListener("click", () => {
    secret.value = "";
    hear({ state: "done", message: presentLogin });
    find(".switch").focus();
  });

  // Drawn again after the page was loaded again, the form asks for what it missed.
  model.on("msg:custom", hear);
  send({ kind: "hello" });
  return () => model.off("msg:custom", hear);
}

export default { render };
