import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { listDevices } from "../../web/shared/media-devices.js";
import { openSources, problemOf, videoConstraints } from "../../web/shared/sources.js";

const error = (name) => Object.assign(new Error(name), { name });
const kindOf = (wanted) => Object.keys(wanted).filter((kind) => wanted[kind]);

/** A browser whose getUserMedia answers as `answer(wanted)` says. */
function browser(answer) {
  const asked = [];
  const getUserMedia = async (wanted) => {
    asked.push(wanted);
    const refusal = answer(wanted);
    if (refusal) throw error(refusal);
    const tracks = kindOf(wanted).map((kind) => ({ kind }));
    const of = (kind) => tracks.filter((track) => track.kind === kind);
    return { getTracks: () => tracks, getAudioTracks: () => of("audio"), getVideoTracks: () => of("video") };
  };
  set({ mediaDevices: { getUserMedia }, hardwareConcurrency: 8 });
  return asked;
}

const set = (navigator) => Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
afterEach(() => set({}));

test("both are asked for in one question", async () => {
  const asked = browser(() => "");
  const { audio, camera, problems } = await openSources({ audio: true, camera: true });
  assert.equal(asked.length, 1);
  assert.deepEqual([audio.kind, camera.kind], ["audio", "video"]);
  assert.deepEqual(problems, {});
});

test("without a camera the microphone is still opened", async () => {
  browser(({ video }) => video && "NotFoundError");
  const { audio, camera, problems } = await openSources({ audio: true, camera: true });
  assert.equal(audio.kind, "audio");
  assert.equal(camera, undefined);
  assert.deepEqual(problems, { audio: undefined, camera: "none" });
});

test("a voice call does not ask for the camera", async () => {
  const asked = browser(() => "");
  await openSources({ audio: true, camera: false });
  assert.deepEqual(asked.map(kindOf), [["audio"]]);
});

test("a chosen device that is gone is replaced by any", async () => {
  const asked = browser(({ audio }) => audio.deviceId && "OverconstrainedError");
  const { audio } = await openSources({ audio: true, microphone: "old" });
  assert.equal(audio.kind, "audio");
  assert.equal(asked.at(-1).audio.deviceId, undefined);
});

test("every refusal has its word", async () => {
  for (const [name, word] of [
    ["NotAllowedError", "blocked"], ["NotFoundError", "none"], ["NotReadableError", "in_use"], ["TypeError", "failed"],
  ]) {
    browser(() => name);
    assert.deepEqual((await openSources({ audio: true, camera: true })).problems, { audio: word, camera: word });
    assert.equal(problemOf(error(name)), word);
  }
});

test("a page that is not secure has no devices at all", async () => {
  set({});
  assert.deepEqual((await openSources({ audio: true, camera: true })).problems, { audio: "insecure", camera: "insecure" });
  assert.deepEqual(await listDevices(), { cameras: [], microphones: [], speakers: [] });
});

test("a small machine sends a small picture", () => {
  assert.equal(videoConstraints("", "user", 2).width.ideal, 640);
  assert.equal(videoConstraints("", "user", 8).width.ideal, 1280);
  assert.deepEqual(videoConstraints("x", "user", 8).deviceId, { exact: "x" });
  assert.equal(videoConstraints("", "environment", 8).facingMode, "environment");
});
