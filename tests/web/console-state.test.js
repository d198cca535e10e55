import assert from "node:assert/strict";
import { test } from "node:test";
import { endedCall, initial, isOnline, liveCall, reduce, ringingCalls, shownStatus, whyNoStill } from "../../web/console/state.js";

const call = (call_id, phase, more = {}) => ({ call_id, phase, media: "video", created_at: 100, peer: { name: "Lena" }, ...more });
const play = (...events) => events.reduce(reduce, initial);
const snapshot = (more = {}) => ({ role: "agent", person: { name: "Nora" }, status: "ready", waiting: 2, ...more });
const welcome = (more) => ({ type: "welcome", seq: 1, snapshot: snapshot(more) });
const resumed = (more) => ({ type: "resumed", seq: 9, replayed: false, snapshot: snapshot(more) });
const incoming = (id, more) => ({ type: "call.incoming", call: call(id, "ringing", more) });
const updated = (...args) => ({ type: "call.updated", call: call(...args) });
const chat = (call_id, id, sender = "customer", text = "hi") => ({ type: "chat.added", call_id, item: { id, sender, text, at: 1 } });
const codes = (state) => state.notices.map((notice) => notice.code);
const talking = [welcome(), incoming("a"), updated("a", "active", { answered_at: 110 })];

test("signing in leads to the desk, a refusal back to the form with its code", () => {
  assert.equal(play({ type: "own.signed_in", agent: { name: "Nora" } }).page, "desk");
  const refused = play({ type: "own.login_failed", error: "unauthorized" });
  assert.deepEqual([refused.page, refused.loginError], ["login", "unauthorized"]);
});

test("signing out forgets calls, chat and the agent", () => {
  const state = [...talking, { type: "own.signed_out", error: "expired" }].reduce(reduce, initial);
  assert.deepEqual(state, { ...initial, page: "login", loginError: "expired" });
});

test("the welcome brings status, queue and what rings", () => {
  const state = play({ type: "local.connection", state: "open" }, welcome({ incoming: [call("a", "ringing")] }));
  assert.equal(isOnline(state), true);
  assert.equal(shownStatus(state), "ready");
  assert.equal(state.view.waiting, 2);
  assert.deepEqual(ringingCalls(state).map((one) => one.call_id), ["a"]);
});

test("several calls ring in the order they came, each once", () => {
  const state = play(welcome(), incoming("a"), incoming("b"), incoming("a"));
  assert.deepEqual(ringingCalls(state).map((one) => one.call_id), ["a", "b"]);
});

test("a ringing call never becomes the call before it is answered", () => {
  for (const phase of ["created", "waiting", "ringing"]) {
    const state = play(welcome(), incoming("a"), updated("a", phase));
    assert.equal(liveCall(state), null);
    assert.equal(ringingCalls(state).length, 1);
  }
});

test("news of a call we know nothing about changes nothing", () => {
  const before = play(welcome());
  for (const phase of ["waiting", "ringing", "ended"]) assert.equal(reduce(before, updated("z", phase)).view.call, null);
});

test("an answered call is live, busy, and rings no more", () => {
  const state = play(...talking);
  assert.equal(liveCall(state).call_id, "a");
  assert.equal(shownStatus(state), "busy");
  assert.equal(ringingCalls(state).length, 0);
  assert.deepEqual(state.sending, { audio: true, video: true });
});

test("a voice call starts without camera", () => {
  assert.equal(play(welcome(), incoming("a"), updated("a", "active", { media: "audio" })).sending.video, false);
});

test("what the customer wrote while waiting is still there after the answer", () => {
  const state = play(welcome(), incoming("a"), chat("a", "1"), updated("a", "active"));
  assert.deepEqual(liveCall(state).chat.map((item) => item.id), ["1"]);
});

test("mute survives hold, news of the peer and a resumed session", () => {
  const muted = [...talking, { type: "own.sending", sending: { audio: false } }, updated("a", "on_hold"), updated("a", "active")];
  assert.equal([...muted, resumed({ call: call("a", "active") })].reduce(reduce, initial).sending.audio, false);
});

test("pressing answer locks until the server decides", () => {
  const pressed = play(welcome(), incoming("a"), { type: "own.accepting", callId: "a" });
  assert.equal(pressed.accepting, "a");
  assert.equal(reduce(pressed, updated("a", "active")).accepting, "");
  const late = reduce(pressed, { type: "error", seq: 3, code: "wrong_state", message: "", ref: "call.accept" });
  assert.deepEqual([late.accepting, codes(late)], ["", ["gone.answered_elsewhere"]]);
  const gone = reduce(pressed, { type: "call.gone", call_id: "a", reason: "answered_elsewhere" });
  assert.deepEqual([gone.accepting, codes(gone), ringingCalls(gone)], ["", ["gone.answered_elsewhere"], []]);
});

test("the other ringing calls go quietly when we answer one", () => {
  const state = play(welcome(), incoming("a"), incoming("b"), { type: "own.accepting", callId: "a" });
  assert.deepEqual(codes(reduce(state, { type: "call.gone", call_id: "b", reason: "answered_elsewhere" })), []);
});

test("a decline is no news to the one who declined", () => {
  assert.deepEqual(codes(play(welcome(), incoming("a"), { type: "call.gone", call_id: "a", reason: "declined" })), []);
});

