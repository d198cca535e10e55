import assert from "node:assert/strict";
import { test } from "node:test";
import { initial, reduceAgent as reduce } from "../../web/console/incoming.js";

const CALL = { call_id: "c1", phase: "waiting", media: "video", created_at: 1, position: 2 };
const ITEM = { id: "m1", sender: "agent", at: 5, text: "hello" };
const after = (...messages) => messages.reduce(reduce, initial);
const updated = (fields) => ({ type: "call.updated", call: { ...CALL, ...fields } });

test("unknown messages change nothing", () => {
  assert.equal(reduce(initial, { type: "call.levitated", height: 3 }), initial);
});

test("a snapshot brings back the desk and what rings", () => {
  const snapshot = { role: "agent", person: { name: "Maya" }, status: "ready", waiting: 3, incoming: [CALL] };
  const view = after({ type: "welcome", snapshot });
  assert.deepEqual([view.status, view.waiting, view.person.name], ["ready", 3, "Maya"]);
  assert.deepEqual(view.incoming[0].chat, []);
  const empty = reduce(view, { type: "resumed", snapshot: { role: "agent" } });
  assert.deepEqual([empty.status, empty.waiting, empty.incoming], ["", 0, []]);
});

test("status, the length of the queue and a drain are kept", () => {
  const view = after({ type: "agent.state", status: "ready", waiting: 4 }, { type: "server.draining", until: 99 });
  assert.deepEqual([view.status, view.waiting, view.drainUntil], ["ready", 4, 99]);
});

test("the end of another call changes nothing for ours", () => {
  const view = after(updated({ phase: "active" }), updated({ call_id: "c0", phase: "ended" }));
  assert.equal(view.call.call_id, "c1");
});

test("an agent's ringing calls come, change and go", () => {
  let view = after({ type: "call.incoming", call: { ...CALL, phase: "ringing" } });
  view = reduce(view, { type: "call.incoming", call: { ...CALL, phase: "ringing", language: "de" } });
  assert.equal(view.incoming.length, 1);
  assert.equal(view.incoming[0].language, "de");
  view = reduce(view, { type: "call.gone", call_id: "c1", reason: "answered_elsewhere" });
  assert.deepEqual(view.incoming, []);
  assert.deepEqual(view.gone, { call_id: "c1", reason: "answered_elsewhere" });
});

test("an accepted call leaves the ringing ones and keeps what was written while it rang", () => {
  let view = after({ type: "call.incoming", call: { ...CALL, phase: "ringing" } });
  view = reduce(view, { type: "chat.added", call_id: "c1", item: ITEM });
  view = reduce(view, updated({ phase: "active" }));
  assert.deepEqual(view.incoming, []);
  assert.deepEqual(view.call.chat, [ITEM]);
});

test("a ringing call that changes is not yet ours", () => {
  const view = after({ type: "call.incoming", call: { ...CALL, phase: "ringing" } }, updated({ phase: "ringing" }));
  assert.equal(view.call, null);
});
