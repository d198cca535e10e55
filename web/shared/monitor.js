/** Measures a call's media while it is connected. Loaded by peer.js only then: nothing before the call needs it. */
import { playout } from "./playout.js";
import { counters, grade, summary } from "./stats.js";

const STATS_MS = 5000;
const PLAYOUT_MS = 2000;

/**
 * Watch the leg that `current()` gives, another one after a replacement. `report({leg_id, …fields of quality.report},
 * level)` is called for every interval but a leg's first; the level is good, fair or poor. Returns how to stop.
 */
export function monitor(current, report) {
  let watched;
  let before;
  let voice;

  /** The same leg as the last time, or a new one to begin with. */
  const take = () => {
    const leg = current();
    if (leg !== watched) [watched, before, voice] = [leg, null, null];
    return leg;
  };

  async function measure() {
    const leg = take();
    const now = counters(await leg.pc.getStats());
    if (leg !== current()) return;
    const fields = before && summary(before, now);
    before = now;
    if (fields) report({ leg_id: leg.id, ...fields }, grade(fields));
  }

  /** Voice that arrives late or not at all is given more time, and the picture with it. */
  async function listen() {
    const leg = take();
    const { receiver } = leg.lines.audio ?? {};
    if (receiver?.jitterBufferTarget === undefined) return; // an older browser
    const now = counters(await receiver.getStats());
    if (leg !== current()) return;
    voice = playout(voice, now);
    for (const line of [leg.lines.audio, leg.lines.main]) if (line) line.receiver.jitterBufferTarget = voice.target;
  }

  const timers = [setInterval(measure, STATS_MS), setInterval(listen, PLAYOUT_MS)];
  return () => timers.forEach(clearInterval);
}
