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
  const { view, ui, refs, lobby, words, dataset } = widget;
  const { t, duration } = words;
  const { call, connection } = view;
  const screen = screenOf(view, ui);
  const talking = isAnswered(call);
  const peer = call?.peer?.name || t("agent");
  const known = (prefix, name) => (t(`${prefix}.${name}`).startsWith(`${prefix}.`) ? `${prefix}.other` : `${prefix}.${name}`);
  /** Text, or nothing at all. */
  const say = (name, text) => {
    if (refs[name].textContent !== (text || "")) refs[name].textContent = text || "";
    refs[name].hidden = !text;
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

  // Both
  refs.controls.hidden = !inCall;
  refs.self.hidden = !inCall || !lobby.tracks.camera;
  refs.minimise.hidden = !widget.embedding?.embedded;

  // Trouble
  const code = ui.trouble || (connection === "replaced" ? "replaced" : view.code) || "other";
  say("troubleTitle", t("trouble.title"));
  say("troubleText", t(known("trouble", code)));

  // The call itself; then all that is said aloud. A new screen speaks by its heading, which gets the focus.
  const said = widget.talk?.show(screen, away, { ...words, say, known, peer }) ?? [];
  say("status", [banner, screen === "waiting" && refs.waitText.textContent, ...said].filter(Boolean).join(" "));
  refs.status.hidden = false;
  if (moved && screen !== "loading" && widget.ready) widget.querySelector(`[data-on=${screen}] h2`).focus();
  widget.ready ||= screen !== "loading";
}
