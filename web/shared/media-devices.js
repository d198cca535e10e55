/**
 * Cameras, microphones and speakers, and why there is none.
 *
 * Problems are words: "blocked" (by the person or the system), "none" (no such device), "in_use" (another program has
 * it), "insecure" (page not on HTTPS), "failed" (anything else).
 */
const ECHO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const PROBLEMS = {
  NotAllowedError: "blocked",
  SecurityError: "blocked",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "in_use",
  AbortError: "in_use",
};

const media = () => globalThis.navigator?.mediaDevices;
export const problemOf = (error) => PROBLEMS[error?.name] ?? "failed";

/** `choice`: a deviceId or "". Small machines get a small picture: the encoder is software on most of them. */
export function videoConstraints(choice, facing = "user", cores = navigator.hardwareConcurrency ?? 4) {
  const [width, height] = cores > 4 ? [1280, 720] : [640, 480];
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30, max: 30 } };
  return { ...size, ...(choice ? { deviceId: { exact: choice } } : { facingMode: facing }) };
}

export const audioConstraints = (choice) => ({ ...ECHO, ...(choice && { deviceId: { exact: choice } }) });

/**
 * Open what is wanted and can be had: {audio, camera, problems: {audio?, camera?}}; tracks are null where there is none.
 * `wanted`: {audio: bool, camera: bool, microphone: deviceId, cameraId: deviceId, facing}.
 */
export async function openSources(wanted) {
  if (!media()?.getUserMedia) {
    return { audio: null, camera: null, problems: { audio: "insecure", camera: "insecure" } };
  }
  const audio = wanted.audio && audioConstraints(wanted.microphone);
  const video = wanted.camera && videoConstraints(wanted.cameraId, wanted.facing);
  if (audio && video) {
    try {
      return tracksOf(await media().getUserMedia({ audio, video })); // one question to the person, not two
    } catch {
      // One of them is the reason: ask for each alone.
    }
  }
  const [sound, picture] = [audio ? await open("audio", audio) : {}, video ? await open("video", video) : {}];
  const problems = {};
  if (sound.problem) problems.audio = sound.problem;
  if (picture.problem) problems.camera = picture.problem;
  return { audio: sound.track ?? null, camera: picture.track ?? null, problems };
}

const tracksOf = (stream) => ({ audio: stream.getAudioTracks()[0], camera: stream.getVideoTracks()[0], problems: {} });

async function open(kind, constraints) {
  try {
    return { track: (await media().getUserMedia({ [kind]: constraints })).getTracks()[0] };
  } catch (error) {
    // A chosen device that was unplugged: take any.
    if (error.name === "OverconstrainedError" && constraints.deviceId) {
      return open(kind, { ...constraints, deviceId: undefined });
    }
    return { problem: problemOf(error) };
  }
}

/** {cameras, microphones, speakers}: [{id, label}]; labels are empty before permission. */
export async function listDevices() {
  const all = (await media()?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (kind) =>
    all.filter((one) => one.kind === kind && one.deviceId).map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { cameras: of("videoinput"), microphones: of("audioinput"), speakers: of("audiooutput") };
}

/** Call back when something is plugged in or out; returns how to stop. */
export function watchDevices(callback) {
  media()?.addEventListener?.("devicechange", callback);
  return () => media()?.removeEventListener?.("devicechange", callback);
}

/** "granted", "prompt", "denied", or "" where the browser does not say. */
export async function permission(name) {
  try {
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return "";
  }
}

/** The other way a phone's camera can face. */
export const otherFacing = (facing) => (facing === "environment" ? "user" : "environment");

/** Choose where sound comes out, where the browser can. */
export const canChooseSpeaker = () => "setSinkId" in (globalThis.HTMLMediaElement?.prototype ?? {});
export const setSpeaker = (element, id) => element.setSinkId?.(id).catch(() => {});

/** Loudness of a track: {level(): 0…1, stop()}. */
export function meter(track) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 512 });
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  context.resume().catch(() => {}); // Safari starts it suspended
  const samples = new Float32Array(analyser.fftSize);
  const level = () => {
    analyser.getFloatTimeDomainData(samples);
    return Math.min(1, Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length) * 4);
  };
  return { level, stop: () => context.close().catch(() => {}) };
}
