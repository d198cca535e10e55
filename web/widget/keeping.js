/** Recording, stills and verifications, as the customer sees them. Loaded when the call's view first speaks of one. */
import { load } from "../shared/i18n.js";
import { take } from "./keeping/still.js";

const SHOTS = new Set(["code", "front", "back", "label", "defect", "parcel"]);
const FLASH_MS = 1600;

/** name -> element; children are elements or texts. */
function build(name, fields = {}, ...children) {
  const { data, ...rest } = fields;
  const one = Object.assign(document.createElement(name), rest);
  Object.assign(one.dataset, data);
  one.append(...children);
  return one;
}

export default class Keeping {
  #words = null;
  #asked = null;
  #said = "";

  constructor(widget) {
    this.widget = widget;
    this.notice = build("p", { className: "kept-notice", hidden: true });
    this.consent = this.#consentBox();
    this.inspection = this.#inspectionBox();
    this.flash = build("p", { className: "kept-flash", hidden: true });
    const stage = widget.querySelector(".stage");
    stage.append(this.notice, this.inspection, this.flash);
    stage.parentElement.append(this.consent);
    document.head.append(build("link", { rel: "stylesheet", href: new URL("keeping/keeping.css", import.meta.url).href }));
    this.speak();
  }

  /** The words of the page's language; again after it was changed. */
  async speak() {
    const locale = this.widget.words.locale;
    this.#words = await load(new URL("keeping/locales/", import.meta.url), locale);
    this.#said = locale;
    this.widget.render();
  }

  #consentBox() {
    const answer = (granted) => () => {
      this.widget.send("recording.consent", { granted });
      this.consent.hidden = true;
      this.#asked = "answered";
    };
    this.title = build("h2", { id: "kept-consent", tabIndex: -1 });
    this.text = build("p", { className: "soft" });
    this.no = build("button", { className: "button", type: "button", onclick: answer(false) });
    this.yes = build("button", { className: "button primary", type: "button", onclick: answer(true) });
    const box = build("section", { className: "kept-consent", role: "dialog", hidden: true }, this.title, this.text, build("div", { className: "kept-answers" }, this.no, this.yes));
    box.setAttribute("aria-labelledby", "kept-consent");
    return box;
  }

  #inspectionBox() {
    this.codeTitle = build("p", { className: "kept-title" });
    this.code = build("p", { className: "kept-code", dir: "ltr", translate: false });
    this.prompt = build("p", { className: "kept-prompt" });
    this.count = build("p", { className: "kept-count" });
    return build("section", { className: "kept-inspection", hidden: true }, this.codeTitle, this.code, this.prompt, this.count);
  }

  /** What came for this module: the server asks for a picture at the camera's own resolution. */
  told(message) {
    if (message.type === "still.wanted") this.#still(message);
  }

  async #still({ call_id: callId, id }) {
    const { widget } = this;
    const track = widget.lobby.tracks.camera;
    if (!track) return;
    try {
      const picture = await take(track);
      const headers = { Authorization: `Bearer ${widget.signaling.session.photo_token}`, "Content-Type": picture.type };
      await fetch(`/api/v1/calls/${callId}/stills/${id}`, { method: "POST", headers, body: picture });
    } catch {} // the picture of the stream has to do
    this.#tellTaken();
  }

  #tellTaken() {
    this.flash.textContent = this.#words?.t("still.taken") ?? "";
    this.flash.hidden = false;
    clearTimeout(this.flashing);
    this.flashing = setTimeout(() => (this.flash.hidden = true), FLASH_MS);
  }

  /** Draw it; returns what is to be said aloud. */
  show(screen) {
    const { widget } = this;
    if (!this.#words) return [];
    if (this.#said !== widget.words.locale) this.speak();
    const call = screen === "call" ? widget.view.call : null;
    const verification = call?.phase === "active" ? call.verification : null;
    widget.dataset.verifying = Boolean(verification);
    return [this.#showNotice(call?.recording), this.#showConsent(call?.recording), this.#showInspection(verification), !this.flash.hidden && this.flash.textContent];
  }

  #showNotice(recording) {
    const { t } = this.#words;
    const state = recording?.state ?? "";
    const known = /^(starting|on|paused|failed)$/.test(state);
    const text = known ? t(state === "on" && recording.voice_only ? "notice.voice" : `notice.${state}`) : "";
    this.notice.hidden = !text;
    this.notice.dataset.state = state;
    if (this.notice.textContent !== text) this.notice.textContent = text;
    return text;
  }

  #showConsent(recording) {
    const { t } = this.#words;
    const asking = recording?.state === "asking";
    if (!asking) this.#asked = null;
    const open = asking && this.#asked !== "answered";
    [this.title.textContent, this.text.textContent, this.yes.textContent, this.no.textContent] = ["title", recording?.voice_only ? "voice" : "text", "yes", "no"].map((one) => t(`consent.${one}`));
    this.consent.hidden = !open;
    if (open && !this.#asked) {
      this.#asked = "shown";
      this.title.focus();
    }
    return open && `${this.title.textContent} ${this.text.textContent}`;
  }

  #showInspection(verification) {
    const { t } = this.#words;
    this.inspection.hidden = !verification;
    if (!verification) return "";
    const { code, shot = "", done = [] } = verification;
    const prompt = t(shot ? `shot.${SHOTS.has(shot) ? shot : "other"}` : "verify.say");
    const set = (one, text) => one.textContent !== text && (one.textContent = text);
    set(this.codeTitle, t("verify.title"));
    set(this.code, code);
    set(this.prompt, prompt);
    set(this.count, done.length ? t("verify.count", { count: done.length }) : "");
    return `${t("verify.title")}: ${[...code].join(" ")}. ${prompt}`;
  }
}
