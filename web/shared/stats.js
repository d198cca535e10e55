/** From getStats to the numbers of `quality.report`. Pure: the caller keeps the previous counters. */

const rate = (part, whole) => (whole > 0 ? Math.max(0, part) / whole : null);
const kbps = (bytes, seconds) => (seconds > 0 ? (bytes * 8) / 1000 / seconds : null);

/** Sums of what we need, from an RTCStatsReport (or any Map of its entries). */
export function counters(report) {
  const sum = { at: 0, rtt: null, candidate: "", limitation: "", jitter: null, fps: null, audio: [0, 0], video: [0, 0] };
  Object.assign(sum, { freezes: 0, concealed: 0, samples: 0, sent: 0, received: 0 });
  for (const entry of report.values()) {
    sum.at = Math.max(sum.at, entry.timestamp);
    if (entry.type === "inbound-rtp") addInbound(sum, entry);
    else if (entry.type === "outbound-rtp") addOutbound(sum, entry);
    else if (isSelected(report, entry)) addPair(sum, entry, report.get(entry.localCandidateId));
  }
  return sum;
}

/** Firefox has no transport entry: it marks the pair itself. */
function isSelected(report, entry) {
  if (entry.type !== "candidate-pair") return false;
  const chosen = [...report.values()].find((other) => other.type === "transport")?.selectedCandidatePairId;
  return chosen ? entry.id === chosen : entry.selected || (entry.nominated && entry.state === "succeeded");
}

function addPair(sum, pair, local) {
  sum.rtt = (pair.currentRoundTripTime ?? null) && pair.currentRoundTripTime * 1000;
  if (local) sum.candidate = `${local.candidateType}/${local.protocol}`;
}

function addInbound(sum, entry) {
  const [lost, got] = sum[entry.kind];
  sum[entry.kind] = [lost + (entry.packetsLost ?? 0), got + (entry.packetsReceived ?? 0)];
  sum.received += entry.bytesReceived ?? 0;
  sum.freezes += entry.freezeCount ?? 0;
  sum.concealed += (entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0);
  sum.samples += entry.totalSamplesReceived ?? 0;
  if (entry.kind === "audio") sum.jitter = Math.max(sum.jitter ?? 0, (entry.jitter ?? 0) * 1000);
  if (entry.framesPerSecond) sum.fps = (sum.fps ?? 0) + entry.framesPerSecond;
}

function addOutbound(sum, entry) {
  sum.sent += entry.bytesSent ?? 0;
  if (entry.kind === "video") sum.limitation = entry.qualityLimitationReason ?? "";
}

/** The fields of QualityReport for the time between two counters. */
export function summary(before, now) {
  const seconds = (now.at - before.at) / 1000;
  const loss = (kind) => {
    const lost = now[kind][0] - before[kind][0];
    return rate(lost, lost + now[kind][1] - before[kind][1]);
  };
  return {
    rtt_ms: now.rtt,
    audio_loss: loss("audio"),
    video_loss: loss("video"),
    jitter_ms: now.jitter,
    fps_received: now.fps,
    freezes: Math.max(0, now.freezes - before.freezes),
    concealed: rate(now.concealed - before.concealed, now.samples - before.samples),
    kbps_sent: kbps(now.sent - before.sent, seconds),
    kbps_received: kbps(now.received - before.received, seconds),
    candidate: now.candidate,
    limitation: now.limitation,
  };
}

/** good, fair or poor, for a page whose server has not said it. */
export function grade({ rtt_ms, audio_loss, video_loss, concealed, freezes }) {
  const loss = Math.max(audio_loss ?? 0, video_loss ?? 0);
  if (loss > 0.1 || concealed > 0.05 || rtt_ms > 800 || freezes > 2) return "poor";
  return loss > 0.03 || concealed > 0.01 || rtt_ms > 350 || freezes > 0 ? "fair" : "good";
}
