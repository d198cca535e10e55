/* The call button of a store page: web/README.md */
(() => {
  const early = window.callserver;
  if (early?.loaded) return;
  const script = document.currentScript;
  const given = { ...script.dataset, ...window.callserverSettings };
  const { origin } = new URL(script.src);
  const locale = given.locale || document.documentElement.lang || navigator.language;
  const labels = {
    de: "Anrufen",
    es: "Llámanos",
    fr: "Appelez-nous",
    pt: "Ligue para nós",
    ar: "اتصل بنا",
    id: "Hubungi kami",
    zh: "联系客服",
  };
  const label = given.label || labels[locale.slice(0, 2)] || "Call us";
  const colour = /^#[\da-f]{6}$/i.test(given.colour) ? given.colour : "#3a4fd8";
  const light = (at, weight) => parseInt(colour.slice(at, at + 2), 16) ** 2.2 * weight;
  const ink = light(1, 0.21) + light(3, 0.72) + light(5, 0.07) > 35000 ? "#111" : "#fff";
  const place = `position:fixed;inset-block-end:20px;inset-inline-${given.position == "start" ? "start" : "end"}:20px;border:0;z-index:2147483647;`;
  let frame;
  let live;

  const host = document.createElement("callserver-button");
  const root = host.attachShadow({ mode: "open" });
  root.innerHTML = `<button dir=auto><svg viewBox="0 0 24 24" aria-hidden=true><path d="M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2"/></svg><span></span></button>`;
  const button = root.firstChild;
  const sheet = new CSSStyleSheet();
  root.adoptedStyleSheets = [sheet];
  sheet.replaceSync(`button{${place}display:flex;gap:10px;align-items:center;min-height:52px;padding:0 22px;border-radius:52px;background:${colour};color:${ink};font:600 16px system-ui;cursor:pointer;box-shadow:0 4px 18px #0004}
button:focus-visible{outline:3px solid ${colour};outline-offset:3px}
svg{width:22px;fill:none;stroke:currentColor;stroke-width:2}
iframe{${place}width:400px;height:min(720px,100vh - 40px);border-radius:22px;box-shadow:0 12px 48px #0005;color-scheme:light dark}
.away{visibility:hidden}
@media(max-width:600px),(max-height:500px){iframe{inset:0;width:100%;height:100%;border-radius:0}}`);

  // A call is on: the shop's next page opens it again, unless the browser blocks storage.
  const flag = (on) => {
    try {
      if (on !== undefined) sessionStorage.callserver = on;
      return sessionStorage.callserver;
    } catch {}
  };
  const tell = (callserver) => {
    const { identity, context } = given;
    frame?.contentWindow.postMessage({ callserver, identity, context, colour, ink }, origin);
  };
  const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`callserver:${name}`, { detail }));
  const show = (open) => {
    button.classList.toggle("away", open);
    frame?.classList.toggle("away", !open);
    button.lastChild.textContent = live || label;
  };
  const commands = {
    open() {
      if (!frame) {
        frame = document.createElement("iframe");
        frame.allow = "camera;microphone;autoplay;speaker-selection";
        frame.title = label;
        frame.src = `${origin}/widget?${new URLSearchParams({ site: given.site, locale })}`;
        root.append(frame);
      }
      show(true);
      frame.focus();
      emit("open");
    },
    close() {
      if (!live) frame = frame?.remove();
      show(false);
      button.focus();
      emit("close");
    },
    hangup: () => tell("hangup"),
    update(change) {
      Object.assign(given, change);
      tell("settings");
    },
  };
  const run = (name, detail) => commands[name]?.(detail);

  addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== frame?.contentWindow) return;
    const { callserver, detail } = event.data;
    if (callserver === "ready") tell("settings");
    if (callserver === "close") run(callserver);
    if (!detail) return;
    live = detail.label || "";
    flag(live);
    emit(callserver, detail);
  });
  button.onclick = commands.open;
  show(false);
  document.body.append(host);
  window.callserver = Object.assign(run, { loaded: true });
  for (const call of early?.q ?? []) run(...call);
  if (flag()) run("open");
})();
