/** Lines of a chat, text and photos; used in the call and in the detail of a past one. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { time } from "../format.js";
import { download } from "../photo.js";
import { shotName } from "../words.js";
import { useDesk } from "./context.js";
import { Dialog } from "./parts.js";

const LINK = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/;

/** Text with its addresses as links; nothing else of it is interpreted. */
export function Linked({ text }) {
  return text.split(LINK).map((part, index) =>
    index % 2 ? html`<a href=${part} target="_blank" rel="noopener noreferrer">${part}</a>` : part,
  );
}

export function ChatItems({ items }) {
  const { t, words } = useDesk();
  return html`<ol class="chat-items">${items.map((item, index) => {
    const follows = items[index - 1]?.sender === item.sender && item.at - items[index - 1].at < 120;
    return html`<li key=${item.id} class=${`line ${item.sender}${follows ? " follows" : ""}`}>
      <span class="spoken">${t(`chat.from.${item.sender}`)}</span>
      ${item.photo || item.url || item.kind === "snapshot" ? html`<${Picture} item=${item} />` : html`<p class="bubble" dir="auto"><${Linked} text=${item.text} /></p>`}
      <${State} item=${item} />
      ${!item.failed && html`<time class="line-time figures">${item.pending ? t("chat.sending") : time(words.locale, item.at)}</time>`}
    </li>`;
  })}</ol>`;
}

function State({ item }) {
  const { desk, t } = useDesk();
  if (!item.failed) return null;
  return html`<p class="line-failed"><${Icon} name="warning" size="16" />${t(item.why || (item.kind === "snapshot" ? "snap.failed" : "chat.failed"))}
    <button type="button" class="button plain small" onClick=${() => desk.sayAgain(item)}>${t("chat.again")}</button></p>`;
}

/** A photo, or a snapshot that is on its way, with what it shows. */
function Picture({ item }) {
  const { t } = useDesk();
  const taking = item.kind === "snapshot" && !item.photo;
  return html`${item.shot && html`<span class="shot-name">${shotName(item.shot, t)}</span>`}
    ${taking ? !item.failed && html`<span class="photo loading" role="status"><span class="spinner"></span><span class="spoken">${t("snap.taking")}</span></span>` : html`<${Photo} item=${item} />`}`;
}

function Photo({ item }) {
  const { desk, t } = useDesk();
  const [url, setUrl] = useState(item.url ?? "");
  const [failed, setFailed] = useState(false);
  const [large, setLarge] = useState(false);
  const wanted = useRef(item.photo);
  wanted.current = item.photo;
  const load = () => {
    setFailed(false);
    desk.photoUrl(item.photo).then((found) => wanted.current === item.photo && setUrl(found), () => wanted.current === item.photo && setFailed(true));
  };
  useEffect(() => {
    if (!item.url) load(); // a larger still has another path
  }, [item.photo]);
  const shape = item.width && item.height ? { width: item.width, height: item.height } : { width: 4, height: 3 };
  if (failed) return html`<button type="button" class="photo-missing" onClick=${load}><${Icon} name="retry" />${t("chat.photoFailed")}</button>`;
  if (!url) return html`<span class="photo loading" role="status"><span class="spoken">${t("loading")}</span></span>`;
  return html`<button type="button" class="photo" aria-label=${t("chat.photoOpen")} onClick=${() => setLarge(true)}><img src=${url} alt="" ...${shape} /></button>
    ${large && html`<${Dialog} kind="viewer" label=${t("chat.photo")} onClose=${() => setLarge(false)}>
      <img src=${url} alt=${item.kind === "snapshot" && item.side ? t(`snap.of.${item.side}`) : t(`chat.photoFrom.${item.sender === "agent" ? "agent" : "customer"}`)} />
      <div class="viewer-actions">
        <button type="button" class="button" onClick=${() => download(url, `photo-${item.id}.jpg`)}><${Icon} name="download" />${t("chat.download")}</button>
        <button type="button" class="button" autofocus onClick=${() => setLarge(false)}><${Icon} name="close" />${t("close")}</button>
      </div>
    <//>`}`;
}
