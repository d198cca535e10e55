/** Measures a call's media while it is connected. Loaded by peer.js only then: nothing before the call needs it. */
import { PLAYOUT_MS, towards } from "./playout.js";
import { browserName, counters, grade, isBlack, networkName, summary } from "./stats.js";

const STATS_MS = 5000;
const LOOK = [16, 12];

/** Whether the camera's picture is black; null where the browser cannot tell, or nothing is sent. */
async function looksBlack(track) {
  if (!track?.enabled || track.readyState !== "live" || !globalThis.ImageCapture || !globalThis.OffscreenCanvas) return null;
  try {
    const picture = await new ImageCapture(track).grabFrame();
    const canvas = new OffscreenCanvas(...LOOK).getContext("2d", { willReadFrequently: true });
    canvas.drawImage(picture, 0, 0, ...LOOK);
    picture.close();
    return isBlack(canvas.getImageData(0, 0, ...LOOK).data);
  } catch {
    return null; // the camera was just closed
  }
}

/**
 * Watch the leg that `current()` gives, another one after a replacement, and hold what it plays for as long as
 * `wished()` says (ms). `report({leg_id, …fields of quality.report}, level)` is called for every interval but a leg's
 * first; the level is good, fair or poor. Returns how to stop.
 */
export function monitor(current, wished, report) {
  let watched;
  let before;
  let held;
  let holds = 0;

  /** The same leg as the last time, or a new one to begin with. */
  const take = () => {
    const leg = current();
    if (leg !== watched) [watched, before] = [leg, null];
    return leg;
  };

  async function measure() {
    const leg = take();
    const { audio, camera } = leg.lines;
    const [stats, black] = await Promise.all([leg.pc.getStats(), looksBlack(camera?.sender?.track)]);
    const now = { ...counters(stats), clock: performance.now() / 1000 };
    if (leg !== current()) return;
    const fields = before && summary(before, now);
    const seconds = before && now.clock - before.clock;
    before = now;
    if (!fields) return;
    if (!audio?.sender?.track?.enabled) fields.level = null;
    const device = { browser: browserName(globalThis.navigator?.userAgent), network: networkName(globalThis.navigator?.connection) };
    report({ leg_id: leg.id, ...fields, black, at: now.clock, seconds, ...device }, grade(fields));
  }

  /** A step towards the hold that the server wishes, voice and picture together. */
  function hold() {
    const leg = current();
    if (leg !== held) [held, holds] = [leg, 0];
    if (holds === wished()) return;
    holds = towards(holds, wished());
    for (const line of [leg.lines.audio, leg.lines.main]) if (line) line.receiver.jitterBufferTarget = holds || null;
  }

  const timers = [setInterval(measure, STATS_MS), setInterval(hold, PLAYOUT_MS)];
  return () => timers.forEach(clearInterval);
}
