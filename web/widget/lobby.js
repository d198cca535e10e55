/** Devices: preview and choice before the call, the opened tracks during it; and the check of the network. */
import { stored } from "../shared/signaling.js";
import { meter, openSources } from "../shared/sources.js";

const CHECKS = 5;
const PREFS = "callserver.prefs";

export class Lobby {
  tracks = {};
  problems = {};
  voiceOnly = false;
  facing = "user";
  #meter;
  #rtts = [];
  #turn = 0;

  constructor(widget) {
    this.widget = widget;
    const { refs } = widget;
    const { name = "", voiceOnly = false } = stored.get(PREFS) ?? {};
    refs.name.value = name;
    this.voiceOnly = voiceOnly;
    refs.name.onchange = () => this.#keep();
    refs.voiceOnly.onchange = ({ target }) => {
      this.voiceOnly = target.checked;
      this.take({ camera: !this.voiceOnly });
    };
    refs.choice.ontoggle = () => widget.load("devices");
  }

  /** Ask for the devices; `media` is "audio" for a voice call. */
  async open(media = this.voiceOnly ? "audio" : "video") {
    this.voiceOnly = media === "audio";
    this.widget.media().prepare();
    await this.take({ audio: true, camera: !this.voiceOnly });
  }

  /** Open what has a value: true for any device, or a device's id; close what is false. */
  async take({ audio, camera }) {
    const turn = ++this.#turn;
    const wanted = { audio, camera };
    for (const kind in wanted) if (wanted[kind] !== undefined) this.#stop(kind);
    const got = await openSources({ audio, camera, microphone: idOf(audio), cameraId: idOf(camera), facing: this.facing });
    if (turn !== this.#turn) return [got.audio, got.camera].forEach((track) => track?.stop());
    for (const kind in wanted) {
      if (wanted[kind] === undefined) continue;
      this.problems[kind] = got.problems[kind];
      const track = (this.tracks[kind] = got[kind]);
      if (track) track.onended = () => this.take({ [kind]: true }); // unplugged: is there another?
    }
    if (audio && got.audio) this.#meter = meter(got.audio);
    this.#show();
    await this.widget.devices?.list();
  }

  #show() {
    const { widget, tracks } = this;
    for (const name of ["preview", "self"]) {
      widget.refs[name].srcObject = tracks.camera ? new MediaStream([tracks.camera]) : null;
      widget.refs[name].classList.toggle("mirrored", this.facing === "user");
    }
    this.#keep();
    widget.mediaChanged();
  }

  #stop(kind) {
    if (kind === "audio") this.#meter = this.#meter?.stop();
    const track = this.tracks[kind];
    if (track) track.onended = null;
    track?.stop();
    this.tracks[kind] = this.problems[kind] = undefined;
  }

  close() {
    this.#turn += 1;
    for (const kind of ["audio", "camera"]) this.#stop(kind);
    this.#show();
  }

  /** Round trips over the WebSocket: a few in a row make the verdict. */
  measured(rtt) {
    this.#rtts = [...this.#rtts, rtt].slice(-CHECKS);
    if (this.#rtts.length < CHECKS) this.widget.signaling.ping();
    else this.widget.render(); // nothing else may, when the devices were faster
  }

  get network() {
    const middle = [...this.#rtts].sort((a, b) => a - b)[CHECKS >> 1];
    if (this.widget.view.connection === "reconnecting") return "none";
    if (middle === undefined) return "wait";
    return middle > 600 ? "poor" : middle > 250 ? "fair" : "good";
  }

  tick() {
    const level = this.#meter?.level() ?? 0;
    [...this.widget.refs.meter.children].forEach((bar, index) => bar.classList.toggle("on", level * 5 > index + 0.2));
  }

  #keep() {
    stored.set(PREFS, { name: this.widget.refs.name.value, voiceOnly: this.voiceOnly });
  }
}

const idOf = (wanted) => (typeof wanted === "string" ? wanted : "");
