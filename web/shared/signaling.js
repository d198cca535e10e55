/** One resumable session on the server's WebSocket (signaling/protocol.py v1). Use and rules: web/README.md. */
const MISSED = 3; // pongs; then the connection is dead
const KEPT = 100; // messages, for a server that is away
const CONNECT_MS = 8000;
const NUDGE_MS = 2000;
const EAGER = 12; // tries a second or less apart: a server that restarts is back within that
const EAGER_MS = 1000;
const BACKOFF_MS = 5000;
const MOMENTARY = /^(quality\.report|leg\.restart)$/; // worth nothing later

/** wifi, cellular …; unknown on most desktops; false: none. */
const network = () => globalThis.navigator?.onLine && navigator.connection?.type;

/** sessionStorage as values; browsers may block it in frames, then nothing is kept. */
export const stored = {
  get(key) {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
    } catch {}
  },
};

export class Signaling extends EventTarget {
  state = "idle";
  #timers = {};
  #socket;
  #trial;
  #attempt = 0;
  #seq = 0;
  #floor = 0;
  #fresh = true;
  #kept = [];
  #confirmed = 0;
  #pings = [];
  #missed = 0;
  #network = network();
  #moved;
  #nudge = () => document.hidden || this.nudge();
  /** Without its network the old connection is dead, whatever it seems; and the server should know. */
  #move = () => {
    this.#moved = true;
    this.#attempt = 0;
    this.#lost();
  };
  /** Browsers tell mere estimates of speed the same way. */
  #change = () => (this.#network === (this.#network = network()) ? this.#nudge() : this.#move());

  /** `ticket`: async () => string; an error with a `code` ends in `refused`, any other is tried again. */
  constructor({ url, ticket, key = "callserver.session" }) {
    super();
    Object.assign(this, { url, ticket, key, session: stored.get(key) });
  }

  start() {
    this.#listen("addEventListener");
    this.#enter("connecting");
    this.#connect();
  }

  /** Now, or after the reconnect; false if dropped. */
  send(message) {
    const open = this.state === "open";
    if (MOMENTARY.test(message.type)) return open && this.#write(message);
    if (this.#kept.length >= KEPT) return false;
    this.#kept.push(message);
    if (open) this.#write(message);
    this.ping(); // its pong confirms the message
    return true;
  }

  /** The answer comes as `rtt`. */
  ping() {
    if (this.state !== "open") return;
    const t = performance.now();
    this.#pings.push({ t, end: this.#confirmed + this.#kept.length });
    this.#write({ type: "ping", t, ack: this.#seq });
  }

  /** The network or the page came back: try at once, or make sure that the connection still lives. */
  nudge() {
    if (this.state === "open") {
      this.ping();
      this.#after("dead", NUDGE_MS, () => this.#lost());
    } else if (this.#timers.retry) {
      this.#attempt = 0;
      this.#connect();
    }
  }

  close(state = "closed", code) {
    this.#drop();
    this.#after("retry");
    this.#listen("removeEventListener");
    if (state !== "replaced") this.#keep(null); // the other tab of this session uses it
    this.#enter(state, code);
  }

  #listen(how) {
    globalThis[how]?.("online", this.#move);
    globalThis[how]?.("offline", this.#move);
    globalThis.document?.[how]("visibilitychange", this.#nudge);
    globalThis.navigator?.connection?.[how]?.("change", this.#change);
  }

  async #connect() {
    this.#after("retry");
    const trial = (this.#trial = {});
    let first = { type: "resume", token: this.session?.resume_token, last_seq: this.#seq, fresh: this.#fresh };
    try {
      if (!first.token) first = { type: "hello", ticket: await this.ticket() };
    } catch (error) {
      if (trial === this.#trial) error.code ? this.close("refused", error.code) : this.#lost();
      return;
    }
    if (trial !== this.#trial) return;
    const socket = (this.#socket = new WebSocket(this.url));
    const on = (name, act) => (socket[`on${name}`] = (event) => socket === this.#socket && act(event));
    on("open", () => this.#write({ ...first, version: 1 }));
    on("message", ({ data }) => this.#receive(JSON.parse(data)));
    on("close", ({ code }) => this.#closed(code));
    this.#after("dead", CONNECT_MS, () => this.#lost());
  }

  #write(message) {
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #receive(message) {
    const { type, seq, replayed } = message;
    if (type === "pong") return this.#ponged(message.t);
    if (type === "welcome") {
      // What was meant for a call of an older session has no address any more.
      this.#kept = this.#kept.filter((one) => !one.call_id && !one.leg_id);
      this.#keep({ ice_servers: [], ...message, snapshot: undefined });
    } else if (seq <= this.#floor && type !== "resumed") return; // replayed, and seen before
    // A start that made a call must not make another one.
    if (message.snapshot?.call) this.#kept = this.#kept.filter((one) => one.type !== "call.start");
    if (type === "welcome" || type === "resumed") {
      this.#floor = replayed ? this.#seq : 0;
      this.#seq = replayed ? this.#seq : seq;
      this.#opened();
    }
    this.#seq = Math.max(this.#seq, seq);
    this.#emit("message", message);
  }

  #opened() {
    this.#attempt = this.#missed = 0;
    this.#fresh = false;
    this.#pings = [];
    this.#after("dead");
    this.#enter("open");
    this.#kept.forEach((message) => this.#write(message));
    this.#beat();
  }

  #beat() {
    if ((this.#missed += 1) > MISSED) return this.#lost();
    this.ping();
    this.#after("beat", this.session.heartbeat * 1000, () => this.#beat());
  }

  /** What was sent before a ping has arrived when its pong comes. */
  #ponged(t) {
    this.#missed = 0;
    this.#after("dead");
    const ping = this.#pings.splice(0, this.#pings.findIndex((one) => one.t === t) + 1).at(-1);
    if (!ping) return;
    this.#kept.splice(0, ping.end - this.#confirmed);
    this.#confirmed = ping.end;
    this.#emit("rtt", performance.now() - t);
  }

  #closed(code) {
    if (code === 4000) return this.close("refused", "version");
    if (code === 4002) return this.close("replaced");
    if (code === 4001 && this.#attempt) return this.close("refused", "bad_ticket");
    if (code === 4001 || code === 4003) this.#keep(null);
    this.#lost();
  }

  #lost() {
    this.#drop();
    this.#enter("reconnecting");
    const most = this.#attempt < EAGER ? EAGER_MS : BACKOFF_MS;
    const wait = Math.min(most, 250 * 2 ** this.#attempt) * (1 + Math.random()) / 2;
    this.#after("retry", this.#attempt++ && wait, () => this.#connect());
  }

  /** Without waiting for a close that a dead network would delay. */
  #drop() {
    const socket = this.#socket;
    this.#socket = this.#trial = null;
    this.#after("beat");
    this.#after("dead");
    socket?.close();
  }

  #keep(session) {
    stored.set(this.key, (this.session = session));
    if (!session) this.#seq = this.#floor = 0;
  }

  /** One timer a name; without a delay it is only cancelled. */
  #after(name, delay, act) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = act && setTimeout(() => ((this.#timers[name] = null), act()), delay);
  }

  #enter(state, code = "") {
    if (state === this.state) return;
    this.state = state;
    this.#emit("state", { state, code, moved: this.#moved });
    if (state === "open") this.#moved = false;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
