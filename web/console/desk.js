/**
 * The agent's desk: holds the state, talks to the server, and does what a change of state asks for (ring, notify, open
 * and close media). The views only show `state` and call the methods here.
 */
import { setSpeaker } from "../shared/media-devices.js";
import { openSources } from "../shared/sources.js";
import { Signaling, stored } from "../shared/signaling.js";
import { Lines } from "./lines.js";
import { preparePhoto } from "./photo.js";
import * as rest from "./rest.js";
import { initial, isOnline, liveCall, reduce, ringingCalls, whyNoStill } from "./state.js";

const SESSION = "callserver.console.session";
const PUT_AWAY = "callserver.console.put_away";
const RETRY_START_MS = 3000;
const PHOTOS_KEPT = 60;
const STILL_MS = 10_000; // a picture that is not here by then will not come
const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const socketUrl = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/v1`;

const WISHES = ["audio_bps", "video_bps", "video_layers", "playout_ms", "uplink_full", "uplink_lossy"];

export class Desk extends EventTarget {
  state = { ...initial, putAway: stored.get(PUT_AWAY) ?? "" };
  #signaling = null;
  #photos = new Map(); // photo path -> promise of a blob: URL

  /** `announce`: {ringing(call), calm()}: words for notification and title, in the agent's language. */
  constructor({ prefs, ring, attention, announce }) {
    super();
    Object.assign(this, { prefs, ring, attention, announce });
    this.lines = new Lines({ send: (message) => this.#send(message), prefs });
    this.lines.addEventListener("change", () => this.#dispatch({ type: "own.lines" }));
    this.lines.addEventListener("state", ({ detail }) => this.#lineState(detail));
    this.lines.addEventListener("grade", ({ detail }) => this.#graded(detail));
    ring.volume = prefs.all.ringVolume;
  }

  // --- signing in and out ---------------------------------------------------------------------------------------

  async start() {
    try {
      this.#signedIn(await rest.me());
    } catch (error) {
      if (error.code === "unauthorized" || error.code === "not_allowed") return this.#dispatch({ type: "own.signed_out" });
      this.#dispatch({ type: "local.connection", state: "reconnecting" });
      setTimeout(() => this.start(), RETRY_START_MS);
    }
  }

  async login(name, password) {
    this.ring.unlock();
    try {
      const agent = await rest.login(name, password);
      this.prefs.set({ lastLogin: name });
      this.#signedIn(agent);
    } catch (error) {
      this.#dispatch({ type: "own.login_failed", error: error.code });
    }
  }

  async logout() {
    this.#send({ type: "agent.status", status: "away" });
    this.#leave("");
    await rest.logout().catch(() => {});
  }

  /** The cookie is no longer good: sign in anew. A call under way goes on first: its WebSocket needs no cookie. */
  expired() {
    if (!liveCall(this.state)) this.#leave("expired");
  }

  /** Take the session back from the page that has it now. */
  takeOver() {
    this.#connect();
  }

  #signedIn(agent) {
    this.#dispatch({ type: "own.signed_in", agent });
    this.#connect();
  }

  #leave(error) {
    this.#signaling?.close();
    this.#signaling = null;
    this.#dispatch({ type: "own.signed_out", error });
    for (const url of this.#photos.values()) url.then(URL.revokeObjectURL, () => {});
    this.#photos.clear();
  }

  #connect() {
    const signaling = new Signaling({ url: socketUrl(), ticket: ticketFor, key: SESSION });
    this.#signaling = signaling;
    signaling.addEventListener("message", ({ detail }) => signaling === this.#signaling && this.#receive(detail));
    signaling.addEventListener("state", ({ detail }) => signaling === this.#signaling && this.#linkState(detail));
    signaling.start();
  }

  #linkState({ state, code, moved }) {
    if (state === "refused" && code === "unauthorized") return this.#leave("expired");
    this.#dispatch({ type: "local.connection", state, code });
    if (state === "open") this.lines.check(moved);
    if (state === "replaced") this.lines.keepOnly([]);
  }

  // --- what the agent does --------------------------------------------------------------------------------------

  /** Check the devices, then take calls; without a microphone the agent stays away and the check says why. */
  async goReady() {
    this.ring.unlock();
    const check = await this.checkDevices();
    if (check.audio.problem) return false;
    this.#setStatus("ready");
    return true;
  }

  goAway() {
    this.#setStatus("away");
  }

  #setStatus(status) {
    this.#dispatch({ type: "own.status", status });
    this.#send({ type: "agent.status", status });
  }

  /** Open microphone and camera for a moment: {audio: {label, problem}, camera: {label, problem}}. */
  async checkDevices() {
    this.#dispatch({ type: "own.check", check: { running: true } });
    const { microphone, cameraId } = this.prefs.all;
    const found = await openSources({ audio: true, camera: true, microphone, cameraId });
    const result = (slot) => ({ label: found[slot]?.label ?? "", problem: found.problems[slot] ?? "" });
    const check = { running: false, audio: result("audio"), camera: result("camera") };
    found.audio?.stop();
    found.camera?.stop();
    this.#dispatch({ type: "own.check", check });
    return check;
  }

  answer(callId) {
    if (this.state.accepting || liveCall(this.state)) return;
    this.ring.unlock();
    this.#dispatch({ type: "own.accepting", callId });
    this.#send({ type: "call.accept", call_id: callId });
  }

  decline(callId) {
    this.#send({ type: "call.decline", call_id: callId });
    this.#dispatch({ type: "call.gone", call_id: callId, reason: "declined" });
  }

  hangUp() {
    const call = liveCall(this.state);
    if (!call) return;
    this.#dispatch({ type: "own.hung_up", callId: call.call_id });
    this.#send({ type: "call.hangup", call_id: call.call_id });
  }

  hold(on) {
    const call = liveCall(this.state);
    if (call) this.#send({ type: "call.hold", call_id: call.call_id, on });
  }

  /** Hear the customer with less noise; whether it is so is in the call's view. */
  cleanVoice(on) {
    const call = liveCall(this.state);
    if (call) this.#send({ type: "call.clean", call_id: call.call_id, on });
  }

  /** `state`: on, paused or off; what came of it is in the call's view. */
  record(state) {
    const call = liveCall(this.state);
    if (call) this.#send({ type: "recording.set", call_id: call.call_id, state });
  }

  /** A picture of a side; it stands in the chat at once, first as one that is on its way. */
  takeStill(side = "customer", shot = "") {
    const call = liveCall(this.state);
    if (!call) return;
    const problem = whyNoStill(call, this.state.sending, side);
    if (problem) return this.#dispatch({ type: "own.notice", code: problem, kind: "error" });
    const id = newId();
    this.#dispatch({ type: "local.chat", item: { id, sender: "agent", at: Date.now() / 1000, kind: "snapshot", side, shot } });
    const sent = this.#send({ type: "still.take", call_id: call.call_id, id, side, shot });
    if (!sent) this.#dispatch({ type: "own.chat_late", id });
    else setTimeout(() => this.#dispatch({ type: "own.chat_late", id }), STILL_MS);
  }

  /** Begin a verification, ask for a shot, or end it. */
  verify(on, shot = "") {
    const call = liveCall(this.state);
    if (call) this.#send({ type: "verification.set", call_id: call.call_id, on, shot });
  }

  /** `change`: {audio?: bool, video?: bool}. */
  setSending(change) {
    if (liveCall(this.state)) this.#dispatch({ type: "own.sending", sending: change });
  }

  /** Put the note of the ended call away, for a refresh of the page too. */
  wrapUp() {
    const callId = this.state.view.call?.call_id ?? "";
    stored.set(PUT_AWAY, callId);
    this.#dispatch({ type: "own.put_away", callId });
  }

  say(text) {
    const call = liveCall(this.state);
    if (!call || !text.trim()) return;
    this.#sayAs(newId(), call.call_id, text.trim());
  }

  /** Send a line again that could not be sent. */
  sayAgain(item) {
    const call = liveCall(this.state);
    if (!call) return;
    if (item.blob) return this.#upload(call.call_id, item);
    if (item.kind === "snapshot") {
      this.#dispatch({ type: "own.chat_removed", id: item.id });
      return this.takeStill(item.side, item.shot);
    }
    this.#sayAs(item.id, call.call_id, item.text);
  }

  #sayAs(id, callId, text) {
    this.#dispatch({ type: "local.chat", item: { id, sender: "agent", at: Date.now() / 1000, text } });
    if (!this.#send({ type: "chat.send", call_id: callId, id, text })) this.#dispatch({ type: "own.chat_failed", id });
  }

  async sendPhoto(file) {
    const call = liveCall(this.state);
    if (!call) return;
    try {
      const { blob, width, height } = await preparePhoto(file);
      const item = { id: newId(), sender: "agent", at: Date.now() / 1000, blob, url: URL.createObjectURL(blob), width, height };
      await this.#upload(call.call_id, item);
    } catch {
      this.#dispatch({ type: "own.notice", code: "error.photo", kind: "error" });
    }
  }

  async #upload(callId, item) {
    this.#dispatch({ type: "local.chat", item });
    try {
      const kept = await rest.uploadPhoto(callId, item.blob, this.#signaling?.session?.photo_token);
      this.#keepPhoto(kept.photo, Promise.resolve(item.url));
      this.#dispatch({ type: "own.chat_removed", id: item.id });
      this.#dispatch({ type: "chat.added", call_id: callId, item: kept });
    } catch (error) {
      this.#dispatch({ type: "own.chat_failed", id: item.id });
      this.#dispatch({ type: "own.notice", code: error.code === "too_large" ? "error.photo" : "error.upload", kind: "error" });
    }
  }

  /** blob: URL of a photo; fetched once a page. */
  photoUrl(path) {
    if (!this.#photos.has(path)) {
      const url = rest.photo(path, this.#signaling?.session?.photo_token).then((blob) => URL.createObjectURL(blob));
      url.catch(() => this.#photos.delete(path));
      this.#keepPhoto(path, url);
    }
    return this.#photos.get(path);
  }

  /** An agent sees many photos a day: the oldest are let go, and fetched again if they are looked at. */
  #keepPhoto(path, url) {
    this.#photos.set(path, url);
    if (this.#photos.size <= PHOTOS_KEPT) return;
    const [oldest, gone] = this.#photos.entries().next().value;
    this.#photos.delete(oldest);
    gone.then(URL.revokeObjectURL, () => {});
  }

  chatRead() {
    if (this.state.unread) this.#dispatch({ type: "own.chat_read" });
  }

  closeNotice(id) {
    this.#dispatch({ type: "own.notice_closed", id });
  }

  /** Remember a choice and use it at once. */
  prefer(change) {
    this.prefs.set(change);
    if ("ringVolume" in change) this.ring.volume = change.ringVolume;
    if ("speaker" in change) this.ring.useOutput(change.speaker);
    if ("microphone" in change || "cameraId" in change) this.lines.reopen();
    if ("ringMuted" in change) this.#ringOrNot(this.state);
    this.#dispatch({ type: "own.lines" });
  }

  testRing() {
    this.ring.once();
  }

  /** A tone through the chosen speaker. */
  async testSpeaker() {
    await this.ring.useOutput(this.prefs.all.speaker);
    this.ring.once();
  }

  /** Let a media element play, through the chosen speaker; a browser that refuses is told to the agent. */
  play(element) {
    if (this.prefs.all.speaker) setSpeaker(element, this.prefs.all.speaker);
    element.play().then(
      () => this.state.silenced && this.#dispatch({ type: "own.silenced", on: false }),
      (error) => error.name === "NotAllowedError" && this.#dispatch({ type: "own.silenced", on: true }),
    );
  }

  // --- what comes in --------------------------------------------------------------------------------------------

  #send(message) {
    return this.#signaling?.send(message) ?? false;
  }

  #receive(message) {
    if (message.type === "welcome") {
      const wasReady = this.state.view.status === "ready";
      if (wasReady && message.snapshot.status === "away") this.#dispatch({ type: "own.notice", code: "notice.away" });
    }
    this.#dispatch(message);
    if (message.type === "leg.offer") this.#offered(message);
  }

  #offered({ call_id, offer }) {
    const call = [liveCall(this.state), ...ringingCalls(this.state)].find((one) => one?.call_id === call_id);
    if (!call) return;
    this.lines.offer(call_id, offer, call.media);
    if (call === liveCall(this.state)) this.#applyLine(call);
  }

  #lineState({ callId, state }) {
    if (liveCall(this.state)?.call_id === callId) this.#dispatch({ type: "local.media", state });
  }

  #graded({ callId, level }) {
    if (liveCall(this.state)?.call_id === callId) this.#dispatch({ type: "local.hint", level });
  }

  // --- what follows ---------------------------------------------------------------------------------------------

  #dispatch(event) {
    const before = this.state;
    this.state = reduce(before, event);
    if (this.state === before) return;
    this.#follow(before, this.state);
    this.dispatchEvent(new Event("change"));
  }

  #follow(before, now) {
    const [was, call] = [liveCall(before), liveCall(now)];
    if (ringingCalls(before) !== ringingCalls(now) || was?.call_id !== call?.call_id) {
      const keep = ringingCalls(now).map((one) => one.call_id);
      this.lines.keepOnly(call ? [...keep, call.call_id] : keep);
      this.#ringOrNot(now);
    }
    const changed = was?.call_id !== call?.call_id || was?.phase !== call?.phase || before.sending !== now.sending;
    if (call && (changed || WISHES.some((name) => was[name] !== call[name]))) this.#applyLine(call);
    if (call && was?.call_id !== call.call_id) this.#lineState({ callId: call.call_id, state: this.lines.state(call.call_id) });
    if (call && isOnline(now) && (changed || !isOnline(before))) {
      this.#send({ type: "call.media", call_id: call.call_id, audio: now.sending.audio, video: now.sending.video && call.media === "video" });
    }
  }

  #applyLine(call) {
    this.lines.activate(call.call_id, { sending: this.state.sending, held: call.phase === "on_hold", media: call.media, wish: call });
  }

  #ringOrNot(now) {
    const ringing = liveCall(now) ? [] : ringingCalls(now);
    if (ringing.length && !this.prefs.all.ringMuted) this.ring.start();
    else this.ring.stop();
    this.attention.dismissAllBut(ringing.map((call) => call.call_id));
    if (!ringing.length) return this.attention.calm();
    const { flash, title, body } = this.announce(ringing[0], ringing.length);
    this.attention.flash(flash);
    for (const call of ringing) this.attention.notify(call.call_id, title, body);
  }
}

/** A refused ticket ends the session; a server that is away is tried again. */
async function ticketFor() {
  try {
    return await rest.ticket();
  } catch (error) {
    if (error.code === "unauthorized") throw error;
    throw new Error(error.message, { cause: error });
  }
}
