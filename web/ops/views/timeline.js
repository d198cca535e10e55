/** The call over time: minutes and verdicts as bars, marks of what happened, and curves on one common axis. */
import { html, useEffect, useMemo, useRef, useState } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { timeExact } from "../../console/format.js";
import { scale, timeTicks } from "../charts.js";
import { marksOf } from "../marks.js";
import { grade, verdictTitle } from "../quality.js";
import { Chart, chartsOf } from "./curves.js";

const EDGE = 46;
/** Pixels left of the plots for numbers. Time runs from left to right in every language. */
const LANE = 14;

function useWidth() {
  const ref = useRef(null);
  const [width, set] = useState(900);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => set(Math.max(280, Math.round(entry.contentRect.width))));
    watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, []);
  return [ref, width];
}

export function Timeline({ quality, detail, dump }) {
  const { t, words } = useDesk();
  const [ref, width] = useWidth();
  const [range, setRange] = useState(null);
  const [cursor, setCursor] = useState(null);
  const marks = useMemo(() => marksOf(detail, quality), [detail, quality]);
  const end = Math.max(quality.to, quality.from + 10);
  const [from, to] = range ?? [quality.from, end];
  const at = cursor === null ? to : Math.min(to, Math.max(from, cursor));
  const x = scale(from, to, EDGE, width - 8);
  const zoom = (factor) => {
    const half = Math.max(10, ((to - from) * factor) / 2);
    const middle = Math.min(end - half, Math.max(quality.from + half, at));
    setRange(half * 2 >= end - quality.from ? null : [middle - half, middle + half]);
  };
  const point = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const moment = from + ((event.clientX - box.left - EDGE) / (width - 8 - EDGE)) * (to - from);
    setCursor(Math.min(to, Math.max(from, moment)));
  };
  const charts = useMemo(() => chartsOf(quality, dump), [quality, dump]);
  const plot = { x, width, from, to, edge: EDGE, cursor: cursor === null ? null : at, origin: quality.from };
  return html`<section class="panel timeline" aria-labelledby="timeline">
    <div class="panel-head"><h2 id="timeline">${t("ops.timeline")}</h2>
      <div class="row"><button type="button" class="button small" onClick=${() => zoom(0.4)}>${t("ops.zoomIn")}</button>
        <button type="button" class="button small" disabled=${!range} onClick=${() => zoom(2.5)}>${t("ops.zoomOut")}</button>
        <button type="button" class="button small" disabled=${!range} onClick=${() => setRange(null)}>${t("ops.zoomAll")}</button></div></div>
    <div class="timeline-body" dir="ltr" ref=${ref} onPointerMove=${point} onPointerDown=${point}>
      <${Lanes} quality=${quality} plot=${plot} />
      <${Marks} marks=${marks} plot=${plot} />
      ${charts.map((chart) => html`<${Chart} key=${chart.name} chart=${chart} plot=${plot} moment=${at} />`)}
      <${Axis} plot=${plot} />
    </div>
    <label class="moment" for="moment"><span>${t("ops.moment")}</span>
      <input id="moment" type="range" min="0" max=${Math.round(to - from)} value=${Math.round(at - from)} aria-valuetext=${t("ops.momentIs", { time: words.duration(at - quality.from), clock: timeExact(words.locale, at) })}
        onInput=${(event) => setCursor(from + Number(event.target.value))} />
      <output class="figures">${words.duration(at - quality.from)} · ${timeExact(words.locale, at)}</output></label>
    <${MarkList} marks=${marks} from=${quality.from} />
  </section>`;
}

