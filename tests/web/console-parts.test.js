import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, daysApart, initials, languageName, safeUrl, shortUrl } from "../../web/console/format.js";
import { fit } from "../../web/console/photo.js";
import { DEFAULTS, Prefs } from "../../web/console/prefs.js";
import { calls, errorCode, login, photo } from "../../web/console/rest.js";
import { Ring } from "../../web/console/ring.js";
import { actionOf, act, letterOf } from "../../web/console/shortcuts.js";
import { initial, reduce } from "../../web/console/state.js";
import { joined } from "../../web/console/views/calls-data.js";
import { parseRoute } from "../../web/console/views/context.js";

const press = (key, code, more = {}) => ({ key, code, altKey: true, ...more });

test("a shortcut is Alt and the letter that is meant on any keyboard", () => {
  assert.equal(actionOf(press("a", "KeyA")), "answer");
  assert.equal(actionOf(press("å", "KeyA")), "answer", "Mac");
  assert.equal(actionOf(press("ش", "KeyA")), "answer", "Arabic");
  assert.equal(actionOf(press("a", "KeyQ")), "answer", "AZERTY");
  assert.equal(letterOf(press("1", "Digit1")), "");
  for (const more of [{ altKey: false }, { ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { repeat: true }]) {
    assert.equal(actionOf(press("a", "KeyA", more)), "");
  }
});

test("shortcuts act only where they make sense", () => {
  const done = [];
  const desk = { state: initial };
  for (const name of ["answer", "decline", "setSending", "hold", "hangUp"]) desk[name] = (...args) => done.push([name, ...args]);
  assert.equal(act(desk, "answer"), false);
  assert.equal(act(desk, "hangup"), false);
  desk.state = reduce(initial, { type: "call.incoming", call: { call_id: "a", phase: "ringing", media: "audio" } });
  act(desk, "answer");
  act(desk, "decline");
  desk.state = reduce(desk.state, { type: "call.updated", call: { call_id: "a", phase: "active", media: "audio" } });
  act(desk, "answer"); // in a call: nothing
  act(desk, "mute");
  assert.equal(act(desk, "camera"), false, "no camera in a voice call");
  act(desk, "hold");
  act(desk, "hangup");
  assert.deepEqual(done, [["answer", "a"], ["decline", "a"], ["setSending", { audio: false }], ["hold", true], ["hangUp"]]);
});

test("durations, days and initials", () => {
  assert.deepEqual([0, 75, 3675, -3, undefined].map(clock), ["0:00", "1:15", "1:01:15", "0:00", "0:00"]);
  const noon = new Date(2026, 10, 22, 12).getTime() / 1000;
  assert.deepEqual([noon - 3600, noon - 13 * 3600, noon - 37 * 3600].map((at) => daysApart(at, noon)), [0, 1, 2]);
  assert.deepEqual(["Lena Maria Hoffmann", "فاطمة", "", undefined, "😀 x"].map(initials), ["LH", "ف", "", "", "😀X"]);
});

test("only web addresses of the shop become links", () => {
  assert.equal(safeUrl("https://shop.example/p?x=1"), "https://shop.example/p?x=1");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "shop.example", "", null, "https://"]) assert.equal(safeUrl(bad), "", bad);
  assert.equal(shortUrl("https://shop.example/"), "shop.example");
  assert.equal(shortUrl("https://shop.example/a?b=1"), "shop.example/a?b=1");
  assert.equal(shortUrl("javascript:alert(1)"), "javascript:alert(1)");
});

test("a broken language code is shown as it is", () => {
  assert.equal(languageName("en", "de"), "German");
  assert.equal(languageName("en", "not a code"), "not a code");
  assert.equal(languageName("en", ""), "");
});

test("photos keep their shape within the limit and never vanish", () => {
  assert.deepEqual(fit(4096, 3072), { width: 2048, height: 1536 });
  assert.deepEqual(fit(100, 80), { width: 100, height: 80 });
  assert.deepEqual(fit(40_000, 2), { width: 2048, height: 1 });
});

test("choices are remembered, and nonsense in the storage is not believed", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  new Prefs(storage).set({ ringVolume: 0.2, microphone: "m1" });
  assert.deepEqual(new Prefs(storage).all, { ...DEFAULTS, ringVolume: 0.2, microphone: "m1" });
  for (const nonsense of ["{", "null", "[1]", '{"ringVolume":"loud","microphone":7,"other":1}']) {
    kept.set("callserver.console", nonsense);
    assert.deepEqual(new Prefs(storage).all, DEFAULTS, nonsense);
  }
  const full = { getItem: () => null, setItem: () => assert.fail.call(null) };
  const prefs = new Prefs(full);
  prefs.set({ ringMuted: true });
  assert.equal(prefs.all.ringMuted, true);
});

test("refusals have a code, whatever the server's body is", () => {
  assert.equal(errorCode(401, { error: { code: "bad_credentials" } }), "unauthorized");
  assert.equal(errorCode(404, { error: { code: "not_found" } }), "not_found");
  assert.equal(errorCode(429, null), "rate_limited");
  assert.equal(errorCode(502, "<html>"), "server");
  assert.equal(errorCode(400, {}), "bad_request");
});

test("requests carry the header against forgery, and a dead network is `offline`", async (context) => {
  const seen = [];
  context.mock.method(globalThis, "fetch", async (path, options) => {
    seen.push([path, options]);
    return new Response(JSON.stringify({ agent: { name: "Nora" }, calls: [] }));
  });
  assert.deepEqual(await login("nora", "secret"), { name: "Nora" });
  assert.equal(seen[0][1].headers["X-Callserver"], "1");
  assert.equal(seen[0][1].body, '{"login":"nora","password":"secret"}');
  await calls({ before: 12.5, phase: "ended", limit: 10 });
  assert.equal(seen[1][0], "/api/v1/calls?limit=10&before=12.5&phase=ended");
  await photo("/api/v1/photos/p1", "token");
  assert.equal(seen[2][1].headers.Authorization, "Bearer token");
  context.mock.method(globalThis, "fetch", async () => {
    throw new TypeError("network");
  });
  await assert.rejects(calls(), { code: "offline" });
});

test("without WebAudio the ring stays silent and breaks nothing", () => {
  const ring = new Ring();
  ring.volume = 2;
  ring.start();
  ring.once();
  ring.stop();
  assert.equal(ring.ringing, false);
  assert.equal(ring.audible, false);
});

test("pages of the call list join without repeats, and a fresh one keeps what was loaded further down", () => {
  const rows = (...ids) => ids.map((call_id) => ({ call_id }));
  const ids = (list) => list.map((call) => call.call_id).join("");
  assert.equal(ids(joined(rows("c", "b"), rows("b", "a"), true)), "cba");
  const fresh = joined(rows("c", "b", "a"), [{ call_id: "d" }, { call_id: "c", phase: "ended" }], false);
  assert.equal(ids(fresh), "dcba");
  assert.equal(fresh[1].phase, "ended");
});

test("an address names its page, anything else is the desk", () => {
  assert.deepEqual(parseRoute("#/calls/01J"), { name: "calls", id: "01J" });
  assert.deepEqual(parseRoute("#/settings"), { name: "settings", id: "" });
  for (const hash of ["", "#", "#/", "#/other/x", "#main", "#/calls/%"]) assert.ok(parseRoute(hash).name, hash);
});
