/** The frame: sign-in, or bar, alert banner and one of the pages. */
import { html, useEffect, useMemo, useRef, useState } from "../../console/vendor/htm-preact.js";
import { Desktop, useDesk } from "../../console/views/context.js";
import { LanguageChoice } from "../../console/views/language.js";
import { Login } from "../../console/views/login.js";
import { Icon } from "../../console/icons.js";
import { Feed } from "../feed.js";
import * as rest from "../rest.js";
import { speak } from "../words.js";
import { Alerts, alertTitle } from "./alerts.js";
import { CallPage } from "./call.js";
import { CheckPage } from "./check.js";
import { History } from "./history.js";
import { Now } from "./now.js";

const PAGES = [
  { name: "now", icon: "signal", path: "" },
  { name: "history", icon: "clock", path: "history" },
  { name: "alerts", icon: "bell", path: "alerts" },
];

const parse = (hash) => {
  const [name, id = ""] = hash.replace(/^#\/?/, "").split("/");
  return { name: ["call", "history", "alerts", "test"].includes(name) ? name : "now", id };
};

function useHash() {
  const [route, set] = useState(parse(location.hash));
  useEffect(() => {
    const follow = () => set(parse(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

export function App({ prefs, first }) {
  const [words, setWords] = useState(first);
  const [user, setUser] = useState(undefined);
  const [loginError, setLoginError] = useState("");
  const route = useHash();
  useEffect(() => {
    rest.me().then(setUser, () => setUser(null));
  }, []);
  const desk = useMemo(() => ({
    prefs,
    async login(name, password) {
      try {
        const agent = await rest.login(name, password);
        prefs.set({ lastLogin: name });
        setLoginError("");
        setUser(agent);
      } catch (error) {
        setLoginError(error.code);
      }
    },
    async logout() {
      await rest.logout().catch(() => {});
      setUser(null);
    },
    expired() {
      setLoginError("expired");
      setUser(null);
    },
  }), []);
  const choose = async (locale) => {
    prefs.set({ locale });
    setWords(await speak(locale));
  };
  const value = { desk, state: { loginError }, words, t: words.t, route, user, speak: choose };
  return html`<${Desktop.Provider} value=${value}><${Page} /><//>`;
}

const MAY = new Set(["operator"]);

function Page() {
  const { t, user, desk } = useDesk();
  if (user === undefined) return html`<div class="starting" role="status"><span class="spinner"></span>${t("starting")}</div>`;
  if (user === null) return html`<${Login} />`;
  if (!MAY.has(user.role)) {
    return html`<main class="replaced" id="main">
      <h1>${t("ops.notAllowed")}</h1><p>${t("ops.notAllowedText", { name: user.name })}</p>
      <div class="row"><a class="button primary" href="/console">${t("ops.toConsole")}</a><button class="button" type="button" onClick=${desk.logout}>${t("account.logout")}</button></div>
    </main>`;
  }
  return html`<${Frame} />`;
}

function Frame() {
  const { t, route, desk } = useDesk();
  const [feed] = useState(() => new Feed(rest.live));
  const [, redraw] = useState(0);
  const main = useRef(null);
  useEffect(() => {
    const draw = () => (feed.problem === "unauthorized" ? desk.expired() : redraw((count) => count + 1));
    feed.addEventListener("change", draw);
    feed.start();
    return () => {
      feed.removeEventListener("change", draw);
      feed.stop();
    };
  }, []);
  const seen = useRef(false);
  useEffect(() => {
    if (seen.current) main.current.focus({ preventScroll: true });
    seen.current = true;
    scrollTo(0, 0);
  }, [route.name, route.id]);
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  const alerts = feed.live?.alerts ?? [];
  return html`<div class="frame ops">
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <header class="bar">
      <a class="mark" href="#/" aria-label=${t("ops.title")}><img src="/web/console/icon.svg" alt="" width="30" height="30" /></a>
      <nav class="bar-links" aria-label=${t("page.all")}><${Links} alerts=${alerts.length} /></nav>
      <${Freshness} feed=${feed} />
      <${Account} />
    </header>
    <${Banner} alerts=${alerts} />
    <main id="main" ref=${main} tabindex="-1">
      ${route.name === "now" && html`<${Now} feed=${feed} />`}
      ${route.name === "call" && html`<${CallPage} key=${route.id} id=${route.id} />`}
      ${route.name === "history" && html`<${History} />`}
      ${route.name === "alerts" && html`<${Alerts} />`}
      ${route.name === "test" && html`<${CheckPage} packed=${route.id} />`}
    </main>
    <nav class="tabs" aria-label=${t("page.more")}><${Links} alerts=${alerts.length} /></nav>
  </div>`;
}

function Links({ alerts }) {
  const { t, route, words } = useDesk();
  return PAGES.map(({ name, icon, path }) => html`<a href=${`#/${path}`} aria-current=${route.name === name ? "page" : undefined}>
    <${Icon} name=${icon} /><span>${t(`ops.page.${name}`)}</span>${name === "alerts" && alerts > 0 && html`<span class="count">${words.number(alerts)}</span>`}
  </a>`);
}

function Freshness({ feed }) {
  const { t } = useDesk();
  const good = !feed.problem && feed.live;
  const word = feed.problem ? feed.live && t("ops.stale") : t(feed.live ? "ops.fresh" : "loading");
  return html`<span class=${`link-state ${good ? "good" : "warn"}`} role="status"><span class="dot" aria-hidden="true"></span><span class="word">${word}</span></span>`;
}

function Account() {
  const { t, user, desk } = useDesk();
  return html`<details class="account">
    <summary aria-label=${t("account.label", { name: user.name })}><span class="avatar small" aria-hidden="true">${[...user.name][0]}</span></summary>
    <div class="menu"><span class="menu-name" dir="auto">${user.name}</span><${LanguageChoice} /><button type="button" class="button" onClick=${desk.logout}>${t("account.logout")}</button></div>
  </details>`;
}

/** The worst alert that nobody has taken or silenced, in words. */
function Banner({ alerts }) {
  const { t } = useDesk();
  const open = alerts.filter((alert) => !alert.silenced && !alert.acknowledged_by && alert.severity !== "info");
  const [first] = open;
  return html`<div class="banners" role="status">${first && html`<div class=${`banner ${first.severity === "critical" ? "bad" : "warn"}`}>
    <${Icon} name="warning" /><span>${alertTitle(first, t)}${open.length > 1 ? ` ${t("ops.andMore", { count: open.length - 1 })}` : ""}</span>
    <a class="button small" href="#/alerts">${t("ops.look")}</a>
  </div>`}</div>`;
}
