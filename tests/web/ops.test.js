import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { ceiling, indexAt, line, ticks } from "../../web/ops/charts.js";
import { MAX_BYTES, parseDump, readFile } from "../../web/ops/dump.js";
import { csv, rtcStatsDump } from "../../web/ops/export.js";
import { callGrade, callScore, grade, sorted, weightiest } from "../../web/ops/quality.js";
import { judge, overall } from "../../web/test/judge.js";
import { pack, unpack } from "../../web/test/result.js";

const same = (value) => value;

test("a line breaks at gaps and unknown values, and keeps the extremes of a pixel", () => {
  assert.equal(line([0, 1, 2, 3], [1, null, 2, 3], same, same), "M0 1M2 2L3 3");
  assert.equal(line([0, 1, 9], [1, 1, 1], same, same, 2), "M0 1L1 1M9 1");
  assert.match(line([1, 1.01, 1.02, 2], [5, 9, 1, 5], same, same), /9.*|1/);
});

test("ticks are round, a ceiling is not below what it covers", () => {
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  for (const most of [0.07, 3, 47, 812345]) assert.ok(ceiling([[most]], 0.01) >= most);
  assert.deepEqual([indexAt([1, 2, 3], 1.5), indexAt([1, 2, 3], 9), indexAt([], 1)], [1, 2, -1]);
});

test("a webrtc-internals dump becomes curves; what is none is refused with a code", async () => {
  const start = "2026-11-22T10:00:00Z";
  const entry = { statsType: "inbound-rtp", startTime: start, endTime: "2026-11-22T10:00:02Z", values: "[1,2,3]" };
  const dump = parseDump(JSON.stringify({ UserAgent: "x", PeerConnections: { "1-1": { stats: { "IT01-packetsLost": entry, "IT01-evil": entry } } } }));
  assert.deepEqual(dump.charts[0].curves[0].parts[0][1], [1, 2, 3]);
  for (const [text, code] of [["{", "json"], ["[]", "other"], ["null", "other"]]) assert.throws(() => parseDump(text), { code });
  const broken = { "x-jitter": { statsType: "inbound-rtp", values: "{" } };
  for (const [tree, code] of [[{ a: { stats: broken } }, "empty"], [{}, "other"]]) assert.throws(() => parseDump(JSON.stringify({ PeerConnections: tree })), { code });
  await assert.rejects(readFile({ size: MAX_BYTES + 1 }), { code: "large" });
});

test("curves of a dump say what they are; streams that are alike are told apart", () => {
  const entry = (values, statsType = "inbound-rtp") => ({ statsType, startTime: "2026-11-22T10:00:00Z", endTime: "2026-11-22T10:00:02Z", values: JSON.stringify(values) });
  const stream = (id, kind) => ({ [`${id}-kind`]: entry([kind, kind]), [`${id}-jitter`]: entry([0, 0.01]) });
  const buffered = { "IT01A111111-[jitterBufferDelay/jitterBufferEmittedCount_in_ms]": entry([1, 2]), "CP-x_y-currentRoundTripTime": entry([1, 2], "candidate-pair") };
  const stats = { ...stream("IT01A111111", "audio"), ...stream("IT01V222222", "video"), ...stream("IT01V333333", "video"), ...stream("IT01X444444", "<b>"), ...buffered };
  const labels = (connections) => parseDump(JSON.stringify({ PeerConnections: connections })).charts.flatMap(({ curves }) => curves.map(({ label }) => label));
  const wanted = ["inbound audio jitter", "inbound video jitter 222222", "inbound video jitter 333333", "inbound jitter", "inbound audio jitterBufferDelay", "candidate-pair currentRoundTripTime"];
  assert.deepEqual(labels({ a: { stats } }), wanted);
  assert.equal(labels({ a: { stats }, b: { stats } })[6], "#2 inbound audio jitter");
  const many = Object.fromEntries([..."abcdefghi"].map((id) => [id, { stats: { ...stats, ...Object.fromEntries([..."0123456789"].map((n) => [`y${n}-jitter`, entry([1, 2])])) } }]));
  assert.equal(labels(many).length, 100);
});

