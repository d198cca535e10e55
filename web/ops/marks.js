/** What happened in a call, from its history, its chat and the decisions of the rate control, in one list. Pure. */
import { EVENTS } from "../console/words.js";

const KNOWN = new Set(EVENTS);

/** Names of quality events that are our decisions; others are things that happened. */
export const DECISIONS = ["video_paused", "video_resumed", "ice_restart"];
const DECIDED = new Set(DECISIONS);
export const MAX_MARKS = 500;

export function marksOf({ call, events = [], chat = [] }, quality) {
  const marks = [];
  for (const { at, name, data } of events) {
    if (KNOWN.has(name) && at <= (call.ended_at ?? Infinity) + 1) marks.push({ at, kind: "event", key: `event.${name}`, role: role(data?.by ?? data?.role), text: "" });
  }
  for (const item of chat) {
    marks.push({ at: item.at, kind: "chat", key: item.photo ? "chat.photo" : "ops.chatLine", role: role(item.sender), text: item.text ?? "" });
  }
  for (const { at, name, role: side } of quality.events) {
    const decided = DECIDED.has(name);
    marks.push({ at, kind: decided ? "decision" : "event", key: decided ? `ops.did.${name}` : KNOWN.has(name) ? `event.${name}` : `ops.event.${name}`, role: role(side), text: "" });
  }
  return marks.sort((a, b) => a.at - b.at).slice(0, MAX_MARKS);
}

const role = (name) => (name === "customer" || name === "agent" ? name : "");
