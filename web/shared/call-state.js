/**
 * What a page knows, as a pure function of what it was told: reduce(view, message) -> view.
 *
 * Messages are the server's (signaling/protocol.py) and the page's own, whose types begin with `local.`:
 * local.connection {state, code}, local.media {state}, local.chat {item}, local.forget.
 * Unknown ones change nothing: a newer server may say more than we know.
 */
const CHAT_KEPT = 500;

export const initial = {
  connection: "connecting",
  code: "",
  media: "connecting",
  role: "",
  person: { name: "" },
  status: "",
  waiting: 0,
  call: null,
  incoming: [],
  gone: null,
  hint: { level: "good", side: "" },
  drainUntil: 0,
  error: null,
};

/** Fields the server leaves out when they have their default. */
const CALL = {
  position: 0, answered_at: null, ended_at: null, reason: "", peer: null, peer_audio: true, peer_video: true,
  peer_connected: true, language: "", context: null, chat: [], rated: false,
};

export const isLive = (call) => Boolean(call) && call.phase !== "ended";
/** Both sides talk, or could but for a hold. */
export const isAnswered = (call) => call?.phase === "active" || call?.phase === "on_hold";

export function reduce(view, message) {
  switch (message.type) {
    case "welcome":
    case "resumed":
      return withSnapshot(view, message.snapshot);
    case "call.updated":
      return withCall(view, message.call);
    case "call.incoming":
      return { ...view, incoming: upsert(view.incoming, { ...CALL, ...message.call }, "call_id") };
    case "call.gone":
      return {
        ...view,
        incoming: view.incoming.filter((call) => call.call_id !== message.call_id),
        gone: { call_id: message.call_id, reason: message.reason },
      };
    case "chat.added":
      return withChat(view, message.call_id, message.item);
    case "agent.state":
      return { ...view, status: message.status, waiting: message.waiting };
    case "quality.hint":
      return { ...view, hint: { level: message.level, side: message.side } };
    case "server.draining":
      return { ...view, drainUntil: message.until };
    case "error":
      return { ...view, error: { code: message.code, message: message.message, ref: message.ref ?? "" } };
    case "local.connection":
      return { ...view, connection: message.state, code: message.code ?? "" };
    case "local.media":
      return { ...view, media: message.state };
    case "local.chat":
      return withChat(view, view.call?.call_id, { ...message.item, pending: true });
    case "local.forget":
      return { ...view, call: null, error: null, hint: initial.hint, media: initial.media };
    default:
      return view;
  }
}

function withSnapshot(view, snapshot) {
  const { role, person, status = "", call, incoming = [], waiting = 0 } = snapshot;
  const next = { ...view, role, person: { name: "", ...person }, status, waiting, error: null };
  next.incoming = incoming.map((one) => ({ ...CALL, ...one }));
  if (call) {
    const chat = call.call_id === view.call?.call_id ? unsent(view.call.chat, call.chat) : [];
    next.call = { ...CALL, ...call, chat: [...(call.chat ?? []), ...chat] };
  } else if (isLive(view.call)) {
    // We were in a call and the server knows of none: it ended while we were away.
    next.call = { ...view.call, phase: "ended", reason: "connection_lost" };
  }
  return next;
}

const unsent = (mine, known = []) => mine.filter((item) => item.pending && !known.some(({ id }) => id === item.id));

function withCall(view, call) {
  const current = view.call;
  const same = current?.call_id === call.call_id;
  const rings = view.incoming.find((one) => one.call_id === call.call_id);
  if (!same && rings && call.phase === "ringing") {
    return { ...view, incoming: upsert(view.incoming, { ...CALL, ...call }, "call_id") };
  }
  if (!same && isLive(current) && call.phase === "ended") return view;
  return {
    ...view,
    call: { ...CALL, ...call, chat: (same ? current : rings)?.chat ?? call.chat ?? [] },
    incoming: view.incoming.filter((one) => one.call_id !== call.call_id),
    hint: same ? view.hint : initial.hint,
  };
}

/** Into the call we are in, or one that rings here (the customer writes while waiting). */
function withChat(view, call_id, item) {
  const add = (call) =>
    call?.call_id === call_id ? { ...call, chat: upsert(call.chat, item, "id").slice(-CHAT_KEPT) } : call;
  return { ...view, call: add(view.call), incoming: view.incoming.map(add) };
}

function upsert(list, item, key) {
  const known = list.some((one) => one[key] === item[key]);
  return known ? list.map((one) => (one[key] === item[key] ? item : one)) : [...list, item];
}
