/** How long incoming voice waits to be played, so that what is late or sent again comes in time. Pure, as stats.js. */
const LEAST = 120;
const STEP = 50;
const MOST = 220;
const CLEAN_MS = 20_000;

/** From what was returned `before` and new `counters`; `target` is in ms, null the browser's own choice, which is less. */
export function playout(before, now) {
  if (!before) return { ...now, target: null, bad: now.at };
  const conceals = now.concealed - before.concealed > 0.01 * (now.samples - before.samples);
  let { target, bad } = before;
  if (conceals || now.audio[0] > before.audio[0]) {
    bad = now.at;
    target = target && conceals ? Math.min(MOST, target + STEP) : (target ?? LEAST);
  } else if (now.at - bad >= CLEAN_MS) target = null;
  return { ...now, target, bad };
}
