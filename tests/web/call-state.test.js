import assert from "node:assert/strict";
import { test } from "node:test";
import { initial, isAnswered, isLive, reduce } from "../../web/shared/call-state.js";

const CALL = { call_id: "c1", phase: "waiting", media: "video", created_at: 1, position: 2 };
const ITEM = { id: "m1", sender: "agent", at: 5, text: "hello" };
const snapshot = (more) => ({ role: "customer", person: {}, ...more });
const after = (...messages) => messages.reduce(reduce, initial);
const updated = (fields) => ({ type: "call.updated", call: { ...CALL, ...fields } });

test("unknown messages change nothing", () => {
  assert.equal(reduce(initial, { type: "call.levitated", height: 3 }), initial);
  assert.equal(reduce(initial, {}), initial);
});

test("a reduced view is a new one, the old stays", () => {
  const before = JSON.stringify(initial);
  after({ type: "welcome", snapshot: snapshot() }, updated(), { type: "chat.added", call_id: "c1", item: ITEM });
  assert.equal(JSON.stringify(initial), before);
});

test("fields that the server leaves out have their defaults", () => {
  const { call } = after(updated());
  assert.equal(call.peer_video, true);
  assert.deepEqual(call.chat, []);
  assert.equal(call.rated, false);
});

test("a call goes from waiting to its end", () => {
  let view = after({ type: "welcome", snapshot: snapshot() }, updated());
  assert.equal(isLive(view.call), true);
  assert.equal(isAnswered(view.call), false);
  view = reduce(view, updated({ phase: "active", peer: { name: "Maya" }, answered_at: 3 }));
  assert.equal(isAnswered(view.call), true);
  view = reduce(view, updated({ phase: "on_hold" }));
  assert.equal(isAnswered(view.call), true);
  view = reduce(view, updated({ phase: "ended", reason: "hung_up" }));
  assert.equal(isLive(view.call), false);
});

test("updates keep the chat, which they do not carry", () => {
  const view = after(updated(), { type: "chat.added", call_id: "c1", item: ITEM }, updated({ phase: "active" }));
  assert.deepEqual(view.call.chat, [ITEM]);
});

test("a line sent by us is pending until its receipt, and shown once", () => {
  const mine = { id: "m2", sender: "customer", at: 6, text: "hi" };
  let view = after(updated(), { type: "local.chat", item: mine });
  assert.equal(view.call.chat[0].pending, true);
  view = reduce(view, { type: "chat.added", call_id: "c1", item: mine });
  assert.deepEqual(view.call.chat, [mine]);
});

test("chat of another call is not ours", () => {
  assert.deepEqual(after(updated(), { type: "chat.added", call_id: "c9", item: ITEM }).call.chat, []);
});

test("chat is bounded", () => {
  let view = after(updated());
  for (let id = 0; id < 600; id += 1) view = reduce(view, { type: "chat.added", call_id: "c1", item: { ...ITEM, id } });
  assert.equal(view.call.chat.length, 500);
  assert.equal(view.call.chat.at(-1).id, 599);
});

test("a snapshot brings the call back, with lines that are still on their way", () => {
  const mine = { id: "m3", sender: "customer", at: 7, text: "?" };
  let view = after(updated(), { type: "local.chat", item: mine });
  view = reduce(view, { type: "resumed", snapshot: snapshot({ call: { ...CALL, phase: "active", chat: [ITEM] } }) });
  assert.deepEqual(view.call.chat.map(({ id }) => id), ["m1", "m3"]);
  view = reduce(view, { type: "resumed", snapshot: snapshot({ call: { ...CALL, chat: [ITEM, mine] } }) });
  assert.deepEqual(view.call.chat, [ITEM, mine]);
});

test("a call the server no longer knows was lost while we were away", () => {
  const view = after(updated({ phase: "active" }), { type: "welcome", snapshot: snapshot() });
  assert.equal(view.call.phase, "ended");
  assert.equal(view.call.reason, "connection_lost");
});

test("an ended call stays on the screen after a resume", () => {
  const ended = updated({ phase: "ended", reason: "hung_up" });
  assert.equal(after(ended, { type: "resumed", snapshot: snapshot() }).call.reason, "hung_up");
});

test("the end of another call does not end ours", () => {
  const view = after(updated({ phase: "active" }), updated({ call_id: "c0", phase: "ended" }));
  assert.equal(view.call.call_id, "c1");
});

test("a new call replaces one that has ended", () => {
  const view = after(updated({ phase: "ended" }), updated({ call_id: "c2" }));
  assert.equal(view.call.call_id, "c2");
  assert.deepEqual(view.call.chat, []);
});

test("the server's word on quality goes before the page's own", () => {
  let view = after(updated(), { type: "local.hint", level: "fair" });
  assert.equal(view.hint.level, "fair");
  view = reduce(view, { type: "quality.hint", level: "poor", side: "own_uplink" });
  view = reduce(view, { type: "local.hint", level: "good" });
  assert.equal(view.hint.level, "poor");
  assert.equal(view.hint.side, "own_uplink");
  assert.equal(view.hint.kind, "");
  view = reduce(view, { type: "quality.hint", level: "poor", side: "own_uplink", kind: "silent" });
  assert.equal(view.hint.kind, "silent");
});

test("the connection and the media's state are kept", () => {
  const view = after(
    { type: "local.connection", state: "reconnecting", code: "" },
    { type: "local.media", state: "connected" },
  );
  assert.deepEqual([view.connection, view.media], ["reconnecting", "connected"]);
});

test("forgetting a call makes room for the next", () => {
  assert.equal(after(updated({ phase: "ended" }), { type: "local.forget" }).call, null);
});

test("limits of the media come in the view and in words of their own", () => {
  let view = after(updated({ phase: "active" }));
  assert.deepEqual([view.call.video_paused, view.call.peer_video_paused, view.call.audio_bps], [false, false, 0]);
  view = reduce(view, { type: "media.limited", seq: 1, side: "own", video: "paused" });
  assert.deepEqual([view.call.video_paused, view.call.peer_video_paused], [true, false]);
  view = reduce(view, { type: "media.limited", seq: 2, side: "peer", video: "paused" });
  view = reduce(view, { type: "media.wish", seq: 3, audio_bps: 20_000, video_bps: 90_000 });
  assert.equal(view.call.video_bps, 90_000);
  assert.deepEqual([view.call.video_paused, view.call.peer_video_paused, view.call.audio_bps], [true, true, 20_000]);
  view = reduce(view, { type: "media.limited", seq: 4, side: "own", video: "" });
  assert.deepEqual([view.call.video_paused, view.call.peer_video_paused], [false, true]);
  view = reduce(view, updated({ phase: "active" }));
  assert.deepEqual([view.call.peer_video_paused, view.call.audio_bps], [false, 0], "left out: not so");
});

test("limits without a call change nothing", () => {
  assert.equal(reduce(initial, { type: "media.limited", side: "own", video: "paused" }), initial);
});
