/** The past: filters, percentiles by what calls have in common, hour × weekday, and the calls themselves. */
import { html, useEffect, useRef, useState } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { dateTime } from "../../console/format.js";
import { Icon } from "../../console/icons.js";
import { csv, save } from "../export.js";
import { countryName, grade, percent, score, verdictTitle } from "../quality.js";
import * as rest from "../rest.js";
import { Failure, Loading, Nothing, Score } from "./parts.js";

const DAY = 86400;
const MOST_DAYS = 400; // the server asks for no more at once
const KINDS = ["loss", "burst", "rate", "delay", "jitter", "outage", "cpu", "silent", "black", "overload"];
const GROUPS = ["country", "network", "browser", "agent", "hour"];
const HOURS = Array.from({ length: 24 }, (_, hour) => [String(hour), `${String(hour).padStart(2, "0")}:00`]);
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const dayOf = (at) => {
  const day = new Date(at * 1000);
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-${String(day.getDate()).padStart(2, "0")}`;
};
const start = (day) => new Date(`${day}T00:00:00`).getTime() / 1000;

export function History() {
  const { t, desk } = useDesk();
  const now = Date.now() / 1000;
  const [filter, setFilter] = useState({ from: dayOf(now - 6 * DAY), to: dayOf(now), side: "", kind: "", score: "", agent: "", country: "", network: "", browser: "", hour: "" });
  const [found, set] = useState({ state: "loading" });
  const asked = useRef(0);
  const load = async () => {
    const turn = ++asked.current;
    set((before) => ({ ...before, state: "loading" }));
    const { from, to, ...rest_ } = filter;
    const [since, until] = [start(from), start(to) + DAY];
    if (until <= since || until - since > MOST_DAYS * DAY) return set({ state: "failed", code: "span" });
    const query = Object.fromEntries(Object.entries({ since, until, zone: zone(), ...rest_ }).filter(([, value]) => value !== ""));
    try {
      const answer = await rest.history(query);
      if (turn === asked.current) set({ state: "ready", answer });
    } catch (error) {
      if (error.code === "unauthorized") desk.expired();
      else if (turn === asked.current) set({ state: "failed", code: error.code });
    }
  };
  useEffect(() => {
    load();
  }, [filter]);
  const { state, answer, code } = found;
  return html`<div class="history">
    <div class="page-head"><h1>${t("ops.page.history")}</h1>${state === "loading" && answer && html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`}</div>
    <${Filters} filter=${filter} onFilter=${setFilter} answer=${answer} />
    ${state === "failed" && html`<${Failure} code=${code} retry=${code !== "span" && load} />`}
    ${state === "loading" && !answer && html`<${Loading} />`}
    ${answer && state !== "failed" && html`<${Found} answer=${answer} />`}
  </div>`;
}

function Filters({ filter, onFilter, answer }) {
  const { t, words } = useDesk();
  const change = (name) => (event) => event.target.value !== filter[name] && onFilter({ ...filter, [name]: event.target.value });
  const choice = (name, options) => html`<label for=${`filter-${name}`}><span>${t(`ops.filter.${name}`)}</span>
    <select id=${`filter-${name}`} class="field" onChange=${change(name)}><option value="" selected=${filter[name] === ""}>${t("calls.all")}</option>
      ${options.map(([value, label]) => html`<option value=${value} selected=${filter[name] === value}>${label}</option>`)}</select></label>`;
  const known = (name, label = (key) => key) => {
    const keys = new Set((answer?.known?.[name] ?? []).filter(Boolean));
    if (filter[name]) keys.add(filter[name]);
    return choice(name, [...keys].map((key) => [key, label(key)]).sort((a, b) => a[1].localeCompare(b[1], words.locale)));
  };
  const date = (name) => html`<label for=${`filter-${name}`}><span>${t(`ops.filter.${name}`)}</span><input id=${`filter-${name}`} class="field" type="date" value=${filter[name]} required onChange=${(event) => event.target.value && change(name)(event)} /></label>`;
  return html`<form class="panel filter-form" aria-label=${t("ops.filters")} onSubmit=${(event) => event.preventDefault()}>
    ${date("from")}${date("to")}
    ${choice("side", ["customer", "agent", "server"].map((side) => [side, t(`verdict.side.${side}`)]))}
    ${choice("kind", KINDS.map((kind) => [kind, t(`verdict.title.${kind}`)]))}
    ${choice("score", [["2.6", t("ops.below", { score: score(2.6, words) })], ["3.6", t("ops.below", { score: score(3.6, words) })]])}
    ${known("agent", (key) => answer?.agents?.[key] ?? key)}
    ${known("country", (key) => countryName(key, words))}
    ${known("network", (key) => groupName("network", key, { t, words, answer }))}
    ${known("browser")}
    ${choice("hour", HOURS)}
  </form>`;
}

function Found({ answer }) {
  const { t, words } = useDesk();
  const { summary, calls, truncated } = answer;
  if (summary.all.minutes === 0) return html`<section class="panel"><${Nothing} icon="clock" title=${t("ops.noHistory")} text=${t("ops.noHistoryText")} /></section>`;
  return html`
    ${truncated && html`<p class="notice warn">${t("ops.truncated")}</p>`}
    <section class="panel" aria-labelledby="summary"><div class="panel-head"><h2 id="summary">${t("ops.summary")}</h2><span class="quiet figures">${t("ops.callsAndMinutes", { calls: words.number(summary.all.calls), minutes: words.number(summary.all.minutes) })}</span></div>
      <div class="overall">${["audio", "video", "connection"].map((name) => html`<${Spread} name=${t({ audio: "ops.hears", video: "ops.sees", connection: "ops.connection" }[name])} values=${summary.all[name]} />`)}
        <dl class="facts"><div><dt>${t("ops.lossP90")}</dt><dd>${summary.all.loss.p90 === null ? "–" : percent(summary.all.loss.p90, words)}</dd></div><div><dt>${t("ops.rttP90")}</dt><dd>${summary.all.rtt_ms.p90 === null ? "–" : `${words.number(summary.all.rtt_ms.p90)} ms`}</dd></div></dl></div></section>
    <${Heat} cells=${summary.heat} />
    <${Groups} answer=${answer} />
    <${CallRows} answer=${answer} calls=${calls} />`;
}

/** p10 to p90 as a bar on the scale 1 to 5, the median as a mark. */
function Spread({ name, values, bare = false }) {
  const { t, words } = useDesk();
  const x = (value) => ((value - 1) / 4) * 100;
  const { p10, p50, p90 } = values;
  const label = p50 === null ? t("ops.unknown") : t("ops.spread", { p10: score(p10, words), p50: score(p50, words), p90: score(p90, words) });
  return html`<div class="spread">${!bare && html`<span>${name}</span>`}<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=${`${name}: ${label}`}><rect class="meter-all" y="3" width="100" height="4" rx="2" />
    ${p50 !== null && html`<rect class=${`spread-part ${grade(p10)}`} x=${x(p10)} y="2" width=${Math.max(1.5, x(p90) - x(p10))} height="6" rx="2" /><rect class="spread-mark" x=${x(p50) - 0.7} y="0" width="1.4" height="10" />`}</svg>
    <b class="figures" title=${label}>${p50 === null ? "–" : score(p50, words)}</b></div>`;
}

function Heat({ cells }) {
  const { t, words } = useDesk();
  const monday = Date.UTC(2024, 0, 1);
  const day = (n) => new Intl.DateTimeFormat(words.locale, { weekday: "short", timeZone: "UTC" }).format(monday + n * 864e5);
  const byPlace = new Map(cells.map((cell) => [`${cell.weekday}.${cell.hour}`, cell]));
  const hours = [...Array(24).keys()];
  return html`<section class="panel" aria-labelledby="heat"><h2 id="heat">${t("ops.heat")}</h2>
    <div class="table-wrap" tabindex="0" role="region" aria-label=${t("ops.heat")}><table class="heat"><thead><tr><td></td>${hours.map((hour) => html`<th scope="col">${hour % 3 === 0 ? words.number(hour) : html`<span class="spoken">${hour}</span>`}</th>`)}</tr></thead>
      <tbody>${[...Array(7).keys()].map((weekday) => html`<tr><th scope="row">${day(weekday)}</th>${hours.map((hour) => {
        const cell = byPlace.get(`${weekday}.${hour}`);
        const text = cell ? `${score(cell.connection, words)} · ${t("ops.minutes", { count: cell.minutes })}` : "";
        return html`<td class=${`cell ${cell ? grade(cell.connection) : "none"}`} title=${text}>${cell && html`<span class="spoken">${text}</span><span aria-hidden="true">${score(cell.connection, words)}</span>`}</td>`;
      })}</tr>`)}</tbody></table></div></section>`;
}

function groupName(group, key, { t, words, answer }) {
  if (key === "") return t("ops.unknown");
  if (key === "other") return t("ops.others");
  if (group === "country") return countryName(key, words);
  if (group === "agent") return answer?.agents?.[key] ?? key;
  if (group === "network") return t(`ops.network.${key}`) === `ops.network.${key}` ? key : t(`ops.network.${key}`);
  if (group === "hour") return new Intl.DateTimeFormat(words.locale, { hour: "numeric", timeZone: "UTC" }).format(Number(key) * 36e5);
  return key;
}

function Groups({ answer }) {
  const { t, words } = useDesk();
  const [group, choose] = useState("country");
  const rows = answer.summary[group];
  return html`<section class="panel" aria-labelledby="groups"><h2 id="groups">${t("ops.groups")}</h2>
    <div class="filters" role="group" aria-labelledby="groups">${GROUPS.map((one) => html`<button type="button" class="filter" aria-pressed=${group === one} onClick=${() => choose(one)}>${t(`ops.filter.${one}`)}</button>`)}</div>
    <div class="table-wrap" tabindex="0" role="region" aria-label=${t("ops.groups")}><table class="plain-table groups"><thead><tr><th scope="col">${t(`ops.filter.${group}`)}</th><th scope="col">${t("ops.calls")}</th><th scope="col">${t("ops.hears")}</th><th scope="col">${t("ops.sees")}</th><th scope="col">${t("ops.connection")}</th><th scope="col">${t("ops.lossP90")}</th><th scope="col">${t("ops.rttP90")}</th></tr></thead>
      <tbody>${rows.map((row) => html`<tr><th scope="row"><bdi>${groupName(group, row.key, { t, words, answer })}</bdi></th><td class="figures">${words.number(row.calls)}</td>
        ${["audio", "video", "connection"].map((name) => html`<td><${Spread} bare name=${name} values=${row[name]} /></td>`)}
        <td class="figures">${row.loss.p90 === null ? "–" : percent(row.loss.p90, words)}</td><td class="figures">${row.rtt_ms.p90 === null ? "–" : words.number(row.rtt_ms.p90)}</td></tr>`)}</tbody></table></div></section>`;
}

const ROWS = 100;

function CallRows({ answer, calls }) {
  const { t, words } = useDesk();
  const [shown, setShown] = useState(ROWS);
  const file = () => {
    const head = ["call_id", "at", "minutes", "agent", "country", "network", "browser", "audio", "video", "connection", "worst", "problems"];
    const rows = calls.map((one) => [one.call_id, new Date(one.at * 1000).toISOString(), one.minutes, answer.agents[one.agent_id] ?? one.agent_id, one.country, one.network, one.browser, one.audio, one.video, one.connection, one.worst, one.verdicts.map((v) => [v.kind, v.side, v.direction, v.severity].filter(Boolean).join(" ")).join("; ")]);
    save("calls.csv", "text/csv", csv([head, ...rows]));
  };
  return html`<section class="panel" aria-labelledby="found"><div class="panel-head"><h2 id="found">${t("ops.foundCalls", { count: calls.length })}</h2><button type="button" class="button small" onClick=${file}><${Icon} name="download" size="16" />CSV</button></div>
    <div class="table-wrap" tabindex="0" role="region" aria-labelledby="found"><table class="plain-table history-calls"><thead><tr><th scope="col">${t("ops.began")}</th><th scope="col">${t("ops.connection")}</th><th scope="col">${t("ops.worstMinute")}</th><th scope="col">${t("who.agent")}</th><th scope="col">${t("ops.where")}</th><th scope="col">${t("ops.problem")}</th></tr></thead>
      <tbody>${calls.slice(0, shown).map((one) => html`<tr><th scope="row"><a href=${`#/call/${encodeURIComponent(one.call_id)}`}>${dateTime(words.locale, one.at)}</a> <span class="quiet small-text">${t("ops.minutes", { count: one.minutes })}</span></th>
        <td><${Score} value=${one.connection} /></td><td><${Score} value=${one.worst} /></td><td><bdi>${answer.agents[one.agent_id] ?? ""}</bdi></td>
        <td>${[one.country && countryName(one.country, words), one.network && groupName("network", one.network, { t, words }), one.browser].filter(Boolean).join(" · ")}</td>
        <td class="verdicts">${one.verdicts.map((verdict) => html`<span class=${`chip ${verdict.severity}`}>${verdictTitle(verdict, t)}</span>`)}</td></tr>`)}</tbody></table></div>
    ${calls.length > shown && html`<button type="button" class="button small" onClick=${() => setShown(shown + ROWS)}>${t("calls.more")}</button>`}</section>`;
}
