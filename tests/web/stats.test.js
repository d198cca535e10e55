import assert from "node:assert/strict";
import { test } from "node:test";
import { browserName, counters, grade, isBlack, networkName, summary } from "../../web/shared/stats.js";

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

test("waiting, freezes, sizes and loudness are told", () => {
  const sent = (fields) => ({ type: "outbound-rtp", kind: "video", ...fields });
  const source = (fields) => ({ type: "media-source", kind: "audio", ...fields });
  const before = counters(report(audio({ jitterBufferDelay: 10, jitterBufferEmittedCount: 100 }), source({ totalAudioEnergy: 1, totalSamplesDuration: 10 })));
  const now = counters(
    report(
      audio({ timestamp: 6000, jitterBufferDelay: 30, jitterBufferEmittedCount: 300 }),
      video({ timestamp: 6000, totalFreezesDuration: 1.5, frameHeight: 480 }),
      sent({ qualityLimitationReason: "cpu", framesPerSecond: 15, frameHeight: 360 }),
      source({ totalAudioEnergy: 1.2, totalSamplesDuration: 15 }),
    ),
  );
  const said = summary(before, now);
  assert.deepEqual([said.buffer_ms, said.freeze_ms, said.height], [100, 1500, 480]);
  assert.deepEqual([said.limitation, said.fps_sent, said.height_sent], ["cpu", 15, 360]);
  assert.ok(Math.abs(said.level - 0.2) < 1e-9);
  assert.equal(counters(report(sent({ qualityLimitationReason: "none" }))).limitation, "");
});

test("a silent microphone is 0, no microphone is null", () => {
  const source = (seconds) => counters(report({ type: "media-source", kind: "audio", totalAudioEnergy: 0, totalSamplesDuration: seconds }));
  assert.equal(summary(source(5), source(10)).level, 0);
  const none = counters(report());
  assert.equal(summary(none, none).level, null);
});

test("the browser is a name and a number, the network a word", () => {
  assert.equal(browserName("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"), "Chrome 126");
  assert.equal(browserName("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"), "Edge 126");
  assert.equal(browserName("Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0"), "Firefox 128");
  assert.equal(browserName("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1"), "Safari 17");
  assert.equal(browserName(""), "other");
  assert.equal(networkName({ type: "wifi", effectiveType: "4g" }), "wifi");
  assert.equal(networkName({ type: "unknown", effectiveType: "slow-2g" }), "2g");
  assert.equal(networkName(), "");
});

test("black is black all over", () => {
  assert.equal(isBlack(new Uint8ClampedArray(64).fill(16)), true);
  const one = new Uint8ClampedArray(64).fill(16);
  one[21] = 90;
  assert.equal(isBlack(one), false);
  assert.equal(isBlack([]), false);
});
