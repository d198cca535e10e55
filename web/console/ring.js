/** The ring tone, made by WebAudio: two soft notes, a pause, again. No file to load, and the volume is ours. */

const NOTES = [
  { at: 0.0, hz: 659.3 },
  { at: 0.18, hz: 880.0 },
  { at: 0.6, hz: 659.3 },
  { at: 0.78, hz: 880.0 },
];
const PERIOD_SECONDS = 2.6;
const NOTE_SECONDS = 0.55;

export class Ring {
  #context = null;
  #gain = null;
  #timer = 0;
  #volume = 0.7;

  /** Browsers start sound only after a gesture: call this from one (log in, go ready). */
  unlock() {
    if (!this.#context && typeof AudioContext !== "undefined") {
      this.#context = new AudioContext();
      this.#gain = this.#context.createGain();
      this.#gain.connect(this.#context.destination);
      this.#gain.gain.value = this.#volume ** 2;
    }
    if (this.#context?.state === "suspended") this.#context.resume().catch(() => {});
    return this.#context;
  }

  /** False when the browser has not let us make sound yet. */
  get audible() {
    return this.#context?.state === "running";
  }

  get ringing() {
    return this.#timer !== 0;
  }

  /** 0 to 1; squared, because loudness is heard that way. */
  set volume(value) {
    this.#volume = Math.min(1, Math.max(0, value));
    if (this.#gain) this.#gain.gain.value = this.#volume ** 2;
  }

  async useOutput(deviceId) {
    const context = this.unlock();
    if (context?.setSinkId) await context.setSinkId(deviceId || "").catch(() => {});
  }

  start() {
    if (this.#timer || !this.unlock()) return;
    this.#round();
    this.#timer = setInterval(() => this.#round(), PERIOD_SECONDS * 1000);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  /** One round, to hear the volume or the speaker. */
  once() {
    if (this.unlock()) this.#round();
  }

  #round() {
    const start = this.#context.currentTime + 0.03;
    for (const { at, hz } of NOTES) this.#note(start + at, hz);
  }

  #note(when, hz) {
    const tone = this.#context.createOscillator();
    const envelope = this.#context.createGain();
    tone.type = "triangle";
    tone.frequency.value = hz;
    envelope.gain.setValueAtTime(0, when);
    envelope.gain.linearRampToValueAtTime(0.5, when + 0.015);
    envelope.gain.exponentialRampToValueAtTime(0.001, when + NOTE_SECONDS);
    tone.connect(envelope).connect(this.#gain);
    tone.start(when);
    tone.stop(when + NOTE_SECONDS + 0.05);
  }
}
