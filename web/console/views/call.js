/** The call: the customer large, the agent small, the controls, and beside them the customer's context and the chat. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock } from "../format.js";
import { Chat } from "./chat.js";
import { Controls } from "./controls.js";
import { useDesk, useFocusOnce, useNow } from "./context.js";
import { Facts, Who } from "./customer.js";
import { RecordingChip, Verification } from "./keeping.js";
import { Avatar, Stream, Verified } from "./parts.js";
import { whyNoStill } from "../state.js";

export function CallPage({ call }) {
  const { state, t } = useDesk();
  const [tab, setTab] = useState("chat");
  const heading = useFocusOnce(call.call_id);
  const Tab = ({ name, children }) => html`<button type="button" role="tab" id=${`tab-${name}`} aria-controls=${`panel-${name}`} aria-selected=${tab === name} tabindex=${tab === name ? 0 : -1} onClick=${() => setTab(name)}>${children}</button>`;
  const arrows = (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tab === "chat" ? "customer" : "chat";
    setTab(other);
    document.getElementById(`tab-${other}`).focus();
  };
  return html`<div class="call">
    <h1 class="spoken" ref=${heading} tabindex="-1">${t("call.with", { name: call.peer?.name || t("customer.unnamed") })}</h1>
    <div class="call-main"><${Stage} call=${call} /><${Controls} call=${call} /></div>
    <aside class="call-side" data-tab=${tab}>
      <div class="side-tabs" role="tablist" aria-label=${t("call.side")} onKeyDown=${arrows}>
        <${Tab} name="chat">${t("chat.title")}${state.unread > 0 && tab !== "chat" && html`<span class="count">${state.unread}</span>`}<//>
        <${Tab} name="customer">${t("context.title")}<//>
      </div>
      <section class="side-customer" id="panel-customer" aria-label=${t("context.title")}><${Who} call=${call} level="h2" /><${Facts} call=${call} /></section>
      ${call.verification && html`<${Verification} call=${call} />`}
      <div class="side-chat" id="panel-chat"><${Chat} call=${call} shown=${tab === "chat" || matchMedia("(min-width: 64rem)").matches} /></div>
    </aside>
  </div>`;
}

function Stage({ call }) {
  const { desk, state, t } = useDesk();
  const streams = desk.lines.streams(call.call_id);
  const held = call.phase === "on_hold";
  const picture = call.media === "video" && call.peer_video && call.peer_connected && !held && streams.main;
  const paused = picture && whyPaused(call);
  const name = call.peer?.name || t("customer.unnamed");
  return html`<section class=${paused ? "stage paused" : "stage"} aria-label=${t("call.stage")}>
    ${picture && html`<${Stream} class="stage-video" stream=${streams.main} aria-label=${t("call.videoOf", { name })} />`}
    ${(!picture || paused) && html`<${Portrait} call=${call} name=${name} held=${held} paused=${paused} />`}
    <div class="stage-top">
      <span class="stage-name"><bdi>${name}</bdi>${call.peer?.verified && html`<${Verified} />`}</span>
      <${Duration} call=${call} />
      <${RecordingChip} call=${call} />
      <${Quality} />
      <${Condition} call=${call} paused=${paused} />
    </div>
    ${call.media === "video" && html`<${SelfView} call=${call} />`}
    ${!state.sending.audio && !held && html`<span class="stage-muted"><${Icon} name="micOff" size="18" />${t("call.youMuted")}</span>`}
  </section>`;
}

/** Why the other picture waits, as a key of our words; empty: it does not. */
const whyPaused = (call) => (call.unshowable && "call.unshowable") || (call.video_paused && "call.paused") || (call.peer_sending_paused && "call.theirsPaused") || "";

