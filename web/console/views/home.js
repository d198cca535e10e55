/** The desk between calls: what just ended, whether calls come, what is ready for them, and the latest calls. */
import { html } from "../vendor/htm-preact.js";
import { askNotifications, notificationState } from "../attention.js";
import { clock } from "../format.js";
import { Icon } from "../icons.js";
import { endedCall, ringingCalls, shownStatus } from "../state.js";
import { reasonKey } from "../words.js";
import { Rows, useCalls, useNews } from "./calls-data.js";
import { useDesk, useFocusOnce } from "./context.js";
import { Facts, Who } from "./customer.js";

const RECENT = 8;

export function Home() {
  const { state, t } = useDesk();
  const ended = endedCall(state);
  const rings = ringingCalls(state).length > 0;
  return html`<div class="home">
    ${rings && !ended && html`<h1 class="spoken">${t("page.desk")}</h1>`}
    <div class="home-main">
      ${ended ? html`<${WrapUp} key=${ended.call_id} call=${ended} />` : !rings && html`<${Standing} />`}
      <${Recent} />
    </div>
    <aside class="home-side" aria-label=${t("setup.title")}><${Setup} /></aside>
  </div>`;
}

function Standing() {
  const { desk, state, t } = useDesk();
  const ready = shownStatus(state) === "ready";
  const checking = Boolean(state.check?.running);
  const { waiting } = state.view;
  const problem = state.check?.audio?.problem;
  return html`<section class=${`standing ${ready ? "ready" : "away"}`}>
    <span class="standing-mark" aria-hidden="true"><${Icon} name=${ready ? "bell" : "pause"} size="26" /></span>
    <div class="standing-text">
      <h1>${t(ready ? "standing.ready" : "standing.away")}</h1>
      <p>${ready ? t("standing.readyText") : waiting ? t("standing.awayWaiting", { count: waiting }) : t("standing.awayText")}</p>
    </div>
    ${ready
      ? html`<button type="button" class="button" onClick=${() => desk.goAway()}><${Icon} name="pause" />${t("standing.pause")}</button>`
      : html`<button type="button" class="button primary" aria-disabled=${checking} onClick=${() => goReady(desk)}>
          ${checking ? html`<span class="spinner"></span>` : html`<${Icon} name="check" />`}${t(checking ? "check.running" : "standing.go")}
        </button>`}
    <div class="standing-why" role="alert">${!ready && !checking && problem && html`<div class="notice bad"><${Icon} name="micOff" /><div class="grow"><b>${t(`device.audio.${problem}`)}</b><p>${t(`device.fix.${problem}`)}</p></div></div>`}</div>
  </section>`;
}

/** Notifications are asked for where they make sense: when the agent wants calls. */
async function goReady(desk) {
  if (desk.state.check?.running) return;
  await desk.goReady();
  if (notificationState() === "default") await askNotifications();
  desk.prefer({});
}

function WrapUp({ call }) {
  const { desk, state, t } = useDesk();
  const heading = useFocusOnce(call.call_id);
  const ready = shownStatus(state) === "ready";
  const talked = call.answered_at ? (call.ended_at ?? Date.now() / 1000) - call.answered_at : 0;
  const done = async () => {
    desk.wrapUp();
    if (!ready) await goReady(desk);
  };
  return html`<section class="wrap-up" aria-labelledby="wrap-up">
    <div class="wrap-up-head">
      <div>
        <h1 id="wrap-up" ref=${heading} tabindex="-1">${t("wrap.title")}</h1>
        <p>${t(reasonKey(call, state.hungUp === call.call_id))}</p>
      </div>
      <span class="wrap-up-time"><span class="quiet">${t("wrap.talked")}</span><b class="figures">${clock(talked)}</b></span>
    </div>
    <div class="wrap-up-who"><${Who} call=${call} level="h2" /><${Facts} call=${call} /></div>
    <div class="wrap-up-actions">
      <button type="button" class="button primary" onClick=${done}><${Icon} name="check" />${t(ready ? "wrap.done" : "wrap.ready")}</button>
      ${ready && html`<button type="button" class="button" onClick=${() => (desk.goAway(), desk.wrapUp())}><${Icon} name="pause" />${t("wrap.pause")}</button>`}
      <a class="button plain" href=${`#/calls/${call.call_id}`}>${t("wrap.details")}</a>
    </div>
    ${ready && html`<p class="quiet small-text">${t("wrap.note")}</p>`}
  </section>`;
}

/** What a call needs, each line with what is wrong and how to put it right. */
function Setup() {
  const { desk, state, t } = useDesk();
  const { check } = state;
  const { ringMuted, ringVolume } = desk.prefs.all;
  const asked = notificationState();
  const ask = async () => {
    await askNotifications();
    desk.prefer({});
  };
  return html`<section class="panel setup">
    <h2>${t("setup.title")}</h2>
    <ul>
      <${Device} slot="audio" icon="mic" found=${check?.audio} />
      <${Device} slot="camera" icon="camera" found=${check?.camera} />
      <${Line} icon=${ringMuted ? "bellOff" : "bell"} state=${ringMuted || !ringVolume ? "warn" : "good"} title=${t("setup.ring")} text=${t(ringMuted || !ringVolume ? "setup.ringOff" : "setup.ringOn")} />
      ${asked !== "unsupported" && html`<${Line} icon="warning" state=${asked === "granted" ? "good" : "warn"} title=${t("setup.notify")} text=${t(`setup.notify.${asked}`)}>
        ${asked === "default" && html`<button type="button" class="button small" onClick=${ask}>${t("setup.notify.turnOn")}</button>`}
      <//>`}
    </ul>
    <div class="setup-actions">
      <button type="button" class="button small" aria-disabled=${Boolean(check?.running)} onClick=${() => !check?.running && desk.checkDevices()}><${Icon} name="retry" size="18" />${t("check.again")}</button>
      <a class="button plain small" href="#/settings">${t("page.settings")}</a>
    </div>
  </section>`;
}

function Device({ slot, icon, found }) {
  const { t } = useDesk();
  if (!found) return html`<${Line} icon=${icon} state="" title=${t(`setup.${slot}`)} text=${t("check.notYet")} />`;
  const { problem, label } = found;
  if (!problem) return html`<${Line} icon=${icon} state="good" title=${t(`setup.${slot}`)} text=${label || t("check.works")} />`;
  return html`<${Line} icon=${`${icon}Off`} state=${slot === "audio" ? "bad" : "warn"} title=${t(`device.${slot}.${problem}`)} text=${t(`device.fix.${problem}`)} />`;
}

function Line({ icon, state, title, text, children }) {
  return html`<li class=${`setup-line ${state}`}><${Icon} name=${icon} /><div><p class="setup-name">${title}</p><p class="quiet">${text}</p>${children}</div>
    ${state === "good" && html`<${Icon} name="check" size="18" />`}</li>`;
}

function Recent() {
  const { t } = useDesk();
  const list = useCalls({ limit: RECENT });
  useNews(list);
  return html`<section class="panel recent" aria-labelledby="recent">
    <div class="panel-head"><h2 id="recent">${t("recent.title")}</h2><a href="#/calls">${t("recent.all")}</a></div>
    <${Rows} list=${list} rows=${list.rows.slice(0, RECENT)} />
  </section>`;
}
