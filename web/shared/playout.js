/** How long a page holds what it plays, on its way to what the server wishes so that repair comes in time. Pure. */
export const PLAYOUT_MS = 200;
const STEP = 20;
const SHORTEST = 60;

/** The next hold after `hold`, both in ms, 0 being the browser's own choice. Small steps: speech stretched by a tenth is not heard, a jump is filled with silence. */
export function towards(hold, wish) {
  if (wish > hold) return Math.min(Math.max(hold, SHORTEST) + STEP, wish);
  return hold > SHORTEST ? Math.max(hold - STEP, wish) : wish;
}
