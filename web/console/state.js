/**
 * What the console knows, as one value: an agent's view of calls (incoming.js) and around it what only this page
 * has: who is signed in, what was pressed and is not yet decided, notices, unread chat.
 * Pure: no DOM, no network, no clock.
 */
import { isAnswered } from "../shared/call-state.js";
import { initial as initialView, reduceAgent } from "./incoming.js";

const MAX_NOTICES = 3;
const GONE_WORTH_SAYING = new Set(["answered_elsewhere", "customer_left", "unanswered"]);
const QUIET_REFUSALS = new Set(["quality.report", "leg.answer", "leg.restart", "call.media", "ping"]);
/** Refusals of `call.accept` which mean that somebody else was faster or the customer left. */
const TOO_LATE = new Set(["wrong_state", "not_found", "not_allowed"]);

export const initial = Object.freeze({
  page: "starting", // starting | login | desk
  agent: null,
  loginError: "", // a code; "expired" when the session ended by itself
  view: initialView,
  accepting: "", // the call whose answer was pressed and is not decided yet
  hungUp: "", // the call this page hung up
  putAway: "", // the ended call whose wrap-up was closed; the server shows it a while longer
  sending: { audio: true, video: true },
  check: null, // devices: {running, audio: {label, problem}, camera: {label, problem}}
  silenced: false, // the browser refused to play sound without a click
  lines: 0, // goes up when streams or devices change
  unread: 0,
  ended: 0, // goes up with each call's end: lists reload
  notices: [], // {id, code, kind: info | error}
  nextNotice: 1,
});

/** The call the agent is in, or null. */
export const liveCall = (state) => (isAnswered(state.view.call) ? state.view.call : null);
/** The call that just ended and is not put away yet, or null. */
export const endedCall = ({ view: { call }, putAway }) => (call?.phase === "ended" && call.call_id !== putAway ? call : null);
/** ready, away or busy. */
export const shownStatus = (state) => (liveCall(state) ? "busy" : state.view.status || "away");
export const ringingCalls = (state) => state.view.incoming;
/** Why no snapshot of a side can be taken now, as a key of our words; empty: it can. */
export function whyNoStill({ media, phase, peer_connected: here, peer_video: shows }, sending, side) {
  if (media !== "video") return "snap.no.voice";
  if (phase === "on_hold") return "snap.no.held";
  if (side === "agent") return sending.video ? "" : "snap.no.ownCamera";
  if (!here) return "snap.no.away";
  return shows ? "" : "snap.no.camera";
}
/** The server takes our messages now. */
export const isOnline = (state) => state.view.connection === "open";

export function reduce(state, event) {
  if (Object.hasOwn(OWN, event.type)) return OWN[event.type](state, event);
  const message = forAgent(state.view, event);
  const view = reduceAgent(state.view, message);
  const next = afterwards(state, message, view === state.view ? state : { ...state, view });
  return settle(state, next);
}

/** An agent is told of ringing calls only to draw their cards: they never become the page's call before the answer. */
function forAgent(view, event) {
  if (event.type !== "call.updated" || isAnswered(event.call)) return event;
  const { call } = event;
  if (view.call?.call_id === call.call_id) return event;
  if (view.incoming.some((one) => one.call_id === call.call_id)) {
    if (call.phase === "ended") return { type: "call.gone", call_id: call.call_id, reason: "customer_left" };
    if (call.phase === "ringing") return event;
  }
  return { type: "" };
}

function afterwards(before, event, next) {
  switch (event.type) {
    case "welcome":
    case "resumed":
      return { ...next, page: "desk", accepting: "", view: { ...next.view, drainUntil: 0 } };
    case "call.gone":
      return gone(before, event, next);
    case "chat.added":
      return arrived(before, event, next);
    case "error":
      return refused(event, next);
    case "still.failed": // unless the customer's page was faster
      return withChat(next, (chat) => chat.map((item) => (item.id === event.id && item.pending ? { ...item, pending: false, failed: true, why: whyNoStill(next.view.call, next.sending, item.side) } : item)));
    default:
      return next;
  }
}

