import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { apply, downscale, reshape, Sending, wayOut } from "../../web/shared/sending.js";

const { scenarios, lifts } = JSON.parse(readFileSync(new URL("../vectors/sending.json", import.meta.url)));
const look = (sending, [now, available, roundTrip, full, live, , lossy]) => sending.look({ now, available, roundTrip, full, live, lossy });
const start = (sending) => Number(/\d+$/.exec(sending.shaped("a=fmtp:98 x-google-start-bitrate=100"))[0]);

for (const [name, rows] of Object.entries(scenarios)) {
  test(name, () => {
    const sending = new Sending();
    const steps = rows.map((row) => (look(sending, row), sending.step));
    assert.deepEqual(steps, rows.map((row) => row[5]));
  });
}

for (const [name, rows] of Object.entries(lifts)) {
  test(name, () => {
    const sending = new Sending();
    assert.deepEqual(rows.map((row) => (look(sending, row), start(sending))), rows.map((row) => row[7]));
  });
}

test("a narrow link gets smaller pictures and does not flutter", () => {
  assert.deepEqual([Infinity, 500_000, 200_000, 80_000].map((bps) => downscale(bps, 1)), [1, 1, 2, 4]);
  assert.deepEqual([100_000, 120_000].map((bps) => downscale(bps, 4)), [4, 2]);
  assert.deepEqual([250_000, 300_000].map((bps) => downscale(bps, 2)), [2, 1]);
});

describe("limits", () => {
  const limits = (rows, wish) => {
    const sending = new Sending();
    rows.forEach((row) => look(sending, row));
    sending.heard = rows.some(([, , , , live]) => live);
    return sending.limits(wish);
  };

  test("nothing is known: as the server wishes", () => {
    const sending = new Sending();
    assert.equal(sending.limits().video, 250_000, "before the answer the browser does not try more");
    assert.equal(limits([[0, 100_000, 0.1, false, false], [0.5, 400_000, 0.1, false, false]]).video, 1_000_000, "ample already; the rest is probed with the first picture");
    sending.heard = true;
    assert.deepEqual(sending.limits(), { audio: 0, video: 1_800_000, downscale: 1, pictures: true, voice: true, heard: true });
    assert.deepEqual(sending.limits({ audio: 24_000, video: 300_000 }), { audio: 24_000, video: 300_000, downscale: 1, pictures: true, voice: true, heard: true });
  });

  test("a narrow connection is tried with care until three seconds after the answer", () => {
    assert.deepEqual(limits([[0, 100_000, 0.1, false, false], [1, 130_000, 0.1, false, false], [1.5, 130_000, 0.1, false, false]], {}), { audio: 20_000, video: 64_500, downscale: 4, pictures: true, voice: false, heard: false });
    assert.equal(limits([[0, 100_000, 0.1, false, false], [1, 130_000, 0.1, false, false], [2, 130_000, 0.1, false, true]], {}).video, 64_500);
    assert.equal(limits([[0, 100_000, 0.1, false, true], [9, 130_000, 0.1, false, true]], {}).video, 1_800_000);
    assert.equal(limits([[0, 100_000, 0.1, false, true], [9, 400_000, 0.1, false, true]], {}).video, 1_800_000);
  });

  test("where an estimate fell we stay below for a while", () => {
    const rows = [[0, 160_000, 0.1, false, true], [9, 100_000, 0.1, false, true], [10, 170_000, 0.1, false, true]];
    const { video } = limits(rows, {});
    assert.ok(video > 90_000 && video < 92_000, video);
  });

  test("the weaker of two ways counts, and a full one gets the least voice", () => {
    assert.equal(limits([[0, 100_000, 0.1, false, true], [1, 130_000, 0.1, false, true]], { audio: 12_000, video: 30_000 }).video, 30_000);
    const full = [[0, 130_000, 0.1, true, false], [1, 30_000, 0.9, true, false]];
    assert.deepEqual(limits(full, {}), { audio: 12_000, video: 20_000, downscale: 4, pictures: false, voice: false, heard: false });
  });

  test("the answer does not make the browser try more than a narrow connection was found to carry", () => {
    const rings = [[0, 100_000, 0.1, false, false], [0.5, 280_000, 0.1, false, false], [1, 280_000, 0.1, false, false]];
    assert.equal(limits(rings).video, 192_000);
    assert.equal(limits([...rings, [2, 280_000, 0.1, false, true]]).video, 192_000);
    assert.equal(limits([...rings, [2, 280_000, 0.1, false, true], [6, 280_000, 0.1, false, true]]).video, 1_800_000);
  });

  test("silence is sent before the answer only where there is room", () => {
    assert.equal(limits([[0, 100_000, 0.1, false, false], [1, 500_000, 0.1, false, false]]).voice, true);
    const sending = new Sending();
    look(sending, [0, 300_000, 0.1, false, false]);
    assert.equal(sending.limits().voice, false);
    sending.heard = true;
    assert.equal(sending.limits().voice, true);
  });

  test("pictures that wait are worth a word after two seconds, once somebody would see them", () => {
    const sending = new Sending();
    look(sending, [0, 100_000, 0.1, false, false]);
    look(sending, [1, 70_000, 0.1, true, false]);
    assert.equal(sending.waits(9), false);
    look(sending, [10, 70_000, 0.1, true, true]);
    assert.equal(sending.waits(11), false);
    assert.equal(sending.waits(12), true);
  });
});

