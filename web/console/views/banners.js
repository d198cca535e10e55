/** What the agent must know wherever they are: lost connection, draining server, no sound, another tab, notices. */
import { html, useEffect } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock } from "../format.js";
import { isOnline, liveCall } from "../state.js";
import { useDesk, useFocusOnce, useNow } from "./context.js";

const NOTICE_SECONDS = 8;

export function Banners() {
  const { state } = useDesk();
  const recording = liveCall(state)?.recording;
  return html`<div class="banners" role="status">
    ${!isOnline(state) && html`<${Offline} />`}
    ${state.view.drainUntil > 0 && html`<${Draining} />`}
    ${state.silenced && html`<${Silenced} />`}
    ${recording?.state === "failed" && html`<${NotRecorded} why=${recording.why} />`}
  </div>`;
}

function Offline() {
  const { t, state } = useDesk();
  const { connection } = state.view;
  if (connection === "connecting" && !state.view.role) return html`<p class="banner"><span class="spinner"></span>${t("link.connecting")}</p>`;
  if (connection === "refused") return html`<p class="banner warn"><${Icon} name="warning" />${t("link.refused")} <${Again} /></p>`;
  return html`<p class="banner warn"><span class="spinner"></span>${t(liveCall(state) ? "link.lostInCall" : "link.lostLong")}</p>`;
}

function Again() {
  const { desk, t } = useDesk();
  return html`<button type="button" class="button small" onClick=${() => desk.takeOver()}>${t("retry")}</button>`;
}

function Draining() {
  const { t, state } = useDesk();
  const left = state.view.drainUntil - useNow();
  if (!liveCall(state)) return html`<p class="banner warn"><${Icon} name="clock" />${t("drain.idle")}</p>`;
  return html`<p class="banner warn"><${Icon} name="clock" />${t("drain.call")} <b class="figures" aria-hidden="true">${clock(left)}</b></p>`;
}

function Silenced() {
  const { t } = useDesk();
  const { desk } = useDesk();
  const playAll = () => document.querySelectorAll("audio").forEach((element) => desk.play(element));
  return html`<p class="banner warn"><${Icon} name="speaker" />${t("silenced")} <button type="button" class="button small" onClick=${playAll}>${t("silenced.play")}</button></p>`;
}

function NotRecorded({ why = "unknown" }) {
  const { desk, t } = useDesk();
  return html`<p class="banner warn"><${Icon} name="warning" />${t(`rec.why.${why}`)} <button type="button" class="button small" onClick=${() => desk.record("on")}>${t("rec.again")}</button></p>`;
}

/** The session is open in another tab or on another machine. */
export function Replaced() {
  const { desk, t } = useDesk();
  const heading = useFocusOnce("replaced");
  return html`<main class="replaced" id="main">
    <span class="empty-icon"><${Icon} name="desk" size="32" /></span>
    <h1 ref=${heading} tabindex="-1">${t("replaced.title")}</h1>
    <p class="quiet">${t("replaced.text")}</p>
    <button type="button" class="button primary" onClick=${() => desk.takeOver()}>${t("replaced.take")}</button>
  </main>`;
}

export function Notices() {
  const { state } = useDesk();
  return html`<div class="notices" role="status">${state.notices.map((notice) => html`<${Notice} key=${notice.id} ...${notice} />`)}</div>`;
}

function Notice({ id, code, kind }) {
  const { desk, t, words } = useDesk();
  useEffect(() => {
    const timer = setTimeout(() => desk.closeNotice(id), NOTICE_SECONDS * 1000);
    return () => clearTimeout(timer);
  }, [id]);
  const text = words.t(code) === code ? t("error.other") : t(code);
  return html`<div class=${`toast ${kind}`}><${Icon} name=${kind === "error" ? "warning" : "bell"} size="18" /><span>${text}</span>
    <button type="button" class="icon-button" aria-label=${t("close")} onClick=${() => desk.closeNotice(id)}><${Icon} name="close" size="18" /></button>
  </div>`;
}
