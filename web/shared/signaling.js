/**
 * One resumable session on the server's WebSocket (signaling/protocol.py, version 1).
 *
 * Events: `message` (detail: a server message, except pong), `state` (detail: {state, code}), `rtt` (detail: ms).
 * States: connecting, open, reconnecting, refused (no ticket; `code` says why), replaced (another tab took the session),
 * closed (by us). Delivery is at least once: what was sent and not yet confirmed by a later pong is sent again after a
 * resume, and the protocol bears repeats. Times are milliseconds.
 */
const VERSION = 1;
const KEPT_MESSAGES = 100;
const BACKOFF_MAX = 5000;
const CONNECT_TIMEOUT = 8000;
const MISSED_PONGS = 3;
const NUDGE_TIMEOUT = 2000;
/** Worth nothing later: sent now or not at all. */
const MOMENTARY = new Set(["quality.report", "leg.restart"]);

const browser = () => ({
  WebSocket: globalThis.WebSocket,
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (id) => clearTimeout(id),
  now: () => performance.now(),
  random: Math.random,
  storage: safeStorage(),
  window: globalThis.window,
  connection: globalThis.navigator?.connection,
});

/** sessionStorage, or nothing where the browser blocks it in frames. */
function safeStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

export class Signaling extends EventTarget {
  #options;
  #env;
  #socket = null;
  #timers = {};
  #attempt = 0;
  #session = null;
  #lastSeq = 0;
  #floor = 0;
  #fresh = true;
  #kept = [];
  #confirmed = 0;
  #pings = [];
  #off = [];
  #badTickets = 0;
  state = "idle";

  /**
   * `url`: of the WebSocket. `ticket`: async () => string; an error with `code` ends in `refused`, others are retried.
   * `key`: where the session is kept for a refresh. `env`: clock, timers, socket, storage; replaced by tests.
   */
  constructor({ url, ticket, key = "callserver.session", env = {} }) {
    super();
    this.#env = { ...browser(), ...env };
    this.#options = { url, ticket, key };
    this.#session = this.#restore();
  }

  /** {session_id, resume_token, photo_token, ice_servers, heartbeat} of the running session, or null. */
  get session() {
    return this.#session;
  }

