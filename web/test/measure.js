/** Sends this page's own sound and picture through the server and back, over two connections, and measures both ways. */

export const SECONDS = 10;
const SETTLE = 6; // the first seconds, while rates climb, say nothing about the line
const MOST_KBPS = 2500;
const CONNECT_MS = 12_000;

export class TestError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, headers: { "Content-Type": "application/json", "X-Callserver": "1" }, body: body && JSON.stringify(body) });
  } catch {
    throw new TestError("offline");
  }
  if (answer.status === 204) return null;
  const found = await answer.json().catch(() => null);
  if (!answer.ok) throw new TestError(found?.error?.code ?? "server");
  return found;
}

/** {rtt, lossUp, lossDown, jitter, kbps, fps, transport, relayed, seconds}: of the last seconds; raises TestError. */
export async function measure(stream, said) {
  const test = await ask("POST", "/api/v1/tests");
  const path = `/api/v1/tests/${test.test_id}`;
  const pages = [];
  try {
    const began = performance.now();
    for (const leg of test.legs) pages.push(await connect(leg, test.ice_servers, pages.length === 0 ? stream : null, path));
    await Promise.all(pages.map(connected));
    const seconds = (performance.now() - began) / 1000;
    said("sending");
    await pause(SETTLE);
    const before = await Promise.all(pages.map(counters));
    await pause(SECONDS - SETTLE);
    const after = await Promise.all(pages.map(counters));
    const seen = await ask("GET", path).catch(() => null);
    return { ...figures(before, after, seen, test.legs), seconds };
  } finally {
    for (const pc of pages) pc.close();
    ask("POST", `${path}/end`).catch(() => {});
  }
}

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function connect({ leg_id: legId, sdp, slots }, iceServers, stream, path) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
  await pc.setRemoteDescription({ type: "offer", sdp });
  for (const line of pc.getTransceivers()) {
    const slot = slots[line.mid];
    const kind = { audio: "audio", camera: "video" }[slot];
    if (!kind) continue;
    line.direction = slot === "audio" ? "sendrecv" : "sendonly";
    const track = stream?.getTracks().find((one) => one.kind === kind) ?? null;
    if (track) await line.sender.replaceTrack(track);
  }
  const answer = await pc.createAnswer();
  await pc.setLocalDescription(answer);
  await ask("POST", `${path}/answers`, { leg_id: legId, sdp: answer.sdp });
  return pc;
}

function connected(pc) {
  return new Promise((done, fail) => {
    const look = () => {
      if (pc.connectionState === "connected") done();
      else if (pc.connectionState === "failed") fail(new TestError("blocked"));
    };
    pc.addEventListener("connectionstatechange", look);
    setTimeout(() => fail(new TestError("blocked")), CONNECT_MS);
    look();
  });
}

/** Sums of one connection that we need. */
async function counters(pc) {
  const all = [...(await pc.getStats()).values()];
  const sum = { at: 0, lost: 0, got: 0, bytes: 0, frames: 0, rtt: null, jitter: 0, transport: "", relayed: false, room: 0 };
  const chosen = all.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  for (const one of all) {
    sum.at = Math.max(sum.at, one.timestamp);
    if (one.type === "inbound-rtp") {
      sum.lost += one.packetsLost ?? 0;
      sum.got += one.packetsReceived ?? 0;
      sum.bytes += one.bytesReceived ?? 0;
      sum.frames += one.framesDecoded ?? 0;
      if (one.kind === "audio") sum.jitter = (one.jitter ?? 0) * 1000;
    } else if (one.type === "candidate-pair" && (chosen ? one.id === chosen : one.selected)) {
      const local = all.find(({ id }) => id === one.localCandidateId);
      sum.rtt = one.currentRoundTripTime === undefined ? null : one.currentRoundTripTime * 1000;
      sum.room = (one.availableOutgoingBitrate ?? 0) / 1000;
      sum.transport = local?.protocol ?? "";
      sum.relayed = local?.candidateType === "relay";
    }
  }
  return sum;
}

export function figures(before, after, seen, legs) {
  const [[, was], [first, now]] = [before, after];
  const seconds = Math.max(0.1, (now.at - was.at) / 1000);
  const share = (part, whole) => (whole > 0 ? Math.max(0, part) / whole : 0);
  const lost = now.lost - was.lost;
  const server = seen?.legs?.find(({ leg_id: id }) => id === legs?.[0]?.leg_id);
  return {
    rtt: first.rtt ?? server?.rtt_ms ?? null,
    lossUp: server?.loss ?? null,
    lossDown: share(lost, lost + now.got - was.got),
    jitter: now.jitter,
    // A browser begins small and grows: what it thinks it could send says more about the line than what it sent so far.
    kbps: Math.max(((now.bytes - was.bytes) * 8) / 1000 / seconds, Math.min(first.room, MOST_KBPS)),
    fps: (now.frames - was.frames) / seconds,
    transport: first.transport,
    relayed: first.relayed,
  };
}
