/** The customer's call: one custom element over the markup of index.html. What it knows is reduced, then shown. */
import { initial, isLive, reduce } from "../shared/call-state.js";
import { load, negotiate, translate } from "../shared/i18n.js";
import { Peer } from "../shared/peer.js";
import { Signaling } from "../shared/signaling.js";
import { embed } from "./embed.js";
import { Lobby } from "./lobby.js";
import { screenOf, show } from "./show.js";

const TICK_MS = 200;
const query = new URLSearchParams(location.search);
const site = query.get("site") ?? "";
const on = (target, name, act) => target.addEventListener(name, ({ detail }) => act(detail));

class CallWidget extends HTMLElement {
  view = initial;
  /** What only this page knows. */
  ui = { returning: true };
  refs = {};
  loading = {};

  async connectedCallback() {
    for (const one of this.querySelectorAll("[data-ref]")) this.refs[one.dataset.ref] = one;
    this.screens = this.querySelectorAll("[data-on]");
    this.embedding = embed({ hangup: () => this.hangup(), settings: (settings) => this.colour(settings) });
    await this.speak(negotiate([query.get("locale"), ...navigator.languages].filter(Boolean)));
    this.lobby = new Lobby(this);
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-do]")?.dataset.do));
    this.addEventListener("keydown", (event) => this.pressed(event));
    fetch(`/api/v1/widget?${new URLSearchParams({ site })}`)
      .then((answer) => answer.json())
      .then(({ name = "" }) => (this.refs.site.textContent = name), () => {});
    this.connect();
    setInterval(() => this.tick(), TICK_MS);
  }

  /** What a button says in its `data-do`. */
  act(name) {
    (this[name] ? this : this.talk)?.[name]?.();
  }

  /** Load a language and say everything in it. */
  async speak(locale) {
    this.words = await load(new URL("locales/", import.meta.url), locale);
    const { t, dir } = this.words;
    Object.assign(document.documentElement, { lang: this.words.locale, dir });
    document.title = t("title");
    translate(this, t);
  }

  colour({ colour, ink }) {
    if (colour) this.style.setProperty("--accent", colour);
    if (ink) this.style.setProperty("--on-accent", ink);
  }

  connect() {
    this.signaling = new Signaling({ url: `${location.origin.replace("http", "ws")}/ws/v1`, ticket: () => this.ticket() });
    this.ui.returning = Boolean(this.signaling.session);
    on(this.signaling, "message", (message) => this.receive(message));
    on(this.signaling, "rtt", (rtt) => this.lobby.measured(rtt));
    on(this.signaling, "state", (state) => {
      this.dispatch({ type: "local.connection", ...state });
      if (state.state === "open") this.peer?.check(state.moved);
    });
    this.signaling.start();
    if (!this.ui.returning) this.lobby.open();
  }

  async ticket() {
    const { identity, context } = await this.embedding.settings;
    const body = JSON.stringify({ site, identity, context, call_token: query.get("call") ?? undefined });
    const answer = await fetch("/api/v1/tickets", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const { ticket, error } = await answer.json().catch(() => ({}));
    if (ticket) return ticket;
    const lasting = answer.status < 500 || error?.code === "at_capacity";
    throw Object.assign(new Error(answer.status), lasting && { code: error?.code ?? "refused" });
  }

  send(type, fields) {
    this.signaling.send({ type, call_id: this.view.call?.call_id, ...fields });
  }

  receive(message) {
    const { type, ref, code, call, offer } = message;
    if (type === "leg.offer" && !this.ui.cancelled) this.media().offer(offer);
    if (type === "error" && ref === "call.start" && this.ui.starting) Object.assign(this.ui, { starting: false, trouble: code });
    if (type === "call.updated" && this.ui.cancelled) {
      this.ui.cancelled = false;
      return this.send("call.hangup", { call_id: call.call_id });
    }
    this.dispatch(message);
    if (message.snapshot) this.settled();
  }

  dispatch(message) {
    const before = this.view.call;
    this.view = reduce(this.view, message);
    const now = this.view.call;
    const live = isLive(now);
    if (live !== isLive(before)) {
      this.ui.starting = false;
      this.embedding.tell(live ? "started" : "ended", { call_id: now?.call_id, reason: now?.reason, label: live && this.words.t("back") });
      if (live) this.tellMedia();
      else this.stop();
    }
    if (now?.phase !== before?.phase) this.feed();
    this.peer?.wish(now ?? {});
    // A moment later: they would take the time in which the connection is made.
    if (now) setTimeout(() => ["talk", "devices"].forEach((name) => this.load(name)), TICK_MS);
    this.talk?.arrived(before?.chat ?? [], now?.chat ?? [], message);
    this.render();
  }

  /** Load what is needed only now: "talk", "devices" or "tabbing", then a field of that name. Asked again, it tries again. */
  async load(name) {
    if (this.loading[name]) return;
    this.loading[name] = true;
    try {
      this[name] = new (await import(`./${name}.js`)).default(this);
      this.render();
    } catch {
      this.loading[name] = false;
    }
  }

  /** The server's first word after a load: back into the call, or to the lobby. */
  settled() {
    const { call } = this.view;
    if (!this.ui.returning) return;
    this.ui.returning = false;
    if (isLive(call)) this.lobby.open(call.media).then(() => this.tellMedia());
    else this.embedding.tell("idle", {});
    if (!call || call.rated) this.again();
    this.render();
  }

  /** The peer of this call, made when first needed. */
  media() {
    if (this.peer) return this.peer;
    this.peer = new Peer({ send: (message) => this.signaling.send(message) });
    on(this.peer, "state", (state) => this.dispatch({ type: "local.media", state }));
    on(this.peer, "grade", (level) => this.dispatch({ type: "local.hint", level }));
    on(this.peer, "streams", ({ main, audio, audio_side: side }) => this.play(main, audio, side));
    this.feed();
    this.peer.wish(this.view.call ?? {});
    return this.peer;
  }

  play(remote = null, audio = null, audioSide = null) {
    for (const [name, stream] of Object.entries({ remote, audio, audioSide })) this.refs[name].srcObject = stream;
    if (audio) this.talk?.hear();
  }

  /** Give the peer what is open; it leaves the page only while the call is active. */
  feed() {
    const active = this.view.call?.phase === "active";
    for (const kind of ["audio", "camera"]) {
      this.peer?.setTrack(kind, this.lobby.tracks[kind]);
      this.peer?.setEnabled(kind, active && !(kind === "audio" && this.ui.muted));
    }
  }

  tellMedia() {
    const { audio, camera } = this.lobby.tracks;
    if (isLive(this.view.call)) this.send("call.media", { audio: Boolean(audio) && !this.ui.muted, video: Boolean(camera) });
  }

  stop() {
    this.peer?.close();
    this.peer = null;
    this.lobby.close();
    this.play();
  }

  async call() {
    const name = this.refs.name.value.trim();
    const media = this.lobby.voiceOnly ? "audio" : "video"; // without a camera one can still see
    this.ui.starting = true;
    this.media();
    this.send("call.start", { media, name, language: this.words.locale, context: (await this.embedding.settings).context });
    this.render();
  }

  hangup() {
    const { call } = this.view;
    if (isLive(call)) {
      this.send("call.hangup");
      this.dispatch({ type: "call.updated", call: { ...call, phase: "ended", reason: "hung_up", ended_at: Date.now() / 1000 } });
    } else if (this.ui.starting) {
      Object.assign(this.ui, { starting: false, cancelled: true });
      this.render();
    }
  }

  mediaChanged() {
    this.feed();
    this.tellMedia();
    this.render();
  }

  retryDevices() {
    return this.lobby.open();
  }

  again() {
    Object.assign(this.ui, { muted: false, trouble: "" });
    this.talk?.reset();
    this.dispatch({ type: "local.forget" });
    this.lobby.open();
  }

  retry() {
    if (this.view.connection === "open") return this.again();
    this.view = initial;
    this.ui.trouble = "";
    this.signaling.close();
    this.connect();
    this.render();
  }

  minimise() {
    this.embedding.tell("close");
  }

  pressed(event) {
    if (event.key === "Escape") return this.talk?.escape() || this.minimise();
    if (innerWidth > 600) return;
    this.load("tabbing");
    this.tabbing?.keep(event);
  }

  tick() {
    const screen = screenOf(this.view, this.ui);
    if (screen === "lobby") this.lobby.tick();
    else if (screen !== "ended") this.render();
  }

  render() {
    if (this.lobby) show(this);
  }
}

customElements.define("callserver-widget", CallWidget);
