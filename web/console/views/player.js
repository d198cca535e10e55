/** A recording played back: each side is a file of its own; one clock leads, the other is kept beside it. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock } from "../format.js";
import * as rest from "../rest.js";
import { eventDetail, eventKey } from "../words.js";
import { useDesk } from "./context.js";
import { Avatar } from "./parts.js";

const SPEEDS = [1, 1.5, 2];
const APART = 0.12; // seconds; ears and eyes take less for simultaneous
const TICK_MS = 200;
const MARKED = /^(recording_(paused|resumed|consented|continued)|still_taken|verification_|shot_asked|held|resumed)/;

/** Moments of the call's history that lie in the recording. */
export function marksOf(events, beganAt, duration) {
  return events
    .filter(({ name }) => MARKED.test(name))
    .map((event) => ({ ...event, second: event.at - beganAt }))
    .filter(({ second }) => second >= 0 && second <= duration);
}

/** Keep all elements at the leader's time; those that lag or lead by more than APART jump. */
export function alignTo(leader, others) {
  for (const one of others) {
    if (one.readyState >= 2 && Math.abs(one.currentTime - leader.currentTime) > APART && leader.currentTime < one.duration) one.currentTime = leader.currentTime;
  }
}

export function Player({ recording, contents, events, call }) {
  const { t } = useDesk();
  const [playing, setPlaying] = useState(false);
  const [second, setSecond] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [failed, setFailed] = useState(false);
  const box = useRef(null);
  const elements = () => [...box.current.querySelectorAll("video")];
  const duration = contents.duration;
  const marks = marksOf(events, contents.began_at, duration);

  useEffect(() => {
    const timer = setInterval(() => {
      const [leader, ...others] = elements();
      if (!leader) return;
      setSecond(leader.currentTime);
      if (!leader.paused) alignTo(leader, others);
      if (leader.ended) pause();
    }, TICK_MS);
    return () => clearInterval(timer);
  }, []);

  const play = () => {
    if (elements()[0]?.ended) seek(0);
    elements().forEach((one) => one.play().catch(() => {}));
    setPlaying(true);
  };
  const pause = () => {
    elements().forEach((one) => one.pause());
    setPlaying(false);
  };
  const seek = (to) => {
    elements().forEach((one) => (one.currentTime = Math.min(to, one.duration || to)));
    setSecond(to);
  };
  const faster = () => {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
    elements().forEach((one) => (one.playbackRate = next));
    setSpeed(next);
  };
  const sides = contents.sides.map((side) => ({ side, picture: contents.tracks.some((track) => track.side === side && track.kind === "video") }));
  return html`<div class="player" ref=${box}>
    <div class=${`player-sides${sides.some((one) => one.picture) ? "" : " voices"}`}>${sides.map(({ side, picture }) => html`<${Side} key=${side} side=${side} picture=${picture} recording=${recording} call=${call} onFail=${() => setFailed(true)} />`)}</div>
    ${failed && html`<p class="notice bad" role="alert">${t("recording.failed")}</p>`}
    <div class="player-bar">
      <button type="button" class="icon-button" aria-label=${t(playing ? "recording.pause" : "recording.play")} title=${t(playing ? "recording.pause" : "recording.play")} onClick=${playing ? pause : play}><${Icon} name=${playing ? "pause" : "play"} /></button>
      <div class="player-time">
        <input type="range" min="0" max=${duration} step="0.1" value=${second} aria-label=${t("recording.seek")} aria-valuetext=${`${clock(second)} / ${clock(duration)}`} onInput=${(event) => seek(Number(event.target.value))} />
        <div class="player-marks" aria-hidden="true">${marks.map((mark) => html`<i class=${mark.name} style=${{ insetInlineStart: `${(100 * mark.second) / duration}%` }}></i>`)}</div>
      </div>
      <span class="figures player-clock">${clock(second)} / ${clock(duration)}</span>
      <button type="button" class="button plain small figures" aria-label=${`${t("recording.speed")}: ${speed}×`} onClick=${faster}>${speed}×</button>
    </div>
    ${marks.length > 0 && html`<details class="marks"><summary>${t("recording.marks")}</summary><ol>${marks.map((mark) => html`<li key=${mark.sequence}>
      <button type="button" class="button plain small" onClick=${() => seek(mark.second)}><span class="figures">${clock(mark.second)}</span> ${t(eventKey(mark.name))} <bdi class="quiet">${eventDetail(mark.data ?? {}, call, t)}</bdi></button></li>`)}</ol></details>`}
  </div>`;
}

/** A side that only spoke is shown as who it was. */
function Side({ side, picture, recording, call, onFail }) {
  const { t } = useDesk();
  const name = side === "agent" ? call.agent_name || t("who.agent") : call.customer?.name || t("who.customer");
  const known = side === "agent" || side === "customer";
  return html`<figure class=${picture ? "player-side" : "player-side voice"}>
    ${!picture && html`<${Avatar} name=${name} size="large" />`}
    <video class=${picture ? "" : "spoken"} src=${rest.mediaUrl(recording.recording_id, side)} preload="metadata" playsinline aria-label=${name} onError=${onFail}></video>
    <figcaption><bdi>${name}</bdi>${known && html`<span class="quiet">${t(`who.${side}`)}</span>`}${!picture && html`<span class="quiet">${t("recording.voiceOnly")}</span>`}</figcaption>
  </figure>`;
}