/** One lane a role: minutes coloured by how the call was heard and seen, verdicts as bars below. */
function Lanes({ quality, plot }) {
  const { t, words } = useDesk();
  const { x, width, from, to, edge } = plot;
  const seen = ({ start, end }) => end > from && start < to;
  const clip = (value) => Math.min(width - 8, Math.max(edge, x(value)));
  const rows = ["customer", "agent"].map((role) => {
    const minutes = quality.minutes.filter((one) => one.role === role).map((one) => ({ ...one, start: one.at, end: Math.min(one.at + 60, quality.to) }));
    const verdicts = quality.verdicts.filter((one) => one.side === role || (one.side === "server" && role === "customer")).map((one) => ({ ...one, start: one.from, end: Math.max(one.to, one.from + 1) }));
    return { role, minutes: minutes.filter(seen), verdicts: verdicts.filter(seen) };
  });
  const height = rows.length * (LANE + 12) + 4;
  const worst = ({ audio, video, connection }) => Math.min(audio ?? 9, video ?? 9, connection ?? 9);
  return html`<svg class="lanes" width=${width} height=${height} role="img" aria-label=${t("ops.lanes")}>
    ${rows.map(({ role, minutes, verdicts }, row) => {
      const top = row * (LANE + 12) + 2;
      return html`<g>
        <text class="lane-name" x="2" y=${top + 11}>${t(`ops.short.${role}`)}</text>
        ${minutes.map((one) => html`<rect class=${`minute ${grade(worst(one) === 9 ? null : worst(one))}`} x=${clip(one.start)} y=${top} width=${Math.max(1, clip(one.end) - clip(one.start) - 1)} height=${LANE} rx="2">
          <title>${words.duration(one.at - quality.from)}: ${[one.audio, one.video, one.connection].map((value) => value?.toFixed(1) ?? "–").join(" / ")}</title></rect>`)}
        ${verdicts.map((one) => html`<rect class=${`verdict-bar ${one.severity}`} x=${clip(one.start)} y=${top + LANE + 2} width=${Math.max(3, clip(one.end) - clip(one.start))} height="6" rx="3"><title>${verdictTitle(one, t)}</title></rect>`)}
      </g>`;
    })}
    <${Cursor} plot=${plot} height=${height} />
  </svg>`;
}

/** Shapes, not only colours: a circle is something that happened, a square a line of chat, a triangle a decision of ours. */
function Marks({ marks, plot }) {
  const { t } = useDesk();
  const { x, width, from, to } = plot;
  const shown = marks.filter((mark) => mark.at >= from && mark.at <= to);
  const shape = (mark) => {
    const px = x(mark.at);
    if (mark.kind === "chat") return html`<rect class="mark chat" x=${px - 4} y="8" width="8" height="8" rx="1" />`;
    if (mark.kind === "decision") return html`<path class="mark decision" d=${`M${px} 6l6 11h-12z`} />`;
    return html`<circle class="mark event" cx=${px} cy="12" r="4.5" />`;
  };
  return html`<svg class="marks" width=${width} height="24" role="img" aria-label=${t("ops.marks", { count: shown.length })}>
    ${shown.map((mark) => html`<g><title>${t(mark.key)}</title>${shape(mark)}</g>`)}<${Cursor} plot=${plot} height="24" /></svg>`;
}

function Axis({ plot }) {
  const { words } = useDesk();
  const { x, width, from, to, origin } = plot;
  const found = timeTicks(from, to, origin, Math.max(2, Math.floor(width / 90)));
  return html`<svg class="axis" width=${width} height="18" aria-hidden="true">${found.map((at) => html`<text x=${x(at)} y="13" text-anchor=${x(at) > width - 30 ? "end" : "middle"}>${words.duration(at - origin)}</text>`)}</svg>`;
}

export function Cursor({ plot, height }) {
  return plot.cursor === null ? null : html`<path class="cursor" d=${`M${plot.x(plot.cursor)} 0V${height}`} />`;
}

/** The same marks as text: for screen readers, phones, and whoever searches the page. */
function MarkList({ marks, from }) {
  const { t, words } = useDesk();
  if (!marks.length) return null;
  return html`<details class="mark-list"><summary>${t("ops.marksAll", { count: marks.length })}</summary>
    <ol>${marks.map((mark) => html`<li><span class="figures quiet">${words.duration(Math.max(0, mark.at - from))}</span> ${t(mark.key)}${mark.role ? ` (${t(`who.${mark.role}`)})` : ""}${mark.text ? html`: <bdi>${mark.text}</bdi>` : ""}</li>`)}</ol></details>`;
}
