/** Talking to the page that embeds us (loader.js), and keeping the focus while we fill a phone's screen. */
const PATIENCE_MS = 1000;
const FOCUSABLE = "button, input, select, textarea, summary, a[href], [role=log]";

/**
 * `settings`: a promise of {identity, context, colour, ink} from the page around us. Any page that frame-ancestors
 * admits may be there: it is told the state of the call and nothing else.
 */
export function embed(commands) {
  const embedded = parent !== window;
  const tell = (name, detail) => embedded && parent.postMessage({ callserver: name, detail }, "*");
  let current = {};
  const first = new Promise((resolve) => {
    setTimeout(resolve, embedded ? PATIENCE_MS : 0);
    addEventListener("message", ({ source, data }) => {
      if (source !== parent || !embedded) return;
      if (data?.callserver === "settings") resolve((current = data));
      if (Object.hasOwn(commands, data?.callserver)) commands[data.callserver](data);
    });
  });
  tell("ready");
  return { embedded, tell, get settings() { return first.then(() => current); } };
}

/** In a desktop's panel the page around stays reachable by Tab; full screen, Tab goes round in here. */
export function keepFocus(event, root) {
  if (event.key !== "Tab" || innerWidth > 600) return;
  const all = [...root.querySelectorAll(FOCUSABLE)].filter((one) => !one.disabled && one.offsetParent);
  const [from, to] = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
  if (document.activeElement !== from) return;
  event.preventDefault();
  to.focus();
}
