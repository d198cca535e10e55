import assert from "node:assert/strict";
import { test } from "node:test";
import { counters, grade, summary } from "../../web/shared/stats.js";

/** An RTCStatsReport is a Map by id. */
const report = (...entries) => new Map(entries.map((entry, index) => [entry.id ?? `e${index}`, { timestamp: 1000, ...entry }]));
const audio = (fields) => ({ type: "inbound-rtp", kind: "audio", ...fields });
const video = (fields) => ({ type: "inbound-rtp", kind: "video", ...fields });

test("losses and rates are those of the time between", () => {
  const before = counters(report(audio({ packetsLost: 10, packetsReceived: 100, bytesReceived: 1000 })));
  const now = counters(
    report(
      audio({ timestamp: 6000, packetsLost: 20, packetsReceived: 190, bytesReceived: 51_000, jitter: 0.012 }),
      video({ timestamp: 6000, packetsLost: 0, packetsReceived: 50, framesPerSecond: 24, freezeCount: 2 }),
    ),
  );
  const said = summary(before, now);
  assert.equal(said.audio_loss, 0.1);
  assert.equal(said.video_loss, 0);
  assert.equal(said.kbps_received, 80);
  assert.equal(said.jitter_ms, 12);
  assert.equal(said.fps_received, 24);
  assert.equal(said.freezes, 2);
});

test("the chosen pair gives round trip and candidate, with and without a transport entry", () => {
  const local = { id: "l", type: "local-candidate", candidateType: "host", protocol: "udp" };
  const pair = { id: "p", type: "candidate-pair", localCandidateId: "l", currentRoundTripTime: 0.04 };
  const other = { id: "q", type: "candidate-pair", localCandidateId: "l", currentRoundTripTime: 9 };
  const chromium = counters(report(local, other, pair, { type: "transport", selectedCandidatePairId: "p" }));
  const firefox = counters(report(local, other, { ...pair, selected: true }));
  for (const sums of [chromium, firefox]) assert.deepEqual([sums.rtt, sums.candidate], [40, "host/udp"]);
});

test("nothing measured is null, not zero", () => {
  const empty = counters(report());
  const said = summary(empty, empty);
  for (const name of ["rtt_ms", "audio_loss", "video_loss", "jitter_ms", "fps_received", "concealed", "kbps_sent"]) {
    assert.equal(said[name], null, name);
  }
});

test("counters that start anew give no negative figures", () => {
  const before = counters(report(audio({ packetsLost: 50, packetsReceived: 500, bytesReceived: 9000 })));
  const now = counters(report(audio({ timestamp: 6000, packetsLost: 0, packetsReceived: 10, bytesReceived: 100 })));
  const said = summary(before, now);
  assert.ok((said.audio_loss ?? 0) >= 0);
  assert.equal(said.kbps_received, 0);
});

test("the grade follows the worst of them", () => {
  const fine = { rtt_ms: 40, audio_loss: 0, video_loss: 0, concealed: 0, freezes: 0 };
  assert.equal(grade(fine), "good");
  assert.equal(grade({ ...fine, video_loss: 0.05 }), "fair");
  assert.equal(grade({ ...fine, rtt_ms: 900 }), "poor");
  assert.equal(grade({ ...fine, rtt_ms: null, audio_loss: null, concealed: null }), "good");
});
