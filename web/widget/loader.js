/* The call button of a store page: one script tag. Settings: data- attributes or window.callserverSettings. See web/README.md. */
(() => {
  const script = document.currentScript;
  const early = window.callserver;
  if (early?.loaded) return;
  const given = { ...script.dataset, ...window.callserverSettings };
  const origin = new URL(script.src).origin;
  const FLAG = "callserver.call";
  const LABELS = {
    en: ["Call us", "Back to your call"],
    es: ["Llámanos", "Volver a la llamada"],
    de: ["Anrufen", "Zurück zum Gespräch"],
    fr: ["Appelez-nous", "Revenir à l’appel"],
    pt: ["Ligue para nós", "Voltar à chamada"],
    ar: ["اتصل بنا", "العودة إلى مكالمتك"],
    id: ["Hubungi kami", "Kembali ke panggilan"],
    zh: ["联系客服", "返回通话"],
  };
  const locale = given.locale || document.documentElement.lang || navigator.language;
  const labels = LABELS[locale.split("-")[0].toLowerCase()] || LABELS.en;
  const colour = /^#[0-9a-f]{6}$/i.test(given.colour) ? given.colour : "#3a4fd8";
  const part = (at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2;
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5) > 0.18;
  const side = given.position === "start" ? "start" : "end";
  let frame;
  let live = false;

  const host = document.createElement("callserver-button");
  const root = host.attachShadow({ mode: "open" });
  root.innerHTML =
    `<button part="button"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2"/></svg><span></span></button>`;
  const button = root.querySelector("button");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
button{all:unset;box-sizing:border-box;position:fixed;inset-block-end:20px;inset-inline-${side}:20px;z-index:2147483646;display:flex;gap:10px;align-items:center;min-height:52px;padding:0 22px 0 18px;border-radius:99px;background:${colour};color:${light ? "#111" : "#fff"};font:600 16px/1.2 system-ui,sans-serif;cursor:pointer;box-shadow:0 4px 18px rgb(0 0 0/.25)}
button:hover{filter:brightness(1.08)}
button:focus-visible{outline:3px solid ${colour};outline-offset:3px}
svg{width:22px;fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
iframe{position:fixed;inset-block-end:20px;inset-inline-${side}:20px;z-index:2147483647;width:400px;height:min(720px,100vh - 40px);border:0;border-radius:22px;box-shadow:0 12px 48px rgb(0 0 0/.3);background:Canvas;color-scheme:light dark}
.away{visibility:hidden}
@media(max-width:600px),(max-height:500px){iframe{inset:0;width:100%;height:100%;border-radius:0}}
@media print{button,iframe{display:none}}`);
  root.adoptedStyleSheets = [sheet];
  button.dir = labels === LABELS.ar ? "rtl" : "ltr";

  const remember = (on) => {
    try {
      on ? sessionStorage.setItem(FLAG, 1) : sessionStorage.removeItem(FLAG);
    } catch {
      // Blocked: a navigation then needs a click to come back.
    }
  };
  const remembered = () => {
    try {
      return sessionStorage.getItem(FLAG);
    } catch {
      return null;
    }
  };
  const tell = (command, more) => frame?.contentWindow.postMessage({ callserver: command, ...more }, origin);
  const settings = () => tell("settings", { identity: given.identity, context: given.context, colour: given.colour });
  const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`callserver:${name}`, { detail, bubbles: true }));
  const show = () => {
    const open = frame && !frame.classList.contains("away");
    button.hidden = open;
    button.classList.toggle("away", !!open);
    button.lastChild.textContent = labels[live ? 1 : 0];
    button.setAttribute("aria-expanded", !!open);
  };

  const open = () => {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.allow = "camera; microphone; autoplay; speaker-selection; fullscreen";
      frame.title = labels[0];
      frame.src = `${origin}/widget?${new URLSearchParams({ site: given.site, locale })}`;
      root.append(frame);
    }
    frame.classList.remove("away");
    frame.focus();
    show();
    emit("open");
  };
  const close = () => {
    if (!frame) return;
    // A call goes on out of sight; without one the camera is let go.
    if (live) frame.classList.add("away");
    else frame = frame.remove();
    show();
    button.focus();
    emit("close");
  };
  const commands = {
    open,
    close,
    hangup: () => tell("hangup"),
    update: (change) => settings(Object.assign(given, change)),
  };
  const run = (name, ...rest) => commands[name]?.(...rest);

  addEventListener("message", ({ origin: from, source, data }) => {
    if (from !== origin || !frame || source !== frame.contentWindow) return;
    const name = data?.callserver;
    if (name === "ready") settings();
    if (name === "close") close();
    if (name !== "started" && name !== "ended") return;
    live = name === "started";
    remember(live);
    show();
    emit(name, data.detail);
  });
  button.addEventListener("click", open);
  show();
  document.body.append(host);
  window.callserver = Object.assign(run, { loaded: true });
  for (const call of early?.q ?? []) run(...call);
  if (remembered()) open();
})();