test("a table keeps its cells and makes no formulas; a dump has the format's head and differences of time", () => {
  assert.equal(csv([["a,b", "=1", null, 2]]), '"a,b",\'=1,,2\r\n');
  const leg = { leg_id: "l", role: "customer", at: [11, 12], series: { up_loss: [0, 0.5] } };
  const lines = rtcStatsDump({ legs: [leg], events: [], resolution: 1 }, { call_id: "c", created_at: 10 }).trim().split("\n");
  assert.equal(lines[0], "RTCStatsDump");
  assert.equal(JSON.parse(lines[1]).fileFormat, 3);
  assert.deepEqual(lines.slice(2).map((one) => JSON.parse(one).at(-1)), [10000, 1000, 1000]);
});

test("bad calls come first", () => {
  const call = (id, score) => ({ call_id: id, created_at: 0, legs: [{ now: { connection: score } }] });
  assert.deepEqual(sorted([call("a", 4), call("b", null), call("c", 2), call("d", 3)]).map((one) => one.call_id), ["c", "d", "a", "b"]);
  assert.equal(grade(undefined), "none");
  const black = { ...call("e", 5), verdicts: [{ severity: "fair" }, { severity: "poor" }] };
  assert.equal(callGrade(black), "poor");
  assert.deepEqual(sorted([call("d", 3), black]).map((one) => one.call_id), ["e", "d"]);
});

test("a result survives its link, and a link of anybody's is checked", () => {
  const figures = { rtt: 500, lossUp: 0.2, lossDown: 0, kbps: 900, transport: "udp", relayed: false };
  const lines = judge({ microphone: "works", camera: "none", figures });
  assert.equal(overall(lines), "bad");
  const result = { at: 1, lines, facts: { rtt: "é" } };
  assert.deepEqual(unpack(pack(result)), result);
  for (const text of ["", "x", pack({ at: "x" }), "A".repeat(5000)]) assert.equal(unpack(text), null);
  assert.deepEqual(unpack(pack({ at: 1, lines: [{ kind: "evil", key: "a" }, { kind: "bad", key: "<b>" }], facts: { a: {} } })), { at: 1, lines: [], facts: {} });
});

for (const folder of ["ops", "test"]) {
  test(`every language of ${folder} says everything, with the same holes`, () => {
    const base = new URL(`../../web/${folder}/strings/`, import.meta.url);
    const read = (name) => JSON.parse(readFileSync(new URL(name, base), "utf8"));
    const holes = (value) => [...(value.other ?? value).matchAll(/\{(\w+)\}/g)].map((one) => one[1]).sort().join();
    const english = read("en.json");
    assert.equal(readdirSync(base).length, 8);
    for (const name of readdirSync(base)) {
      const other = read(name);
      assert.deepEqual(Object.keys(other), Object.keys(english), name);
      for (const key of Object.keys(english)) assert.equal(holes(other[key]), holes(english[key]), `${name} ${key}`);
    }
  });
}

test("of many verdicts the weightiest are shown, in the order they happened", () => {
  const verdicts = [["fair", 0, 90], ["poor", 100, 104], ["fair", 110, 111], ["poor", 200, 260]].map(([severity, from, to]) => ({ severity, from, to }));
  assert.deepEqual(weightiest(verdicts, 3).map(({ from }) => from), [0, 100, 200]);
  assert.deepEqual(weightiest(verdicts, 1).map(({ from }) => from), [200]);
  assert.equal(weightiest(verdicts).length, 4);
});

test("a call whose connection is lost is a bad one, whatever was measured last", () => {
  const call = (state) => ({ legs: [{ role: "customer", state, now: { connection: 4.9 } }, { role: "agent", state: "connected", now: { connection: 5 } }] });
  assert.equal(callScore(call("connected")), 4.9);
  assert.equal(callScore(call("disconnected")), 1);
});
