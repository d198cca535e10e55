/** Files of a call: a table (RFC 4180) and an RTCStats dump (format 3: JSON lines, time as differences of milliseconds). Pure but for `save`. */

const cell = (value) => {
  if (value === null || value === undefined) return "";
  const text = String(value);
  // A leading = + - @ would be a formula in a spreadsheet.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export const csv = (rows) => rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";

export function csvOfCall({ legs }) {
  const names = [...new Set(legs.flatMap((leg) => Object.keys(leg.series)))].sort();
  const rows = [["at", "role", "leg_id", ...names]];
  for (const leg of legs) {
    leg.at.forEach((at, index) => rows.push([new Date(at * 1000).toISOString(), leg.role, leg.leg_id, ...names.map((name) => leg.series[name]?.[index])]));
  }
  return csv(rows);
}

/** One peer connection a leg, seen from the server: what it received (inbound-rtp), what it sent (outbound-rtp). */
export function rtcStatsDump({ legs, events, resolution }, call) {
  const meta = { fileFormat: 3, userAgent: "callserver", startTime: Math.round(call.created_at * 1000), callserver: { call_id: call.call_id, resolution } };
  const lines = [];
  for (const leg of legs) {
    lines.push([leg.at[0] - resolution, ["create", leg.leg_id, { callserver: { role: leg.role, browser: leg.browser, network: leg.network, transport: leg.transport } }]]);
    const sums = {};
    leg.at.forEach((at, index) => lines.push([at, ["getStats", leg.leg_id, statsOf(leg, index, sums, resolution)]]));
  }
  for (const { at, name, role, data } of events) lines.push([at, [`callserver.${name}`, legs.find((leg) => leg.role === role)?.leg_id ?? null, data ?? {}]]);
  lines.sort((a, b) => a[0] - b[0]);
  let before = 0;
  const told = lines.map(([at, event]) => {
    const now = Math.round((at || 0) * 1000);
    const delta = now - before;
    before = now;
    return JSON.stringify([...event, delta]);
  });
  return ["RTCStatsDump", JSON.stringify(meta), ...told, ""].join("\n");
}

function statsOf({ series, at }, index, sums, seconds) {
  const value = (name) => series[name]?.[index] ?? undefined;
  const bytes = (name) => (sums[name] = (sums[name] ?? 0) + ((value(name) ?? 0) * seconds) / 8);
  const count = (name) => (sums[name] = (sums[name] ?? 0) + (value(name) ?? 0));
  const timestamp = Math.round(at[index] * 1000);
  const milli = (name) => (value(name) === undefined ? undefined : value(name) / 1000);
  const rtp = (id, type, kind, rest) => [id, { id, type, kind, timestamp, ...rest }];
  return Object.fromEntries([
    rtp("up_audio", "inbound-rtp", "audio", { bytesReceived: Math.round(bytes("up_audio_bps")), jitter: milli("up_jitter_ms") }),
    rtp("up_video", "inbound-rtp", "video", {
      bytesReceived: Math.round(bytes("up_video_bps")), framesPerSecond: value("up_fps"), nackCount: count("up_nacks"), pliCount: count("up_plis"),
    }),
    rtp("down_audio", "outbound-rtp", "audio", { bytesSent: Math.round(bytes("down_audio_bps")) }),
    rtp("down_video", "outbound-rtp", "video", {
      bytesSent: Math.round(bytes("down_video_bps")), framesPerSecond: value("down_fps"), targetBitrate: value("down_target_bps"), nackCount: count("down_nacks"), pliCount: count("down_plis"),
    }),
    rtp("down_remote", "remote-inbound-rtp", "video", { fractionLost: value("down_loss"), roundTripTime: milli("rtt_ms"), jitter: milli("down_jitter_ms") }),
    ["score", { id: "score", type: "callserver-score", timestamp, mos: value("mos"), video: value("video"), connection: value("connection"), upFractionLost: value("up_loss") }],
  ]);
}

/** Give the person a file. */
export function save(name, type, text) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
