/** From getStats to the numbers of `quality.report`. Pure: the caller keeps the previous sums. */
const share = (part, whole) => (whole > 0 ? Math.max(0, part) / whole : null);

/** Sums of what we need, from an RTCStatsReport or any Map of its entries. */
export function counters(report) {
  const sum = { at: 0, candidate: "", limitation: "", freezes: 0, concealed: 0, samples: 0, sent: 0, received: 0 };
  Object.assign(sum, { audio: [0, 0], video: [0, 0], rtt: null, jitter: null, fps: null, height: null, fpsSent: null, heightSent: null });
  Object.assign(sum, { frozen: 0, waited: 0, played: 0, energy: 0, heard: 0, silenced: 0, stretched: 0 });
  const all = [...report.values()];
  const chosen = all.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  for (const one of all) {
    const add = (name, value = 0) => (sum[name] += value);
    sum.at = Math.max(sum.at, one.timestamp);
    if (one.type === "outbound-rtp") {
      add("sent", one.bytesSent);
      if (one.kind === "video") {
        sum.limitation = (one.qualityLimitationReason ?? "none").replace("none", "");
        sum.fpsSent = one.framesPerSecond ?? sum.fpsSent;
        sum.heightSent = one.frameHeight ?? sum.heightSent;
      }
    } else if (one.type === "media-source" && one.kind === "audio") {
      add("energy", one.totalAudioEnergy);
      add("heard", one.totalSamplesDuration);
    } else if (one.type === "inbound-rtp") {
      sum[one.kind][0] += one.packetsLost ?? 0;
      sum[one.kind][1] += one.packetsReceived ?? 0;
      add("received", one.bytesReceived);
      add("freezes", one.freezeCount);
      add("concealed", (one.concealedSamples ?? 0) - (one.silentConcealedSamples ?? 0));
      add("silenced", one.silentConcealedSamples);
      add("stretched", (one.removedSamplesForAcceleration ?? 0) + (one.insertedSamplesForDeceleration ?? 0));
      add("samples", one.totalSamplesReceived);
      if (one.kind === "audio") {
        sum.jitter = Math.max(sum.jitter, (one.jitter ?? 0) * 1000);
        add("waited", one.jitterBufferDelay);
        add("played", one.jitterBufferEmittedCount);
      } else {
        add("frozen", one.totalFreezesDuration);
        sum.height = Math.max(sum.height, one.frameHeight ?? 0) || null;
      }
      if (one.framesPerSecond) add("fps", one.framesPerSecond);
    } else if (one.type === "candidate-pair" && (chosen ? one.id === chosen : one.selected)) {
      // Firefox has no transport entry: it marks the pair itself.
      const local = report.get(one.localCandidateId);
      sum.rtt = one.currentRoundTripTime >= 0 ? one.currentRoundTripTime * 1000 : null;
      sum.candidate = local ? `${local.candidateType}/${local.protocol}` : "";
    }
  }
  return sum;
}

/** The fields of QualityReport for the time between two sums. */
export function summary(before, now) {
  const grown = (name) => Math.max(0, now[name] - before[name]);
  const loss = ([lost, got], [lostNow, gotNow]) => share(lostNow - lost, lostNow - lost + gotNow - got);
  const kbps = (name) => share(grown(name) * 8, now.at - before.at);
  return {
    rtt_ms: now.rtt,
    audio_loss: loss(before.audio, now.audio),
    video_loss: loss(before.video, now.video),
    jitter_ms: now.jitter,
    fps_received: now.fps,
    freezes: grown("freezes"),
    concealed: share(grown("concealed"), grown("samples")),
    silenced: share(grown("silenced"), grown("samples")),
    stretched: share(grown("stretched"), grown("samples")),
    kbps_sent: kbps("sent"),
    kbps_received: kbps("received"),
    candidate: now.candidate,
    limitation: now.limitation,
    freeze_ms: grown("frozen") * 1000,
    buffer_ms: share(grown("waited") * 1000, grown("played")),
    height: now.height,
    fps_sent: now.fpsSent,
    height_sent: now.heightSent,
    level: now.heard > before.heard ? Math.min(1, Math.sqrt(grown("energy") / grown("heard"))) : null,
  };
}

const BROWSERS = [
  ["Edge", /Edg\w*\/(\d+)/],
  ["Opera", /OPR\/(\d+)/],
  ["Samsung", /SamsungBrowser\/(\d+)/],
  ["Firefox", /(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /(?:Chrome|CriOS|Chromium)\/(\d+)/],
  ["Safari", /Version\/(\d+).*Safari/],
];

/** "Chrome 126": name and major version, nothing that tells people apart. */
export function browserName(agent = "") {
  for (const [name, pattern] of BROWSERS) {
    const found = pattern.exec(agent);
    if (found) return `${name} ${found[1]}`;
  }
  return "other";
}

/** wifi, cellular … where the browser tells, else the speed class it guesses; empty: it does not tell. */
export const networkName = ({ type, effectiveType } = {}) => (type && type !== "unknown" && type !== "none" ? type : (effectiveType?.replace("slow-", "") ?? ""));

const BLACK = 24;

/** Whether a picture's RGBA bytes are black all over. */
export function isBlack(pixels) {
  for (let at = 0; at < pixels.length; at += 4) {
    if (Math.max(pixels[at], pixels[at + 1], pixels[at + 2]) >= BLACK) return false;
  }
  return pixels.length > 0;
}

/** good, fair or poor, where the server has not said it. */
export function grade({ rtt_ms, audio_loss, video_loss, concealed, freezes }) {
  const loss = Math.max(audio_loss, video_loss);
  if (loss > 0.1 || concealed > 0.05 || rtt_ms > 800 || freezes > 2) return "poor";
  return loss > 0.03 || concealed > 0.01 || rtt_ms > 350 || freezes ? "fair" : "good";
}
