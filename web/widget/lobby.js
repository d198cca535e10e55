/** Devices: preview and choice before the call, the opened tracks during it; and the check of the network. */
import { LANGUAGES } from "../shared/i18n.js";
import { canChooseSpeaker, listDevices, meter, openSources, otherFacing, setSpeaker, watchDevices } from "../shared/media-devices.js";
import { stored } from "../shared/signaling.js";

const CHECKS = 5;
const PREFS = "callserver.prefs";
const SELECTS = { microphones: "audio", cameras: "camera" };

export class Lobby {
  tracks = {};
  problems = {};
  devices = { cameras: [] };
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
      this.setCamera(!this.voiceOnly);
    };
    for (const name in SELECTS) refs[name].onchange = () => this.#take({ [SELECTS[name]]: refs[name].value });
    refs.speakers.onchange = ({ target }) => widget.sounds((one) => setSpeaker(one, target.value));
    refs.languages.append(...LANGUAGES.map((tag) => new Option(new Intl.DisplayNames([tag], { type: "language" }).of(tag), tag)));
    refs.languages.value = widget.words.locale;
    refs.languages.onchange = () => widget.speak(refs.languages.value).then(() => widget.render());
    watchDevices(() => this.#list());
  }

  /** Ask for the devices; `media` is "audio" for a voice call. */
  async open(media = this.voiceOnly ? "audio" : "video") {
    this.voiceOnly = media === "audio";
    this.widget.media().prepare();
    await this.#take({ audio: true, camera: !this.voiceOnly });
  }

  /** Open what has a value: true for any device, or a device's id; close what is false. */
  async #take({ audio, camera }) {
    const turn = ++this.#turn;
    const wanted = { audio, camera };
    for (const kind in wanted) if (wanted[kind] !== undefined) this.#stop(kind);
    const got = await openSources({ audio, camera, microphone: idOf(audio), cameraId: idOf(camera), facing: this.facing });
    if (turn !== this.#turn) return [got.audio, got.camera].forEach((track) => track?.stop());
    for (const kind in wanted) {
      if (wanted[kind] === undefined) continue;
      this.problems[kind] = got.problems[kind];
      const track = (this.tracks[kind] = got[kind]);
      if (track) track.onended = () => this.#take({ [kind]: true }); // unplugged: is there another?
    }
    if (audio && got.audio) this.#meter = meter(got.audio);
    this.#show();
    await this.#list();
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

  setCamera(on) {
    return this.#take({ camera: on });
  }

  flip() {
    this.facing = otherFacing(this.facing);
    return this.#take({ camera: true });
  }

  close() {
    this.#turn += 1;
    for (const kind of ["audio", "camera"]) this.#stop(kind);
    this.#show();
  }

  async #list() {
    const { refs, words } = this.widget;
    this.devices = await listDevices();
    for (const [name, devices] of Object.entries(this.devices)) {
      const used = this.tracks[SELECTS[name]]?.getSettings().deviceId ?? refs[name].value;
      refs[name].replaceChildren(...devices.map(({ id, label }, index) => new Option(label || words.t("device", { number: index + 1 }), id)));
      if (devices.some(({ id }) => id === used)) refs[name].value = used;
    }
    refs.speakerRow.hidden = !canChooseSpeaker() || this.devices.speakers.length < 2;
    this.widget.render();
  }

  /** Round trips over the WebSocket: a few in a row make the verdict. */
  measured(rtt) {
    this.#rtts = [...this.#rtts, rtt].slice(-CHECKS);
    if (this.#rtts.length < CHECKS) this.widget.signaling.ping();
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
