/** What is now: figures of the server, its workers, and every call with the quality of the last two minutes. */
import { html } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { callGrade, callScore, connectionOf, countryName, legOf, percent, sorted, verdictTitle } from "../quality.js";
import { Failure, Loading, Meter, Nothing, Score, Spark, Tile } from "./parts.js";

export function Now({ feed }) {
  const { live, problem } = feed;
  if (!live) return problem ? html`<${Failure} code=${problem} />` : html`<${Loading} />`;
  return html`<div class="now">
    <${Figures} live=${live} />
    <${Calls} live=${live} />
    <${Node} live=${live} />
  </div>`;
}

function Figures({ live }) {
  const { t, words } = useDesk();
  const { queue, calls } = live;
  const known = calls.map(callScore).filter((value) => value !== null).sort((a, b) => a - b);
  const bad = calls.filter((call) => callGrade(call) === "poor").length;
  const middle = known.length ? known[Math.floor(known.length / 2)] : null;
  const wait = queue.longest_wait;
  return html`<section aria-labelledby="figures">
    <h1 id="figures" class="spoken">${t("ops.page.now")}</h1>
    <dl class="tiles">
      <${Tile} name=${t("ops.calls")} value=${words.number(queue.active + queue.on_hold)} hint=${queue.on_hold ? t("ops.onHold", { count: queue.on_hold }) : ""} />
      <${Tile} name=${t("ops.waiting")} value=${words.number(queue.waiting + queue.ringing)} kind=${wait > 120 ? "poor" : wait > 45 ? "fair" : ""} hint=${wait > 0 ? t("ops.longest", { time: words.duration(wait) }) : ""} />
      <${Tile} name=${t("ops.agents")} value=${words.number(queue.agents_ready)} kind=${queue.waiting > 0 && queue.agents_ready === 0 ? "fair" : ""} hint=${t("ops.agentsHint", { busy: queue.agents_busy, away: queue.agents_away })} />
      <${Tile} name=${t("ops.middle")} value=${html`<${Score} value=${middle} />`} hint=${t("ops.ofFive")} />
      <${Tile} name=${t("ops.bad")} value=${words.number(bad)} kind=${bad ? "poor" : ""} hint=${calls.length ? t("ops.ofCalls", { count: calls.length }) : ""} />
    </dl>
  </section>`;
}

function Calls({ live }) {
  const { t } = useDesk();
  const calls = sorted(live.calls);
  return html`<section class="panel calls-now" aria-labelledby="calls-now">
    <div class="panel-head"><h2 id="calls-now">${t("ops.callsNow")}</h2>
      ${live.calls_total > calls.length && html`<span class="quiet small-text">${t("ops.shown", { shown: calls.length, all: live.calls_total })}</span>`}</div>
    ${calls.length === 0 && html`<${Nothing} icon="phone" title=${t("ops.noCalls")} text=${t("ops.noCallsText")} />`}
    ${calls.length > 0 && html`<div class="table-wrap"><table class="calls-table">
      <thead><tr><th scope="col">${t("ops.call")}</th><th scope="col">${t("who.customer")}</th><th scope="col">${t("who.agent")}</th><th scope="col">${t("ops.problem")}</th></tr></thead>
      <tbody>${calls.map((call) => html`<${Row} key=${call.call_id} call=${call} now=${live.at} />`)}</tbody>
    </table></div>`}
  </section>`;
}

