/** All calls: filter, endless list, and the one chosen beside it (instead of it on a phone). */
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { Failed, Rows, useCalls, useNews } from "./calls-data.js";
import { useDesk } from "./context.js";
import { CallDetail } from "./detail.js";
import { Icon } from "../icons.js";

const PHASES = ["", "waiting", "ringing", "active", "on_hold", "ended"];
const REFRESH_MS = 20_000;

export function CallList({ id }) {
  const { t } = useDesk();
  const [phase, setPhase] = useState("");
  const list = useCalls({ phase });
  useNews(list);
  useQuietRefresh(list);
  return html`<div class=${id ? "calls chosen" : "calls"}>
    <section class="calls-list" aria-labelledby="calls">
      <div class="page-head">
        <h1 id="calls">${t("page.calls")}</h1>
        <div class="filters" role="group" aria-label=${t("calls.filter")}>
          ${PHASES.map((one) => html`<button type="button" class="filter" aria-pressed=${phase === one} onClick=${() => setPhase(one)}>${t(one ? `phase.${one}` : "calls.all")}</button>`)}
        </div>
        <button type="button" class="icon-button" aria-label=${t("calls.reload")} title=${t("calls.reload")} onClick=${list.reload}><${Icon} name="retry" /></button>
      </div>
      <${Rows} list=${list} chosen=${id} />
      ${list.rows.length > 0 && html`<${More} list=${list} />`}
    </section>
    ${id && html`<${CallDetail} key=${id} id=${id} />`}
  </div>`;
}

/** Calls of colleagues begin and end too: look again now and then, while the page is seen. */
function useQuietRefresh(list) {
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    const look = () => {
      const { state, reload } = latest.current;
      if (/ready|failed/.test(state) && document.visibilityState === "visible") reload();
    };
    const timer = setInterval(look, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
}

/** The end of the list loads the next page when it comes into view; the button is for keyboards and old browsers. */
function More({ list }) {
  const { t } = useDesk();
  const end = useRef(null);
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && latest.current.more(), { rootMargin: "300px" });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [list.rows.length]);
  let content = null;
  if (list.state === "failed") content = html`<${Failed} list=${list} />`;
  else if (list.state === "more") content = html`<span class="quiet"><span class="spinner"></span>${t("loading")}</span>`;
  else if (list.done) content = html`<span class="quiet small-text">${t("calls.end")}</span>`;
  else content = html`<button type="button" class="button small" onClick=${list.more}>${t("calls.more")}</button>`;
  return html`<div class="list-end" ref=${end}>${content}</div>`;
}
