/** Takes a webrtc-internals dump of one side and shows its curves under those of the call. */
import { html, useState } from "../../console/vendor/htm-preact.js";
import { useDesk } from "../../console/views/context.js";
import { Icon } from "../../console/icons.js";
import { MAX_BYTES, parseDump, readFile } from "../dump.js";

export function DumpPanel({ dump, onDump, quality }) {
  const { t, words } = useDesk();
  const [problem, setProblem] = useState("");
  const take = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      onDump(parseDump(await readFile(file)));
      setProblem("");
    } catch (error) {
      onDump(null);
      setProblem(error.code ?? "unreadable");
    }
  };
  const apart = dump && dump.charts.length > 0 && (dump.to < quality.from || dump.from > quality.to);
  return html`<section class="panel dump" aria-labelledby="dump">
    <h2 id="dump">${t("ops.dump")}</h2>
    <p class="quiet">${t("ops.dumpText", { mb: MAX_BYTES / 1048576 })}</p>
    <div class="row"><label class="button small" for="dump-file"><${Icon} name="photo" size="16" />${t("ops.dumpChoose")}</label>
      <input id="dump-file" class="spoken" type="file" accept=".json,.txt,.gz,application/json,text/plain" onChange=${take} />
      ${dump && html`<button type="button" class="button small plain" onClick=${() => onDump(null)}>${t("ops.dumpRemove")}</button>`}</div>
    <div role="status">
      ${problem && html`<p class="notice bad">${t(`ops.dumpError.${problem}`)}</p>`}
      ${dump && html`<p class=${`notice ${apart ? "warn" : "good"}`}>${apart ? t("ops.dumpApart") : t("ops.dumpShown", { count: dump.connections })} <span class="small-text" dir="ltr">${words && dump.userAgent}</span></p>`}
    </div>
  </section>`;
}