function Row({ call, now }) {
  const { t, words } = useDesk();
  const [customer, agent] = [legOf(call, "customer"), legOf(call, "agent")];
  const since = call.answered_at ?? call.created_at;
  return html`<tr class=${callGrade(call)}>
    <th scope="row">
      <a href=${`#/call/${encodeURIComponent(call.call_id)}`}><bdi>${call.customer || t("customer.unnamed")}</bdi></a>
      <span class="quiet small-text">${call.agent_name ? html`<bdi>${call.agent_name}</bdi> · ` : ""}<span class="figures">${words.duration(now - since)}</span>${call.phase !== "active" && ` · ${t(`phase.${call.phase}`)}`}${call.country && ` · ${countryName(call.country, words)}`}</span>
    </th>
    <${Side} leg=${customer} name=${t("who.customer")} />
    <${Side} leg=${agent} name=${t("who.agent")} />
    <td class="verdicts">${call.verdicts.map((verdict) => html`<span class=${`chip ${verdict.severity}`}>${verdictTitle(verdict, t)}</span>`)}</td>
  </tr>`;
}

function Side({ leg, name }) {
  const { t, words } = useDesk();
  if (!leg) return html`<td class="side"><span class="quiet small-text">${t("ops.notConnected")}</span></td>`;
  const { rtt_ms: rtt, up_loss: up, down_loss: down, paused } = leg.now;
  const facts = [
    rtt !== null && rtt !== undefined && t("ops.rtt", { ms: Math.round(rtt) }),
    up > 0.005 && t("ops.lossUp", { loss: percent(up, words) }),
    down > 0.005 && t("ops.lossDown", { loss: percent(down, words) }),
    paused ? t("ops.paused") : "",
    leg.state === "disconnected" ? t("ops.away") : "",
    leg.transport.startsWith("tcp") && "TCP",
  ].filter(Boolean);
  return html`<td class="side"><span class="side-name">${name}</span><span class="side-line"><${Spark} values=${leg.spark} label=${name} /><${Score} value=${connectionOf(leg) ?? null} /></span>
    <span class="quiet small-text figures">${facts.join(" · ")}</span></td>`;
}

const heat = (value, fair, poor) => (value >= poor ? "poor" : value >= fair ? "fair" : "");

function Node({ live }) {
  const { t, words } = useDesk();
  const { node, workers } = live;
  const free = (part, name) => part !== null && html`<${Meter} name=${name} value=${1 - part} kind=${heat(1 - part, 0.85, 0.95)} />`;
  return html`<section class="panel" aria-labelledby="node">
    <div class="panel-head"><h2 id="node">${t("ops.server")}</h2><span class="quiet small-text">${t("ops.version", { version: node.version })} · ${t("ops.up", { time: words.duration(live.at - node.started_at) })}</span></div>
    ${node.problems.length > 0 && html`<div class="notice bad"><strong>${t("ops.notReady")}</strong><ul>${node.problems.map((text) => html`<li lang="en" dir="ltr">${text}</li>`)}</ul></div>`}
    <div class="meters">
      <${Meter} name=${t("ops.cpuControl")} value=${node.cpu} kind=${heat(node.cpu, 0.6, 0.85)} />
      <${Meter} name=${t("ops.load")} value=${node.load} kind=${heat(node.load, 0.9, 1.5)} />
      ${free(node.memory_free, t("ops.memory"))}
      ${free(node.disk_free, t("ops.disk"))}
      ${node.certificate_days !== null && html`<${Meter} name=${t("ops.certificate")} value=${node.certificate_days / 90} kind=${node.certificate_days < 14 ? "poor" : ""} text=${t("ops.days", { count: Math.floor(node.certificate_days) })} />`}
    </div>
    <h3>${t("ops.workers")}</h3>
    ${workers.length === 0 && html`<p class="notice bad">${t("ops.noWorkers")}</p>`}
    <ul class="workers">${workers.map((worker) => html`<li>
      <span class="worker-name" dir="ltr">${worker.engine_id}</span>
      <span class="quiet small-text">${t("ops.workerCalls", { count: worker.calls })} · ${t("ops.lag", { ms: Math.round(worker.loop_lag_ms) })}${worker.draining ? ` · ${t("ops.draining")}` : ""}</span>
      <${Meter} name="CPU" value=${worker.cpu_fraction} kind=${heat(worker.cpu_fraction, 0.65, 0.85)} />
      ${worker.codec_cpu_fraction > 0.005 && html`<${Meter} name=${t("ops.codec")} value=${worker.codec_cpu_fraction} />`}
    </li>`)}</ul>
    <p class="quiet small-text">${t("ops.spare", { count: live.spare_workers })}</p>
  </section>`;
}
