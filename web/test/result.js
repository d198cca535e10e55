/** The result of a test as a link carries it: JSON in base64url, kept nowhere. Pure. */

const MAX_CHARACTERS = 4000;
const KINDS = new Set(["good", "warn", "bad"]);
const KEY = /^[a-zA-Z.]{1,40}$/;

export function pack(result) {
  const bytes = new TextEncoder().encode(JSON.stringify(result));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** {at, lines: [{kind, key, values}], facts: {name: text}} or null: anybody may have written the link. */
export function unpack(text) {
  try {
    if (!text || text.length > MAX_CHARACTERS) return null;
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
    const { at, lines, facts } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!Number.isFinite(at) || !Array.isArray(lines)) return null;
    return { at, lines: lines.slice(0, 20).map(lineOf).filter(Boolean), facts: plain(facts) };
  } catch {
    return null;
  }
}

function lineOf(line) {
  if (!KINDS.has(line?.kind) || !KEY.test(line?.key)) return null;
  return { kind: line.kind, key: line.key, values: plain(line.values) };
}

function plain(values) {
  const kept = Object.entries(values ?? {}).slice(0, 12).filter(([name, value]) => KEY.test(name) && ["string", "number"].includes(typeof value));
  return Object.fromEntries(kept.map(([name, value]) => [name, typeof value === "string" ? value.slice(0, 120) : value]));
}
