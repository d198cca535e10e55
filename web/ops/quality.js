/** What quality data means, as words and classes. Pure. */

/** good, fair, poor or none: borders of the connection score (callserver/ops/README.md). */
export const grade = (score) => (score === null || score === undefined ? "none" : score < 2.6 ? "poor" : score < 3.6 ? "fair" : "good");

const worst = (values) => {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? Math.min(...known) : null;
};

/** A connection that is lost is the worst there is, whatever was measured of it last. */
export const connectionOf = ({ state, now }) => (state === "disconnected" ? 1 : now?.connection);
export const callScore = (call) => worst(call.legs.map(connectionOf));
export const legOf = (call, role) => call.legs.find((leg) => leg.role === role && leg.state !== "closed") ?? call.legs.find((leg) => leg.role === role);

const ORDER = { poor: 0, fair: 1, good: 2, none: 3 };

/** The worse of how it goes and what is said of it: a black camera is on no connection. */
export function callGrade(call) {
  const grades = [grade(callScore(call)), ...(call.verdicts ?? []).map(({ severity }) => severity)];
  return grades.reduce((worse, one) => (ORDER[one] < ORDER[worse] ? one : worse));
}

/** Bad calls first, otherwise the oldest first, so that rows do not jump about every two seconds. */
export const sorted = (calls) => [...calls].sort((a, b) => ORDER[callGrade(a)] - ORDER[callGrade(b)] || a.created_at - b.created_at || (a.call_id < b.call_id ? -1 : 1));

/** "Loss, Customer, uplink" in the order of the language. */
export function verdictTitle(verdict, t) {
  const known = (key, fallback) => (t(key) === key ? fallback : t(key));
  const kind = known(verdict.title || `verdict.title.${verdict.kind}`, verdict.kind);
  const side = known(`verdict.side.${verdict.side}`, verdict.side);
  const direction = verdict.direction ? known(`verdict.direction.${verdict.direction}`, verdict.direction) : "";
  return [kind, [side, direction].filter(Boolean).join(", ")].filter(Boolean).join(" · ");
}

/** The measured value in the unit of its kind. */
export function verdictValue({ kind, value }, words) {
  if (value === null || value === undefined) return "";
  const number = (digits) => new Intl.NumberFormat(words.locale, { maximumFractionDigits: digits }).format;
  if (["silent", "black"].includes(kind)) return "";
  if (["loss", "burst", "cpu"].includes(kind)) return percent(value, words);
  if (kind === "rate") return bitrate(value, words);
  if (kind === "outage") return `${number(1)(value)} s`;
  return `${number(0)(value)} ms`;
}

export const percent = (value, words) => new Intl.NumberFormat(words.locale, { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 }).format(value);

export function bitrate(bps, words) {
  const format = (value, digits) => new Intl.NumberFormat(words.locale, { maximumFractionDigits: digits }).format(value);
  return bps >= 1e6 ? `${format(bps / 1e6, 1)} Mbit/s` : `${format(bps / 1e3, 0)} kbit/s`;
}

export const score = (value, words) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(words.locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value));

/** The name of a country or the word for none. */
export function countryName(code, words) {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    return new Intl.DisplayNames([words.locale], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

const SHOWN = 8;

/** The weightiest first: the bad before the middling, the long before the short. */
const weight = ({ severity, from, to }) => (severity === "poor" ? 1e9 : 0) + to - from;

/** As many as one reads, in the order they happened. */
export function weightiest(verdicts, most = SHOWN) {
  const kept = new Set([...verdicts].sort((a, b) => weight(b) - weight(a)).slice(0, most));
  return verdicts.filter((one) => kept.has(one));
}
