/** Small parts of the operator's pages: sparkline, meter, tile, states. */
import { html } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { Icon } from "../../console/icons.js";
import { grade, score } from "../quality.js";
import { line } from "../charts.js";

const [WIDTH, HEIGHT, STEPS] = [120, 26, 60];

/** Two minutes of a connection's score; the newest is at the right in every language. */
export function Spark({ values, label }) {
  const { words, t } = useDesk();
  const known = values.filter((value) => value !== null);
  const last = values.length ? values[values.length - 1] : null;
  const start = STEPS - values.length;
  const y = (value) => HEIGHT - 3 - ((Math.min(5, Math.max(1, value)) - 1) / 4) * (HEIGHT - 6);
  const path = line(values.map((_, index) => start + index), values, (at) => (at / (STEPS - 1)) * (WIDTH - 4) + 1, y);
  const spoken = known.length
    ? t("ops.sparkLabel", { who: label, now: score(last, words), worst: score(Math.min(...known), words) })
    : t("ops.sparkNone", { who: label });
  return html`<svg class=${`spark ${grade(last)}`} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${spoken} preserveAspectRatio="none">
    <path class="spark-floor" d=${`M0 ${y(2.6)}H${WIDTH}`} /><path class="spark-line" d=${path} />
    ${last !== null && html`<circle class="spark-now" cx=${WIDTH - 3} cy=${y(last)} r="2.4" />`}
  </svg>`;
}

/** A number with its name; `kind` good, fair or poor colours it, `hint` says more. */
export function Tile({ name, value, hint = "", kind = "" }) {
  return html`<div class=${`tile ${kind}`}><dt>${name}</dt><dd><strong>${value}</strong>${hint && html`<span class="quiet small-text">${hint}</span>`}</dd></div>`;
}

/** A part of one, as a bar with its number beside it. */
export function Meter({ name, value, kind = "", text }) {
  const { words } = useDesk();
  const shown = text ?? new Intl.NumberFormat(words.locale, { style: "percent" }).format(value);
  const part = Math.min(1, Math.max(0, value));
  return html`<div class=${`meter ${kind}`}>
    <span class="meter-name">${name}</span>
    <svg class="meter-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="meter-all" width="100" height="6" rx="3" /><rect class="meter-part" width=${part * 100} height="6" rx="3" /></svg>
    <span class="meter-value">${shown}</span>
  </div>`;
}

export function Score({ value, big = false }) {
  const { words } = useDesk();
  return html`<span class=${`score ${grade(value)} ${big ? "big" : ""}`}>${score(value, words)}</span>`;
}

export function Loading({ what }) {
  const { t } = useDesk();
  return html`<div class="panel state" role="status"><span class="spinner"></span>${what ?? t("loading")}</div>`;
}

export function Failure({ code, retry }) {
  const { t } = useDesk();
  const key = `ops.error.${code}`;
  const text = t(key) === key ? t("ops.error.server") : t(key);
  return html`<div class="panel state" role="alert"><${Icon} name="warning" /><p>${text}</p>${retry && html`<button type="button" class="button small" onClick=${retry}>${t("retry")}</button>`}</div>`;
}

export function Nothing({ icon, title, text }) {
  return html`<div class="empty"><span class="empty-icon"><${Icon} name=${icon} size="28" /></span><p class="empty-title">${title}</p>${text && html`<p class="quiet">${text}</p>`}</div>`;
}
