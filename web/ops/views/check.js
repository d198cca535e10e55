/** A result of the test before a call, as its link carries it: read here, kept nowhere. */
import { html } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { dateTime } from "../../console/format.js";
import { unpack } from "../../test/result.js";
import { Nothing } from "./parts.js";

export function CheckPage({ packed }) {
  const { t, words } = useDesk();
  const result = unpack(packed);
  if (!result) return html`<section class="panel"><${Nothing} icon="warning" title=${t("ops.badTest")} /></section>`;
  return html`<section class="panel check" aria-labelledby="check"><div class="panel-head"><h1 id="check">${t("ops.testOf")}</h1><span class="quiet">${dateTime(words.locale, result.at)}</span></div>
    <ul class="plain-list">${result.lines.map(({ kind, key, values }) => html`<li><span class=${`chip ${kind}`}>${t(`test.word.${kind}`)}</span> <span class="grow">${t(`test.${key}`, values)}</span></li>`)}</ul>
    <dl class="facts">${Object.entries(result.facts).map(([name, value]) => html`<div><dt>${t(`test.fact.${name}`)}</dt><dd dir="auto">${value}</dd></div>`)}</dl></section>`;
}
