/**
 * Reads a dump of chrome://webrtc-internals (JSON, or the same gzipped) in the page: it never leaves the browser. Bounded: 10 MB of
 * text, 20 connections, 100 curves, 20,000 values each; whatever is not understood is left out.
 */

export const MAX_BYTES = 10 * 1024 * 1024;
const MAX_CONNECTIONS = 20;
/** A connection with voice and pictures both ways has about 25. */
const MAX_CURVES = 100;
const MAX_VALUES = 20_000;

/** Property of a statistic -> chart, and what a value must be multiplied with. */
const WANTED = {
  "[bytesReceived_in_bits/s]": ["dumpIn", 1],
  "[bytesSent_in_bits/s]": ["dumpOut", 1],
  availableOutgoingBitrate: ["dumpOut", 1],
  framesPerSecond: ["dumpFps", 1],
  currentRoundTripTime: ["dumpDelay", 1000],
  "[jitterBufferDelay/jitterBufferEmittedCount_in_ms]": ["dumpDelay", 1],
  jitter: ["dumpDelay", 1000],
  packetsLost: ["dumpLost", 1],
  freezeCount: ["dumpLost", 1],
  "[concealedSamples/s]": ["dumpConcealed", 1],
};
const TYPES = new Set(["inbound-rtp", "outbound-rtp", "candidate-pair", "remote-inbound-rtp"]);
const KINDS = new Set(["audio", "video"]);
const STROKES = ["solid", "dashed", "dotted"];

export class DumpError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** The text of a file, unpacked if it is gzip. Raises DumpError. */
export async function readFile(file) {
  if (file.size > MAX_BYTES) throw new DumpError("large");
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const packed = head[0] === 0x1f && head[1] === 0x8b;
  const stream = packed ? file.stream().pipeThrough(new DecompressionStream("gzip")) : file.stream();
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.length;
      if (bytes > MAX_BYTES) throw new DumpError("large"); // a small file may unpack to a large one
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error instanceof DumpError ? error : new DumpError("unreadable");
  }
}

/** {userAgent, connections, from, to, charts}; raises DumpError. */
export function parseDump(text) {
  let tree;
  try {
    tree = JSON.parse(text);
  } catch {
    throw new DumpError("json");
  }
  const connections = tree?.PeerConnections;
  if (typeof connections !== "object" || connections === null) throw new DumpError("other");
  const charts = new Map();
  const ids = Object.keys(connections).slice(0, MAX_CONNECTIONS);
  let curves = 0;
  ids.forEach((id, number) => {
    const stats = connections[id]?.stats;
    if (typeof stats !== "object" || stats === null) return;
    for (const [name, entry] of Object.entries(stats)) {
      if (curves >= MAX_CURVES) return;
      const curve = curveOf(name, entry, stats, ids.length > 1 ? `#${number + 1} ` : "");
      if (!curve) continue;
      curves += 1;
      if (!charts.has(curve.chart)) charts.set(curve.chart, { name: curve.chart, curves: [] });
      const chart = charts.get(curve.chart);
      chart.curves.push({ ...curve, stroke: STROKES[chart.curves.length % 3], role: `dump${(Math.floor(chart.curves.length / 3) + number) % 3}` });
    }
  });
  if (!charts.size) throw new DumpError(ids.length ? "empty" : "other");
  for (const chart of charts.values()) chart.curves = told(chart.curves);
  const ends = [...charts.values()].flatMap((chart) => chart.curves.flatMap(({ parts: [[at]] }) => [at[0], at[at.length - 1]]));
  const userAgent = String(tree.UserAgent ?? "").slice(0, 300);
  return { userAgent, connections: ids.length, from: Math.min(...ends), to: Math.max(...ends), charts: [...charts.values()] };
}

function curveOf(name, entry, stats, whose) {
  const property = Object.keys(WANTED).find((one) => name.endsWith(`-${one}`));
  if (!property || typeof entry !== "object" || entry === null || !TYPES.has(entry.statsType)) return null;
  const values = valuesOf(entry.values);
  const [start, end] = [Date.parse(entry.startTime) / 1000, Date.parse(entry.endTime) / 1000];
  if (values.length < 2 || !(end >= start)) return null;
  const [chart, factor] = WANTED[property];
  const known = values.map((value) => (typeof value === "number" && Number.isFinite(value) ? value * factor : null));
  if (!known.some((value) => value !== null)) return null;
  const step = (end - start) / (known.length - 1);
  const at = known.map((_, index) => start + index * step);
  const id = name.slice(0, -property.length - 1);
  const kind = valuesOf(stats[`${id}-kind`]?.values).at(-1);
  const what = [entry.statsType.replace(/-rtp$/, ""), KINDS.has(kind) && kind, property.replace(/^\[|[/_].*$/g, "")];
  const label = whose + what.filter(Boolean).join(" ");
  return { chart, id, label, parts: [[at, known]] };
}

/** Curves whose labels are alike get the end of their stream's name, too. */
function told(curves) {
  const alike = (label) => curves.filter((curve) => curve.label === label).length > 1;
  return curves.map(({ id, label, ...rest }) => ({ ...rest, label: alike(label) ? `${label} ${id.slice(-6)}` : label }));
}

/** The values are JSON in a text; a dump may hold anything. */
function valuesOf(text) {
  try {
    const values = typeof text === "string" ? JSON.parse(text) : text;
    return Array.isArray(values) ? values.slice(0, MAX_VALUES) : [];
  } catch {
    return [];
  }
}
