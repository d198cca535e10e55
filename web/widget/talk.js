/** What only a call needs: its screen, controls, chat and rating. The widget loads it when there is a call (widget.js). */
import { isAnswered } from "../shared/call-state.js";
import { Chat } from "./chat.js";

const LAST_FRAME_MS = 700;

export default class Talk {
  soundOpen = false;
  #blocked = false;
  #held = null;

  constructor(widget) {
    const { refs } = widget;
    this.widget = widget;
    this.chat = new Chat(widget);
    this.arrived([], widget.view.call?.chat ?? []);
    refs.rating.onsubmit = (event) => this.#rate(event);
    refs.volume.oninput = ({ target }) => (refs.audio.volume = refs.audioSide.volume = target.value);
    if (refs.audio.srcObject) this.hear();
  }

  arrived(before, now, message = {}) {
    this.chat.arrived(before, now);
    const { call } = this.widget.view;
    if (call?.recording || call?.verification || message.type === "still.wanted") this.#keep(message);
  }

  /** Recordings, stills and verifications have a module of their own; most calls never need it. */
  async #keep(message) {
    this.keeping ??= import("./keeping.js").then((module) => (this.kept = new module.default(this.widget)));
    try {
      (await this.keeping).told(message);
    } catch {
      this.keeping = undefined; // the next message tries again
    }
  }

  /** It plays by itself, but after a page load browsers may want a touch before sound. */
  async hear() {
    const error = await this.widget.refs.audio.play().catch(({ name }) => name);
    this.#blocked = error === "NotAllowedError";
    this.widget.render();
  }

  mute() {
    const { ui } = this.widget;
    ui.muted = !ui.muted;
    this.widget.mediaChanged();
  }

  camera() {
    const { lobby } = this.widget;
    return lobby.take({ camera: !lobby.tracks.camera });
  }

  /** The other way a phone's camera can look. */
  flip() {
    const { lobby } = this.widget;
    lobby.facing = lobby.facing === "environment" ? "user" : "environment";
    return lobby.take({ camera: true });
  }

  toggleChat() {
    this.chat.toggle();
  }

  sound() {
    this.soundOpen = !this.soundOpen;
    this.widget.render();
  }

  /** Close what lies over the call; false if nothing does. */
  escape() {
    if (this.chat.shown) this.chat.toggle();
    else if (this.soundOpen) this.sound();
    else return false;
    return true;
  }

  /** Before another call. */
  reset() {
    this.soundOpen = this.chat.shown = false;
    this.widget.refs.rating.reset();
  }

  #rate(event) {
    event.preventDefault();
    const { widget } = this;
    const stars = Number(new FormData(widget.refs.rating).get("stars"));
    if (!stars) return;
    widget.send("call.rate", { stars, comment: widget.refs.comment.value });
    widget.dispatch({ type: "call.updated", call: { ...widget.view.call, rated: true } });
  }

  /** Show it, as show.js does, whose `tools` it takes; returns what is to be said aloud. */
  show(screen, away, tools) {
    this.#showChat(screen, tools);
    this.#showControls(tools);
    this.#showSound(screen);
    if (screen === "ended") this.#showEnd(tools);
    return [...this.#showCall(screen, away, tools), ...(this.kept?.show(screen) ?? []), this.chat.unread && tools.t("chat.unread", { count: this.chat.unread })];
  }

  #showCall(screen, away, { t, say, duration, peer }) {
    const { view, lobby, refs, dataset } = this.widget;
    const { call, hint } = view;
    const talking = isAnswered(call);
    const held = call?.phase === "on_hold";
    const seen = talking && call.peer_video && call.media === "video" && !held;
    const why = call.unshowable ? "unshowable" : call.video_paused ? "paused.own" : call.peer_sending_paused && "paused.theirs";
    const paused = Boolean(seen && why);
    dataset.seen = seen;
    dataset.paused = paused;
    this.#showHold(held && call.media === "video");
    say("face", peer.slice(0, 1).toUpperCase());
    say("nobodyText", paused ? t(why) : held ? t("hold") : call?.media === "audio" ? t("voice_call") : t("peer_camera_off", { name: peer }));
    say("peerName", peer);
    say("clock", talking && call.answered_at && duration(Date.now() / 1000 - call.answered_at));
    const unseen = talking && !held && !away && lobby.tracks.camera && (call.peer_unshowable ? t("unshowable.peer") : call.sending_paused ? t("paused.mine") : call.peer_video_paused && t("paused.peer"));
    const weak = !paused && hint.level !== "good" && !held && !away && t(t(`hint.${hint.kind}`).startsWith("hint.") ? `hint.${hint.side || hint.level}` : `hint.${hint.kind}`);
    say("hint", talking && (unseen || weak || (!call.peer_audio && t("peer_muted", { name: peer })) || (!lobby.tracks.audio && t("listen_only"))));
    refs.hear.hidden = !this.#blocked || !talking;
    return [screen === "call" && refs.hint.textContent, (held || paused) && refs.nobodyText.textContent];
  }

  /** On hold the server sends a picture of its own. What the video has until that comes is what was seen last: not for now. */
  #showHold(held) {
    if (held === Boolean(this.#held)) return;
    const { refs, dataset } = this.widget;
    const hold = (this.#held = held ? {} : null);
    dataset.still = false;
    const picture = () => this.#held === hold && (dataset.still = true);
    if (held) setTimeout(() => refs.remote.requestVideoFrameCallback?.(picture), LAST_FRAME_MS);
  }

  #showControls({ t }) {
    const { view, ui, lobby, refs, devices } = this.widget;
    const { audio, camera } = lobby.tracks;
    const press = (name, on, label) => {
      refs[name].ariaPressed = on;
      refs[name].ariaLabel = refs[name].title = t(label);
    };
    const voice = view.call?.media === "audio";
    press("mute", ui.muted, ui.muted ? "unmute" : "mute");
    refs.mute.hidden = false;
    refs.mute.disabled = !audio;
    press("camera", !camera, camera ? "camera_off" : "camera_on");
    refs.camera.hidden = voice;
    refs.flip.hidden = voice || !camera || !(devices?.cameras > 1);
    refs.chatButton.hidden = false;
  }

  #showSound(screen) {
    const { refs, peer } = this.widget;
    refs.sound.hidden = screen !== "call";
    refs.sound.ariaExpanded = this.soundOpen;
    refs.soundPanel.hidden = !this.soundOpen || screen !== "call";
    refs.level.style.inlineSize = `${Math.min(100, (peer?.level() ?? 0) * 300)}%`;
  }

  #showChat(screen, { t, say, number }) {
    const { view, refs, dataset } = this.widget;
    const { shown, unread } = this.chat;
    const open = /^(call|waiting)$/.test(screen) && shown && Boolean(view.call);
    dataset.chat = open;
    refs.chat.hidden = !open;
    refs.controls.inert = refs.soundPanel.inert = open && innerWidth < 760 && innerHeight <= 500; // under it, beside a phone's keyboard
    refs.chatButton.ariaExpanded = open;
    refs.chatButton.disabled = !view.call;
    refs.chatButton.ariaLabel = unread ? `${t("chat")} ${number(unread)}` : t("chat"); // the name holds what is seen
    say("unread", unread ? number(unread) : "");
  }

  #showEnd({ t, say, duration, known }) {
    const { view, refs } = this.widget;
    const { call } = view;
    const reason = call.reason || "hung_up";
    const took = call.answered_at && t("end.duration", { time: duration((call.ended_at ?? call.answered_at) - call.answered_at) });
    say("endTitle", t(reason === "hung_up" || reason === "abandoned" ? "end.title" : "end.broken"));
    say("endText", [t(known("reason", reason)), took].filter(Boolean).join(" "));
    refs.rating.hidden = !call.answered_at || call.rated;
    refs.thanks.hidden = !call.rated;
  }
}
