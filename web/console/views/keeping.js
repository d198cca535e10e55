/** What a call leaves behind: the recording's buttons and state, snapshots, and the verification with its shots. */
import { html } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock } from "../format.js";
import { recordOrPause } from "../shortcuts.js";
import { whyNoStill } from "../state.js";
import { SHOTS } from "../words.js";
import { useDesk, useNow } from "./context.js";

const RUNNING = new Set(["on", "starting", "paused"]);

/** The record button; while recording one that pauses and one that stops. */
export function RecordControls({ call, Control }) {
  const { desk, t } = useDesk();
  if (!call.may_record) return null;
  const { state = "" } = call.recording ?? {};
  const running = RUNNING.has(state);
  const begin = state === "failed" || state === "refused" ? "rec.again" : "rec.start";
  const word = state === "paused" ? "rec.resume" : running ? "rec.pause" : begin;
  return html`<${Control} action="record" icon=${running && state !== "paused" ? "pause" : "record"} kind=${running ? "recording" : ""} label=${t(word)} on=${state === "paused"} disabled=${state === "asking"} onClick=${() => recordOrPause(desk, call)} />
    ${running && call.may_record === "agent" && html`<${Control} icon="stop" label=${t("rec.stop")} onClick=${() => desk.record("off")} />`}`;
}

export function SnapshotControl({ call, Control }) {
  const { desk, state, t } = useDesk();
  if (call.media !== "video") return null;
  const problem = whyNoStill(call, state.sending, "customer"); // a press says it, too
  const hint = problem ? { "aria-disabled": "true", title: t(problem) } : {};
  return html`<${Control} action="still" icon="shutter" label=${t("snap.take")} ...${hint} onClick=${() => desk.takeStill()} />`;
}

export function VerifyControl({ call, Control }) {
  const { desk, t } = useDesk();
  if (call.media !== "video") return null;
  return html`<${Control} icon="shield" label=${t(call.verification ? "verify.end" : "verify.start")} on=${Boolean(call.verification)} onClick=${() => desk.verify(!call.verification)} />`;
}

/** Always there while something is, or was meant to be, recorded. */
export function RecordingChip({ call }) {
  const { t } = useDesk();
  const recording = call.recording;
  const now = useNow(recording?.state === "on");
  if (!recording) return null;
  const { state, since, voice_only: voices } = recording;
  return html`<span class=${`chip rec ${state}`} role="status"><i class="rec-dot" aria-hidden="true"></i>${t(`rec.state.${state}`)}${voices && state === "on" && html`<span>${t("recording.voiceOnly")}</span>`}${state === "on" && since > 0 && html`<span class="figures" aria-hidden="true">${clock(now - since)}</span>`}</span>`;
}

/** The code the customer sees, and one line a shot: ask for it, take it, taken. */
export function Verification({ call }) {
  const { desk, t } = useDesk();
  const { code, shot = "", done = [] } = call.verification;
  const Shot = ({ name }) => {
    const taken = done.includes(name);
    const asked = shot === name;
    return html`<li class=${`shot${asked ? " asked" : ""}`}>
      <span class="shot-word">${taken && html`<${Icon} name="check" size="18" />`}${t(`verify.shot.${name}`)}${taken && html`<span class="spoken">${t("verify.done")}</span>`}</span>
      <button type="button" class="button small" aria-pressed=${asked} onClick=${() => desk.verify(true, asked ? "" : name)}>${t("verify.ask")}</button>
      <button type="button" class=${`button small${asked ? " primary" : ""}`} onClick=${() => desk.takeStill("customer", name)}><${Icon} name="shutter" size="18" />${t("verify.take")}</button>
    </li>`;
  };
  return html`<section class="verification" aria-label=${t("verify.title")}>
    <p class="verification-code" dir="ltr" translate="no">${code}</p>
    <p class="quiet small-text">${t("verify.lead")}</p>
    <h3>${t("verify.shots")}</h3>
    <ol class="shots">${SHOTS.map((name) => html`<${Shot} key=${name} name=${name} />`)}</ol>
    <button type="button" class="button" onClick=${() => desk.verify(false)}><${Icon} name="check" size="18" />${t("verify.end")}</button>
  </section>`;
}
