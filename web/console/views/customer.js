/** Who calls and why: name, verified or not, language, media, and what the shop told us. */
import { html } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { languageName, safeUrl, shortUrl } from "../format.js";
import { useDesk } from "./context.js";
import { Avatar, Verified } from "./parts.js";

export function Who({ call, person = call.peer, id, level = "h2", size = "" }) {
  const { t, words } = useDesk();
  const name = person?.name || t("customer.unnamed");
  const language = languageName(words.locale, call.language);
  return html`<div class="who">
    <${Avatar} name=${person?.name} size=${size} />
    <div class="who-text">
      <${level} id=${id} class="who-name"><bdi>${name}</bdi>${person?.verified && html` <${Verified} />`}<//>
      <p class="who-line">
        <span class="fact"><${Icon} name=${call.media === "video" ? "camera" : "phone"} size="16" />${t(`media.${call.media}`)}</span>
        ${language && html`<span class="fact">${language}</span>`}
      </p>
    </div>
  </div>`;
}

export function Facts({ call, context = call.context }) {
  const { t } = useDesk();
  const { order, product, product_url: productUrl, page_url: pageUrl, note, extra = {} } = context ?? {};
  const rows = [
    order && [t("context.order"), html`<bdi class="figures">${order}</bdi>`],
    (product || productUrl) && [t("context.product"), html`<${Outside} url=${productUrl} text=${product} />`],
    pageUrl && [t("context.page"), html`<${Outside} url=${pageUrl} />`],
    note && [t("context.note"), html`<span class="context-note" dir="auto">${note}</span>`],
    ...Object.entries(extra).map(([key, value]) => [html`<bdi>${key.replaceAll("_", " ")}</bdi>`, html`<bdi>${value}</bdi>`]),
  ].filter(Boolean);
  if (!rows.length) return html`<p class="quiet no-context">${t("context.none")}</p>`;
  return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A link out of the console that tells the other side nothing; other schemes than http(s) stay text. */
function Outside({ url, text }) {
  const { t } = useDesk();
  const safe = safeUrl(url);
  if (!safe) return html`<bdi>${text || url}</bdi>`;
  return html`<a href=${safe} target="_blank" rel="noopener noreferrer" title=${safe}><bdi>${text || shortUrl(url)}</bdi><${Icon} name="link" size="14" /><span class="spoken">${t("newTab")}</span></a>`;
}
