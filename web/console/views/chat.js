/** The chat of the call: text, photos by button, paste or drop. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { ChatItems } from "./chat-items.js";
import { useDesk } from "./context.js";
import { ariaKey } from "../shortcuts.js";

const MAX_CHARACTERS = 2000; // protocol.py MAX_CHAT_CHARACTERS
const NEAR_END = 80;
const pictures = (files) => [...(files ?? [])].filter((file) => file.type.startsWith("image/"));

export function Chat({ call, shown = true }) {
  const { desk, state, t } = useDesk();
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (shown && state.unread && document.visibilityState === "visible") desk.chatRead();
  }, [shown, state.unread]);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    for (const file of pictures(event.dataTransfer.files)) desk.sendPhoto(file);
  };
  const drag = (event) => {
    event.preventDefault();
    setOver(event.type === "dragover");
  };
  return html`<section class=${over ? "chat over" : "chat"} aria-label=${t("chat.title")} onDragOver=${drag} onDragLeave=${drag} onDrop=${drop}>
    <${Log} chat=${call.chat} />
    <${Composer} />
  </section>`;
}

/** Stays at its end while the agent is there, and where it is while they read further up. */
function Log({ chat }) {
  const { t } = useDesk();
  const log = useRef(null);
  const atEnd = useRef(true);
  const note = () => {
    const { scrollHeight, scrollTop, clientHeight } = log.current;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
  useLayoutEffect(() => {
    const follow = () => {
      if (atEnd.current) log.current.scrollTop = log.current.scrollHeight;
    };
    follow();
    const watcher = new ResizeObserver(follow);
    watcher.observe(log.current);
    return () => watcher.disconnect();
  }, [chat]);
  return html`<div class="chat-log" ref=${log} role="log" aria-label=${t("chat.log")} tabindex="0" onScroll=${note}>
    ${chat.length ? html`<${ChatItems} items=${chat} />` : html`<p class="quiet chat-empty">${t("chat.empty")}</p>`}
  </div>`;
}

function Composer() {
  const { desk, t } = useDesk();
  const [text, setText] = useState("");
  const field = useRef(null);
  const file = useRef(null);
  useLayoutEffect(() => {
    field.current.style.blockSize = "auto"; // grow with the text; CSS holds the limit
    field.current.style.blockSize = `${field.current.scrollHeight + 2}px`;
  }, [text]);
  const send = (event) => {
    event?.preventDefault();
    if (!text.trim()) return field.current.focus();
    desk.say(text);
    setText("");
    return field.current.focus();
  };
  const key = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  const attach = (files) => {
    for (const one of pictures(files)) desk.sendPhoto(one);
  };
  const paste = (event) => {
    const files = pictures(event.clipboardData?.files);
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  };
  const picked = () => {
    attach(file.current.files);
    file.current.value = "";
  };
  return html`<form class="composer" onSubmit=${send}>
    <input type="file" accept="image/*" ref=${file} hidden onChange=${picked} />
    <button type="button" class="icon-button" aria-label=${t("chat.attach")} title=${t("chat.attach")} onClick=${() => file.current.click()}><${Icon} name="photo" /></button>
    <textarea id="chat-text" class="field" rows="1" dir="auto" ref=${field} value=${text} maxlength=${MAX_CHARACTERS} placeholder=${t("chat.placeholder")} aria-label=${t("chat.placeholder")}
      aria-keyshortcuts=${ariaKey("chat")} enterkeyhint="send" onInput=${(event) => setText(event.target.value)} onKeyDown=${key} onPaste=${paste}></textarea>
    <button type="submit" class="icon-button send" aria-label=${t("chat.send")} title=${t("chat.send")}><${Icon} name="send" /></button>
  </form>`;
}
