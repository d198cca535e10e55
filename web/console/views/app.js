/** The frame: sign-in or the desk with its bar, banners, ringing calls and pages. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { liveCall, ringingCalls } from "../state.js";
import { useShortcuts } from "../shortcuts.js";
import { Banners, Notices, Replaced } from "./banners.js";
import { Bar, Tabs } from "./bar.js";
import { CallPage } from "./call.js";
import { CallList } from "./calls.js";
import { Desktop, go, useRoute } from "./context.js";
import { Home } from "./home.js";
import { Ringing } from "./ringing.js";
import { Login } from "./login.js";
import { Settings } from "./settings.js";
import { Sounds } from "./sounds.js";

export function App({ desk, first, speak }) {
  const [, redraw] = useState(0);
  const [words, setWords] = useState(first);
  const route = useRoute();
  useEffect(() => {
    const draw = () => redraw((count) => count + 1);
    desk.addEventListener("change", draw);
    draw();
    return () => desk.removeEventListener("change", draw);
  }, [desk]);
  const choose = async (locale) => {
    desk.prefer({ locale });
    setWords(await speak(locale));
  };
  const value = { desk, state: desk.state, words, t: words.t, route, go, speak: choose };
  return html`<${Desktop.Provider} value=${value}><${Page} ...${value} /><//>`;
}

function Page({ desk, state, t, route }) {
  useShortcuts(desk);
  const call = liveCall(state);
  useEffect(() => {
    if (call) go("");
  }, [call?.call_id]);
  if (state.page === "starting") return html`<div class="starting" role="status"><span class="spinner"></span>${t(state.view.connection === "reconnecting" ? "link.lostLong" : "starting")}</div>`;
  if (state.page === "login") return html`<${Login} />`;
  if (state.view.connection === "replaced") return html`<${Replaced} />`;
  const inCall = call && route.name === "desk";
  return html`<div class=${inCall ? "frame in-call" : "frame"}>
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <${Bar} />
    <${Banners} />
    <${Announcer} calls=${ringingCalls(state)} t=${t} />
    <main id="main" tabindex="-1">
      ${!call && html`<${Ringing} />`}
      <${Content} route=${route} call=${call} />
    </main>
    <${Tabs} />
    <${Sounds} />
    <${Notices} />
  </div>`;
}

function Content({ route, call }) {
  if (route.name === "calls") return html`<${CallList} id=${route.id} />`;
  if (route.name === "settings") return html`<${Settings} />`;
  return call ? html`<${CallPage} key=${call.call_id} call=${call} />` : html`<${Home} />`;
}

const skip = (event) => {
  event.preventDefault(); // the hash is the route
  document.getElementById("main").focus();
};

/** Says a new ringing call to a screen reader, once each. */
function Announcer({ calls, t }) {
  const said = useRef(new Set());
  const [text, say] = useState("");
  useEffect(() => {
    const fresh = calls.find((call) => !said.current.has(call.call_id));
    said.current = new Set(calls.map((call) => call.call_id));
    if (fresh) say(t("ring.announce", { name: fresh.peer?.name || t("customer.unnamed"), media: t(`media.${fresh.media}`) }));
    else if (!calls.length) say("");
  }, [calls]);
  return html`<div class="spoken" role="alert" aria-live="assertive">${text}</div>`;
}
