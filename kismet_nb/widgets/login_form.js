// The fields, buttons and answers of the login form. The secret stays in its field and is sent once, as the binary
// buffer of one message.

const MAX_SECONDS_TO_RECEIVE = 8; // until the kernel reports that it has the credentials
const MAX_SECONDS_TO_VERIFY = 150; // until the server has responded to the kernel

const FORM = `
  <form novalidate aria-label="Kismet login" data-lm-suppress-shortcuts="true" aria-busy="false">
    <label>Client ID
      <input name="id" type="text" autocomplete="username" spellcheck="false" autocapitalize="off" required></label>
    <label>Client Secret
      <input name="secret" type="password" autocomplete="current-password" spellcheck="false" required></label>
    <label class="remember"><input name="remember" type="checkbox"> Remember on this computer</label>
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
  </div>
  <p class="note"></p>`;

let forms = 0; // for unique ids

// If no other widgets show heading and help, adds them around the fields. Returns the element for the fields.
function addTexts(model, el) {
  if (!model.get("heading")) return el;
  el.classList.add("kismet-login");
  el.innerHTML = `<div class="kismet-heading"><div>${model.get("heading")}</div></div><div></div>
    <div class="kismet-help"><div>${model.get("help")}</div></div>`;
  return el.children[1];
}

function render({ model, el }) {
  const fields = addTexts(model, el);
  fields.classList.add("kismet-fields");
  fields.innerHTML = FORM;
  const find = (selector) => fields.querySelector(selector);
  const form = find("form");
  const { id, secret, remember } = form.elements;
  const submit = find("[type=submit]");
  let waiting = null;
  let presentLogin = "";
  let presentNote = "";

  find(".alert").id = `kismet-login-alert-${(forms += 1)}`;
  secret.setAttribute("aria-describedby", find(".alert").id);
  find(".remember").hidden = !model.get("can_remember");

  function say(text, problem = "") {
    const whole = (sentence) => sentence.replaceAll("…", "…\u2060"); // no line break inside "…cd34"
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
      say("", "The kernel has not answered. If a cell is still running, this login waits for it. If the kernel has " +
        `ended, this form is lost. ${model.get("again")}`);
    }, seconds * 1000);
  }

  function receive({ state, message, note = "" }) {
    if (state === "verifying") {
      busy(true, MAX_SECONDS_TO_VERIFY);
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
    if (done) secret.value = ""; // Another cell may have logged in while somebody was typing.
    presentLogin = done ? message : "";
    presentNote = done ? note : "";
    find(".note").textContent = presentNote;
    say(message);
    form.hidden = done;
    find(".after").hidden = !done;
    find(".keep").hidden = true;
    // The status gets the focus instead of "Log out", so that a second Enter does not log out.
    if (done && asked) find(".status").focus();
  }

  function send(content, buffers) {
    try {
      model.send(content, undefined, buffers);
    } catch {
      busy(false);
      presentLogin = "";
      find(".keep").hidden = true;
      say("", `This form has lost its kernel. ${model.get("again")}`);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (!id.value.trim() || !secret.value.trim()) {
      say("", "Fill in both fields. The Kismet dashboard has both; it shows the secret only once.");
      (id.value.trim() ? secret : id).focus();
      return;
    }
    const credentials = JSON.stringify({ id: id.value.trim(), secret: secret.value.trim() });
    secret.value = "";
    show(false);
    busy(true, MAX_SECONDS_TO_RECEIVE);
    send({ kind: "log-in", remember: remember.checked }, [new TextEncoder().encode(credentials).buffer]);
  });

  // JupyterLab handles Enter itself while a cell has the focus, so the form submits here.
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
    find(".note").textContent = "";
    id.focus();
  });
  find(".keep").addEventListener("click", () => {
    secret.value = "";
    receive({ state: "done", message: presentLogin, note: presentNote });
    find(".switch").focus();
  });

  // Requests the state of the form, also after a reload of the page.
  model.on("msg:custom", receive);
  send({ kind: "hello" });
  return () => model.off("msg:custom", receive);
}

export default { render };
