/** Small pieces used on several pages. */
import { html, useEffect, useRef } from "../vendor/htm-preact.js";
import { initials } from "../format.js";
import { Icon } from "../icons.js";
import { KEYS, ariaKey } from "../shortcuts.js";
import { useDesk } from "./context.js";

export function Avatar({ name, size = "" }) {
  const letters = initials(name);
  return html`<span class=${`avatar ${size}`} aria-hidden="true">${letters || html`<${Icon} name="user" size=${size === "large" ? 64 : 20} />`}</span>`;
}

export function Verified() {
  const { t } = useDesk();
  return html`<span class="verified" title=${t("customer.verifiedWhy")}><${Icon} name="shield" size="16" />${t("customer.verified")}</span>`;
}

/** A button with an icon, a name and perhaps a key that does the same. */
export function Action({ icon, label, action, kind = "", pressed, children, ...rest }) {
  const key = action && KEYS[action] ? html`<kbd aria-hidden="true">Alt ${KEYS[action]}</kbd>` : null;
  return html`<button type="button" class=${`button ${kind}`} aria-pressed=${pressed} aria-keyshortcuts=${action ? ariaKey(action) : undefined} ...${rest}>
    <${Icon} name=${icon} /><span>${label}</span>${key}${children}
  </button>`;
}

/** Shows a stream's picture; sounds have elements of their own (sounds.js). */
export function Stream({ stream, ...rest }) {
  const { desk } = useDesk();
  const ref = useRef(null);
  useEffect(() => {
    const element = ref.current;
    if (element.srcObject === stream) return;
    element.srcObject = stream;
    if (stream) desk.play(element);
  }, [stream]);
  return html`<video ref=${ref} muted autoplay playsinline ...${rest}></video>`;
}

/** A dialog of the browser's own, modal: focus stays inside, Escape closes. */
export function Dialog({ label, onClose, children, kind = "" }) {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.showModal();
  }, []);
  const aside = (event) => event.target === ref.current && onClose();
  return html`<dialog ref=${ref} class=${`dialog ${kind}`} aria-label=${label} onClose=${onClose} onClick=${aside}>${children}</dialog>`;
}

export function Stars({ count }) {
  const { t } = useDesk();
  return html`<span class="stars" role="img" aria-label=${t("rating.stars", { count })}>
    ${[1, 2, 3, 4, 5].map((star) => html`<svg class=${star <= count ? "star on" : "star"} viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
      <path d="M12 4l2.4 5.1 5.6.7-4.1 3.8 1.1 5.5-5-2.8-5 2.8 1.1-5.5L4 9.8l5.6-.7Z" />
    </svg>`)}
  </span>`;
}

export function Empty({ icon, title, children }) {
  return html`<div class="empty"><span class="empty-icon"><${Icon} name=${icon} size="28" /></span><p class="empty-title">${title}</p>${children}</div>`;
}
