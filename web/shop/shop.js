/** The demo store: a few pages in one, in the visitor's language, with the call button as any shop would put it. */
import { LANGUAGES, load, negotiate, translate } from "../shared/i18n.js";

const PRODUCTS = [
  { id: "arc", picture: "lamp", price: 189 },
  { id: "nest", picture: "chair", price: 349 },
  { id: "clay", picture: "pot", price: 42 },
];
const CURRENCY = { en: "USD", "pt-BR": "BRL", ar: "SAR", id: "IDR", "zh-CN": "CNY" };
const RATES = { USD: 1, EUR: 1, BRL: 5, SAR: 4, IDR: 15_000, CNY: 7 };

const query = new URLSearchParams(location.search);
const get = (id) => document.getElementById(id);
const chosen = PRODUCTS.find(({ id }) => id === query.get("product"));
const words = await load(new URL("locales/", import.meta.url), negotiate([query.get("lang"), ...navigator.languages].filter(Boolean)));
const { t, locale, dir } = words;

Object.assign(document.documentElement, { lang: locale, dir });
translate(document, t);

function price(value) {
  const currency = CURRENCY[locale] ?? "EUR";
  return new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: 0 }).format(value * RATES[currency]);
}

/** The same page, or another one, in the language of this one. */
function address(path, lang = locale) {
  const url = new URL(path, location.origin);
  url.searchParams.set("lang", lang);
  return url.pathname + url.search;
}

function showHome() {
  for (const { id, picture, price: value } of PRODUCTS) {
    const card = get("card").content.cloneNode(true);
    card.querySelector("a").href = `/shop?product=${id}`;
    card.querySelector("img").src = `/web/shop/${picture}.svg`;
    card.querySelector(".card-name").textContent = t(`${id}.name`);
    card.querySelector(".price").textContent = price(value);
    get("shelf").append(card);
  }
}

function showProduct({ id, picture, price: value }) {
  document.title = `${t(`${id}.name`)} – Lumen & Oak`;
  get("picture").src = `/web/shop/${picture}.svg`;
  get("name").textContent = t(`${id}.name`);
  get("text").textContent = t(`${id}.text`);
  get("price").textContent = price(value);
  get("buy").addEventListener("click", () => {
    get("bought").textContent = t("bought", { name: t(`${id}.name`) });
    get("bought").hidden = false;
  });
}

function chooseLanguage() {
  for (const tag of LANGUAGES) {
    get("language").append(new Option(new Intl.DisplayNames([tag], { type: "language" }).of(tag), tag));
  }
  get("language").value = locale;
  get("language").addEventListener("change", ({ target }) => location.assign(address(location.href, target.value)));
}

/** What a shop's page does: settings, a queue for early clicks, one script tag. */
function addCallButton() {
  window.callserver ??= Object.assign((...call) => window.callserver.q.push(call), { q: [] });
  window.callserverSettings = {
    colour: "#2f5d50",
    context: {
      page_url: location.href.slice(0, 2000),
      ...(chosen && { product: t(`${chosen.id}.name`), product_url: location.href.slice(0, 2000) }),
    },
  };
  for (const button of document.querySelectorAll("[data-call]")) button.addEventListener("click", () => window.callserver("open"));
  const script = Object.assign(document.createElement("script"), { async: true, src: "/widget.js" });
  Object.assign(script.dataset, { site: "demo", locale });
  document.body.append(script);
}

chooseLanguage();
if (chosen) showProduct(chosen);
else showHome();
for (const page of document.querySelectorAll("[data-page]")) page.hidden = page.dataset.page !== (chosen ? "product" : "home");
for (const link of document.querySelectorAll("[data-link]")) link.href = address(link.getAttribute("href"));
addCallButton();
