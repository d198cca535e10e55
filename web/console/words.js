/** Keys of the sentences for what the server says in codes. */

const REASONS = new Set(["hung_up", "abandoned", "unanswered", "no_agents", "connection_lost", "media_failed", "shutdown", "internal"]);

/** Ends that nobody wanted. */
const BROKEN = new Set(["connection_lost", "media_failed", "shutdown", "internal"]);

/** Why a call ended, as a sentence for the one who was in it. */
export function reasonKey({ reason }, byMe) {
  if (reason === "hung_up") return byMe ? "reason.hung_up.me" : "reason.hung_up.them";
  return REASONS.has(reason) ? `reason.${reason}` : "reason.other";
}

/** What came of a call, as a word for lists: {key, kind}. */
export function outcome({ phase, reason, answered_at: answered }) {
  if (phase !== "ended") return { key: `phase.${phase}`, kind: "live" };
  if (BROKEN.has(reason)) return { key: `outcome.${reason}`, kind: "bad" };
  if (answered) return { key: "outcome.answered", kind: "good" };
  return { key: reason === "abandoned" ? "outcome.abandoned" : "outcome.missed", kind: "warn" };
}

/** Names in a call's history (signaling/call.py Event, and what is recorded beside it) that have words. */
export const EVENTS = [
  "created", "queued", "ringing", "ring_timeout", "unoffered", "declined", "accepted", "connected", "held", "resumed",
  "away", "agent_lost", "leg_failed", "worker_lost", "control_restarted", "hung_up", "abandoned", "queue_timeout", "connection_lost",
  "media_failed", "shutdown", "crashed", "rated", "recording_asked", "recording_noticed", "recording_consented", "recording_refused",
  "recording_started", "recording_continued", "recording_paused", "recording_resumed", "recording_stopped", "recording_failed",
  "video_unshowable", "still_taken", "verification_started", "shot_asked", "verification_ended",
];
/** Nothing that an agent wants to read: first packets, wishes whose fulfilment follows. */
const UNTOLD = new Set(["video_paused", "video_resumed", "ice_restart", "media_started", "recording_wished_on", "recording_wished_paused"]);
export const SHOTS = ["code", "front", "back", "label", "defect", "parcel"];
/** The name of a shot; one that a newer server knows stays as it is. */
export const shotName = (shot, t) => (SHOTS.includes(shot) ? t(`verify.shot.${shot}`) : shot);
const KNOWN = new Set(EVENTS);

export const eventKey = (name) => (KNOWN.has(name) ? `event.${name}` : "");

/** What an agent wants to read: no first packets, and nothing twice in a row. */
export function toldEvents(events) {
  const told = events.filter(({ name }) => !UNTOLD.has(name));
  const same = (a, b) => a?.name === b.name && JSON.stringify(a.data) === JSON.stringify(b.data);
  return told.filter((event, index) => !same(told[index - 1], event));
}

/** Who did it or how many stars, for an event's `data`; ids and technical words stay out. */
export function eventDetail({ by, role, agent, stars, shot, code }, call, t) {
  const side = { agent: "who.agent", customer: "who.customer" }[by || role];
  if (agent && agent === call.agent_id) return call.agent_name;
  if (shot) return shotName(shot, t);
  if (code) return code;
  if (stars) return t("rating.stars", { count: stars });
  return side ? t(side) : "";
}
