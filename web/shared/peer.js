/** The media of one call: the server offers, we answer; one RTCPeerConnection a leg. Use: web/README.md. */
/** Slots we feed and how we answer their line, with or without a source yet, so that one can come later. */
const FED = { audio: "sendrecv", camera: "sendonly" };
const RESTART_MS = 1500;
const REPLACE_MS = 5000;
const CONNECT_MS = 10_000;

export class Peer extends EventTarget {
  state = "connecting";
  #leg;
  #next;
  #spare;
  #sources = {};
  #tracks = {};
  #enabled = {};
  #timer;
  #monitor;
  #wish = {};

  /** `send`: message => boolean. */
  constructor({ send }) {
    super();
    this.send = send;
  }

  /** Have a connection's certificate, threads and candidates before they are needed. */
  prepare() {
    return (this.#spare ??= this.#connection([]));
  }

  #connection(iceServers) {
    return new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers, iceCandidatePoolSize: 1 });
  }

  /** Take a LegOffer: a new leg, or an ICE restart of one we have. */
  offer(offer) {
    let leg = [this.#next, this.#leg].find((one) => one?.id === offer.leg_id);
    if (offer.generation <= leg?.generation) return leg.work; // repeated after a reconnect
    leg ??= this.#open(offer);
    leg.generation = offer.generation;
    return (leg.work = leg.work.then(() => this.#answer(leg, offer)).catch(() => this.#ask(leg, true)));
  }

  /** Feed `audio` or `camera`; a clone is sent, so that a preview goes on while it is disabled. */
  setTrack(slot, track) {
    if (this.#sources[slot] === track) return;
    this.#sources[slot] = track;
    this.#tracks[slot]?.stop();
    const clone = (this.#tracks[slot] = track?.clone());
    if (clone) clone.contentHint = slot === "audio" ? "speech" : "motion";
    this.setEnabled(slot, this.#enabled[slot]);
    for (const leg of [this.#leg, this.#next]) this.#feed(leg?.lines[slot], clone);
  }

  #feed(line, track = null) {
    line?.sender.replaceTrack(track).catch(() => {}); // closed meanwhile
  }

  /** Whether sound or picture really leaves this page. */
  setEnabled(slot, on = false) {
    this.#enabled[slot] = on;
    if (this.#tracks[slot]) this.#tracks[slot].enabled = on;
    this.#monitor?.then((found) => found?.obey());
  }

  /** 0 to 1: loudness of what arrives. */
  level(slot = "audio") {
    return this.#leg?.lines[slot]?.receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
  }

  /** What the server wishes of what we send and play; takes a CallView. */
  wish(view) {
    this.#wish = view;
    this.#monitor?.then((found) => found?.obey());
  }

  /** Signaling is back: if media is not, or the page is on another network (`moved`), ask at once. */
  check(moved) {
    if (this.#leg && (moved || this.state !== "connected")) this.#ask(this.#next ?? this.#leg);
  }

  close() {
    clearTimeout(this.#timer);
    for (const slot in FED) this.setTrack(slot, null);
    for (const pc of [this.#leg?.pc, this.#next?.pc, this.#spare]) pc?.close();
    this.#leg = this.#next = this.#spare = null;
    this.#monitor?.then((found) => found?.stop());
  }

  #open({ leg_id, slots, ice_servers }) {
    const pc = ice_servers?.length ? this.#connection(ice_servers) : this.prepare();
    if (pc === this.#spare) this.#spare = null;
    const leg = { id: leg_id, generation: -1, pc, slots, lines: {}, work: Promise.resolve() };
    this.#next?.pc.close();
    if (this.#leg) this.#next = leg;
    else this.#leg = leg;
    pc.onconnectionstatechange = () => this.#changed(leg);
    this.#later(CONNECT_MS, leg, true);
    return leg;
  }

  async #answer(leg, { sdp, generation, ice_servers }) {
    const { pc, lines } = leg;
    if (generation && ice_servers?.length) pc.setConfiguration({ ...pc.getConfiguration(), iceServers: ice_servers }); // fresh credentials
    await pc.setRemoteDescription({ type: "offer", sdp });
    leg.sdp = leg.shape = sdp;
    for (const line of pc.getTransceivers()) {
      const slot = leg.slots[line.mid];
      lines[slot] = line;
      if (!FED[slot]) continue;
      line.direction = FED[slot];
      this.#feed(line, this.#tracks[slot]);
    }
    const answer = await pc.createAnswer();
    // Without candidates: an ICE-lite server learns ours from our checks.
    this.send({ type: "leg.answer", leg_id: leg.id, generation, sdp: answer.sdp });
    await pc.setLocalDescription(answer);
    if (leg === this.#leg) this.#show();
  }

  #changed(leg) {
    const state = leg.pc.connectionState;
    const replacing = leg === this.#next;
    if (state === "connected") {
      if (replacing) this.#swap();
      if (leg === this.#leg) this.#connected();
    } else if (state === "failed" || (state === "disconnected" && leg === this.#leg)) {
      if (!replacing) this.#enter("disconnected");
      this.#later(state === "failed" ? 0 : RESTART_MS, leg, replacing);
    }
  }

  #swap() {
    this.#leg.pc.close();
    this.#leg = this.#next;
    this.#next = null;
    this.#show();
  }

  #connected() {
    if (!this.#next) clearTimeout(this.#timer);
    this.#enter("connected");
    this.#monitor ??= this.#watch();
  }

  async #watch() {
    try {
      const { monitor } = await import("./monitor.js");
      const live = () => Object.values(this.#enabled).some(Boolean);
      return this.#leg && monitor({ current: () => this.#leg, wish: () => this.#wish, live, send: this.send, show: (level) => this.#emit("grade", level) });
    } catch {
      this.#monitor = null; // not loaded: with the next connection
    }
  }

  /** Ask the server for a repair, and for a whole new leg if that does not help either. */
  #later(delay, leg, replace) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(leg, replace), delay);
  }

  #ask(leg, replace = false) {
    if (leg !== this.#leg && leg !== this.#next) return;
    this.send({ type: "leg.restart", leg_id: leg.id, replace });
    // A path that works stays in use until a restart has found another.
    if (replace || this.state !== "connected") this.#later(REPLACE_MS, leg, true);
  }

  #show() {
    const streams = {};
    for (const [slot, { receiver }] of Object.entries(this.#leg.lines)) streams[slot] = new MediaStream([receiver.track]);
    this.#emit("streams", streams);
  }

  #enter(state) {
    if (state !== this.state) this.#emit("state", (this.state = state));
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
