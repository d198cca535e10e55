/** The words of these pages: their own, those of verdicts (web/shared/quality), and the console's for what both show. */
import { LANGUAGES, i18n, negotiate } from "../shared/i18n.js";

const CATALOGUES = ["../console/strings/", "../shared/quality/", "../test/strings/", "strings/"];

async function catalogue(folder, locale) {
  try {
    const answer = await fetch(new URL(`${folder}${locale}.json`, import.meta.url));
    return answer.ok ? await answer.json() : {};
  } catch {
    return {}; // offline: keys are shown, which is better than nothing
  }
}

/** Load a language ("" follows the browser) and put it on the page. */
export async function speak(wanted) {
  const asked = new URLSearchParams(location.search).get("locale");
  const locale = negotiate([wanted, asked, ...navigator.languages].filter(Boolean), LANGUAGES);
  const all = await Promise.all(CATALOGUES.map((folder) => catalogue(folder, locale)));
  const words = i18n(locale, Object.assign({}, ...all));
  document.documentElement.lang = words.locale;
  document.documentElement.dir = words.dir;
  document.title = words.t("ops.title");
  return words;
}
