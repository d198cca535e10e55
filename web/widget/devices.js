/** Which camera, microphone, speaker and language: loaded when the choice is opened or a call begins. */
import { LANGUAGES } from "../shared/i18n.js";
import { canChooseSpeaker, listDevices, setSpeaker, watchDevices } from "../shared/media-devices.js";

const KINDS = { microphones: "audio", cameras: "camera" };
const languageName = (tag) => new Intl.DisplayNames([tag], { type: "language" }).of(tag);

export default class Devices {
  /** How many cameras there are: with two, one can flip. */
  cameras = 0;

  constructor(widget) {
    this.widget = widget;
    const { refs, lobby } = widget;
    for (const [name, kind] of Object.entries(KINDS)) refs[name].onchange = () => lobby.take({ [kind]: refs[name].value });
    refs.speakers.onchange = ({ target }) => {
      for (const name of ["audio", "audioSide"]) setSpeaker(refs[name], target.value);
    };
    refs.languages.append(...LANGUAGES.map((tag) => new Option(languageName(tag), tag)));
    refs.languages.value = widget.words.locale;
    refs.languages.onchange = () => widget.speak(refs.languages.value).then(() => this.list());
    watchDevices(() => this.list());
    this.list();
  }

  /** Anew after a permission, a plug, another language: labels and what is in use have changed. */
  async list() {
    const { refs, words, lobby } = this.widget;
    const found = await listDevices();
    for (const [name, devices] of Object.entries(found)) {
      const used = lobby.tracks[KINDS[name]]?.getSettings().deviceId ?? refs[name].value;
      refs[name].replaceChildren(...devices.map(({ id, label }, index) => new Option(label || words.t("device", { number: index + 1 }), id)));
      if (devices.some(({ id }) => id === used)) refs[name].value = used;
    }
    refs.speakerRow.hidden = !canChooseSpeaker() || found.speakers.length < 2;
    this.cameras = found.cameras.length;
    this.widget.render();
  }
}
