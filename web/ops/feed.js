/**
 * The live picture while the page is seen. The server answers when a call goes well or badly, and every two seconds
 * anyway. One request at a time, one a second at most; failures are told, not hidden.
 */
const LEAST_MS = 1000;
const AGAIN_MS = 2000;
const PATIENCE_MS = 8000;

export class Feed extends EventTarget {
  #ask;
  #timer = 0;
  #running = false;
  #asking = null;

  constructor(ask) {
    super();
    this.#ask = ask;
    this.live = null;
    this.problem = "";
    this.at = 0;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    document.addEventListener("visibilitychange", this.#seen);
    this.#turn();
  }

  stop() {
    this.#running = false;
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #seen = () => {
    if (document.visibilityState === "visible" && !this.#asking) this.#turn();
  };

  async #turn() {
    clearTimeout(this.#timer);
    const asking = (this.#asking = new AbortController());
    const asked = Date.now();
    const impatience = setTimeout(() => asking.abort(), PATIENCE_MS);
    try {
      this.live = await this.#ask(asking.signal, this.problem ? undefined : this.live?.news);
      this.problem = "";
      this.at = Date.now();
    } catch (error) {
      this.problem = error.code ?? "offline";
    }
    clearTimeout(impatience);
    this.#asking = null;
    if (!this.#running) return;
    this.dispatchEvent(new Event("change"));
    const pause = this.problem ? AGAIN_MS : Math.max(0, asked + LEAST_MS - Date.now());
    if (document.visibilityState === "visible") this.#timer = setTimeout(() => this.#turn(), pause);
  }
}
