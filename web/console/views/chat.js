/** The chat of the call: text, photos by button, paste or drop. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { ChatItems } from "./chat-items.js";
import { useDesk } from "./context.js";
import { ariaKey } from "../shortcuts.js";

const MAX_CHARACTERS = 2000; // protocol.py MAX_CHAT_CHARACTERS
const NEAR_END = 80;

/** Send the pictures among files; how many there were. */
function attach(desk, files) {
  const pictures = [...(files ?? [])].filter((file) => file.type.startsWith("image/"));
  for (const picture of pictures) desk.sendPhoto(picture);
  return pictures.length;
}

export function Chat({ call, shown = true }) {
  const { desk, state, t } = useDesk();
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (shown && state.unread && document.visibilityState === "visible") desk.chatRead();
  }, [shown, state.unread]);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    attach(desk, event.dataTransfer.files);
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
  useLayoutEffect(() => {
    field.current.style.blockSize = "auto"; // grow with the text; CSS holds the limit
    field.current.style.blockSize = `${field.current.scrollHeight + 2}px`;
  }, [text]);
  const send = (event) => {
    event.preventDefault();
    desk.say(text);
    if (text.trim()) setText("");
    field.current.focus();
  };
  const key = (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && send(event);
  const paste = (event) => attach(desk, event.clipboardData?.files) && event.preventDefault();
  return html`<form class="composer" onSubmit=${send}>
    <${Attach} />
    <textarea id="chat-text" class="field" rows="1" dir="auto" ref=${field} value=${text} maxlength=${MAX_CHARACTERS} placeholder=${t("chat.placeholder")} aria-label=${t("chat.placeholder")}
      aria-keyshortcuts=${ariaKey("chat")} enterkeyhint="send" onInput=${(event) => setText(event.target.value)} onKeyDown=${key} onPaste=${paste}></textarea>
    <button type="submit" class="icon-button send" aria-label=${t("chat.send")} title=${t("chat.send")}><${Icon} name="send" /></button>
  </form>`;
}

function Attach() {
  const { desk, t } = useDesk();
  const file = useRef(null);
  const picked = () => {
    attach(desk, file.current.files);
    file.current.value = "";
  };
  return html`<input type="file" accept="image/*" multiple ref=${file} hidden onChange=${picked} />
    <button type="button" class="icon-button" aria-label=${t("chat.attach")} title=${t("chat.attach")} onClick=${() => file.current.click()}><${Icon} name="photo" /></button>`;
}
