/** Calls that ring here: one large card each, the longest waiting first. */
import { html } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock } from "../format.js";
import { ringingCalls } from "../state.js";
import { useDesk, useNow } from "./context.js";
import { Facts, Who } from "./customer.js";
import { Action } from "./parts.js";

export function Ringing() {
  const { desk, state, t } = useDesk();
  const calls = ringingCalls(state);
  const now = useNow(calls.length > 0);
  if (!calls.length) return null;
  return html`<section class="ringing" aria-label=${t("ring.section", { count: calls.length })}>
    ${calls.map((call, index) => html`<${Card} key=${call.call_id} call=${call} now=${now} first=${index === 0} />`)}
    <${RingSwitch} desk=${desk} t=${t} />
  </section>`;
}

function Card({ call, now, first }) {
  const { desk, state, t } = useDesk();
  const deciding = state.accepting === call.call_id;
  const locked = Boolean(state.accepting);
  const problems = desk.lines.problems;
  return html`<article class=${first ? "ring-card first" : "ring-card"} aria-labelledby=${`ring-${call.call_id}`}>
    <header>
      <${Who} call=${call} id=${`ring-${call.call_id}`} level="h2" />
      <span class="ring-wait"><span class="quiet">${t("ring.waiting")}</span><b class="figures">${clock(now - call.created_at)}</b></span>
    </header>
    <${Facts} call=${call} />
    ${problems.audio && html`<p class="notice bad"><${Icon} name="micOff" />${t(`device.audio.${problems.audio}`)}</p>`}
    ${!problems.audio && problems.camera && call.media === "video" && html`<p class="notice warn"><${Icon} name="cameraOff" />${t(`device.camera.${problems.camera}`)}</p>`}
    <div class="ring-actions">
      <${Action} icon="phone" kind="answer" label=${t(deciding ? "ring.answering" : "ring.answer")} action=${first ? "answer" : ""} aria-disabled=${locked} onClick=${() => desk.answer(call.call_id)} />
      <${Action} icon="close" kind="decline" label=${t("ring.decline")} action=${first ? "decline" : ""} aria-disabled=${locked} onClick=${() => !locked && desk.decline(call.call_id)} />
    </div>
  </article>`;
}

function RingSwitch({ desk, t }) {
  const muted = desk.prefs.all.ringMuted;
  return html`<button type="button" class="button plain small ring-mute" aria-pressed=${muted} onClick=${() => desk.prefer({ ringMuted: !muted })}>
    <${Icon} name=${muted ? "bellOff" : "bell"} size="18" />${t(muted ? "ring.unmute" : "ring.mute")}
  </button>`;
}
