/**
 * Opened cameras and microphones, and why there is none: "blocked" (by person or system), "none", "in_use" (another
 * program has it), "insecure" (page not on HTTPS) or "failed".
 */
const PROBLEMS = {
  NotAllowedError: "blocked",
  SecurityError: "blocked",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "in_use",
  AbortError: "in_use",
};
const media = () => globalThis.navigator?.mediaDevices;
const exact = (deviceId) => deviceId && { deviceId: { exact: deviceId } };

export const problemOf = ({ name }) => PROBLEMS[name] ?? "failed";

/** A small machine gets a small picture: most encode in software. */
export function videoConstraints(id, facingMode = "user", cores = navigator.hardwareConcurrency) {
  const [width, height] = cores > 4 ? [1280, 720] : [640, 480];
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30, max: 30 } };
  return { ...size, ...(exact(id) || { facingMode }) };
}

export const audioConstraints = (id) => ({ echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...exact(id) });

/**
 * Open what is wanted and can be had: `wanted` {audio, camera: bool, microphone, cameraId: deviceId, facing} ->
 * {audio, camera: track or undefined, problems: {audio, camera}}.
 */
export async function openSources({ audio, camera, microphone, cameraId, facing }) {
  const asked = { audio: audio && audioConstraints(microphone), video: camera && videoConstraints(cameraId, facing) };
  if (!media()?.getUserMedia) return { problems: { audio: "insecure", camera: "insecure" } };
  if (audio && camera) {
    try {
      const both = await media().getUserMedia(asked); // one question to the person, not two
      return { audio: both.getAudioTracks()[0], camera: both.getVideoTracks()[0], problems: {} };
    } catch {} // one of them is the reason: ask for each alone
  }
  const [sound, picture] = [await open("audio", asked.audio), await open("video", asked.video)];
  return { audio: sound.track, camera: picture.track, problems: { audio: sound.problem, camera: picture.problem } };
}

async function open(kind, wanted) {
  if (!wanted) return {};
  try {
    return { track: (await media().getUserMedia({ [kind]: wanted })).getTracks()[0] };
  } catch (error) {
    const { deviceId, ...any } = wanted;
    // A chosen device that is gone: take any.
    return deviceId && error.name === "OverconstrainedError" ? open(kind, any) : { problem: problemOf(error) };
  }
}

/** Loudness of a track: {level(): 0 to 1, stop()}. */
export function meter(track) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 512 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  context.resume(); // Safari starts it suspended
  const samples = new Float32Array(512);
  const level = () => {
    analyser.getFloatTimeDomainData(samples);
    return Math.min(1, Math.hypot(...samples) / 5.6);
  };
  return { level, stop: () => void context.close() };
}
