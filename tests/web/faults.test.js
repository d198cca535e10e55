import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Faults } from "../../web/shared/faults.js";

let pixel;
let closed;

class Processor {
  constructor({ track }) {
    this.readable = { getReader: () => ({ read: track.read ?? (async () => ({ value: { close: () => (closed += 1) } })), cancel: async () => {} }) };
  }
}

beforeEach(() => {
  [pixel, closed] = [90, 0];
  globalThis.MediaStreamTrackProcessor = Processor;
  globalThis.OffscreenCanvas = class {
    getContext = () => ({ drawImage() {}, getImageData: () => ({ data: [pixel, pixel, pixel, 255] }) });
  };
});

afterEach(() => {
  delete globalThis.MediaStreamTrackProcessor;
});

const camera = (fields, limited = "none") => ({
  track: { enabled: true, readyState: "live", ...fields },
  getStats: async () => new Map([["out", { type: "outbound-rtp", qualityLimitationReason: limited }]]),
});
const voice = (totalAudioEnergy) => new Map([["source", { type: "media-source", kind: "audio", totalAudioEnergy }]]);

test("a camera is black when two looks agree, and every picture is let go", async () => {
  const faults = new Faults();
  const said = [];
  for (pixel of [90, 90, 0, 90, 90, 0, 0, 90, 90]) {
    await faults.look(camera());
    said.push(faults.black);
  }
  assert.deepEqual(said, [null, false, false, false, false, false, true, true, false]);
  assert.equal(closed, 9);
});

test("a camera that is off, or a browser that cannot look, is not known to be black", async () => {
  const faults = new Faults();
  pixel = 0;
  for (let times = 0; times < 2; times += 1) await faults.look(camera());
  assert.equal(faults.black, true);
  await faults.look(camera({ enabled: false }));
  assert.equal(faults.black, null);
  delete globalThis.MediaStreamTrackProcessor;
  for (let times = 0; times < 2; times += 1) await faults.look(camera());
  assert.equal(faults.black, null);
  await faults.look(undefined);
});

test("a camera without pictures keeps nobody waiting but its own look", async () => {
  const faults = new Faults();
  let give;
  const waiting = faults.look(camera({ read: () => new Promise((resolve) => (give = resolve)) }));
  await faults.look(camera());
  assert.equal(faults.black, null);
  give({ done: true });
  await waiting;
});

test("nothing recorded three times in a row is silence; a quiet room, a muted microphone and no word of it are not", () => {
  const said = (on, ...energies) => {
    const faults = new Faults();
    for (const energy of energies) faults.listen(voice(energy), on);
    return faults.silent;
  };
  assert.equal(said(true, 1, 1, 1), false);
  assert.equal(said(true, 1, 1, 1, 1), true);
  assert.equal(said(true, 0, 0, 0, 0), true);
  assert.equal(said(true, 1, 1 + 1e-10, 1 + 2e-10, 1 + 3e-10), false);
  assert.equal(said(false, 1, 1, 1, 1), false);
  assert.equal(said(true, undefined, undefined, undefined, undefined), false);
});

test("a slow device is what the encoder says", async () => {
  const faults = new Faults();
  const before = faults.word;
  await faults.look(camera({}, "cpu"));
  assert.notEqual(faults.word, before);
  await faults.look(camera({}, "bandwidth"));
  assert.equal(faults.word, before);
});
