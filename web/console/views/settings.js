/** Devices with their test, ring, notifications, language, keys. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { meter, openSources } from "../../shared/sources.js";
import { askNotifications, notificationState } from "../attention.js";
import { Icon } from "../icons.js";
import { KEYS } from "../shortcuts.js";
import { liveCall } from "../state.js";
import { useDesk } from "./context.js";
import { DeviceChoices } from "./controls.js";
import { LanguageChoice } from "./language.js";
import { Stream } from "./parts.js";

export function Settings() {
  const { t } = useDesk();
  return html`<div class="settings">
    <div class="page-head"><h1>${t("page.settings")}</h1></div>
    <div class="settings-grid">
      <div><${Test} /></div>
      <div><${RingSettings} /><${General} /><${KeyList} /></div>
    </div>
  </div>`;
}

/** The chosen devices as they are now: picture, microphone level. `on` opens them, leaving the page closes them. */
function useTest(on, prefs) {
  const [found, set] = useState({ problems: {} });
  const { microphone, cameraId } = prefs;
  useEffect(() => {
    if (!on) return undefined;
    let wanted = true;
    let opened = null;
    const stop = () => [opened?.audio, opened?.camera].forEach((track) => track?.stop());
    openSources({ audio: true, camera: true, microphone, cameraId }).then((sources) => {
      opened = sources;
      if (wanted) set(sources);
      else stop();
    });
    return () => {
      wanted = false;
      stop();
      set({ problems: {} });
    };
  }, [on, microphone, cameraId]);
  return found;
}

function Test() {
  const { desk, state, t } = useDesk();
  const [on, setOn] = useState(false);
  const found = useTest(on, desk.prefs.all);
  const stream = useRef({ track: null, stream: null });
  if (stream.current.track !== found.camera) stream.current = { track: found.camera, stream: found.camera && new MediaStream([found.camera]) };
  useEffect(() => {
    if (found.audio || found.camera) desk.prefer({}); // labels are known now: list the devices again
  }, [found.audio, found.camera]);
  const inCall = Boolean(liveCall(state));
  return html`<section class="panel device-test">
    <h2>${t("settings.devices")}</h2>
    <div class="preview">${on && found.camera
      ? html`<${Stream} stream=${stream.current.stream} aria-label=${t("settings.preview")} />`
      : html`<span class="preview-off"><${Icon} name=${on && found.problems.camera ? "cameraOff" : "camera"} size="28" />${on && found.problems.camera ? t(`device.camera.${found.problems.camera}`) : t("settings.previewOff")}</span>`}</div>
    <div class="test-line"><${Icon} name=${found.problems.audio ? "micOff" : "mic"} /><${Level} track=${on ? found.audio : null} />
      <button type="button" class="button small" aria-pressed=${on} onClick=${() => setOn(!on)}>${t(on ? "settings.stop" : "settings.start")}</button></div>
    <${Problem} problems=${found.problems} />
    <${DeviceChoices} prefix="settings" />
    <div class="test-line"><${Icon} name="speaker" /><span class="quiet grow">${t("settings.speakerHint")}</span>
      <button type="button" class="button small" onClick=${() => desk.testSpeaker()}>${t("settings.tone")}</button></div>
    ${inCall && html`<p class="quiet small-text">${t("settings.inCall")}</p>`}
  </section>`;
}

function Problem({ problems }) {
  const { t } = useDesk();
  const [slot, problem] = Object.entries(problems).find(([, word]) => word) ?? [];
  if (!slot) return null;
  return html`<div class="notice bad" role="alert"><p><b>${t(`device.${slot}.${problem}`)}</b></p><p>${t(`device.fix.${problem}`)}</p></div>`;
}

function Level({ track }) {
  const { t } = useDesk();
  const bar = useRef(null);
  useEffect(() => {
    if (!track) return undefined;
    const gauge = meter(track);
    const timer = setInterval(() => bar.current?.style.setProperty("--level", gauge.level().toFixed(3)), 80);
    return () => {
      clearInterval(timer);
      gauge.stop();
      bar.current?.style.setProperty("--level", "0");
    };
  }, [track]);
  return html`<span class="level grow" ref=${bar} role="img" aria-label=${t("settings.level")}><i></i></span>`;
}

function RingSettings() {
  const { desk, t } = useDesk();
  const { ringVolume, ringMuted } = desk.prefs.all;
  const asked = notificationState();
  const ask = async () => {
    await askNotifications();
    desk.prefer({});
  };
  return html`<section class="panel">
    <h2>${t("settings.ring")}</h2>
    <label class="switch"><input type="checkbox" role="switch" checked=${!ringMuted} onChange=${(event) => desk.prefer({ ringMuted: !event.target.checked })} /><span>${t("settings.ringOn")}</span></label>
    <div class="test-line"><label class="grow volume"><span>${t("settings.volume")}</span>
      <input type="range" min="0" max="1" step="0.05" value=${ringVolume} onInput=${(event) => desk.prefer({ ringVolume: Number(event.target.value) })} /></label>
      <button type="button" class="button small" onClick=${() => desk.testRing()}>${t("settings.listen")}</button></div>
    ${asked !== "unsupported" && html`<div class="test-line"><span class="grow"><b>${t("setup.notify")}</b><br /><span class="quiet">${t(`setup.notify.${asked}`)}</span></span>
      ${asked === "default" && html`<button type="button" class="button small" onClick=${ask}>${t("setup.notify.turnOn")}</button>`}</div>`}
  </section>`;
}

function General() {
  const { t } = useDesk();
  return html`<section class="panel"><h2>${t("settings.general")}</h2><${LanguageChoice} id="settings-language" /><p class="quiet small-text">${t("settings.theme")}</p></section>`;
}

function KeyList() {
  const { t } = useDesk();
  return html`<section class="panel"><h2>${t("settings.keys")}</h2>
    <dl class="keys">${Object.entries(KEYS).map(([action, key]) => html`<div><dt>${t(`key.${action}`)}</dt><dd><kbd>Alt</kbd> <kbd>${key}</kbd></dd></div>`)}</dl>
    <p class="quiet small-text">${t("settings.keysHint")}</p></section>`;
}
