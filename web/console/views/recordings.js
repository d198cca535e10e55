/** The recordings of a past call: player, facts, export and deletion; its snapshots; the evidence of its verification. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { dateTime, shortDate, size } from "../format.js";
import * as rest from "../rest.js";
import { shotName } from "../words.js";
import { useDesk } from "./context.js";
import { Dialog } from "./parts.js";
import { Player } from "./player.js";

const LOOK_MS = 1000;
const RUNNING = new Set(["starting", "on", "paused"]);
const DISK_FULL = "disk full"; // as the engine says it
/** Why a recording cannot be opened, as far as it has words of its own. */
const CANNOT = new Set(["no_key", "wrong_key", "damaged", "not_found", "unavailable"]);
/** Who is no person; anybody else is an agent. */
const DELETED = { retention: "recording.deletedDue", site: "recording.deleted" };

/** {state: loading | ready | failed, value, again()} of a request; anew when `key` changes. */
function useRequest(request, key) {
  const { desk } = useDesk();
  const [found, set] = useState({ state: "loading" });
  const [round, again] = useState(0);
  useEffect(() => {
    let wanted = true;
    request().then(
      (value) => wanted && set({ state: "ready", value }),
      (error) => {
        if (error.code === "unauthorized") desk.expired();
        else if (wanted) set({ state: "failed" });
      },
    );
    return () => {
      wanted = false;
    };
  }, [key, round]);
  return { ...found, again: () => again((count) => count + 1) };
}

export function Recordings({ call, events, Sub }) {
  const { t } = useDesk();
  const list = useRequest(() => rest.recordings(call.call_id), `${call.call_id}${call.phase}`);
  if (list.state === "failed") return html`<p class="notice bad">${t("recording.failed")} <button type="button" class="button small" onClick=${list.again}>${t("retry")}</button></p>`;
  if (!list.value?.length) return null;
  return html`<${Sub} class="sub">${t("recording.title")}<//>${list.value.map((one) => html`<${Recording} key=${one.recording_id + one.state} recording=${one} call=${call} events=${events} onChange=${list.again} />`)}`;
}

function Recording({ recording, call, events, onChange }) {
  const { t, words } = useDesk();
  const { state, reason } = recording;
  if (state === "deleted") {
    const date = dateTime(words.locale, recording.deleted_at);
    return html`<p class="quiet">${t(DELETED[recording.deleted_by] ?? "recording.deletedBy", { date, name: recording.deleted_by === call.agent_id ? call.agent_name : recording.deleted_by })}</p>`;
  }
  if (RUNNING.has(state) && call.phase !== "ended") return html`<p class="quiet">${t("recording.running")}</p>`;
  return html`<article class="kept" aria-label=${t("recording.title")}>
    ${state === "failed" && reason && html`<p class="notice warn">${t(reason === DISK_FULL ? "recording.brokeFull" : "recording.broke", { reason })}</p>`}
    <${Contents} recording=${recording} call=${call} events=${events} />
    <p class="recording-facts quiet"><span>${t(`recording.consent.${recording.consent}`)}</span><span>${t("recording.kept", { date: shortDate(words.locale, recording.due_at) })}</span>${recording.size_bytes > 0 && html`<span class="figures">${size(words.locale, recording.size_bytes)}</span>`}</p>
    <div class="recording-actions"><${Export} recording=${recording} /><${Delete} recording=${recording} onDone=${onChange} /></div>
  </article>`;
}

function Contents({ recording, call, events }) {
  const { t } = useDesk();
  const found = useRequest(() => rest.recording(recording.recording_id), recording.recording_id);
  if (found.state === "loading") return html`<p class="detail-wait" role="status"><span class="spinner"></span>${t("recording.opening")}</p>`;
  if (found.state === "failed") return html`<p class="notice bad">${t("recording.failed")} <button type="button" class="button small" onClick=${found.again}>${t("retry")}</button></p>`;
  const { contents, problem, problem_code: code } = found.value;
  if (!contents && !recording.parts) return html`<p class="quiet">${t("recording.empty")}</p>`;
  if (!contents) return html`<p class="notice bad">${t(CANNOT.has(code) ? `recording.unreadable.${code}` : "recording.unreadable")} <${Reason} text=${problem} /></p>`;
  const told = recording.state === "failed" && contents.parts < 2; // it broke off, and that is all
  return html`${contents.problem && !told && html`<p class="notice warn">${t("recording.partly")} <${Reason} text=${contents.problem} /></p>`}
    <${Checked} recording=${recording} />
    <${Player} recording=${recording} contents=${contents} events=${events} call=${call} />`;
}

/** Said to whoever runs the server; not in the page's language. */
function Reason({ text }) {
  return html`<bdi class="reason" lang="en">${text}</bdi>`;
}

/** Changed bytes are left out where it plays: that must not go unsaid. */
function Checked({ recording }) {
  const { t } = useDesk();
  const found = useRequest(() => rest.checkRecording(recording.recording_id), recording.recording_id);
  if (!found.value?.damaged.length) return null;
  return html`<p class="notice bad" role="alert">${t("recording.changed")} <${Reason} text=${found.value.damaged.slice(0, 3).join("; ")} /></p>`;
}

