/** Sign-in: one form, password managers understand it, refusals in plain words. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { useDesk } from "./context.js";
import { LanguageChoice } from "./language.js";

export function Login() {
  const { t } = useDesk();
  return html`<div class="login">
    <main class="login-card" id="main">
      <img class="login-mark" src="/web/console/icon.svg" alt="" width="44" height="44" />
      <h1>${t("login.title")}</h1>
      <p class="quiet">${t("login.lead")}</p>
      <${Form} />
    </main>
    <footer class="login-foot"><${LanguageChoice} /></footer>
  </div>`;
}

function Form() {
  const { desk, state, t } = useDesk();
  const [busy, setBusy] = useState(false);
  const name = useRef(null);
  const password = useRef(null);
  useEffect(() => {
    (name.current.value ? password : name).current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    await desk.login(name.current.value.trim(), password.current.value);
    setBusy(false);
    password.current?.select();
  };
  const error = state.loginError;
  return html`<form onSubmit=${submit} action="/console" method="post">
    <div id="login-error" role="alert">${error && html`<p class=${error === "expired" ? "notice warn" : "notice bad"}><${Icon} name="warning" />${sentence(t, error)}</p>`}</div>
    <label for="login">${t("login.name")}</label>
    <input id="login" name="username" class="field" ref=${name} autocomplete="username" autocapitalize="none" spellcheck=${false} required maxlength="200"
      defaultValue=${desk.prefs.all.lastLogin} aria-describedby="login-error" dir="auto" />
    <label for="password">${t("login.password")}</label>
    <${Password} field=${password} />
    <button class="button primary wide" aria-disabled=${busy}>${busy && html`<span class="spinner"></span>`}${t(busy ? "login.busy" : "login.submit")}</button>
  </form>`;
}

function Password({ field }) {
  const { t } = useDesk();
  const [shown, setShown] = useState(false);
  return html`<div class="password" dir="ltr">
    <input id="password" name="password" type=${shown ? "text" : "password"} class="field" ref=${field} autocomplete="current-password" required maxlength="1000"
      aria-describedby="login-error" />
    <button type="button" class="button plain small" aria-pressed=${shown} onClick=${() => setShown(!shown)}>${t(shown ? "login.hide" : "login.show")}</button>
  </div>`;
}

const KNOWN = new Set(["unauthorized", "expired", "offline", "rate_limited", "server"]);
const sentence = (t, code) => t(`login.error.${KNOWN.has(code) ? code : "server"}`);
