/** One past (or running) call: who, when, why, its history, chat, photos and rating. */
import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { Icon } from "../icons.js";
import { clock, dateTime, timeExact } from "../format.js";
import * as rest from "../rest.js";
import { liveCall } from "../state.js";
import { eventDetail, eventKey, outcome, reasonKey, toldEvents } from "../words.js";
import { ChatItems } from "./chat-items.js";
import { go, useDesk, useFocusOnce } from "./context.js";
import { Facts, Who } from "./customer.js";
import { Empty, Stars } from "./parts.js";
import { Evidence, Recordings, Stills } from "./recordings.js";

function useDetail(id) {
  const { desk, state } = useDesk();
  const [found, set] = useState({ state: "loading" });
  const [round, again] = useState(0);
  useEffect(() => {
    let wanted = true;
    rest.call(id).then(
      (detail) => wanted && set({ state: "ready", ...detail }),
      (error) => {
        if (error.code === "unauthorized") return desk.expired();
        if (wanted) set({ state: error.code === "not_found" ? "missing" : "failed" });
      },
    );
    return () => {
      wanted = false;
    };
  }, [id, round, state.ended]);
  return { ...found, again: () => (set({ state: "loading" }), again(round + 1)) };
}

export function CallDetail({ id }) {
  const { t } = useDesk();
  const found = useDetail(id);
  const panel = useFocusOnce(id);
  const body = {
    loading: () => html`<p class="detail-wait" role="status"><span class="spinner"></span>${t("loading")}</p>`,
    missing: () => html`<${Empty} icon="list" title=${t("detail.missing")} />`,
    failed: () => html`<${Empty} icon="warning" title=${t("detail.failed")}><button type="button" class="button small" onClick=${found.again}>${t("retry")}</button><//>`,
    ready: () => html`<${Body} ...${found} />`,
  };
  return html`<section class="detail" ref=${panel} tabindex="-1" aria-label=${t("detail.title")} onKeyDown=${(event) => event.key === "Escape" && !event.target.closest("dialog") && go("calls")}>
    <div class="detail-head"><a class="button plain small" href="#/calls"><${Icon} name="back" size="18" />${t("detail.back")}</a></div>
    ${body[found.state]()}
  </section>`;
}

function Body({ call, events, chat }) {
  const { t, state } = useDesk();
  const { key, kind } = outcome(call);
  const mine = liveCall(state)?.call_id === call.call_id;
  const alone = matchMedia("(max-width: 74.99rem)").matches; // list.css hides the list and its heading
  const Sub = alone ? "h2" : "h3";
  return html`<div class="detail-body">
    <div class="detail-who"><${Who} call=${call} person=${call.customer} level=${alone ? "h1" : "h2"} /><span class=${`tag ${kind}`}>${t(key)}</span></div>
    ${mine && html`<a class="button primary small" href="#/">${t("detail.toCall")}</a>`}
    <${Numbers} call=${call} />
    ${call.rating > 0 && html`<div class="detail-rating"><${Stars} count=${call.rating} />${call.rating_comment && html`<p dir="auto">“${call.rating_comment}”</p>`}</div>`}
    <${Recordings} call=${call} events=${events ?? []} Sub=${Sub} />
    <${Sub} class="sub">${t("context.title")}<//><${Facts} call=${call} />
    <${Stills} call=${call} Sub=${Sub} />
    <${Evidence} call=${call} events=${events ?? []} Sub=${Sub} />
    <${Sub} class="sub">${t("chat.title")}<//>
    ${chat?.length ? html`<${ChatItems} items=${chat} />` : html`<p class="quiet">${t("detail.noChat")}</p>`}
    <${Sub} class="sub">${t("detail.history")}<//><${History} call=${call} events=${events ?? []} />
  </div>`;
}

function Numbers({ call }) {
  const { t, words } = useDesk();
  const waited = (call.answered_at ?? call.ended_at ?? call.created_at) - call.created_at;
  const talked = call.answered_at ? (call.ended_at ?? Date.now() / 1000) - call.answered_at : null;
  const rows = [
    [t("detail.began"), dateTime(words.locale, call.created_at)],
    [t("detail.waited"), clock(waited)],
    [t("detail.talked"), talked === null ? "–" : clock(talked)],
    [t("detail.agent"), call.agent_name || "–"],
  ];
  return html`<dl class="numbers">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd class="figures"><bdi>${value}</bdi></dd></div>`)}</dl>
    ${call.phase === "ended" && html`<p class="quiet">${t(byWhom(call))}</p>`}`;
}

const byWhom = (call) => (call.reason === "hung_up" ? `detail.hung_up.${call.ended_by === "agent" ? "agent" : "customer"}` : reasonKey(call, false));

function History({ call, events }) {
  const { t, words } = useDesk();
  return html`<ol class="history">${toldEvents(events).map(({ sequence, at, name, data }) => html`<li key=${sequence}>
    <time class="figures" datetime=${new Date(at * 1000).toISOString()}>${timeExact(words.locale, at)}</time>
    <span>${eventKey(name) ? t(eventKey(name)) : name.replaceAll("_", " ")} <bdi class="quiet">${eventDetail(data ?? {}, call, t)}</bdi></span>
  </li>`)}</ol>`;
}