/** A job's state, looked at each second while it runs. */
function useJob(job, key) {
  const { desk } = useDesk();
  const [found, set] = useState(null);
  const busy = found?.state === "waiting" || found?.state === "running";
  const ask = (request) => request().then((answer) => set(answer ?? null), (error) => (error.code === "unauthorized" ? desk.expired() : set({ state: "failed", reason: error.message })));
  useEffect(() => {
    ask(job.look);
  }, [key]);
  useEffect(() => {
    if (!busy) return undefined;
    const timer = setInterval(() => ask(job.look), LOOK_MS);
    return () => clearInterval(timer);
  }, [busy, key]);
  return { found, busy, start: () => ask(job.start), cancel: () => ask(job.cancel) };
}

function Export({ recording }) {
  return html`<${Work} job=${rest.exportOf(recording.recording_id)} id=${recording.recording_id} icon="film" words=${{ make: "recording.export", making: "recording.exporting", download: "recording.download" }} />`;
}

/** A button that becomes progress and then a download. */
function Work({ job, id, icon, words: keys }) {
  const { t, words } = useDesk();
  const { found, busy, start, cancel } = useJob(job, id);
  if (busy) {
    const percent = Math.floor(found.progress * 100);
    const text = found.state === "waiting" ? t("recording.waiting") : t(keys.making, { percent });
    return html`<div class="work"><span role="status">${text}</span><progress max="100" value=${percent} aria-label=${text}></progress><button type="button" class="button plain small" onClick=${cancel}>${t("cancel")}</button></div>`;
  }
  if (found?.state === "done") return html`<a class="button small" href=${job.file} download><${Icon} name="download" size="18" />${t(keys.download, { size: size(words.locale, found.size_bytes) })}</a>`;
  return html`<button type="button" class="button small" onClick=${start}><${Icon} name=${icon} size="18" />${t(keys.make)}</button>
    ${found?.state === "failed" && html`<p class="notice bad work-failed" role="alert">${t("recording.exportFailed", { reason: found.reason })}</p>`}`;
}

function Delete({ recording, onDone }) {
  const { desk, t } = useDesk();
  const [asking, ask] = useState(false);
  const [failed, fail] = useState(false);
  const opener = useRef(null);
  const close = () => {
    ask(false);
    opener.current?.focus();
  };
  const really = () =>
    rest.deleteRecording(recording.recording_id).then(
      () => (ask(false), onDone()),
      (error) => (error.code === "unauthorized" ? desk.expired() : fail(true)),
    );
  return html`<button type="button" class="button plain small danger-text" ref=${opener} onClick=${() => (fail(false), ask(true))}><${Icon} name="trash" size="18" />${t("recording.delete")}</button>
    ${asking && html`<${Dialog} label=${t("recording.delete.title")} onClose=${close}>
      <h2>${t("recording.delete.title")}</h2><p>${t("recording.delete.text")}</p>
      ${failed && html`<p class="notice bad" role="alert">${t("recording.delete.failed")}</p>`}
      <div class="dialog-actions"><button type="button" class="button" autofocus onClick=${close}>${t("cancel")}</button><button type="button" class="button danger" onClick=${really}>${t("recording.delete.yes")}</button></div>
    <//>`}`;
}

/** Every snapshot of the call, also those whose chat line is far up. */
export function Stills({ call, Sub }) {
  const { t } = useDesk();
  const list = useRequest(() => rest.stills(call.call_id), `${call.call_id}${call.phase}`);
  if (!list.value?.length) return null;
  return html`<${Sub} class="sub">${t("stills.title")}<//><ul class="stills">${list.value.map((still) => html`<${Still} key=${still.still_id} still=${still} />`)}</ul>`;
}

function Still({ still }) {
  const { desk, t } = useDesk();
  const [url, setUrl] = useState("");
  useEffect(() => {
    desk.photoUrl(still.photo).then(setUrl, () => {});
  }, [still.photo]);
  const alt = t(`snap.of.${still.side}`);
  return html`<li><a href=${url || undefined} target="_blank" rel="noopener"><img src=${url || undefined} alt=${alt} width=${still.width} height=${still.height} /></a>
    <span class="quiet small-text">${still.shot ? shotName(still.shot, t) : t(`who.${still.side}`)} <bdi class="figures">${still.width} × ${still.height}</bdi></span></li>`;
}

/** Only where there was a verification. */
export function Evidence({ call, events, Sub }) {
  const { t } = useDesk();
  if (call.phase !== "ended" || !events.some(({ name }) => name === "verification_started")) return null;
  return html`<${Sub} class="sub">${t("evidence.title")}<//><p class="quiet">${t("evidence.text")}</p>
    <div class="recording-actions"><${Work} job=${rest.evidenceOf(call.call_id)} id=${call.call_id} icon="shield" words=${{ make: "evidence.make", making: "evidence.making", download: "evidence.download" }} /></div>`;
}
