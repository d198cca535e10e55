/**
 * The media of one call: one RTCPeerConnection a leg, the server offers and we answer.
 *
 * Events: `streams` (detail: {slot: MediaStream} to show: audio, main, side, audio_side), `state` (detail: connecting,
 * connected or disconnected), `stats` (detail: the fields of quality.report, every 5 s).
 * Sources are cloned, so that a preview goes on while the sent track is off. A new leg replaces the old one only when
 * it is connected; until then the old one plays on.
 */
import { counters, summary } from "./stats.js";

/** Slots that we feed, and the direction of their line as we answer it, with or without a source yet. */
const FED = { audio: "sendrecv", camera: "sendonly" };
const VIDEO_BPS = 1_800_000;
const RESTART_AFTER = 1500;
const REPLACE_AFTER = 5000;
const CONNECT_TIMEOUT = 10_000;
const STATS_EVERY = 5000;

export class Peer extends EventTarget {
  #send;
  #leg = null;
  #next = null;
  #spare = null;
  #config;
  #tracks = {};
  #enabled = { audio: false, camera: false };
  #timer = 0;
  #statsTimer = 0;
  #before = null;
  state = "connecting";

  /** `send`: message => boolean, usually Signaling's. */
  constructor({ send, iceServers = [] }) {
    super();
    this.#send = send;
    this.#config = { bundlePolicy: "max-bundle", iceServers };
  }

  /** Make the first connection's certificate and threads before they are needed. */
  prepare() {
    this.#spare ??= new RTCPeerConnection(this.#config);
  }

  /** Take a LegOffer: a new leg, or an ICE restart of one we have. */
  offer(offer) {
    let leg = [this.#next, this.#leg].find((known) => known?.id === offer.leg_id);
    if (leg && offer.generation <= leg.generation) return leg.work; // repeated after a reconnect
    leg ??= this.#open(offer);
    leg.generation = offer.generation;
    leg.work = leg.work.then(() => this.#answer(leg, offer)).catch(() => this.#ask(leg, true));
    return leg.work;
  }

  /** Feed a slot (`audio` or `camera`) from a track, or null for nothing. */
  setTrack(slot, track) {
    this.#tracks[slot]?.stop();
    const clone = (this.#tracks[slot] = track?.clone() ?? null);
    if (clone) {
      clone.enabled = this.#enabled[slot];
      if ("contentHint" in clone) clone.contentHint = slot === "audio" ? "speech" : "motion";
    }
    for (const leg of [this.#leg, this.#next]) leg?.lines[slot]?.sender.replaceTrack(clone).catch(() => {});
  }

  /** Whether a slot's source really leaves this page (false until the call is active, or muted). */
  setEnabled(slot, on) {
    this.#enabled[slot] = on;
    if (this.#tracks[slot]) this.#tracks[slot].enabled = on;
  }

  /** 0 to 1: loudness of what arrives in an audio slot. */
  level(slot = "audio") {
    return this.#leg?.lines[slot]?.receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
  }

  /** The signaling connection is back: if media is not, ask at once. */
  check() {
    const leg = this.#next ?? this.#leg;
    if (leg && this.state !== "connected") this.#ask(leg, false);
  }

  close() {
    clearTimeout(this.#timer);
    clearInterval(this.#statsTimer);
    for (const slot of Object.keys(this.#tracks)) this.setTrack(slot, null);
    for (const pc of [this.#leg?.pc, this.#next?.pc, this.#spare]) pc?.close();
    this.#leg = this.#next = this.#spare = null;
  }

  #open({ leg_id, slots, ice_servers = [] }) {
    const own = ice_servers.length > 0; // the spare was made without them
    const pc = (!own && this.#spare) || new RTCPeerConnection({ ...this.#config, ...(own && { iceServers: ice_servers }) });
    if (own) this.#spare?.close();
    this.#spare = null;
    const leg = { id: leg_id, generation: -1, pc, slots, lines: {}, work: Promise.resolve() };
    this.#next?.pc.close();
    if (this.#leg) this.#next = leg;
    else this.#leg = leg;
    pc.onconnectionstatechange = pc.oniceconnectionstatechange = () => this.#changed(leg);
    this.#later(CONNECT_TIMEOUT, leg, true);
    return leg;
  }

  async #answer(leg, { sdp, generation }) {
    const { pc } = leg;
    await pc.setRemoteDescription({ type: "offer", sdp });
    for (const line of pc.getTransceivers()) {
      const slot = leg.slots[line.mid];
      leg.lines[slot] = line;
      if (!(slot in FED)) continue;
      line.direction = FED[slot];
      line.sender.replaceTrack(this.#tracks[slot] ?? null).catch(() => {});
    }
    const answer = await pc.createAnswer();
    // No candidates needed: the server learns ours from our checks.
    this.#send({ type: "leg.answer", leg_id: leg.id, generation, sdp: answer.sdp });
    await pc.setLocalDescription(answer);
    limit(leg.lines);
    if (leg === this.#leg) this.#show();
  }

  #changed(leg) {
    if (leg !== this.#leg && leg !== this.#next) return;
    const state = leg.pc.connectionState ?? leg.pc.iceConnectionState; // Firefox before 113 has only the second
    if (state === "connected" || state === "completed") return this.#connected(leg);
    if (leg === this.#next ? state === "failed" : state === "failed" || state === "disconnected") {
      if (leg === this.#leg) this.#enter("disconnected");
      this.#later(state === "failed" ? 0 : RESTART_AFTER, leg, leg === this.#next);
    }
  }

  #connected(leg) {
    clearTimeout(this.#timer);
    if (leg === this.#next) {
      this.#leg.pc.close();
      this.#leg = leg;
      this.#next = this.#before = null;
      this.#show();
    }
    this.#enter("connected");
    if (!this.#statsTimer) this.#statsTimer = setInterval(() => this.#measure(), STATS_EVERY);
  }

  /** Ask the server for a repair after `delay`, and for a whole new leg if that did not help either. */
  #later(delay, leg, replace) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(leg, replace), delay);
  }

  #ask(leg, replace) {
    if (leg !== this.#leg && leg !== this.#next) return;
    this.#send({ type: "leg.restart", leg_id: leg.id, replace });
    this.#later(REPLACE_AFTER, leg, true);
  }

  #show() {
    const streams = {};
    for (const [slot, { receiver }] of Object.entries(this.#leg.lines)) {
      if (slot !== "camera") streams[slot] = new MediaStream([receiver.track]);
    }
    this.#emit("streams", streams);
  }

  async #measure() {
    const leg = this.#leg;
    if (!leg || leg.pc.connectionState === "closed") return;
    const now = counters(await leg.pc.getStats());
    const before = this.#before;
    this.#before = now;
    if (!before || leg !== this.#leg) return;
    const report = summary(before, now);
    this.#send({ type: "quality.report", leg_id: leg.id, ...report });
    this.#emit("stats", report);
  }

  #enter(state) {
    if (state === this.state) return;
    this.state = state;
    this.#emit("state", state);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** A face that moves beats a sharp one that stands; the voice goes first. */
function limit({ audio, camera }) {
  const set = (sender, change) => {
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) return; // Firefox before 110
    change(parameters, parameters.encodings[0]);
    sender.setParameters(parameters).catch(() => {});
  };
  if (audio) set(audio.sender, (_, encoding) => Object.assign(encoding, { priority: "high", networkPriority: "high" }));
  if (!camera) return;
  set(camera.sender, (parameters, encoding) => {
    parameters.degradationPreference = "maintain-framerate";
    Object.assign(encoding, { maxBitrate: VIDEO_BPS, maxFramerate: 30 });
  });
}