/** Voice, a camera that is off, a hold, a picture that waits: the person as initials, with a ring that moves with the voice. */
function Portrait({ call, name, held, paused }) {
  const { desk, t } = useDesk();
  const ring = useRef(null);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  useEffect(() => {
    if (held || still) return undefined;
    const timer = setInterval(() => {
      const level = Math.min(1, desk.lines.level(call.call_id) * 3);
      ring.current?.style.setProperty("--level", level.toFixed(2));
    }, 100);
    return () => clearInterval(timer);
  }, [call.call_id, held]);
  let line = call.media === "audio" ? "media.audio" : "call.cameraOff";
  if (paused) line = paused;
  else if (held) line = "call.onHold";
  else if (!call.peer_connected) line = "call.peerReconnecting";
  return html`<div class="portrait"><span class="portrait-ring" ref=${ring}><${Avatar} name=${call.peer?.name} size="large" /></span>
    <p class="portrait-name"><bdi>${name}</bdi></p><p class="portrait-line" aria-hidden=${paused ? "true" : undefined}>${t(line)}</p></div>`;
}

function Duration({ call }) {
  const { t } = useDesk();
  const now = useNow();
  return html`<span class="chip figures" role="timer" aria-label=${t("call.duration")}>${clock(now - (call.answered_at ?? call.created_at))}</span>`;
}

const WORDS = { own_uplink: "own", own_downlink: "own", peer: "peer" };

/** Whose connection suffers, in plain words. */
function Quality() {
  const { state, t } = useDesk();
  const { level, side, kind: matter } = state.view.hint;
  const kind = WORDS[side] ?? "any";
  const advice = [`quality.${matter}.${side}`, side !== "peer" && `quality.${matter}`].find((key) => key && t(key) !== key);
  if (advice) return html`<span class=${`chip quality advice ${level}`} role="status"><${Icon} name="signal" size="16" />${t(advice)}</span>`;
  return html`<span class=${`chip quality ${level}`} role="status"><${Icon} name="signal" size="16" />${level === "good" ? t("quality.good") : t(`quality.${level}.${kind}`)}</span>`;
}

/** What stands between the two right now. */
function Condition({ call, paused }) {
  const { state, t } = useDesk();
  let text = "";
  if (call.phase === "on_hold" || !call.peer_connected) text = ""; // the portrait says it
  else if (state.view.media === "disconnected") text = t("call.reconnecting");
  else if (state.view.media === "connecting") text = t("call.connecting");
  const muted = call.phase === "active" && call.peer_connected && !call.peer_audio;
  const seeable = call.phase === "active" && call.peer_connected && call.media === "video" && state.sending.video;
  const unseen = seeable && ((call.peer_unshowable && "call.peerUnshowable") || (call.sending_paused && "call.minePaused") || (call.peer_video_paused && "call.peerPaused"));
  return html`<div class="condition" role="status">${paused && html`<span class="spoken">${t(paused)}</span>`}
    ${unseen && html`<span class="condition-line"><${Icon} name="cameraOff" size="18" />${t(unseen)}</span>`}
    ${text && html`<span class="condition-line"><span class="spinner"></span>${text}</span>`}
    ${muted && html`<span class="condition-line"><${Icon} name="micOff" size="18" />${t("call.peerMuted")}</span>`}</div>`;
}

function SelfView({ call }) {
  const { desk, state, t } = useDesk();
  const track = desk.lines.camera;
  const held = useRef({ track: null, stream: null });
  if (held.current.track !== track) held.current = { track, stream: track && new MediaStream([track]) };
  const { stream } = held.current;
  return html`<div class="self">${state.sending.video && stream
    ? html`<${Stream} stream=${stream} aria-label=${t("call.self")} />${!whyNoStill(call, state.sending, "agent") && html`<button type="button" class="self-still" aria-label=${t("snap.own")} title=${t("snap.own")} onClick=${() => desk.takeStill("agent")}><${Icon} name="shutter" size="18" /></button>`}`
    : html`<span class="self-off"><${Icon} name="cameraOff" /><span>${t(desk.lines.problems.camera && state.sending.video ? "call.noCamera" : "call.selfOff")}</span></span>`}</div>`;
}
