/**
 * What a page knows, as a pure function of what it was told: reduce(view, message) -> view. Messages are the server's and
 * the page's own (`local.*`). Unknown ones change nothing: a newer server may say more than we know.
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

/** What the server leaves out when it is so. */
const CALL = { position: 0, reason: "", peer: null, peer_audio: true, peer_video: true, peer_connected: true, video_paused: false, peer_video_paused: false, audio_bps: 0, video_bps: 0, chat: [], rated: false };

export const isLive = (call) => Boolean(call) && call.phase !== "ended";
export const isAnswered = (call) => /^(active|on_hold)$/.test(call?.phase);

export function reduce(view, message) {
  const { type, call_id, item, call } = message;
  switch (type) {
    case "welcome":
    case "resumed":
      return withSnapshot(view, message.snapshot);
    case "call.updated":
      return withCall(view, call);
    case "call.incoming":
      return { ...view, incoming: upsert(view.incoming, { ...CALL, ...call }, "call_id") };
    case "call.gone":
      return { ...view, incoming: without(view.incoming, call_id), gone: { call_id, reason: message.reason } };
    case "chat.added":
      return withChat(view, call_id, item);
    case "local.chat":
      return withChat(view, view.call?.call_id, { ...item, pending: true });
    case "agent.state":
      return { ...view, status: message.status, waiting: message.waiting };
    case "quality.hint":
      return { ...view, hint: { level: message.level, side: message.side ?? "", said: true } };
    case "local.hint": // the page's own measure, until the server has said something
      return view.hint.said ? view : { ...view, hint: { level: message.level, side: "" } };
    case "media.limited":
      return inCall(view, { [message.side === "own" ? "video_paused" : "peer_video_paused"]: message.video === "paused" });
    case "media.wish":
      return inCall(view, { audio_bps: message.audio_bps, video_bps: message.video_bps });
    case "server.draining":
      return { ...view, drainUntil: message.until };
    case "error":
      return { ...view, error: { code: message.code, message: message.message, ref: message.ref } };
    case "local.connection":
      return { ...view, connection: message.state, code: message.code };
    case "local.media":
      return { ...view, media: message.state };
    case "local.forget":
      return { ...view, call: null, error: null, hint: initial.hint, media: initial.media };
    default:
      return view;
  }
}

const inCall = (view, change) => (view.call ? { ...view, call: { ...view.call, ...change } } : view);

function withSnapshot(view, { role, person, call, status = "", incoming = [], waiting = 0 }) {
  const next = { ...view, role, person: { name: "", ...person }, status, waiting, error: null };
  next.incoming = incoming.map((one) => ({ ...CALL, ...one }));
  const mine = view.call;
  if (call) {
    const unsent = mine?.call_id === call.call_id ? mine.chat.filter((item) => item.pending) : [];
    next.call = { ...CALL, ...call, chat: unsent.filter(({ id }) => !call.chat?.some((item) => item.id === id)) };
    next.call.chat = [...(call.chat ?? []), ...next.call.chat];
  } else if (isLive(mine)) {
    next.call = { ...mine, phase: "ended", reason: "connection_lost" }; // it ended while we were away
  }
  return next;
}

function withCall(view, call) {
  const { call: current, incoming } = view;
  const { call_id, phase } = call;
  const same = current?.call_id === call_id;
  const rings = incoming.find((one) => one.call_id === call_id);
  if (!same && rings && phase === "ringing") {
    return { ...view, incoming: upsert(incoming, { ...CALL, ...call }, "call_id") };
  }
  if (!same && phase === "ended" && isLive(current)) return view;
  const next = { ...CALL, ...call, chat: (same ? current : rings)?.chat ?? call.chat ?? [] };
  return { ...view, call: next, incoming: without(incoming, call_id), hint: same ? view.hint : initial.hint };
}

/** Into the call we are in, or one that rings here: the customer writes while waiting. */
function withChat(view, call_id, item) {
  const add = (call) =>
    call?.call_id === call_id ? { ...call, chat: upsert(call.chat, item, "id").slice(-CHAT_KEPT) } : call;
  return { ...view, call: add(view.call), incoming: view.incoming.map(add) };
}

const without = (calls, call_id) => calls.filter((one) => one.call_id !== call_id);

function upsert(list, item, key) {
  const known = list.some((one) => one[key] === item[key]);
  return known ? list.map((one) => (one[key] === item[key] ? item : one)) : [...list, item];
}
