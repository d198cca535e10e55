/** The bar on top (who, connection, queue, status) and the ways to the three pages. */
import { html, useEffect, useRef } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { isOnline, liveCall, shownStatus } from "../state.js";
import { go, useDesk } from "./context.js";
import { Avatar } from "./parts.js";

const PAGES = [
  { name: "desk", icon: "desk", path: "" },
  { name: "calls", icon: "list", path: "calls" },
  { name: "settings", icon: "sliders", path: "settings" },
];

function Links() {
  const { t, route, state } = useDesk();
  return PAGES.map(({ name, icon, path }) => html`<a href=${`#/${path}`} aria-current=${route.name === name ? "page" : undefined}>
    <${Icon} name=${icon} /><span>${t(`page.${name}`)}</span>${name === "desk" && liveCall(state) && html`<span class="live-dot"></span>`}
  </a>`);
}

/** The same links at the bottom of a phone. */
export function Tabs() {
  const { t } = useDesk();
  return html`<nav class="tabs" aria-label=${t("page.more")}><${Links} /></nav>`;
}

export function Bar() {
  const { t } = useDesk();
  return html`<header class="bar">
    <a class="mark" href="#/" aria-label=${t("title")}><img src="/web/console/icon.svg" alt="" width="30" height="30" /></a>
    <nav class="bar-links" aria-label=${t("page.all")}><${Links} /></nav>
    <div class="bar-state"><${Queue} /><${Connection} /></div>
    <${Status} />
    <${Account} />
  </header>`;
}

function Queue() {
  const { t, state, words } = useDesk();
  const { waiting } = state.view;
  return html`<span class=${waiting ? "queue some" : "queue"} role="status">
    <${Icon} name="user" size="18" /><span aria-hidden="true"><b>${words.number(waiting)}</b> <span class="wide-only">${t("queue.word", { count: waiting })}</span></span>
    <span class="spoken">${t("queue.full", { count: waiting })}</span>
  </span>`;
}

function Connection() {
  const { t, state } = useDesk();
  const kind = isOnline(state) ? "good" : "warn";
  const word = t(isOnline(state) ? "link.open" : "link.lost");
  return html`<span class=${`link-state ${kind}`} role="status" title=${word}><span class="dot" aria-hidden="true"></span><span class="word">${word}</span></span>`;
}

/** What an agent may choose; busy follows from a call and is only shown. */
function Status() {
  const { desk, t, state } = useDesk();
  const status = shownStatus(state);
  if (status === "busy") return html`<span class="status-busy"><span class="dot" aria-hidden="true"></span>${t("status.busy")}</span>`;
  const checking = Boolean(state.check?.running);
  const choose = async (chosen) => {
    if (chosen === "away") return desk.goAway();
    if (!(await desk.goReady())) go("");
    return undefined;
  };
  const Choice = ({ value }) => html`<button type="button" class=${`choice ${value}`} aria-pressed=${status === value} aria-disabled=${checking} onClick=${() => status !== value && choose(value)}>
    <span class="dot" aria-hidden="true"></span>${t(`status.${value}`)}
  </button>`;
  return html`<div class="status" role="group" aria-label=${t("status.label")}><${Choice} value="ready" /><${Choice} value="away" /></div>`;
}

function Account() {
  const { desk, t, state } = useDesk();
  const menu = useRef(null);
  useEffect(() => {
    const close = (event) => {
      const outside = event.type === "pointerdown" ? !menu.current?.contains(event.target) : event.key === "Escape";
      if (outside && menu.current?.open) {
        menu.current.open = false;
        if (event.key) menu.current.querySelector("summary").focus();
      }
    };
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, close);
    return () => ["pointerdown", "keydown"].forEach((name) => removeEventListener(name, close));
  }, []);
  const name = state.agent?.name || state.view.person.name;
  const inCall = Boolean(liveCall(state));
  return html`<details class="account" ref=${menu}>
    <summary><span class="spoken">${t("account.label", { name })}</span><${Avatar} name=${name} size="small" /></summary>
    <div class="menu">
      <p class="menu-name">${name}</p>
      <button type="button" class="button small" disabled=${inCall} onClick=${() => desk.logout()}><${Icon} name="logout" size="18" />${t("account.logout")}</button>
      ${inCall && html`<p class="quiet small-text">${t("account.inCall")}</p>`}
    </div>
  </details>`;
}
