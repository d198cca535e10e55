/**
 * What this page sends within what its own connection carries and the server wishes: how much, how large, how safely.
 * Pure, but for `limit`. Synthetic callers keep the same laws: callserver/drill/sending.py says why each number is so.
 */
export const LOOK_MS = 500;
const VIDEO_BPS = 1_800_000;
const NARROW_BPS = 350_000;
const THIN_BPS = 90_000;
const [START_BPS, UNMOVED] = [100_000, 1.05];
const VOICE_BPS = 80_000;
const FLAT_BPS = 250_000;
const AMPLE_BPS = 1_200_000;
const AGAIN = 1.3;
const SPARED = 0.85;
const COSTS = [100_000, 46_000, 30_000, 30_000];
const LEAST_VIDEO_BPS = 20_000;
const [UNTRIED_BPS, UNHEARD_BPS, TRIED_BPS] = [250_000, 1_000_000, 200_000];
const [FAIR_AUDIO_BPS, WEAK_AUDIO_BPS, WEAKEST_AUDIO_BPS] = [24_000, 20_000, 12_000];
const ROOMY_BPS = 54_000;
const QUEUE = 0.3;
const [STILL, THIN, WIDER, CAUTIOUS] = [1, 2.5, 5, 3];
const WORTH_A_WORD = 2;
const [SHORT_PATIENCE, PATIENCE, MOST_PATIENCE] = [5, 20, 80];
const [FELL, GROWTH] = [0.8, 1.005];
const CALM = 20;
const LOW_BPS = 1_300_000;
const [LIFT, LIFT_SECONDS, HELD, FAILED] = [2, 1, 0.5, 5];

/** Steps: 0 as the server offers, 1 the voice once, 2 in frames of 60 ms, 3 without pictures. */
export class Sending {
  step = 0;
  /** Whether anybody has heard us yet: silence is sent before only where there is room. */
  heard = false;
  #available = 0;
  #settled = false;
  #ceiling = Infinity;
  #shortest = Infinity;
  #narrowed = false;
  #live = false;
  #fitted = false;
  #liveSince = Infinity;
  #fullSince = Infinity;
  #thinSince = Infinity;
  #aboveSince = Infinity;
  #pausedAt = -Infinity;
  #triedAt = -Infinity;
  #patience = PATIENCE;
  #downscale = 1;
  #cautious = true;
  #startBps = 0;
  #liftedAt = -Infinity;
  #fullAt = -Infinity;

