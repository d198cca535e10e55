/**
 * Texts and numbers of a language. Catalogues are JSON: key -> text with {placeholders}, or key -> {one, other, …} by the
 * plural category of the parameter `count`.
 */
export const LANGUAGES = ["en", "es", "de", "fr", "pt-BR", "ar", "id", "zh-CN"];
const RTL = /^(ar|fa|he|ur)\b/;

export const direction = (locale) => (RTL.test(locale) ? "rtl" : "ltr");

/** The best of `available` for the wanted tags, in their order: same tag, same language, else the first. */
export function negotiate(wanted, available = LANGUAGES) {
  for (const tag of wanted) {
    const lower = String(tag).toLowerCase();
    const found =
      available.find((one) => one.toLowerCase() === lower) ??
      available.find((one) => one.split("-")[0].toLowerCase() === lower.split("-")[0]);
    if (found) return found;
  }
  return available[0];
}

/** Load a language from `base` (a folder's URL), English if that fails. */
export async function load(base, locale, fetch = globalThis.fetch) {
  for (const one of [locale, "en"]) {
    try {
      const response = await fetch(new URL(`${one}.json`, base));
      if (response.ok) return i18n(one, await response.json());
    } catch {
      // Offline or blocked: the next one may be cached.
    }
  }
  return i18n("en", {});
}

/** A translator: t(key, params), number(n), duration(seconds), time(wall seconds), locale, dir. */
export function i18n(locale, messages, fallback = {}) {
  const plural = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 });
  const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const number = (value) => numbers.format(value);
  const show = (value) => (typeof value === "number" ? number(value) : String(value));
  const t = (key, params = {}) => {
    let text = messages[key] ?? fallback[key] ?? key;
    if (typeof text === "object") text = text[plural.select(params.count)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (hole, name) => (name in params ? show(params[name]) : hole));
  };
  const duration = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const hours = Math.floor(whole / 3600);
    const rest = `${two.format(Math.floor(whole / 60) % 60)}:${two.format(whole % 60)}`;
    return hours ? `${number(hours)}:${rest}` : rest;
  };
  return { locale, dir: direction(locale), t, number, duration, time: (at) => clock.format(at * 1000) };
}

/** Fill elements: data-t (text), data-t-label (aria-label and title), data-t-hint (placeholder). */
export function translate(root, t) {
  const each = (name, set) => {
    for (const element of root.querySelectorAll(`[${name}]`)) set(element, t(element.getAttribute(name)));
  };
  each("data-t", (element, text) => (element.textContent = text));
  each("data-t-hint", (element, text) => (element.placeholder = text));
  each("data-t-label", (element, text) => {
    element.setAttribute("aria-label", text);
    if (element.matches("button, a, label")) element.title = text;
  });
}
