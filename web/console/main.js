/** Starts the console: language, desk, page. */
import { LANGUAGES, load, negotiate } from "../shared/i18n.js";
import { Attention } from "./attention.js";
import { Desk } from "./desk.js";
import { isolated } from "./format.js";
import { Prefs } from "./prefs.js";
import { Ring } from "./ring.js";
import { html, render } from "./vendor/htm-preact.js";
import { App } from "./views/app.js";

const prefs = new Prefs();
const attention = new Attention();
let words = null;

/** Load a language and put it on the page; "" follows the browser. */
async function speak(locale) {
  const asked = new URLSearchParams(location.search).get("locale");
  const wanted = [locale, asked, ...navigator.languages].filter(Boolean);
  words = await load(new URL("strings/", import.meta.url), negotiate(wanted, LANGUAGES));
  document.documentElement.lang = words.locale;
  document.documentElement.dir = words.dir;
  attention.title = words.t("title");
  return words;
}

const announce = (call, count) => {
  const name = isolated(call.peer?.name || words.t("customer.unnamed"));
  const body = [call.context?.order && words.t("context.orderShort", { order: isolated(call.context.order) }), call.context?.product];
  return {
    flash: words.t("ring.flash", { count, name }),
    title: words.t("ring.title", { name }),
    body: body.filter(Boolean).join("\n"),
  };
};

await speak(prefs.all.locale);
const desk = new Desk({ prefs, ring: new Ring(), attention, announce });
render(html`<${App} desk=${desk} first=${words} speak=${speak} />`, document.getElementById("console"));
desk.start();