function gone(before, { call_id, reason }, next) {
  const rang = before.view.incoming.some((call) => call.call_id === call_id);
  const mine = next.accepting === call_id;
  const after = { ...next, accepting: mine ? "" : next.accepting };
  const ours = (before.accepting && !mine) || liveCall(before); // we are in another call: no news
  return rang && !ours && GONE_WORTH_SAYING.has(reason) ? withNotice(after, `gone.${reason}`) : after;
}

function arrived(before, { call_id, item }, next) {
  const call = liveCall(before);
  const isNew = call?.call_id === call_id && item.sender === "customer" && !call.chat.some(({ id }) => id === item.id);
  return isNew ? { ...next, unread: next.unread + 1 } : next;
}

function refused({ code, ref = "" }, next) {
  if (QUIET_REFUSALS.has(ref)) return next;
  if (ref !== "call.accept") return withNotice(next, `error.${code}`, "error");
  const after = { ...next, accepting: "" };
  return TOO_LATE.has(code) ? withNotice(after, "gone.answered_elsewhere") : withNotice(after, `error.${code}`, "error");
}

/** What follows from a call having begun or ended, however we learned of it. */
function settle(before, next) {
  const [was, is] = [liveCall(before), liveCall(next)];
  if (was?.call_id === is?.call_id) return next;
  const after = { ...next, accepting: "", unread: 0, ended: was ? next.ended + 1 : next.ended };
  if (!is) return after;
  return { ...after, hungUp: "", sending: { audio: true, video: is.media === "video" } };
}

function withNotice(state, code, kind = "info") {
  const kept = state.notices.filter((notice) => notice.code !== code).slice(1 - MAX_NOTICES);
  const notice = { id: state.nextNotice, code, kind };
  return { ...state, notices: [...kept, notice], nextNotice: state.nextNotice + 1 };
}

const withChat = (state, change) =>
  state.view.call ? { ...state, view: { ...state.view, call: { ...state.view.call, chat: change(state.view.call.chat) } } } : state;

/** The page's own events. */
const OWN = {
  "own.signed_in": (state, { agent }) => ({ ...state, page: "desk", agent, loginError: "" }),
  "own.signed_out": (_, { error = "" }) => ({ ...initial, page: "login", loginError: error }),
  "own.login_failed": (state, { error }) => ({ ...state, page: "login", loginError: error }),
  "own.accepting": (state, { callId }) => ({ ...state, accepting: callId }),
  "own.hung_up": (state, { callId }) => ({ ...state, hungUp: callId }),
  "own.put_away": (state, { callId }) => ({ ...state, putAway: callId }),
  // Shown at once; agent.state confirms or corrects it.
  "own.status": (state, { status }) => (liveCall(state) ? state : { ...state, view: { ...state.view, status } }),
  "own.sending": (state, { sending }) => ({ ...state, sending: { ...state.sending, ...sending } }),
  "own.check": (state, { check }) => ({ ...state, check: { ...state.check, ...check } }),
  "own.silenced": (state, { on }) => ({ ...state, silenced: on }),
  "own.lines": (state) => ({ ...state, lines: state.lines + 1 }),
  "own.chat_failed": (state, { id }) =>
    withChat(state, (chat) => chat.map((item) => (item.id === id ? { ...item, pending: false, failed: true } : item))),
  "own.chat_late": (state, { id }) =>
    withChat(state, (chat) => chat.map((item) => (item.id === id && item.pending ? { ...item, pending: false, failed: true } : item))),
  "own.chat_removed": (state, { id }) => withChat(state, (chat) => chat.filter((item) => item.id !== id)),
  "own.chat_read": (state) => (state.unread ? { ...state, unread: 0 } : state),
  "own.notice": (state, { code, kind }) => withNotice(state, code, kind),
  "own.notice_closed": (state, { id }) => ({ ...state, notices: state.notices.filter((notice) => notice.id !== id) }),
};
