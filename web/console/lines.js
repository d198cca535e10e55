/**
 * The media of every call at this desk: one Peer a ringing or answered call, all fed from one microphone and camera.
 * Media connects while it rings; nothing leaves the page before `activate`, and nothing while on hold.
 *
 * Events: `change` (streams, sources or problems are new), `state` (detail: {callId, state}), `stats` (detail:
 * {callId, report}).
 */
import { openSources } from "../shared/sources.js";
import { Peer } from "../shared/peer.js";

const NO_SOURCES = { audio: null, camera: null, problems: {} };

export class Lines extends EventTarget {
  #send;
  #prefs;
  #peers = new Map(); // callId -> {peer, media, streams, live, held}
  #sources = NO_SOURCES;
  #opening = null;
  #sending = { audio: true, video: true };

  constructor({ send, prefs }) {
    super();
    this.#send = send;
    this.#prefs = prefs;
  }

  /** {audio?, camera?}: why a source could not be opened. */
  get problems() {
    return this.#sources.problems;
  }

  get camera() {
    return this.#sources.camera;
  }

  get microphone() {
    return this.#sources.audio;
  }

  /** connecting, connected or disconnected. */
  state(callId) {
    return this.#peers.get(callId)?.peer.state ?? "connecting";
  }

  streams(callId) {
    return this.#peers.get(callId)?.streams ?? {};
  }

  /** 0 to 1: how loud the customer is. */
  level(callId) {
    return this.#peers.get(callId)?.peer.level() ?? 0;
  }

  /** A leg for a call: its first one, a replacement, or an ICE restart. */
  offer(callId, offer, media) {
    const line = this.#peers.get(callId) ?? this.#open(callId, media);
    line.media = media;
    this.#feed();
    return line.peer.offer(offer);
  }

  /** The call is answered (or held, or taken back): from now on `sending` decides what leaves. */
  activate(callId, { sending, held, media, wish }) {
    this.#sending = sending;
    const line = this.#peers.get(callId);
    if (!line) return;
    Object.assign(line, { live: true, held, media });
    line.peer.wish(wish);
    this.#apply(line);
    this.#feed();
  }

  /** The WebSocket is back: ask for repair of whatever does not flow, or of everything after a change of network. */
  check(moved) {
    for (const { peer } of this.#peers.values()) peer.check(moved);
  }

  /** Close what neither rings nor is answered; with the last one the devices are let go. */
  keepOnly(callIds) {
    for (const [callId, { peer }] of this.#peers) {
      if (callIds.includes(callId)) continue;
      peer.close();
      this.#peers.delete(callId);
    }
    if (!this.#peers.size) this.#letGo();
  }

  /** Other devices were chosen: open them and swap the tracks in calls under way. */
  async reopen() {
    if (!this.#peers.size) return;
    this.#letGo();
    await this.#feed();
  }

  #open(callId, media) {
    const peer = new Peer({ send: this.#send });
    const line = { peer, media, streams: {}, live: false, held: false };
    this.#peers.set(callId, line);
    peer.addEventListener("streams", ({ detail }) => {
      line.streams = detail;
      this.#emit("change");
    });
    peer.addEventListener("state", ({ detail }) => this.#emit("state", { callId, state: detail }));
    peer.addEventListener("grade", ({ detail }) => this.#emit("grade", { callId, level: detail }));
    this.#plug(line);
    return line;
  }

  #wantsCamera() {
    const video = [...this.#peers.values()].filter((line) => line.media === "video");
    return video.length > 0 && (!video.some((line) => line.live) || this.#sending.video);
  }

  /** Open what is wanted and not open yet, one request at a time, and plug it into every line. */
  #feed() {
    const { audio, camera } = this.#sources;
    if (!this.#wantsCamera() && camera) this.#stop("camera");
    const wanted = { audio: audio?.readyState !== "live", camera: this.#wantsCamera() && camera?.readyState !== "live" };
    if (!this.#opening && (wanted.audio || wanted.camera)) {
      this.#opening = this.#acquire(wanted).finally(() => {
        this.#opening = null;
        const late = !wanted.camera && this.#wantsCamera() && !this.#sources.camera;
        if (this.#peers.size && (late || (this.#sources.camera && !this.#wantsCamera()))) this.#feed();
      });
    }
    return this.#opening;
  }

  async #acquire(wanted) {
    const { microphone, cameraId } = this.#prefs.all;
    const found = await openSources({ ...wanted, microphone, cameraId });
    if (!this.#peers.size) {
      found.audio?.stop();
      found.camera?.stop();
      return;
    }
    const next = { ...this.#sources, problems: found.problems };
    if (wanted.audio) next.audio = found.audio;
    if (wanted.camera) next.camera = found.camera;
    this.#sources = next;
    // Unplugged: take another device, if there is one.
    for (const track of [next.audio, next.camera]) if (track) track.onended = () => this.#feed();
    for (const line of this.#peers.values()) this.#plug(line);
    this.#emit("change");
  }

  #plug(line) {
    line.peer.setTrack("audio", this.#sources.audio);
    line.peer.setTrack("camera", line.media === "video" ? this.#sources.camera : null);
    this.#apply(line);
  }

  #apply({ peer, live, held }) {
    peer.setEnabled("audio", live && !held && this.#sending.audio);
    peer.setEnabled("camera", live && !held && this.#sending.video);
  }

  #stop(slot) {
    this.#sources[slot]?.stop();
    this.#sources = { ...this.#sources, [slot]: null };
    for (const { peer } of this.#peers.values()) peer.setTrack(slot, null);
    this.#emit("change");
  }

  #letGo() {
    const { audio, camera } = this.#sources;
    audio?.stop();
    camera?.stop();
    this.#sources = NO_SOURCES;
    if (audio || camera) this.#emit("change");
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
