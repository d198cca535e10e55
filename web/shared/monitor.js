/** Measures a call's media while it is connected. Loaded by peer.js only then: nothing before the call needs it. */
import { Faults, WATCH_MS } from "./faults.js";
import { PLAYOUT_MS, towards } from "./playout.js";
import { apply, LOOK_MS, reshape, Sending, wayOut } from "./sending.js";
import { browserName, counters, grade, networkName, summary } from "./stats.js";

/** A report every so many looks at the devices (WATCH_MS), and at once when something is wrong with one, or not any more. */
const LOOKS = 5;

/**
 * Watch the leg that `current()` gives, another one after a replacement: measure it (`send`: quality.report for every
 * interval but a leg's first, `show(level)`: good, fair or poor), send within what its connection carries, and do as
 * `wish()`, a CallView, says. `live()`: whether anything of ours is meant to be heard or seen. Returns {obey, stop}.
 */
export function monitor({ current, wish, live, send, show }) {
  let watched;
  let before;
  let faults;
  let looks = 0;
  let word = "";
  let held;
  let holds = 0;
  let sending;
  let sender;
  let told = "";
  let waits = false;

  /** The same leg as the last time, or a new one to begin with. */
  const take = () => {
    const leg = current();
    if (leg !== watched) [watched, before, faults, looks] = [leg, null, new Faults(), LOOKS];
    return leg;
  };

  async function watch() {
    const leg = take();
    looks += 1;
    await faults.look(leg.lines.camera?.sender);
    tell(leg);
  }

  /** Once a second at most. */
  const tell = (leg) => leg === watched && looks && (looks >= LOOKS || word !== faults.word) && measure(leg);

  async function measure(leg) {
    looks = 0;
    word = faults.word;
    const { black, silent } = faults;
    const { audio } = leg.lines;
    const now = { ...counters(await leg.pc.getStats()), clock: performance.now() / 1000 };
    if (leg !== current()) return;
    const fields = before && summary(before, now);
    const seconds = before && now.clock - before.clock;
    before = now;
    if (!fields) return;
    if (!audio?.sender?.track?.enabled) fields.level = null;
    else if (silent) fields.level = 0; // now, whatever was heard before
    const device = { browser: browserName(globalThis.navigator?.userAgent), network: networkName(globalThis.navigator?.connection) };
    send({ type: "quality.report", leg_id: leg.id, ...fields, black, at: now.clock, seconds, ...device });
    show(grade(fields));
  }

  /** A step towards the hold that the server wishes, voice and picture together. */
  function hold() {
    const leg = current();
    if (leg !== held) [held, holds] = [leg, 0];
    const { playout_ms: wished = 0 } = wish();
    if (holds === wished) return;
    holds = towards(holds, wished);
    for (const line of [leg.lines.audio, leg.lines.main]) if (line) line.receiver.jitterBufferTarget = holds || null;
  }

  /** Look how much our own connection carries. */
  async function fit() {
    const leg = current();
    const stats = await leg.lines.audio?.sender.getStats?.().catch(() => null); // closed meanwhile
    if (leg !== current()) return;
    faults?.listen(stats, leg.lines.audio?.sender.track?.enabled);
    tell(leg);
    if (leg !== sender) [sender, sending, told, waits] = [leg, new Sending(), "", false];
    const now = performance.now() / 1000;
    sending.look({ ...(stats && wayOut(stats)), full: wish().uplink_full, lossy: wish().uplink_lossy, pictures: Boolean(leg.lines.camera?.sender.track), live: live(), now });
    reshape(leg, sending);
    obey();
    if (waits !== (waits = sending.waits(now))) send({ type: "leg.narrow", leg_id: leg.id, paused: waits });
  }

  function obey() {
    const leg = current();
    if (!sending || leg !== sender) return;
    const { audio_bps: audio, video_bps: video, video_layers: layers } = wish();
    sending.heard ||= live();
    const limits = { ...sending.limits({ audio, video }), layers };
    if (told === (told = JSON.stringify(limits))) return;
    apply(leg.lines, limits).catch(() => (told = "")); // with the next look again
  }

  fit();
  const timers = [setInterval(watch, WATCH_MS), setInterval(hold, PLAYOUT_MS), setInterval(fit, LOOK_MS)];
  return { obey, stop: () => timers.forEach(clearInterval) };
}
