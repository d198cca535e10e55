/** The curves of a call: scores, loss, rates, delay. Two sides by colour, two directions by line. */
import { html } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { ceiling, cut, indexAt, line, scale, ticks } from "../charts.js";
import { bitrate, percent, score } from "../quality.js";
import { Cursor } from "./timeline.js";

const HEIGHT = 92;
const ROLES = ["customer", "agent"];
const RATES = new Set(["rate", "dumpIn", "dumpOut"]);

/** name, unit, least upper bound, curves [series, role, direction]. */
const CHARTS = [
  { name: "score", floor: 1, top: 5, show: score, curves: both("mos", "solid").concat(both("video", "dotted")) },
  { name: "loss", floor: 0, least: 0.05, show: percent, curves: both("up_loss", "solid").concat(both("down_loss", "dashed")) },
  { name: "rate", floor: 0, least: 300_000, show: bitrate, curves: both("up_video_bps", "solid").concat(both("down_target_bps", "dotted"), both("down_protection_bps", "dashed")) },
  { name: "delay", floor: 0, least: 100, show: (value) => `${Math.round(value)} ms`, curves: both("rtt_ms", "solid").concat(both("up_jitter_ms", "dotted")) },
  { name: "fps", floor: 0, least: 15, show: (value) => value.toFixed(0), curves: both("up_fps", "solid").concat(both("c_fps", "dashed")) },
];

function both(series, stroke) {
  return ROLES.map((role) => ({ series, role, stroke }));
}

/** The charts with their data; a chart of which nothing is known is left out. */
export function chartsOf(quality, dump) {
  const found = CHARTS.map((chart) => ({ ...chart, curves: chart.curves.map((curve) => ({ ...curve, parts: partsOf(quality, curve) })).filter(({ parts }) => parts.length) }));
  const extra = (dump?.charts ?? []).map((chart) => ({ floor: 0, least: 1, show: RATES.has(chart.name) ? bitrate : (value) => value.toFixed(value < 10 ? 1 : 0), ...chart }));
  return [...found.filter(({ curves }) => curves.length), ...extra].map((chart) => ({ ...chart, gap: Math.max(6, quality.resolution * 2.5) }));
}

function partsOf(quality, { series, role }) {
  return quality.legs.filter((leg) => leg.role === role && leg.series[series]?.some((value) => value !== null)).map((leg) => [leg.at, leg.series[series]]);
}

export function Chart({ chart, plot, moment }) {
  const { t, words } = useDesk();
  const { x, width, from, to, edge } = plot;
  const cuts = chart.curves.map((curve) => ({ ...curve, parts: curve.parts.map(([at, values]) => cut(at, values, from, to)) }));
  const top = chart.top ?? ceiling(cuts.flatMap(({ parts }) => parts.map(([, values]) => values)), chart.least);
  const y = scale(chart.floor, top, HEIGHT - 6, 6);
  const name = chart.label ?? t(`ops.chart.${chart.name}`);
  return html`<figure class="chart">
    <figcaption><strong dir="auto">${name}</strong><span class="legend">${cuts.map((curve) => html`<${Legend} curve=${curve} chart=${chart} moment=${moment} words=${words} />`)}</span></figcaption>
    <svg width=${width} height=${HEIGHT} role="img" aria-label=${name}>
      ${ticks(chart.floor, top, 3).map((value) => html`<path class="grid" d=${`M${edge} ${y(value)}H${width - 8}`} /><text class="tick" x=${edge - 5} y=${y(value) + 4} text-anchor="end">${short(value, chart)}</text>`)}
      <svg x=${edge} y="0" width=${width - 8 - edge} height=${HEIGHT} viewBox=${`${edge} 0 ${width - 8 - edge} ${HEIGHT}`}>
        ${cuts.map((curve) => curve.parts.map(([at, values]) => html`<path class=${`curve ${curve.role} ${curve.stroke}`} d=${line(at, values, x, y, chart.gap)} />`))}
      </svg>
      <${Cursor} plot=${plot} height=${HEIGHT} />
    </svg>
  </figure>`;
}

function Legend({ curve, chart, moment, words }) {
  const { t } = useDesk();
  const value = valueAt(curve.parts, moment, chart.gap);
  const who = curve.label ?? `${t(`ops.short.${curve.role}`)} ${t(`ops.series.${curve.series}`)}`;
  return html`<span class="legend-item"><svg width="22" height="8" aria-hidden="true"><path class=${`curve ${curve.role} ${curve.stroke}`} d="M1 4H21" /></svg><span dir="auto">${who}</span> <b class="figures">${value === null ? "–" : chart.show(value, words)}</b></span>`;
}

function valueAt(parts, moment, gap) {
  for (const [at, values] of parts) {
    const index = indexAt(at, moment);
    if (index >= 0 && Math.abs(at[index] - moment) <= gap && values[index] !== null) return values[index];
  }
  return null;
}

function short(value, { name }) {
  if (RATES.has(name)) return value >= 1e6 ? `${+(value / 1e6).toFixed(1)}M` : `${Math.round(value / 1e3)}k`;
  if (name === "loss") return `${+(value * 100).toFixed(1)}%`;
  return `${+value.toFixed(1)}`;
}
