/** Texts and numbers of a language. A catalogue: key -> "text with {holes}", or {one, other, …} by the parameter `count`. */
export const LANGUAGES = ["en", "es", "de", "fr", "pt-BR", "ar", "id", "zh-CN"];

export const direction = (locale) => (/^(ar|fa|he|ur)\b/.test(locale) ? "rtl" : "ltr");

/** The best of `available` for the wanted tags in their order: same tag, same language, else the first. */
export function negotiate(wanted, available = LANGUAGES) {
  const base = (tag) => tag.toLowerCase().split("-")[0];
  for (const tag of wanted) {
    const same = (one) => one.toLowerCase() === tag.toLowerCase();
    const found = available.find(same) ?? available.find((one) => base(one) === base(tag));
    if (found) return found;
  }
  return available[0];
}

/** A language from the folder `base`; English if that fails. */
export async function load(base, locale) {
  for (const one of [locale, "en"]) {
    try {
      return i18n(one, await (await fetch(new URL(`${one}.json`, base))).json());
    } catch {} // offline, or not there: the next may be cached
  }
  return i18n("en", {});
}

/** {t(key, params), number(n), duration(seconds), time(wall seconds), locale, dir} */
export function i18n(locale, messages, fallback = {}) {
  const plural = new Intl.PluralRules(locale);
  const format = (options) => new Intl.NumberFormat(locale, options).format;
  const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const number = format();
  const two = format({ minimumIntegerDigits: 2 });
  const show = (value) => (typeof value === "number" ? number(value) : value);
  const t = (key, params = {}) => {
    const found = messages[key] ?? fallback[key] ?? key;
    const text = found.other ? (found[plural.select(params.count)] ?? found.other) : found;
    return text.replace(/\{(\w+)\}/g, (hole, name) => show(params[name] ?? hole));
  };
  const duration = (seconds) => {
    const all = Math.max(0, Math.floor(seconds));
    const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
    return `${hours ? `${number(hours)}:` : ""}${two(minutes)}:${two(all % 60)}`;
  };
  return { locale, dir: direction(locale), t, number, duration, time: (at) => clock.format(at * 1000) };
}

/** Fill data-t (text), data-t-hint (placeholder) and data-t-label (spoken label, and tooltip of a button). */
export function translate(root, t) {
  const fill = (name, set) => {
    for (const one of root.querySelectorAll(`[${name}]`)) set(one, t(one.getAttribute(name)));
  };
  fill("data-t", (one, text) => (one.textContent = text));
  fill("data-t-hint", (one, text) => (one.placeholder = text));
  fill("data-t-label", (one, text) => {
    one.ariaLabel = text;
    if (one.matches("button, label")) one.title = text;
  });
}
