/** Pure geometry of the charts: scales, paths with gaps, ticks. Pixels in, path data out. */

export const scale = (from, to, start, end) => {
  const factor = to > from ? (end - start) / (to - from) : 0;
  return (value) => start + (value - from) * factor;
};

const round = (value) => Math.round(value * 10) / 10;

/** A line through (at, value); null and steps longer than `gap` seconds break it. More points than pixels become their extremes. */
export function line(at, values, x, y, gap = Infinity) {
  const parts = [];
  let pen = false;
  let before = 0;
  let column = null;
  const flush = () => {
    if (!column) return;
    const { px, first, low, high, last } = column;
    parts.push(`${pen ? "L" : "M"}${px} ${round(first)}`);
    if (low !== first || high !== first) parts.push(`L${px} ${round(low)}L${px} ${round(high)}L${px} ${round(last)}`);
    pen = true;
    column = null;
  };
  for (let index = 0; index < at.length; index++) {
    const value = values[index];
    if (value === null || value === undefined || at[index] - before > gap) {
      flush();
      pen = false;
    }
    before = at[index];
    if (value === null || value === undefined) continue;
    const [px, py] = [round(x(at[index])), y(value)];
    if (column && column.px === px) {
      column.low = Math.min(column.low, py);
      column.high = Math.max(column.high, py);
      column.last = py;
    } else {
      flush();
      column = { px, first: py, low: py, high: py, last: py };
    }
  }
  flush();
  return parts.join("");
}

/** About `count` round numbers between two values. */
export function ticks(from, to, count = 4) {
  const span = to - from;
  if (!(span > 0)) return [from];
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw * 0.999);
  const found = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++) found.push(n * step + 0); // never -0
  return found;
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/** Round moments of a call, counted from its beginning. */
export function timeTicks(from, to, origin, count) {
  const step = TIME_STEPS.find((one) => (to - from) / one <= count) ?? 14400;
  const found = [];
  for (let at = origin + Math.ceil((from - origin) / step) * step; at <= to; at += step) found.push(at);
  return found;
}

/** The greatest value of several series, at least `least`, as a round number above it. */
export function ceiling(lists, least) {
  let most = least;
  for (const values of lists) for (const value of values) if (value > most) most = value;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((one) => one * power).find((one) => one >= most * 0.999) ?? most;
}

/** Index of the point that covers `moment` (times are the ends of points), or -1. */
export function indexAt(at, moment) {
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] < moment) low = middle + 1;
    else high = middle;
  }
  return low < at.length ? low : at.length - 1;
}

/** The part of a series between two moments, with one point more on either side so that lines reach the edge. */
export function cut(at, values, from, to) {
  const first = Math.max(0, indexAt(at, from) - 1);
  const last = Math.min(at.length, indexAt(at, to) + 2);
  return [at.slice(first, last), values.slice(first, last)];
}
