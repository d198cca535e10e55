/** Talking to the page that embeds us (loader.js). */
const PATIENCE_MS = 1000;

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
