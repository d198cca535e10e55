/** Keys with Alt, so that typing never triggers them: one table for the listener, the buttons and the settings page. */
import { useEffect } from "./vendor/htm-preact.js";
import { endedCall, liveCall, ringingCalls } from "./state.js";

export const KEYS = { answer: "A", decline: "N", mute: "M", camera: "V", hold: "O", hangup: "X", chat: "C", still: "P", record: "R" };

/** The letter that was meant, on layouts without Latin letters and on a Mac (Alt+A types å) too. */
export function letterOf({ key, code }) {
  if (/^[a-z]$/i.test(key)) return key.toUpperCase();
  return /^Key[A-Z]$/.test(code) ? code.slice(3) : "";
}

/** The action of a key event, or "". */
export function actionOf(event) {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat) return "";
  const letter = letterOf(event);
  return Object.keys(KEYS).find((action) => KEYS[action] === letter) ?? "";
}

/** For aria-keyshortcuts. */
export const ariaKey = (action) => `Alt+${KEYS[action]}`;

/** Do it, if it makes sense now; true if it was done. */
export function act(desk, action) {
  const { state } = desk;
  const call = liveCall(state);
  const first = call ? null : ringingCalls(state)[0];
  if (first && action === "answer") return desk.answer(first.call_id), true;
  if (first && action === "decline") return desk.decline(first.call_id), true;
  if (!call) return false;
  if (action === "mute") return desk.setSending({ audio: !state.sending.audio }), true;
  if (action === "camera" && call.media === "video") return desk.setSending({ video: !state.sending.video }), true;
  if (action === "hold") return desk.hold(call.phase !== "on_hold"), true;
  if (action === "still") return desk.takeStill(), true;
  if (action === "record") return recordOrPause(desk, call);
  if (action === "hangup") return desk.hangUp(), true;
  return action === "chat" && focusChat();
}

/** One key begins, pauses and goes on: a card number must not wait for two. */
export function recordOrPause(desk, call) {
  if (!call.may_record) return false;
  const { state = "" } = call.recording ?? {};
  desk.record(state === "on" || state === "starting" ? "paused" : "on");
  return true;
}

function focusChat() {
  const field = document.getElementById("chat-text");
  field?.focus();
  return Boolean(field);
}

export function useShortcuts(desk) {
  useEffect(() => {
    const listen = (event) => {
      const action = actionOf(event);
      if (action && act(desk, action)) event.preventDefault();
      if (event.key === "Escape" && endedCall(desk.state) && !event.target.closest?.("dialog, details[open]")) desk.wrapUp();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [desk]);
}
