/** The page of the test before a call: devices, then the network, then words and a link. */
import { LANGUAGES, load, negotiate, translate } from "../shared/i18n.js";
import { meter, openSources } from "../shared/sources.js";
import { judge, overall } from "./judge.js";
import { measure } from "./measure.js";
import { pack } from "./result.js";

const asked = new URLSearchParams(location.search).get("locale");
const locale = negotiate([asked, ...navigator.languages].filter(Boolean), LANGUAGES);
const words = await load(new URL("strings/", import.meta.url), locale);
const { t } = words;
document.documentElement.lang = words.locale;
document.documentElement.dir = words.dir;
document.title = t("test.title");
translate(document.body, t);

const $ = (id) => document.getElementById(id);
const step = (key) => ($("step").textContent = t(`test.step.${key}`));
const HEARD = 0.01;
const LISTEN_MS = 2500;

$("start").addEventListener("click", run);
$("share").addEventListener("click", share);
let result = null;

/** Without a camera the voice can still be tested. */
async function devices() {
  const { audio, camera, problems } = await openSources({ audio: true, camera: true });
  const stream = new MediaStream([audio, camera].filter(Boolean));
  return { stream, microphone: problems.audio ?? "works", camera: problems.camera ?? "works" };
}

/** Whether the microphone hears anything at all. */
async function heard(track) {
  const listening = meter(track);
  const end = performance.now() + LISTEN_MS;
  let loudest = 0;
  while (performance.now() < end && loudest < HEARD) {
    await new Promise((done) => setTimeout(done, 60));
    loudest = Math.max(loudest, listening.level());
  }
  listening.stop();
  return loudest >= HEARD;
}

async function run() {
  $("start").disabled = true;
  $("result").hidden = true;
  $("link-box").hidden = true;
  $("shared").textContent = "";
  $("progress").hidden = false;
  step("devices");
  const { stream, microphone, camera } = await devices();
  const outcome = { microphone, camera };
  if (camera === "works") {
    $("preview").srcObject = stream;
    $("preview").hidden = false;
  }
  const [voice] = stream.getAudioTracks();
  if (voice) {
    step("microphone");
    if (!(await heard(voice))) outcome.microphone = "silent";
  }
  try {
    step("connecting");
    outcome.figures = await measure(stream, step);
  } catch (error) {
    outcome.error = ["offline", "blocked", "rate_limited", "at_capacity"].includes(error.code) ? error.code : "server";
  }
  for (const track of stream.getTracks()) track.stop();
  $("preview").hidden = true;
  $("preview").srcObject = null;
  show(outcome);
}

function show(outcome) {
  const lines = judge(outcome);
  result = { at: Math.round(Date.now() / 1000), lines, facts: facts(outcome) };
  $("progress").hidden = true;
  $("start").disabled = false;
  $("start").textContent = t("test.again");
  $("verdict").textContent = t(`test.verdict.${overall(lines)}`);
  $("lines").replaceChildren(...lines.map(({ kind, key, values }) => {
    const line = Object.assign(document.createElement("li"), { className: kind });
    line.append(Object.assign(document.createElement("strong"), { textContent: t(`test.word.${kind}`) }), t(`test.${key}`, values));
    return line;
  }));
  $("facts").replaceChildren(...Object.entries(result.facts).map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(Object.assign(document.createElement("dt"), { textContent: t(`test.fact.${name}`) }), Object.assign(document.createElement("dd"), { textContent: value, dir: "auto" }));
    return pair;
  }));
  $("result").hidden = false;
  $("verdict").focus();
}

function facts({ figures, camera }) {
  if (!figures) return { browser: navigator.userAgent.slice(0, 110) };
  const percent = (value) => (value === null ? "–" : `${(value * 100).toFixed(1)} %`);
  return {
    rtt: figures.rtt === null ? "–" : `${Math.round(figures.rtt)} ms`,
    jitter: `${Math.round(figures.jitter)} ms`,
    lossUp: percent(figures.lossUp),
    lossDown: percent(figures.lossDown),
    ...(camera === "works" && { rate: `${Math.round(figures.kbps)} kbit/s` }), // voice alone fills no line
    path: `${figures.transport.toUpperCase()}${figures.relayed ? ", TURN" : ""}`,
    connect: `${figures.seconds.toFixed(1)} s`,
    browser: navigator.userAgent.slice(0, 110),
  };
}

/** A link that carries the result itself: nothing is kept on the server. */
async function share() {
  const url = new URL(`/ops#/test/${pack(result)}`, location.href).href;
  $("link").value = url;
  $("link-box").hidden = false;
  try {
    await navigator.clipboard.writeText(url);
    $("shared").textContent = t("test.copied");
  } catch {
    $("link").select();
  }
}
