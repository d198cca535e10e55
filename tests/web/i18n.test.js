import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { direction, i18n, LANGUAGES, load, negotiate } from "../../web/shared/i18n.js";

const FOLDERS = ["widget", "shop"];
/** Loaded later, by a module of the widget. */
const LATER = ["widget/keeping"];
const read = (folder, tag) =>
  JSON.parse(readFileSync(new URL(`../../web/${folder}/locales/${tag}.json`, import.meta.url), "utf8"));
const holes = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
const forms = (entry) => (typeof entry === "string" ? [entry] : Object.values(entry));

for (const folder of [...FOLDERS, ...LATER]) {
  const english = read(folder, "en");
  for (const tag of LANGUAGES) {
    const catalogue = read(folder, tag);

    test(`${folder}/${tag} says everything that English says, and nothing else`, () => {
      assert.deepEqual(Object.keys(catalogue).sort(), Object.keys(english).sort());
    });

    test(`${folder}/${tag} leaves nothing empty`, () => {
      for (const [key, entry] of Object.entries(catalogue)) {
        for (const text of forms(entry)) assert.ok(text.trim(), key);
      }
    });

    test(`${folder}/${tag} has the same holes`, () => {
      for (const [key, entry] of Object.entries(catalogue)) {
        assert.equal(typeof entry, typeof english[key], key);
        const wanted = typeof english[key] === "string" ? english[key] : english[key].other;
        const other = typeof entry === "string" ? entry : entry.other;
        assert.deepEqual(holes(other), holes(wanted), key);
        // A form such as "one" may put the number into words, but brings no other hole.
        for (const text of forms(entry)) assert.ok(holes(text).every((name) => holes(wanted).includes(name)), key);
      }
    });

    test(`${folder}/${tag} has exactly the plural forms of its language`, () => {
      const wanted = new Intl.PluralRules(tag).resolvedOptions().pluralCategories.toSorted();
      for (const [key, entry] of Object.entries(catalogue)) {
        if (typeof entry === "object") assert.deepEqual(Object.keys(entry).sort(), wanted, key);
      }
    });
  }
}

test("every text that the widget's and the shop's markup asks for is there", () => {
  for (const folder of FOLDERS) {
    const html = readFileSync(new URL(`../../web/${folder}/index.html`, import.meta.url), "utf8");
    const keys = [...html.matchAll(/data-t(?:-label|-hint)?="([^"]+)"/g)].map(([, key]) => key);
    assert.ok(keys.length > 10);
    const english = read(folder, "en");
    for (const key of keys) assert.ok(key in english, `${folder}: ${key}`);
  }
});

test("every text that the widget's code asks for is there", () => {
  const english = read("widget", "en");
  for (const name of ["widget", "lobby", "chat", "show"]) {
    const code = readFileSync(new URL(`../../web/widget/${name}.js`, import.meta.url), "utf8");
    for (const [, key] of code.matchAll(/\b(?:t|note)\("([^"]+)"/g)) assert.ok(key in english, `${name}: ${key}`);
  }
});

test("placeholders are filled, unknown ones and keys stay visible", () => {
  const { t } = i18n("en", { hello: "Hello {name}", n: "{count}" });
  assert.equal(t("hello", { name: "Ana" }), "Hello Ana");
  assert.equal(t("hello"), "Hello {name}");
  assert.equal(t("n", { count: 1200 }), "1,200");
  assert.equal(t("missing"), "missing");
});

test("plurals follow the language", () => {
  const { t } = i18n("ar", read("widget", "ar"));
  const said = [1, 2, 5, 11].map((count) => t("wait.ahead", { count }));
  assert.equal(new Set(said.map((text) => text.replace(/[\d٠-٩]+/g, ""))).size, 4);
  assert.match(i18n("en", read("widget", "en")).t("wait.ahead", { count: 1 }), /1 person is/);
});

test("durations are in minutes, with hours only when needed", () => {
  const { duration } = i18n("en", {});
  assert.deepEqual([0, 65, 3600, 36_061].map(duration), ["00:00", "01:05", "1:00:00", "10:01:01"]);
  assert.equal(duration(-5), "00:00");
});

test("the best language is found by tag, then by language, then the first", () => {
  assert.equal(negotiate(["pt-br"]), "pt-BR");
  assert.equal(negotiate(["pt-PT"]), "pt-BR");
  assert.equal(negotiate(["zh-TW"]), "zh-CN");
  assert.equal(negotiate(["xx", "de-AT"]), "de");
  assert.equal(negotiate(["xx"]), "en");
  assert.equal(negotiate([]), "en");
});

test("Arabic is written from the right", () => {
  assert.deepEqual(["ar", "ar-EG", "he", "en", "id"].map(direction), ["rtl", "rtl", "rtl", "ltr", "ltr"]);
});

test("a language that cannot be loaded becomes English, and nothing becomes keys", async (context) => {
  const asked = [];
  context.mock.method(globalThis, "fetch", async (url) => {
    asked.push(String(url));
    if (String(url).endsWith("en.json")) return Response.json({ a: "A" });
    throw new TypeError("offline");
  });
  const words = await load("https://host/locales/", "de");
  assert.deepEqual([words.locale, words.t("a")], ["en", "A"]);
  assert.deepEqual(asked, ["https://host/locales/de.json", "https://host/locales/en.json"]);
});
