/** What this browser remembers for the agent: devices, ring, language. Never anything of a customer. */

const KEY = "callserver.console";
export const DEFAULTS = Object.freeze({
  microphone: "", // device ids; "" is the system's choice
  cameraId: "",
  speaker: "",
  ringVolume: 0.7,
  ringMuted: false,
  locale: "", // "" follows the browser
  lastLogin: "",
});

export class Prefs {
  #values;
  #storage;

  constructor(storage = globalThis.localStorage) {
    this.#storage = storage;
    this.#values = { ...DEFAULTS, ...this.#read() };
  }

  get all() {
    return this.#values;
  }

  set(change) {
    this.#values = { ...this.#values, ...change };
    try {
      this.#storage.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // Blocked or full: the choice lasts until the page is closed.
    }
  }

  /** Only known names with values of the right type; the storage may hold anything. */
  #read() {
    try {
      const kept = Object.entries(JSON.parse(this.#storage.getItem(KEY)) ?? {});
      return Object.fromEntries(kept.filter(([name, value]) => typeof value === typeof DEFAULTS[name]));
    } catch {
      return {};
    }
  }
}
