/** What every view needs: the desk, its state, the words of the language, the route. */
import { createContext, useContext, useEffect, useRef, useState } from "../vendor/htm-preact.js";

export const Desktop = createContext(null);
/** {desk, state, words, t, route, go, speak} */
export const useDesk = () => useContext(Desktop);

/** The route in the address: "#/calls/01J" -> ["calls", "01J"]; nothing is the desk. */
export const parseRoute = (hash) => {
  const [name, id = ""] = hash.replace(/^#\/?/, "").split("/");
  return { name: ["calls", "settings"].includes(name) ? name : "desk", id };
};

export function useRoute() {
  const [route, set] = useState(parseRoute(location.hash));
  useEffect(() => {
    const follow = () => set(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

export const go = (path) => {
  location.hash = `#/${path}`;
};

/** Wall time in seconds, anew each second while `on`. */
export function useNow(on = true) {
  const [now, set] = useState(Date.now() / 1000);
  useEffect(() => {
    if (!on) return undefined;
    set(Date.now() / 1000);
    const timer = setInterval(() => set(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [on]);
  return now;
}

/** A ref whose element takes the focus when it appears, unless somebody is typing. */
export function useFocusOnce(key) {
  const ref = useRef(null);
  useEffect(() => {
    const typing = document.activeElement?.matches?.("input, textarea, select");
    if (!typing) ref.current?.focus({ preventScroll: true });
  }, [key]);
  return ref;
}