const OFFER = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=fmtp:111 minptime=10;useinbandfec=1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=fmtp:111 minptime=10\r\n";

test("the offer's shape: the voice once, then in long frames, on every line alike", () => {
  const sending = new Sending();
  assert.equal(sending.shaped(OFFER), OFFER);
  sending.step = 1;
  assert.equal(sending.shaped(OFFER), OFFER.replaceAll("63 111", "111 63"));
  sending.step = 2;
  assert.equal(sending.shaped(OFFER), OFFER.replaceAll("63 111", "111 63").replaceAll("minptime=10", "minptime=10;ptime=60"));
});

test("a leg is answered anew only when its shape changes, and a browser that refuses keeps what it has", async () => {
  const said = [];
  const pc = { setRemoteDescription: async ({ sdp }) => said.push(sdp), createAnswer: async () => "answer", setLocalDescription: async (answer) => said.push(answer) };
  const leg = { pc, sdp: OFFER, shape: OFFER, work: Promise.resolve() };
  const sending = new Sending();
  reshape(leg, sending);
  await leg.work;
  assert.deepEqual(said, []);
  sending.step = 1;
  reshape(leg, sending);
  reshape(leg, sending);
  await leg.work;
  assert.deepEqual(said, [sending.shaped(OFFER), "answer"]);
  pc.setRemoteDescription = async () => { throw new Error("not now"); };
  sending.step = 0;
  reshape(leg, sending);
  await leg.work;
  assert.equal(said.length, 2);
});

describe("apply", () => {
  const line = () => {
    const sender = { getParameters: () => ({ encodings: [{}] }), setParameters: async (parameters) => (sender.parameters = parameters) };
    return { sender };
  };
  const limits = { audio: 20_000, video: 300_000, downscale: 2, heard: true, pictures: true, voice: true };

  test("the voice goes first; a smaller picture is also slower, and no smaller still", () => {
    const lines = { audio: line(), camera: line() };
    apply(lines, limits);
    const [audio, camera] = [lines.audio, lines.camera].map(({ sender }) => sender.parameters);
    assert.deepEqual(audio.encodings[0], { active: true, priority: "high", networkPriority: "high", maxBitrate: 20_000 });
    assert.deepEqual(camera.encodings[0], { maxBitrate: 300_000, active: true, scalabilityMode: "L1T3", scaleResolutionDownBy: 2, maxFramerate: 15 });
    assert.equal(camera.degradationPreference, "maintain-resolution");
    apply(lines, { ...limits, audio: 0, downscale: 1, pictures: false });
    assert.equal(lines.audio.sender.parameters.encodings[0].maxBitrate, undefined);
    assert.equal(lines.camera.sender.parameters.encodings[0].active, false);
    assert.equal(lines.camera.sender.parameters.degradationPreference, "maintain-framerate");
  });

  test("a camera whose codec makes no layers is limited without them; no camera is no fault", async () => {
    const lines = { audio: line(), camera: line() };
    const taken = [];
    lines.camera.sender.setParameters = async ({ encodings: [encoding] }) => {
      if (encoding.scalabilityMode) throw new Error("not by this codec");
      taken.push(encoding.maxBitrate);
    };
    apply(lines, limits);
    await new Promise(setImmediate);
    assert.deepEqual(taken, [300_000]);
    apply({}, limits);
  });
});

test("the way out is that of the pair in use; a browser that does not say has none", () => {
  const pair = { type: "candidate-pair", availableOutgoingBitrate: 120_000, currentRoundTripTime: 0.1 };
  assert.deepEqual(wayOut(new Map([["a", { type: "candidate-pair" }], ["b", pair]])), { available: 120_000, roundTrip: 0.1 });
  assert.deepEqual(wayOut(new Map()), { available: undefined, roundTrip: undefined });
});
