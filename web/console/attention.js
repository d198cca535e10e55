/** Calls for the agent's eye when the console is not in front: desktop notification and a flashing title. */

export const notificationState = () => (typeof Notification === "undefined" ? "unsupported" : Notification.permission);

/** Ask once, from a gesture (going ready). */
export async function askNotifications() {
  if (notificationState() !== "default") return notificationState();
  return Notification.requestPermission().catch(() => "denied");
}

export class Attention {
  #title = "";
  #timer = 0;
  #shown = new Map();

  constructor(page = document) {
    this.page = page;
  }

  /** The title when nothing flashes. */
  set title(text) {
    this.#title = text;
    if (!this.#timer) this.page.title = text;
  }

  flash(text) {
    if (this.#timer) clearInterval(this.#timer);
    let on = true;
    this.page.title = text;
    this.#timer = setInterval(() => {
      on = !on;
      this.page.title = on ? text : this.#title;
    }, 1000);
  }

  calm() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.page.title = this.#title;
  }

  /** One notification a key; a click brings the console to the front. */
  notify(key, title, body) {
    if (this.#shown.has(key) || notificationState() !== "granted" || this.page.hasFocus()) return;
    try {
      const notification = new Notification(title, { body, tag: key, requireInteraction: true });
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
      this.#shown.set(key, notification);
    } catch {
      // Android Chrome allows notifications from service workers only; the ring and the card remain.
    }
  }

  dismiss(key) {
    this.#shown.get(key)?.close();
    this.#shown.delete(key);
  }

  dismissAllBut(keys) {
    for (const key of [...this.#shown.keys()]) if (!keys.includes(key)) this.dismiss(key);
  }
}
