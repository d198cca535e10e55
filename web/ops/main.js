/** Starts the operator's pages: language, sign-in, feed, page. */
import { html, render } from "../console/vendor/htm-preact.js";
import { Prefs } from "../console/prefs.js";
import { App } from "./views/app.js";
import { speak } from "./words.js";

const prefs = new Prefs();
const words = await speak(prefs.all.locale);
render(html`<${App} prefs=${prefs} first=${words} />`, document.getElementById("ops"));
