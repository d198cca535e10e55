/** What is wrong with camera, microphone and device. Loaded by monitor.js. */
import { isBlack } from "./stats.js";

export const WATCH_MS = 1000;
/** Times in a row that nothing at all was recorded: even a silent room is a little noise. */
const SILENT = 3;

let canvas;

/** Whether the next picture is black; null where the browser cannot tell, or nothing is sent. */
async function looksBlack(track) {
  if (!track?.enabled || track.readyState !== "live" || !globalThis.MediaStreamTrackProcessor) return null;
  const pictures = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 }).readable.getReader();
  const { value: picture } = await pictures.read().catch(() => ({}));
  pictures.cancel().catch(() => {});
  if (!picture) return null; // the camera was just closed
  canvas ??= new OffscreenCanvas(16, 12).getContext("2d", { willReadFrequently: true });
  canvas.drawImage(picture, 0, 0, 16, 12);
  picture.close();
  return isBlack(canvas.getImageData(0, 0, 16, 12).data);
}

const entry = (report, wanted) => [...(report?.values() ?? [])].find(({ type }) => type === wanted) ?? {};

/** Of one leg. Two looks must agree: a hand before the camera is no fault. */
export class Faults {
  black = null;
  silent = false;
  slow = false;
  #before;
  #looking = false;
  #energy;
  #times = 0;

  /** Changes when something is wrong, or not any more. */
  get word() {
    return `${this.black === true} ${this.silent} ${this.slow}`;
  }

  /** Look at the camera and its encoder; this may take as long as no picture comes. */
  async look(sender) {
    if (this.#looking) return;
    this.#looking = true;
    const [black, stats] = await Promise.all([looksBlack(sender?.track), sender?.getStats?.().catch(() => null)]);
    if (black === this.#before || black === null) this.black = black;
    this.#before = black;
    this.slow = entry(stats, "outbound-rtp").qualityLimitationReason === "cpu";
    this.#looking = false;
  }

  /** Take statistics of the microphone's sender; `on`: it is meant to be heard. */
  listen(stats, on) {
    const { totalAudioEnergy: energy } = entry(stats, "media-source");
    this.#times = on && energy >= 0 && energy === this.#energy ? this.#times + 1 : 0;
    this.silent = this.#times >= SILENT;
    this.#energy = energy;
  }
}
