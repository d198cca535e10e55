/** Pages of the call list, and its rows. */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock, date, daysApart, isolated, languageName, time } from "../format.js";
import * as rest from "../rest.js";
import { outcome } from "../words.js";
import { useDesk } from "./context.js";
import { Avatar, Empty, Stars } from "./parts.js";

const NOTHING = { rows: [], state: "loading", done: false };

/** An older page goes below what is known, the newest page over it; what was loaded further down stays. */
export function joined(known, page, older) {
  const [first, second] = older ? [known, page] : [page, known];
  const seen = new Set(first.map((call) => call.call_id));
  return [...first, ...second.filter((call) => !seen.has(call.call_id))];
}

/** {rows, state: loading | more | ready | failed, done, more(), again(), reload()}; a newer request wins over an older. */
export function useCalls({ phase = "", limit = 30 } = {}) {
  const { desk } = useDesk();
  const [list, set] = useState(NOTHING);
  const run = useRef(0);
  const fetchPage = async (known, older) => {
    const ours = (run.current += 1);
    set((old) => ({ ...old, state: older ? "more" : "loading" }));
    try {
      const page = await rest.calls({ phase, limit, before: older ? known.at(-1).created_at : undefined });
      const done = page.length < limit;
      if (ours === run.current) set((old) => ({ rows: joined(known, page, older), state: "ready", done: done || (!older && old.done) }));
    } catch (error) {
      if (error.code === "unauthorized") return desk.expired();
      if (ours === run.current) set((old) => ({ ...old, state: "failed" }));
    }
  };
  useEffect(() => {
    set(NOTHING);
    fetchPage([], false);
    return () => {
      run.current += 1;
    };
  }, [phase]);
  const more = () => list.state === "ready" && !list.done && fetchPage(list.rows, true);
  const again = () => fetchPage(list.rows, list.rows.length > 0);
  // Under a filter a call may have left the list: then only the fresh page is right.
  return { ...list, more, again, reload: () => fetchPage(phase ? [] : list.rows, false) };
}

/** Calls begin and end: look again when what this page hears of it changes. */
export function useNews(list) {
  const { state } = useDesk();
  const { waiting, incoming, call } = state.view;
  const news = [state.ended, waiting, incoming.length, call?.phase].join();
  const before = useRef(news);
  useEffect(() => {
    if (before.current !== news) list.reload();
    before.current = news;
  }, [news]);
}

export function Rows({ list, rows = list.rows, chosen = "" }) {
  const { t, words } = useDesk();
  if (!rows.length && list.state === "loading") return html`<${Skeleton} />`;
  if (!rows.length && list.state === "failed") return html`<${Failed} list=${list} />`;
  if (!rows.length) return html`<${Empty} icon="list" title=${t("calls.empty")}><p class="quiet">${t("calls.emptyText")}</p><//>`;
  const now = Date.now() / 1000;
  let last = -1;
  const lines = rows.map((call) => {
    const days = daysApart(call.created_at, now);
    const heading = days !== last && html`<li class="day" key=${`day${days}`}>${days === 0 ? t("today") : days === 1 ? t("yesterday") : date(words.locale, call.created_at)}</li>`;
    last = days;
    return [heading, html`<${Row} key=${call.call_id} call=${call} chosen=${chosen === call.call_id} />`];
  });
  return html`<ul class="rows" aria-busy=${list.state === "loading"}>${lines}</ul>`;
}

function Row({ call, chosen }) {
  const { t, words } = useDesk();
  const { customer = {}, context } = call;
  const name = customer.name || t("customer.unnamed");
  const { key, kind } = outcome(call);
  const talked = call.answered_at && call.ended_at ? clock(call.ended_at - call.answered_at) : "";
  const order = context?.order && t("context.orderShort", { order: isolated(context.order) });
  return html`<li><a class="row" href=${`#/calls/${call.call_id}`} aria-current=${chosen ? "true" : undefined}>
    <${Avatar} name=${customer.name} size="small" />
    <span class="row-who"><span class="row-name"><bdi>${name}</bdi>${customer.verified && html`<span class="row-verified"><${Icon} name="shield" size="15" /><span class="spoken">${t("customer.verified")}</span></span>`}</span>
      <span class="row-about">${order && html`<span>${order}</span>`}${order && context.product && html`<span>·</span>`}<bdi>${context?.product || (!order && languageName(words.locale, call.language))}</bdi></span></span>
    <span class="row-agent"><bdi>${call.agent_name || "–"}</bdi></span>
    <span class="row-rating">${call.rating ? html`<${Stars} count=${call.rating} />` : ""}</span>
    <span class=${`tag ${kind}`}><${Icon} name=${call.media === "video" ? "camera" : "phone"} size="15" /><span class="spoken">${t(`media.${call.media}`)}</span>${t(key)}</span>
    <span class="row-talked figures">${talked}</span>
    <time class="row-time figures" datetime=${new Date(call.created_at * 1000).toISOString()}>${time(words.locale, call.created_at)}</time>
  </a></li>`;
}

function Skeleton() {
  const { t } = useDesk();
  return html`<div class="rows skeletons" role="status"><span class="spoken">${t("loading")}</span>${[1, 2, 3, 4, 5].map(() => html`<div class="row skeleton" aria-hidden="true"><i></i><i></i><i></i></div>`)}</div>`;
}

export function Failed({ list }) {
  const { t } = useDesk();
  return html`<${Empty} icon="warning" title=${t("calls.failed")}><button type="button" class="button small" onClick=${list.again}><${Icon} name="retry" size="18" />${t("retry")}</button><//>`;
}
