/** The view on the screen. Runs at any time and again; CSS does what an attribute on the element can say. */
import { isAnswered } from "../shared/call-state.js";

export function screenOf({ connection, call }, { trouble, starting, returning }) {
  if (trouble || /^(refused|replaced)$/.test(connection)) return "trouble";
  if (call?.phase === "ended") return "ended";
  if (isAnswered(call)) return "call";
  if (call || starting) return "waiting";
  return returning ? "loading" : "lobby";
}

export function show(widget) {
  const { view, ui, refs, lobby, chat, words, dataset } = widget;
  const { t, duration } = words;
  const { call, connection, hint } = view;
  const screen = screenOf(view, ui);
  const talking = isAnswered(call);
  const peer = call?.peer?.name || t("agent");
  const known = (prefix, name) => (t(`${prefix}.${name}`).startsWith(`${prefix}.`) ? `${prefix}.other` : `${prefix}.${name}`);
  /** Text, or nothing at all. */
  const say = (name, text = "") => {
    if (refs[name].textContent !== text) refs[name].textContent = text;
    refs[name].hidden = !text;
  };
  const press = (name, on, label) => {
    refs[name].ariaPressed = on;
    refs[name].ariaLabel = refs[name].title = t(label);
  };

  const moved = dataset.screen !== screen;
  dataset.screen = screen;
  for (const section of widget.screens) section.hidden = section.dataset.on !== screen;

  const inCall = screen === "call" || screen === "waiting";
  const away = inCall && (connection !== "open" || (view.media === "disconnected" && talking));
  const banner = away ? t("reconnecting") : talking && !call.peer_connected ? t("peer_away", { name: peer }) : "";
  say("banner", banner);

  // Lobby
  const { audio: noSound, camera: noPicture } = lobby.problems;
  const problem = noSound ?? noPicture;
  const lacking = noSound ? (noSound === noPicture ? "no_devices" : "no_sound") : "no_picture";
  say("helpTitle", problem && t(known(lacking, problem)));
  refs.help.hidden = !problem;
  refs.helpSteps.hidden = problem !== "blocked";
  refs.helpRetry.hidden = problem === "insecure";
  say("previewOff", lobby.tracks.camera ? "" : t(lobby.voiceOnly ? "voice_call" : "camera_is_off"));
  refs.nameRow.hidden = view.person.verified ?? false;
  refs.cameraRow.hidden = lobby.voiceOnly;
  refs.voiceOnly.checked = lobby.voiceOnly;
  refs.network.dataset.level = lobby.network;
  say("network", t(`network.${lobby.network}`));

  // Waiting
  const rings = call?.phase === "ringing";
  say("waitTitle", t(rings ? "wait.ringing" : call ? "wait.title" : "wait.connecting"));
  const place = call?.position > 1 ? t("wait.ahead", { count: call.position - 1 }) : call?.position && t("wait.next");
  say("waitText", [place, !lobby.tracks.audio && t("listen_only")].filter(Boolean).join(" "));
  say("waitClock", call && duration(Date.now() / 1000 - call.created_at));

  // Call
  const held = call?.phase === "on_hold";
  const seen = talking && call.peer_video && call.media === "video" && !held;
  const paused = seen && call.video_paused;
  dataset.seen = seen;
  dataset.paused = paused;
  say("face", peer.slice(0, 1).toUpperCase());
  say("nobodyText", paused ? t("paused.own") : held ? t("hold") : call?.media === "audio" ? t("voice_call") : t("peer_camera_off", { name: peer }));
  say("peerName", peer);
  say("clock", talking && call.answered_at && duration(Date.now() / 1000 - call.answered_at));
  const unseen = talking && !held && !away && call.peer_video_paused && lobby.tracks.camera && t("paused.peer");
  const weak = !paused && hint.level !== "good" && !held && !away && t(`hint.${hint.side || hint.level}`);
  say("hint", talking && (unseen || weak || (!call.peer_audio && t("peer_muted", { name: peer })) || (!lobby.tracks.audio && t("listen_only"))));
  refs.hear.hidden = !ui.blocked || !talking;

  // Controls
  const voice = call?.media === "audio";
  refs.controls.hidden = !inCall;
  press("mute", ui.muted, ui.muted ? "unmute" : "mute");
  refs.mute.disabled = !lobby.tracks.audio;
  press("camera", !lobby.tracks.camera, lobby.tracks.camera ? "camera_off" : "camera_on");
  refs.camera.hidden = voice;
  refs.flip.hidden = voice || !lobby.tracks.camera || lobby.devices.cameras.length < 2;
  refs.sound.hidden = screen !== "call";
  refs.sound.ariaExpanded = ui.soundOpen;
  refs.soundPanel.hidden = !ui.soundOpen || screen !== "call";
  refs.level.style.inlineSize = `${Math.min(100, (widget.peer?.level() ?? 0) * 300)}%`;
  refs.self.hidden = !inCall || !lobby.tracks.camera;
  refs.minimise.hidden = !widget.embedding?.embedded;

  // Chat
  const open = inCall && chat.shown && Boolean(call);
  dataset.chat = open;
  refs.chat.hidden = !open;
  refs.controls.inert = refs.soundPanel.inert = open && innerWidth < 760 && innerHeight <= 500; // under it, beside a phone's keyboard
  refs.chatButton.ariaExpanded = open;
  refs.chatButton.disabled = !call;
  say("unread", chat.unread ? words.number(chat.unread) : "");

  // Ended, trouble
  const reason = call?.reason || "hung_up";
  say("endTitle", t(reason === "hung_up" || reason === "abandoned" ? "end.title" : "end.broken"));
  say("endText", call && [t(known("reason", reason)), call.answered_at && t("end.duration", { time: duration((call.ended_at ?? call.answered_at) - call.answered_at) })].filter(Boolean).join(" "));
  refs.rating.hidden = !call?.answered_at || call.rated;
  refs.thanks.hidden = !call?.rated;
  const code = ui.trouble || (connection === "replaced" ? "replaced" : view.code) || "other";
  say("troubleTitle", t("trouble.title"));
  say("troubleText", t(known("trouble", code)));

  // Said aloud; a new screen speaks by its heading, which gets the focus.
  say("status", [banner, screen === "waiting" && refs.waitText.textContent, screen === "call" && refs.hint.textContent, (held || paused) && refs.nobodyText.textContent, chat.unread && t("chat.unread", { count: chat.unread })].filter(Boolean).join(" "));
  refs.status.hidden = false;
  if (moved && screen !== "loading" && widget.ready) widget.querySelector(`[data-on=${screen}] h2`).focus();
  widget.ready ||= screen !== "loading";
}
