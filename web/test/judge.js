/** From figures to plain words: keys of sentences with how bad it is. Pure. */

/** Lines of the result, the most important first; kind good, warn or bad. */
export function judge({ microphone, camera, figures, error }) {
  const lines = [];
  const say = (kind, key, values = {}) => lines.push({ kind, key, values });
  if (microphone !== "works") say("bad", `microphone.${microphone}`);
  else say("good", "microphone.works");
  if (camera !== "works") say("warn", `camera.${camera}`);
  else say("good", "camera.works");
  if (error) {
    say("bad", `network.${error}`);
    return lines;
  }
  const { rtt, lossUp, lossDown, kbps, transport, relayed } = figures;
  if (rtt > 400) say("bad", "delay.long", { ms: Math.round(rtt) });
  else if (rtt > 200) say("warn", "delay.some", { ms: Math.round(rtt) });
  else say("good", "delay.short", { ms: Math.round(rtt ?? 0) });
  const loss = Math.max(lossUp ?? 0, lossDown);
  const direction = (lossUp ?? 0) >= lossDown ? "up" : "down";
  if (loss > 0.1) say("bad", `loss.much.${direction}`, { percent: Math.round(loss * 100) });
  else if (loss > 0.02) say("warn", `loss.some.${direction}`, { percent: Math.round(loss * 100) });
  else say("good", "loss.none");
  if (camera === "works") {
    if (kbps < 150) say("bad", "rate.voice", { kbps: Math.round(kbps) });
    else if (kbps < 500) say("warn", "rate.small", { kbps: Math.round(kbps) });
    else say("good", "rate.good", { kbps: Math.round(kbps) });
  } else if (kbps < 15) say("bad", "rate.none");
  if (transport === "tcp" || relayed) say("warn", "path.tcp");
  const weight = { bad: 0, warn: 1, good: 2 };
  return lines.sort((a, b) => weight[a.kind] - weight[b.kind]);
}

export const overall = (lines) => (lines.some(({ kind }) => kind === "bad") ? "bad" : lines.some(({ kind }) => kind === "warn") ? "warn" : "good");
