/** Mute, camera, hold, devices, hang up. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { canChooseSpeaker, listDevices, watchDevices } from "../../shared/media-devices.js";
import { Icon } from "../icons.js";
import { KEYS, ariaKey } from "../shortcuts.js";
import { useDesk } from "./context.js";
import { RecordControls, SnapshotControl, VerifyControl } from "./keeping.js";

const CLEANING_MS = 8000;

export function Controls({ call }) {
  const { desk, state, t } = useDesk();
  const { audio, video } = state.sending;
  const held = call.phase === "on_hold";
  const problems = desk.lines.problems;
  return html`<div class="controls" role="toolbar" aria-label=${t("call.controls")}>
    <${Control} action="mute" icon=${audio ? "mic" : "micOff"} label=${t(audio ? "call.mute" : "call.unmute")} on=${!audio} warn=${problems.audio && t(`device.audio.${problems.audio}`)} onClick=${() => desk.setSending({ audio: !audio })} />
    ${call.media === "video" && html`<${Control} action="camera" icon=${video ? "camera" : "cameraOff"} label=${t(video ? "call.cameraStop" : "call.cameraStart")} on=${!video} warn=${problems.camera && t(`device.camera.${problems.camera}`)} onClick=${() => desk.setSending({ video: !video })} />`}
    <${Control} action="hold" icon=${held ? "play" : "pause"} label=${t(held ? "call.resume" : "call.hold")} on=${held} onClick=${() => desk.hold(!held)} />
    <${SnapshotControl} call=${call} Control=${Control} />
    <${RecordControls} call=${call} Control=${Control} />
    <${VerifyControl} call=${call} Control=${Control} />
    <${Devices} call=${call} />
    <${Control} action="hangup" icon="hangup" kind="hang-up" label=${t("call.hangUp")} onClick=${() => desk.hangUp()} />
  </div>`;
}

function Control({ action, icon, label, on = false, kind = "", warn = "", ...rest }) {
  const hint = `${warn ? `${warn} – ` : ""}${label}${action ? ` (Alt+${KEYS[action]})` : ""}`;
  return html`<button type="button" class=${`control ${kind}${on ? " on" : ""}`} aria-keyshortcuts=${action && ariaKey(action)} title=${hint} ...${rest}>
    <span class="control-face"><${Icon} name=${icon} size="22" />${warn && html`<span class="control-warn" aria-hidden="true">!</span>`}</span>
    <span class="control-word">${label}</span>${warn && html`<span class="spoken">${warn}</span>`}
  </button>`;
}

/** Lists of devices, fresh when something is plugged in. */
export function useDevices(key) {
  const [found, set] = useState({ cameras: [], microphones: [], speakers: [] });
  useEffect(() => {
    const look = () => listDevices().then(set);
    look();
    return watchDevices(look);
  }, [key]);
  return found;
}

export function DeviceChoice({ id, label, devices, value, onChange }) {
  const { t } = useDesk();
  const known = devices.some((device) => device.id === value);
  return html`<div class="choice-line"><label for=${id}>${label}</label>
    <select id=${id} class="field" value=${known ? value : ""} onChange=${(event) => onChange(event.target.value)}>
      <option value="">${t("device.standard")}</option>
      ${devices.filter((device) => device.id !== "default").map((device, index) => html`<option value=${device.id} selected=${device.id === value}>${device.label || `${label} ${index + 1}`}</option>`)}
    </select></div>`;
}

export function DeviceChoices({ video = true, prefix }) {
  const { desk, state, t } = useDesk();
  const devices = useDevices(state.lines);
  const { microphone, cameraId, speaker } = desk.prefs.all;
  const chooseSpeaker = (id) => {
    desk.prefer({ speaker: id });
    document.querySelectorAll("audio").forEach((element) => element.setSinkId?.(id).catch(() => {}));
  };
  return html`<${DeviceChoice} id=${`${prefix}-mic`} label=${t("setup.audio")} devices=${devices.microphones} value=${microphone} onChange=${(id) => desk.prefer({ microphone: id })} />
    ${video && html`<${DeviceChoice} id=${`${prefix}-camera`} label=${t("setup.camera")} devices=${devices.cameras} value=${cameraId} onChange=${(id) => desk.prefer({ cameraId: id })} />`}
    ${canChooseSpeaker() && html`<${DeviceChoice} id=${`${prefix}-speaker`} label=${t("setup.speaker")} devices=${devices.speakers} value=${speaker} onChange=${chooseSpeaker} />`}`;
}

/** What the customer's surroundings add to what the agent hears. */
function LessNoise({ call }) {
  const { desk, t } = useDesk();
  const { clean_voice: wanted = false, voice_cleaned: cleaned = false } = call;
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    setWaited(false);
    if (!wanted || cleaned || call.phase !== "active" || !call.peer_audio) return undefined;
    const timer = setTimeout(() => setWaited(true), CLEANING_MS);
    return () => clearTimeout(timer);
  }, [wanted, cleaned, call.phase, call.peer_audio]);
  return html`<label class="switch"><input type="checkbox" role="switch" checked=${wanted} aria-busy=${wanted && !cleaned && !waited} aria-describedby="less-noise" onChange=${(event) => desk.cleanVoice(event.target.checked)} /><span>${t("call.lessNoise")}</span></label>
    <p class="quiet small-text" id="less-noise" role="status">${t(waited ? "call.lessNoiseNot" : "call.lessNoiseHint")}</p>`;
}

function Devices({ call }) {
  const { t } = useDesk();
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    box.current.querySelector("select")?.focus();
    const close = (event) => {
      if (event.type === "pointerdown" ? box.current.contains(event.target) : event.key !== "Escape") return;
      setOpen(false);
      if (event.type === "keydown") box.current.querySelector("button").focus();
    };
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, close);
    return () => ["pointerdown", "keydown"].forEach((name) => removeEventListener(name, close));
  }, [open]);
  return html`<div class="control-box" ref=${box}>
    <button type="button" class="control" aria-expanded=${open} aria-controls="call-devices" title=${t("call.devices")} onClick=${() => setOpen(!open)}>
      <span class="control-face"><${Icon} name="sliders" size="22" /></span><span class="control-word">${t("call.devices")}</span>
    </button>
    ${open && html`<div class="menu device-menu" id="call-devices"><${DeviceChoices} video=${call.media === "video"} prefix="call" /><${LessNoise} call=${call} /></div>`}
  </div>`;
}
