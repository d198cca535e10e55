/** Alerts that hold, those of late, where they go, and the rules. Silence and acknowledge. */
import { html, useEffect, useState } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { dateTime } from "../../console/format.js";
import * as rest from "../rest.js";
import { Failure, Loading, Nothing } from "./parts.js";

const EVERY_MS = 5000;
const HOURS = [1, 8, 24, 168];

/** The rule's name in the language, else as it is written; the call it is about. */
export function alertTitle(alert, t) {
  const key = `ops.rule.${alert.rule}`;
  const name = t(key) === key ? alert.rule.replaceAll("_", " ") : t(key);
  return alert.subject ? `${name} (${t("ops.aCall")})` : name;
}

export function Alerts() {
  const { t, desk } = useDesk();
  const [view, set] = useState(null);
  const [problem, setProblem] = useState("");
  const take = (answer) => answer.then((found) => (set(found), setProblem("")), (error) => (error.code === "unauthorized" ? desk.expired() : setProblem(error.code)));
  const load = () => take(rest.alerts());
  useEffect(() => {
    load();
    const timer = setInterval(() => document.visibilityState === "visible" && load(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  if (!view) return problem ? html`<${Failure} code=${problem} retry=${load} />` : html`<${Loading} />`;
  return html`<div class="alerts">
    <div class="page-head"><h1>${t("ops.page.alerts")}</h1></div>
    ${problem && html`<${Failure} code=${problem} retry=${load} />`}
    <section class="panel" aria-labelledby="active"><h2 id="active">${t("ops.activeAlerts")}</h2>
      ${view.active.length === 0 && html`<${Nothing} icon="check" title=${t("ops.noAlerts")} />`}
      <ul class="alert-list">${view.active.map((alert) => html`<${Active} key=${alert.rule + alert.subject} alert=${alert} take=${take} />`)}</ul></section>
    <${Silences} view=${view} take=${take} />
    <${Outlets} outlets=${view.outlets} />
    <${Recent} recent=${view.recent} />
    <${Rules} rules=${view.rules} ignored=${view.ignored} />
  </div>`;
}

function Active({ alert, take }) {
  const { t, words } = useDesk();
  const number = new Intl.NumberFormat(words.locale, { maximumSignificantDigits: 3 }).format;
  const [call] = alert.subject.split("/");
  return html`<li class=${`alert ${alert.severity}`}>
    <div class="grow"><p><span class=${`chip ${alert.severity}`}>${t(`ops.severity.${alert.severity}`)}</span> <strong>${alertTitle(alert, t)}</strong></p>
      <p lang="en" dir="ltr" class="alert-text">${alert.text}</p>
      <p class="quiet small-text figures">${t("ops.since", { time: dateTime(words.locale, alert.began_at) })} · ${t("ops.valueOf", { value: number(alert.value), threshold: number(alert.threshold) })}
        ${alert.acknowledged_by && html` · ${t("ops.takenBy", { who: alert.acknowledged_by })}`}${alert.silenced && html` · ${t("ops.silenced")}`}</p></div>
    <div class="row">
      ${call && html`<a class="button small" href=${`#/call/${encodeURIComponent(call)}`}>${t("ops.toCall")}</a>`}
      ${!alert.acknowledged_by && html`<button type="button" class="button small" onClick=${() => take(rest.acknowledge(alert.rule, alert.subject))}>${t("ops.take")}</button>`}
      ${!alert.silenced && html`<${SilenceChoice} onChoose=${(hours) => take(rest.silence(alert.rule, alert.subject, hours * 3600))} name=${alertTitle(alert, t)} />`}
    </div></li>`;
}

function SilenceChoice({ onChoose, name }) {
  const { t } = useDesk();
  const choose = (event) => {
    const hours = Number(event.target.value);
    event.target.value = "";
    if (hours) onChoose(hours);
  };
  return html`<select class="field small" aria-label=${t("ops.silenceOf", { name })} onChange=${choose}>
    <option value="">${t("ops.silence")}</option>${HOURS.map((hours) => html`<option value=${hours}>${t("ops.hours", { count: hours })}</option>`)}</select>`;
}

function Silences({ view, take }) {
  const { t, words } = useDesk();
  if (!view.silences.length) return null;
  return html`<section class="panel" aria-labelledby="silences"><h2 id="silences">${t("ops.silences")}</h2><ul class="plain-list">
    ${view.silences.map((one) => html`<li><span class="grow">${alertTitle(one, t)} <span class="quiet small-text">${t("ops.until", { time: dateTime(words.locale, one.until) })} · <bdi>${one.by}</bdi></span></span>
      <button type="button" class="button small" onClick=${() => take(rest.silence(one.rule, one.subject, 0))}>${t("ops.unsilence")}</button></li>`)}</ul></section>`;
}

function Outlets({ outlets }) {
  const { t } = useDesk();
  return html`<section class="panel" aria-labelledby="outlets"><h2 id="outlets">${t("ops.outlets")}</h2>
    ${outlets.length === 0 && html`<p class="quiet">${t("ops.noOutlets")}</p>`}
    <ul class="plain-list">${outlets.map((one) => html`<li><strong dir="ltr">${one.name}</strong> <span class="quiet figures">${t("ops.sent", { sent: one.sent, failed: one.failed + one.dropped, waiting: one.waiting })}</span>
      ${one.problem && html`<span class="chip poor" dir="ltr">${one.problem}</span>`}</li>`)}</ul></section>`;
}

function Recent({ recent }) {
  const { t, words } = useDesk();
  if (!recent.length) return null;
  return html`<section class="panel" aria-labelledby="recent"><h2 id="recent">${t("ops.recentAlerts")}</h2><ol class="plain-list">
    ${recent.slice(0, 50).map((alert) => html`<li><span class=${`chip ${alert.severity}`}>${t(`ops.severity.${alert.severity}`)}</span> <span class="grow">${alertTitle(alert, t)}</span>
      <span class="quiet small-text figures">${dateTime(words.locale, alert.began_at)} · ${words.duration(alert.ended_at - alert.began_at)}</span></li>`)}</ol></section>`;
}

function Rules({ rules, ignored }) {
  const { t, words } = useDesk();
  const number = new Intl.NumberFormat(words.locale, { maximumSignificantDigits: 6 }).format;
  return html`<details class="panel"><summary><h2>${t("ops.rules", { count: rules.length })}</h2></summary>
    <p class="quiet">${t("ops.rulesText")}</p>${ignored > 0 && html`<p class="notice warn">${t("ops.ignored", { count: ignored })}</p>`}
    <div class="table-wrap" tabindex="0" role="region" aria-label=${t("ops.rules", { count: rules.length })}><table class="plain-table"><thead><tr><th scope="col">${t("ops.ruleName")}</th><th scope="col">${t("ops.ruleWhen")}</th><th scope="col">${t("ops.severityName")}</th></tr></thead>
      <tbody>${rules.map((rule) => html`<tr><th scope="row">${alertTitle({ rule: rule.name, subject: "" }, t)}</th>
        <td dir="ltr"><code>${rule.over === "last" ? "" : `${rule.over} ${number(rule.window)}s `}${rule.metric} ${rule.above !== null ? `> ${number(rule.above)}` : `< ${number(rule.below)}`}${rule.for ? ` for ${number(rule.for)}s` : ""}</code></td>
        <td>${t(`ops.severity.${rule.severity}`)}</td></tr>`)}</tbody></table></div></details>`;
}
