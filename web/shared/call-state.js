/**
 * What a page knows of its call, as a pure function of what it was told: reduce(view, message) -> view. Messages are the
 * server's and the page's own (`local.*`). Unknown ones change nothing: a newer server may say more than we know.
 * What only agents are told is in console/incoming.js.
 */
const CHAT_KEPT = 500;

export const initial = {
  connection: "connecting",
  code: "",
  media: "connecting",
  role: "",
  person: { name: "" },
  call: null,
  hint: { level: "good", side: "" },
};

/** What the server leaves out when it is so. */
const CALL = { position: 0, reason: "", peer: null, peer_audio: true, peer_video: true, peer_connected: true, video_paused: false, peer_video_paused: false, sending_paused: false, peer_sending_paused: false, unshowable: false, peer_unshowable: false, audio_bps: 0, video_bps: 0, video_layers: true, playout_ms: 0, uplink_full: false, uplink_lossy: false, chat: [], rated: false };

export const withDefaults = (call) => ({ ...CALL, ...call });
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
    case "chat.added":
      return inCall(view, withChat(view.call, call_id, item));
    case "local.chat":
      return inCall(view, withChat(view.call, view.call?.call_id, { ...item, pending: true }));
    case "quality.hint":
      return { ...view, hint: { level: message.level, side: message.side ?? "", kind: message.kind ?? "", said: true } };
    case "local.hint": // the page's own measure, until the server has said something
      return view.hint.said ? view : { ...view, hint: { level: message.level, side: "" } };
    case "media.limited":
      return inCall(view, { [message.side === "own" ? "video_paused" : "peer_video_paused"]: message.video === "paused" });
    case "media.wish":
      return inCall(view, { audio_bps: message.audio_bps, video_bps: message.video_bps, video_layers: message.video_layers, playout_ms: message.playout_ms, uplink_full: message.uplink_full, uplink_lossy: message.uplink_lossy });
    case "local.connection":
      return { ...view, connection: message.state, code: message.code };
    case "local.media":
      return { ...view, media: message.state };
    case "local.forget":
      return { ...view, call: null, hint: initial.hint, media: initial.media };
    default:
      return view;
  }
}

const inCall = (view, change) => (view.call ? { ...view, call: { ...view.call, ...change } } : view);

function withSnapshot(view, { role, person, call }) {
  const next = { ...view, role, person: { name: "", ...person } };
  const mine = view.call;
  if (call) {
    const unsent = mine?.call_id === call.call_id ? mine.chat.filter((item) => item.pending) : [];
    next.call = { ...withDefaults(call), chat: unsent.filter(({ id }) => !call.chat?.some((item) => item.id === id)) };
    next.call.chat = [...(call.chat ?? []), ...next.call.chat];
  } else if (isLive(mine)) {
    next.call = { ...mine, phase: "ended", reason: "connection_lost" }; // it ended while we were away
  }
  return next;
}

function withCall(view, call) {
  const { call: current } = view;
  const same = current?.call_id === call.call_id;
  if (!same && call.phase === "ended" && isLive(current)) return view;
  const next = { ...withDefaults(call), chat: (same ? current : call).chat ?? [] };
  return { ...view, call: next, hint: same ? view.hint : initial.hint };
}

/** The call with another line of chat, or a line known by its receipt; another call as it is. */
export function withChat(call, call_id, item) {
  if (call?.call_id !== call_id) return call;
  return { ...call, chat: upsert(call.chat, item, "id").slice(-CHAT_KEPT) };
}

export function upsert(list, item, key) {
  const known = list.some((one) => one[key] === item[key]);
  return known ? list.map((one) => (one[key] === item[key] ? item : one)) : [...list, item];
}