  /**
   * Every LOOK_MS: what the browser's statistics say of our way out (bit/s, s; either may be missing), whether the
   * server sees a queue, or packets lost by chance, whether we send pictures, whether anybody hears us yet, the time in
   * seconds.
   */
  look({ available, roundTrip, full = false, lossy = false, pictures = true, live, now }) {
    if (!pictures && available >= START_BPS) available = 0; // a voice alone does not try what the connection carries
    const before = this.#available;
    this.#measured(available || before);
    this.#live = live;
    this.#liveSince = live ? Math.min(this.#liveSince, now) : Infinity;
    this.#shortest = Math.min(this.#shortest, roundTrip || Infinity);
    full ||= roundTrip > this.#shortest + QUEUE;
    this.#fullSince = full ? Math.min(this.#fullSince, now) : Infinity;
    this.#fitted ||= live && !full && this.#available >= NARROW_BPS;
    if (full) this.#fullAt = now;
    let wanted = this.#wanted(full, now);
    if (lossy && now - this.#fullAt >= CALM) {
      this.step = wanted = 0;
      this.#lift(now);
    }
    const creeps = available >= START_BPS && Math.max(available, before) <= UNMOVED * START_BPS;
    this.#settled ||= full || (available > 0 && available <= UNMOVED * before && !creeps);
    if (wanted > this.step && this.#settled) this.#narrower(wanted, now);
    else if (this.step === 3) this.#try(full, now);
    else this.#wider(full, now);
    const untried = this.#narrowed && (now - this.#liveSince < CAUTIOUS || !live) && this.#available < NARROW_BPS;
    const fell = this.#ceiling < Infinity && this.#available < FLAT_BPS;
    this.#cautious = (fell || untried) && !lossy; // held back, an estimate that misses packets stays low
  }

  /** Packets are lost by chance and none stands in a queue: an estimate that loss holds down is set anew. */
  #lift(now) {
    const available = this.#available;
    const patience = available >= HELD * this.#startBps ? LIFT_SECONDS : FAILED;
    if (!available || available >= LOW_BPS || (this.#startBps && now - Math.max(this.#liveSince, this.#liftedAt) < patience)) return;
    const bps = Math.floor((LIFT * available) / 1000) * 1000;
    this.#startBps = bps + (bps === this.#startBps ? 1000 : 0);
    this.#liftedAt = now;
  }

  /** An estimate that fell tells what the connection carried: we stay below for a while, each try is heard. */
  #measured(available) {
    if (this.#available < FLAT_BPS && available < FELL * this.#available) this.#ceiling = this.#available;
    this.#available = available;
    this.#ceiling = available < FLAT_BPS ? this.#ceiling * GROWTH : Infinity;
  }

  #wanted(full, now) {
    const available = this.#available;
    if (full) return !this.#live || now - this.#triedAt < PATIENCE || now - this.#fullSince >= STILL ? 3 : 2;
    this.#thinSince = available && available < THIN_BPS ? Math.min(this.#thinSince, now) : Infinity;
    if (now - this.#thinSince >= (this.#live ? THIN : 0)) return 2;
    return available && available < NARROW_BPS ? 1 : 0;
  }

  #narrower(step, now) {
    this.step = step;
    this.#narrowed = true;
    this.#aboveSince = Infinity;
    if (step < 3) return;
    const failed = now - this.#triedAt < PATIENCE;
    this.#patience = failed ? Math.min(2 * this.#patience, MOST_PATIENCE) : this.#fitted ? SHORT_PATIENCE : PATIENCE;
    this.#pausedAt = now;
  }

  #try(full, now) {
    const patience = this.#patience * (this.#available && this.#available < ROOMY_BPS ? 2 : 1); // a try that fails is heard
    if (full || (this.#available < VOICE_BPS && now - this.#pausedAt < patience)) return;
    this.step = 2;
    this.#triedAt = now;
  }

  #wider(full, now) {
    const enough = !this.#available || this.#available > [NARROW_BPS, THIN_BPS][this.step - 1] * AGAIN;
    this.#aboveSince = this.step && !full && enough ? Math.min(this.#aboveSince, now) : Infinity;
    if (now - this.#aboveSince < (this.#narrowed ? WIDER : 0)) return;
    this.step -= 1;
    this.#aboveSince = Infinity;
  }

  /** For the senders, within what the server wishes for the far side's sake (bit/s, 0: as we like). */
  limits({ audio = 0, video = 0 } = {}) {
    let room = Math.min(video || VIDEO_BPS, VIDEO_BPS);
    let size = video || Infinity;
    const untried = !this.#settled && !this.heard && this.#available < TRIED_BPS;
    if (!this.heard) room = Math.min(room, untried ? UNTRIED_BPS : UNHEARD_BPS);
    if (!untried && this.#available && this.#available < AMPLE_BPS) {
      const own = Math.max(Math.min(this.#available, this.#ceiling) * SPARED - COSTS[this.step], LEAST_VIDEO_BPS);
      size = Math.min(size, own);
      if (this.#cautious) room = Math.min(room, own);
    }
    this.#downscale = this.step > 1 ? 4 : downscale(size, this.#downscale);
    const alone = this.#fullSince < Infinity ? WEAKEST_AUDIO_BPS : this.#available >= ROOMY_BPS ? FAIR_AUDIO_BPS : WEAK_AUDIO_BPS;
    const weak = this.step === 3 ? alone : WEAK_AUDIO_BPS;
    return { audio: this.step ? Math.min(weak, audio || weak) : audio, video: Math.floor(room), downscale: this.#downscale, pictures: this.step < 3, voice: this.heard || this.#available > NARROW_BPS, heard: this.heard };
  }

  /** Whether our pictures wait, for so long that it is worth a word. */
  waits(now) {
    return this.step === 3 && this.#live && now - Math.max(this.#pausedAt, this.#liveSince) >= WORTH_A_WORD;
  }

  /**
   * The server's offer as we answer it: with Opus before RED the voice is sent once, in frames as long as told. A start
   * bitrate that differs from the one before becomes libwebrtc's estimate.
   */
  shaped(offer) {
    if (this.#startBps) offer = offer.replace(/(x-google-start-bitrate=)\d+/g, `$1${this.#startBps / 1000}`);
    if (!this.step) return offer;
    const once = offer.replace(/^(m=audio \d+ \S+) (\d+) (\d+)/gm, "$1 $3 $2");
    return this.step > 1 ? once.replaceAll("minptime=10", "minptime=10;ptime=60") : once;
  }
}

/** By how much to divide the picture's sides at so many bits a second: many small pictures say more than few large ones. */
export function downscale(bps, before) {
  for (const [by, below] of [[4, 90_000], [2, 220_000]]) if (bps < below * (before >= by ? AGAIN : 1)) return by;
  return 1;
}

/** Give a leg's senders their limits; rejects if one does not take them now. */
export function apply(lines, { audio, video, downscale: by, pictures, voice, heard, layers = true }) {
  const encoding = { maxBitrate: video, active: pictures, scalabilityMode: layers ? "L1T3" : "L1T1", scaleResolutionDownBy: by, maxFramerate: by > 1 ? 15 : 30 };
  return Promise.all([
    limit(lines.audio, { active: voice, priority: "high", networkPriority: "high", maxBitrate: audio || undefined }),
    limit(lines.camera, encoding, by > 1 || !heard ? "maintain-resolution" : "maintain-framerate"),
  ]);
}

/** What a browser does not know it ignores, layers its codec cannot make it refuses; Firefox before 110 has no encodings yet. */
async function limit(line, limits, degradationPreference) {
  const parameters = line?.sender.getParameters();
  if (!parameters?.encodings?.length) return;
  Object.assign(parameters.encodings[0], limits);
  parameters.degradationPreference = degradationPreference;
  try {
    await line.sender.setParameters(parameters);
  } catch (error) {
    if (!limits.scalabilityMode) throw error;
    await limit(line, { ...limits, scalabilityMode: undefined }, degradationPreference);
  }
}

/** The estimate of our way out and its round trip, from statistics; Firefox has no estimate. */
export function wayOut(report) {
  const pair = [...report.values()].find(({ type, availableOutgoingBitrate: found }) => type === "candidate-pair" && found);
  return { available: pair?.availableOutgoingBitrate, roundTrip: pair?.currentRoundTripTime };
}

/** Answer the leg's offer once more in another shape, between page and browser: the server takes all that we may send. */
export function reshape(leg, sending) {
  const sdp = sending.shaped(leg.sdp);
  if (sdp === leg.shape) return;
  leg.shape = sdp;
  leg.work = leg.work.then(async () => {
    if (leg.shape !== sdp) return; // another offer came
    await leg.pc.setRemoteDescription({ type: "offer", sdp });
    await leg.pc.setLocalDescription(await leg.pc.createAnswer());
  }).catch(() => {}); // it stays as it is
}
