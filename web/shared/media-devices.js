/** What devices there are, and which speaker is used. Opening them: sources.js. */
const media = () => globalThis.navigator?.mediaDevices;

/** {cameras, microphones, speakers}: [{id, label}]; labels are empty before permission. */
export async function listDevices() {
  const all = (await media()?.enumerateDevices().catch(() => [])) ?? [];
  const of = (wanted) => all.filter((one) => one.kind === wanted && one.deviceId).map((one) => ({ id: one.deviceId, label: one.label }));
  return { cameras: of("videoinput"), microphones: of("audioinput"), speakers: of("audiooutput") };
}

/** Plugged in or out; returns how to stop. */
export function watchDevices(act) {
  media()?.addEventListener("devicechange", act);
  return () => media()?.removeEventListener("devicechange", act);
}

export const canChooseSpeaker = () => "setSinkId" in HTMLMediaElement.prototype;
export const setSpeaker = (element, id) => element.setSinkId?.(id).catch(() => {});
