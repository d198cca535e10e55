/** Times, durations and names of languages in the agent's own language. */

const pad = (value) => String(value).padStart(2, "0");

/** 75 -> "1:15", 3675 -> "1:01:15". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

const formats = new Map();
function format(locale, options) {
  const key = locale + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
  return formats.get(key);
}

export const time = (locale, at) => format(locale, { timeStyle: "short" }).format(at * 1000);
export const timeExact = (locale, at) => format(locale, { timeStyle: "medium" }).format(at * 1000);
export const dateTime = (locale, at) => format(locale, { dateStyle: "medium", timeStyle: "short" }).format(at * 1000);
export const date = (locale, at) => format(locale, { weekday: "long", day: "numeric", month: "long" }).format(at * 1000);

export const shortDate = (locale, at) => format(locale, { dateStyle: "medium" }).format(at * 1000);

/** 1500000 -> "1.5 MB", in the language's way. */
export function size(locale, bytes) {
  const [unit, value] = bytes >= 1e9 ? ["gigabyte", bytes / 1e9] : bytes >= 1e6 ? ["megabyte", bytes / 1e6] : ["kilobyte", bytes / 1e3];
  return new Intl.NumberFormat(locale, { style: "unit", unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

/** Days between two moments on the wall, 0 is the same day. */
export function daysApart(at, now) {
  const [a, b] = [new Date(at * 1000), new Date(now * 1000)];
  return Math.round((new Date(b.getFullYear(), b.getMonth(), b.getDate()) - new Date(a.getFullYear(), a.getMonth(), a.getDate())) / 86400000);
}

/** "de" -> "German" in the agent's language; an unknown code stays as it is. */
export function languageName(locale, code) {
  if (!code) return "";
  try {
    return new Intl.DisplayNames([locale], { type: "language" }).of(code) || code;
  } catch {
    return code;
  }
}

/** Text of unknown direction inside a sentence: an order number stays in its order in Arabic too. */
export const isolated = (text) => `\u2068${text}\u2069`;

/** Two letters for an avatar; nothing for somebody without a name. */
export function initials(name) {
  const words = (name || "").trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...word][0].toLocaleUpperCase()).join("");
}

/** Only http and https become links; anything else of a shop's context is shown as text. */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}

/** The address as an agent wants to read it: no scheme, no trailing slash. */
export function shortUrl(text) {
  const url = safeUrl(text);
  if (!url) return text;
  const { host, pathname, search } = new URL(url);
  return host + (pathname === "/" ? "" : pathname) + search;
}
