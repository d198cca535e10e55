import assert from "node:assert/strict";
import { test } from "node:test";
import { Lobby } from "../../web/widget/lobby.js";

/** As much of the widget as a lobby touches before its devices are open. */
function widget(connection = "open") {
  const refs = { name: {}, voiceOnly: {}, choice: {} };
  const fake = { refs, view: { connection }, pings: 0, renders: 0 };
  fake.signaling = { ping: () => (fake.pings += 1) };
  fake.render = () => (fake.renders += 1);
  return fake;
}

test("the network's verdict is the middle of five round trips, and is shown as soon as it is known", () => {
  const around = widget();
  const lobby = new Lobby(around);
  assert.equal(lobby.network, "wait");
  for (const rtt of [900, 100]) lobby.measured(rtt);
  assert.deepEqual([lobby.network, around.pings, around.renders], ["wait", 2, 0]);
  for (const rtt of [300, 20, 30]) lobby.measured(rtt);
  assert.deepEqual([lobby.network, around.pings, around.renders], ["good", 4, 1]);
  for (const rtt of [700, 800, 900]) lobby.measured(rtt);
  assert.equal(lobby.network, "poor");
});

test("without a connection there is no verdict but none", () => {
  assert.equal(new Lobby(widget("reconnecting")).network, "none");
});
