/** The live picture, asked for every two seconds while the page is seen. One request at a time; failures are told, not hidden. */

const EVERY_MS = 2000;
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
    const impatience = setTimeout(() => asking.abort(), PATIENCE_MS);
    try {
      this.live = await this.#ask(asking.signal);
      this.problem = "";
      this.at = Date.now();
    } catch (error) {
      this.problem = error.code ?? "offline";
    }
    clearTimeout(impatience);
    this.#asking = null;
    if (!this.#running) return;
    this.dispatchEvent(new Event("change"));
    if (document.visibilityState === "visible") this.#timer = setTimeout(() => this.#turn(), EVERY_MS);
  }
}
