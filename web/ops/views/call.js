/** A call: what was wrong in sentences, scores of both sides, and its timeline. Live calls go on while one looks. */
import { html, useEffect, useRef, useState } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { dateTime, timeExact } from "../../console/format.js";
import { Icon } from "../../console/icons.js";
import { csvOfCall, rtcStatsDump, save } from "../export.js";
import { verdictTitle, verdictValue, weightiest } from "../quality.js";
import * as rest from "../rest.js";
import { DumpPanel } from "./dump.js";
import { Failure, Loading, Nothing, Score } from "./parts.js";
import { Timeline } from "./timeline.js";

const POINTS = 900;
const EVERY_MS = 2000;

/** {call, quality, error}; asked for again every two seconds while the call goes on and the page is seen. */
function useCallQuality(id) {
  const [found, set] = useState({});
  const turn = useRef(() => {});
  useEffect(() => {
    let timer = 0;
    let over = false;
    turn.current = async () => {
      clearTimeout(timer);
      let next = null;
      try {
        const [call, quality] = await Promise.all([rest.call(id), rest.quality(id, POINTS)]);
        next = { call, quality };
      } catch (error) {
        next = { error: error.code ?? "server" };
      }
      if (over) return;
      set((before) => (next.error && before.call ? { ...before, stale: true } : next));
      const live = next.call ? next.call.call.phase !== "ended" : !["not_found", "not_allowed"].includes(next.error);
      if (live) timer = setTimeout(() => (document.visibilityState === "visible" ? turn.current() : wait()), EVERY_MS);
    };
    const wait = () => document.addEventListener("visibilitychange", () => !over && turn.current(), { once: true });
    turn.current();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [id]);
  return [found, () => turn.current()];
}

export function CallPage({ id }) {
  const [{ call, quality, error }, retry] = useCallQuality(id);
  const [dump, setDump] = useState(null);
  if (error) return html`<${Back} /><${Failure} code=${error} retry=${retry} />`;
  if (!call) return html`<${Back} /><${Loading} />`;
  return html`<div class="call-quality">
    <${Head} detail=${call} quality=${quality} />
    <${Verdicts} quality=${quality} />
    <${Timeline} quality=${quality} detail=${call} dump=${dump} />
    <${DumpPanel} dump=${dump} onDump=${setDump} quality=${quality} />
  </div>`;
}

function Back() {
  const { t } = useDesk();
  return html`<p><a class="back" href="#/"><${Icon} name="back" size="18" />${t("ops.page.now")}</a></p>`;
}

function Head({ detail, quality }) {
  const { t, words } = useDesk();
  const { call } = detail;
  const from = call.answered_at ?? call.created_at;
  const to = call.ended_at ?? quality.to;
  const name = (suffix) => `call-${call.call_id}.${suffix}`;
  const facts = [
    dateTime(words.locale, call.created_at),
    words.duration(Math.max(0, to - from)),
    t(call.phase === "ended" ? "ops.ended" : `phase.${call.phase}`),
    t(`media.${call.media}`),
  ];
  return html`<header class="call-head">
    <${Back} />
    <div class="page-head"><h1><bdi>${call.customer.name || t("customer.unnamed")}</bdi>${call.agent_name && html` <span class="quiet">·</span> <bdi>${call.agent_name}</bdi>`}</h1>
      <p class="quiet figures">${facts.join(" · ")}</p>
      <div class="row exports">
        <button type="button" class="button small" onClick=${() => save(name("csv"), "text/csv", csvOfCall(quality))}><${Icon} name="download" size="16" />CSV</button>
        <button type="button" class="button small" onClick=${() => save(name("rtcstats"), "application/x-ndjson", rtcStatsDump(quality, call))}><${Icon} name="download" size="16" />RTCStats</button>
      </div></div>
    <div class="sides">${["customer", "agent"].map((role) => html`<${SideCard} role=${role} quality=${quality} />`)}</div>
  </header>`;
}

function SideCard({ role, quality }) {
  const { t } = useDesk();
  const score = quality.scores.find((one) => one.role === role) ?? {};
  const legs = quality.legs.filter((leg) => leg.role === role);
  const leg = legs[legs.length - 1];
  const parts = leg ? [leg.browser, leg.network && networkName(leg.network, t), leg.transport, legs.length > 1 && t("ops.legs", { count: legs.length })] : [];
  return html`<section class="panel side-card" aria-label=${t(`who.${role}`)}>
    <div><h2>${t(`who.${role}`)}</h2><p class="quiet small-text">${parts.filter(Boolean).join(" · ") || t("ops.notConnected")}</p></div>
    <dl class="scores">
      <div><dt>${t("ops.hears")}</dt><dd><${Score} value=${score.audio} big /></dd></div>
      <div><dt>${t("ops.sees")}</dt><dd><${Score} value=${score.video} big /></dd></div>
      <div><dt>${t("ops.connection")}</dt><dd><${Score} value=${score.connection} big /></dd></div>
      <div><dt>${t("ops.worstMinute")}</dt><dd><${Score} value=${score.worst_minute} big /></dd></div>
    </dl>
  </section>`;
}

const networkName = (network, t) => {
  const key = `ops.network.${network}`;
  return t(key) === key ? network : t(key);
};

function Verdicts({ quality }) {
  const { t, words } = useDesk();
  const [all, showAll] = useState(false);
  const shown = all ? quality.verdicts : weightiest(quality.verdicts);
  return html`<section class="panel" aria-labelledby="verdicts">
    <h2 id="verdicts">${t("ops.verdicts")}</h2>
    ${quality.verdicts.length === 0 && (quality.legs.length ? html`<p class="notice good"><${Icon} name="check" size="18" />${t("ops.noProblems")}</p>` : html`<${Nothing} icon="signal" title=${t("ops.noSamples")} text=${t("ops.noSamplesText")} />`)}
    ${quality.verdicts.length > 0 && html`<ol class="verdict-list">${shown.map((verdict) => html`<${Sentence} key=${`${verdict.from}${verdict.side}${verdict.title}${verdict.direction}`} verdict=${verdict} from=${quality.from} />`)}</ol>`}
    ${shown.length < quality.verdicts.length && html`<p><button type="button" class="button small" onClick=${() => showAll(true)}>${t("ops.showAll", { count: words.number(quality.verdicts.length) })}</button></p>`}
  </section>`;
}

function Sentence({ verdict, from }) {
  const { t, words } = useDesk();
  const heard = verdict.heard_by.map((role) => t(`who.${role}`)).join(", ");
  const did = verdict.did.map((one) => (t(`verdict.did.${one}`) === `verdict.did.${one}` ? one : t(`verdict.did.${one}`)));
  const told = verdict.tell && t(verdict.tell) !== verdict.tell ? t(verdict.tell) : "";
  const lasting = words.duration(Math.max(1, verdict.to - verdict.from));
  return html`<li class=${`verdict ${verdict.severity}`}>
    <p><span class=${`chip ${verdict.severity}`}>${verdictTitle(verdict, t)}</span> <strong class="figures">${verdictValue(verdict, words)}</strong>${" "}
      <span class="quiet figures">${t("ops.sinceFor", { since: words.duration(verdict.from - from), clock: timeExact(words.locale, verdict.from), time: lasting })}</span></p>
    <p class="quiet">${heard && t("ops.heardBy", { who: heard })} ${did.length > 0 && t("ops.weDid", { what: did.join(", ") })}</p>
    ${told && html`<p class="tell"><${Icon} name="chat" size="16" />${told}</p>`}
  </li>`;
}