test("the end leaves a wrap-up until it is put away, for a resumed session too", () => {
  const ended = [...talking, updated("a", "ended", { reason: "hung_up", ended_at: 150 })].reduce(reduce, initial);
  assert.equal(liveCall(ended), null);
  assert.equal(endedCall(ended).reason, "hung_up");
  assert.equal(ended.ended, 1);
  const put = reduce(ended, { type: "own.put_away", callId: "a" });
  assert.equal(endedCall(put), null);
  assert.equal(endedCall(reduce(put, resumed({ call: call("a", "ended") }))), null);
});

test("a call that ended while the page was away ends on resume", () => {
  const state = [...talking, resumed()].reduce(reduce, initial);
  assert.equal(liveCall(state), null);
  assert.equal(endedCall(state).reason, "connection_lost");
});

test("a refreshed page is back in its call from the snapshot alone", () => {
  const state = play(resumed({ status: "busy", call: call("a", "on_hold", { chat: [{ id: "1", sender: "agent", text: "x", at: 1 }] }) }));
  assert.equal(liveCall(state).phase, "on_hold");
  assert.equal(liveCall(state).chat.length, 1);
});

test("the next call clears the wrap-up", () => {
  const state = [...talking, updated("a", "ended"), incoming("b"), updated("b", "active")].reduce(reduce, initial);
  assert.equal(endedCall(state), null);
  assert.equal(liveCall(state).call_id, "b");
});

test("unread counts the customer's lines once, not ours, until read", () => {
  const state = [...talking, chat("a", "1"), chat("a", "1"), chat("a", "2", "agent")].reduce(reduce, initial);
  assert.equal(state.unread, 1);
  assert.equal(reduce(state, { type: "own.chat_read" }).unread, 0);
});

test("a line of ours is pending, then confirmed by its receipt, or failed and sent again", () => {
  const line = { id: "m", sender: "agent", text: "hello", at: 1 };
  const pending = [...talking, { type: "local.chat", item: line }].reduce(reduce, initial);
  assert.equal(liveCall(pending).chat[0].pending, true);
  assert.equal(liveCall(reduce(pending, chat("a", "m", "agent", "hello"))).chat[0].pending, undefined);
  const failed = reduce(pending, { type: "own.chat_failed", id: "m" });
  assert.deepEqual([liveCall(failed).chat[0].failed, liveCall(failed).chat[0].pending], [true, false]);
  const again = reduce(failed, { type: "local.chat", item: line });
  assert.deepEqual([liveCall(again).chat[0].failed, liveCall(again).chat.length], [undefined, 1]);
});

test("a chosen status shows at once, but never hides a call", () => {
  assert.equal(shownStatus(play(welcome(), { type: "own.status", status: "away" })), "away");
  assert.equal(shownStatus([...talking, { type: "own.status", status: "away" }].reduce(reduce, initial)), "busy");
});

test("notices are few, without repeats, and can be closed", () => {
  const many = ["1", "2", "3", "4", "4"].map((code) => ({ type: "own.notice", code }));
  const state = play(...many);
  assert.deepEqual(codes(state), ["2", "3", "4"]);
  assert.deepEqual(codes(reduce(state, { type: "own.notice_closed", id: state.notices[0].id })), ["3", "4"]);
});

test("refusals of what the page does by itself stay quiet", () => {
  for (const ref of ["quality.report", "leg.answer", "leg.restart", "call.media"]) {
    assert.deepEqual(codes(play(welcome(), { type: "error", seq: 2, code: "wrong_state", message: "", ref })), []);
  }
  assert.deepEqual(codes(play(welcome(), { type: "error", seq: 2, code: "rate_limited", message: "", ref: "chat.send" })), ["error.rate_limited"]);
});

test("a draining server is forgotten with the next connection", () => {
  const state = play(welcome(), { type: "server.draining", seq: 2, until: 500 });
  assert.equal(state.view.drainUntil, 500);
  assert.equal(reduce(state, resumed()).view.drainUntil, 0);
});

test("unknown events change nothing at all", () => {
  const state = play(...talking);
  for (const type of ["call.transferred", "own.unknown", "local.unknown", ""]) assert.equal(reduce(state, { type }), state);
});

test("why there is no snapshot is said in words of its own, before and after the press", () => {
  const seen = (more) => call("a", "active", { peer_connected: true, peer_video: true, ...more });
  const on = { audio: true, video: true };
  assert.equal(whyNoStill(seen(), on, "customer"), "");
  assert.equal(whyNoStill(seen({ phase: "on_hold" }), on, "customer"), "snap.no.held");
  assert.equal(whyNoStill(seen({ peer_video: false }), on, "customer"), "snap.no.camera");
  assert.equal(whyNoStill(seen({ peer_connected: false }), on, "customer"), "snap.no.away");
  assert.equal(whyNoStill(seen({ media: "audio" }), on, "customer"), "snap.no.voice");
  assert.equal(whyNoStill(seen({ peer_video: false }), on, "agent"), "");
  assert.equal(whyNoStill(seen(), { audio: true, video: false }, "agent"), "snap.no.ownCamera");
  const asked = { type: "local.chat", item: { id: "s", sender: "agent", at: 1, kind: "snapshot", side: "customer" } };
  const late = [...talking, asked, updated("a", "on_hold", { answered_at: 110 }), { type: "still.failed", call_id: "a", id: "s" }].reduce(reduce, initial);
  const line = liveCall(late).chat.find(({ id }) => id === "s");
  assert.deepEqual([line.failed, line.why], [true, "snap.no.held"]);
});
