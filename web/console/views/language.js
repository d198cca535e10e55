/** Choice of the console's language, each named in itself. */
import { LANGUAGES } from "../../shared/i18n.js";
import { html } from "../vendor/htm-preact.js";
import { useDesk } from "./context.js";

const NAMES = {
  en: "English", es: "Español", de: "Deutsch", fr: "Français", "pt-BR": "Português (Brasil)", ar: "العربية", id: "Bahasa Indonesia", "zh-CN": "简体中文",
};

export function LanguageChoice({ id = "language" }) {
  const { words, t, speak } = useDesk();
  return html`<label class="inline-choice" for=${id}><span>${t("language")}</span>
    <select id=${id} class="field" value=${words.locale} onChange=${(event) => speak(event.target.value)}>
      ${LANGUAGES.map((locale) => html`<option value=${locale} lang=${locale} selected=${locale === words.locale}>${NAMES[locale]}</option>`)}
    </select>
  </label>`;
}