  start() {
    if (this.#socket || this.#timers.retry) return;
    this.#listen();
    this.#enter("connecting");
    this.#connect();
  }

  /** Send now, or after the reconnect; false when it was dropped. */
  send(message) {
    const open = this.state === "open";
    if (MOMENTARY.has(message.type)) return open && this.#write(message);
    if (this.#kept.length >= KEPT_MESSAGES) return false;
    this.#kept.push(message);
    if (open) this.#write(message);
    return true;
  }

  /** Ask for a pong; the answer comes as `rtt`. */
  ping() {
    if (this.state !== "open") return;
    const t = this.#env.now();
    this.#pings.push({ t, end: this.#confirmed + this.#kept.length });
    this.#write({ type: "ping", t, ack: this.#lastSeq });
  }

  /** End for good and forget the session. */
  close(state = "closed", code = "") {
    this.#drop();
    this.#cancel("retry");
    for (const off of this.#off.splice(0)) off();
    if (state !== "replaced") this.#forget();
    this.#enter(state, code);
  }

  async #connect() {
    this.#cancel("retry");
    const attempt = (this.#connecting = {});
    let first;
    try {
      first = this.#session
        ? { type: "resume", token: this.#session.resume_token, last_seq: this.#lastSeq, fresh: this.#fresh }
        : { type: "hello", ticket: await this.#options.ticket() };
    } catch (error) {
      if (attempt !== this.#connecting) return;
      if (error.code) this.close("refused", error.code);
      else this.#lost();
      return;
    }
    if (attempt !== this.#connecting || this.state === "closed") return;
    const socket = (this.#socket = new this.#env.WebSocket(this.#options.url));
    const ours = (callback) => (event) => socket === this.#socket && callback(event);
    socket.onopen = ours(() => this.#write({ ...first, version: VERSION }));
    socket.onmessage = ours((event) => this.#receive(event.data));
    socket.onclose = ours((event) => this.#closed(event.code));
    this.#after("dead", CONNECT_TIMEOUT, () => this.#lost());
  }
  #connecting = null;

  #write(message) {
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.type === "pong") return this.#ponged(message);
    if (message.type === "welcome") this.#welcomed(message);
    else if (message.type === "resumed") this.#resumed(message);
    else if (message.seq <= this.#floor) return; // replayed, and seen before
    this.#lastSeq = Math.max(this.#lastSeq, message.seq ?? 0);
    this.#emit("message", message);
  }

  #welcomed({ seq, session_id, resume_token, photo_token, heartbeat, ice_servers = [] }) {
    // A new session: what was meant for a call of the old one has no address any more.
    this.#kept = this.#kept.filter((message) => !message.call_id && !message.leg_id);
    this.#session = { session_id, resume_token, photo_token, heartbeat, ice_servers };
    this.#lastSeq = seq;
    this.#floor = 0;
    this.#save();
    this.#opened();
  }

  #resumed({ seq, replayed }) {
    this.#floor = replayed ? this.#lastSeq : 0;
    if (!replayed) this.#lastSeq = seq;
    this.#opened();
  }

  #opened() {
    this.#attempt = this.#badTickets = 0;
    this.#fresh = false;
    this.#pings = [];
    this.#cancel("dead");
    this.#enter("open");
    for (const message of this.#kept) this.#write(message);
    this.#beat();
  }

  #beat() {
    if (this.#pings.length >= MISSED_PONGS) return this.#lost();
    this.ping();
    this.#after("beat", this.#session.heartbeat * 1000, () => this.#beat());
  }

  #ponged({ t }) {
    this.#cancel("dead");
    const index = this.#pings.findIndex((ping) => ping.t === t);
    if (index < 0) return;
    const { end } = this.#pings.splice(0, index + 1).at(-1);
    this.#kept.splice(0, end - this.#confirmed);
    this.#confirmed = Math.max(this.#confirmed, end);
    this.#emit("rtt", this.#env.now() - t);
  }

  #closed(code) {
    if (code === 4002) return this.close("replaced");
    if (code === 4003) this.#forget();
    if (code === 4001) {
      this.#forget();
      if (++this.#badTickets > 1) return this.close("refused", "bad_ticket");
    }
    this.#lost();
  }

  #lost() {
    this.#drop();
    if (this.state === "open") this.#enter("reconnecting");
    const delay = this.#attempt && Math.min(BACKOFF_MAX, 250 * 2 ** this.#attempt) * (0.5 + this.#env.random() / 2);
    this.#attempt += 1;
    this.#after("retry", delay, () => this.#connect());
  }

  /** Leave the socket without waiting for a close that a dead network would delay. */
  #drop() {
    const socket = this.#socket;
    this.#socket = this.#connecting = null;
    this.#cancel("beat");
    this.#cancel("dead");
    socket?.close();
  }

  /** The network or the page came back: try now, or make sure that the connection still lives. */
  nudge() {
    if (this.state === "open") {
      this.ping();
      this.#after("dead", NUDGE_TIMEOUT, () => this.#lost());
    } else if (this.#timers.retry) {
      this.#attempt = 0;
      this.#connect();
    }
  }

  #listen() {
    const { window, connection } = this.#env;
    const on = (target, name, callback) => {
      target?.addEventListener?.(name, callback);
      this.#off.push(() => target?.removeEventListener?.(name, callback));
    };
    on(window, "online", () => this.nudge());
    on(connection, "change", () => this.nudge());
    on(window?.document, "visibilitychange", () => window.document.visibilityState === "visible" && this.nudge());
  }

  #restore() {
    try {
      return JSON.parse(this.#env.storage.getItem(this.#options.key));
    } catch {
      return null;
    }
  }

  #save() {
    try {
      this.#env.storage.setItem(this.#options.key, JSON.stringify(this.#session));
    } catch {
      // Blocked or full: a refresh then starts a new session.
    }
  }

  #forget() {
    this.#session = null;
    this.#lastSeq = this.#floor = 0;
    try {
      this.#env.storage.removeItem(this.#options.key);
    } catch {
      // Nothing was kept.
    }
  }

  #after(name, delay, callback) {
    this.#cancel(name);
    this.#timers[name] = this.#env.setTimeout(() => {
      this.#timers[name] = null;
      callback();
    }, delay);
  }

  #cancel(name) {
    if (this.#timers[name]) this.#env.clearTimeout(this.#timers[name]);
    this.#timers[name] = null;
  }

  #enter(state, code = "") {
    if (state === this.state) return;
    this.state = state;
    this.#emit("state", { state, code });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
