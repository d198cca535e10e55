import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { KEYS } from "../../web/console/shortcuts.js";
import { EVENTS, eventDetail, eventKey, outcome, reasonKey, toldEvents } from "../../web/console/words.js";
import { LANGUAGES, i18n } from "../../web/shared/i18n.js";

const folder = new URL("../../web/console/", import.meta.url);
const catalogue = (locale) => JSON.parse(readFileSync(new URL(`strings/${locale}.json`, folder), "utf8"));
const english = catalogue("en");
const source = ["./", "views/"]
  .flatMap((one) => readdirSync(new URL(one, folder)).filter((name) => name.endsWith(".js")).map((name) => one + name))
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .join("\n");
const holes = (text) => [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)].map((found) => found[1]);

test("every language has exactly the keys of English", () => {
  for (const locale of LANGUAGES) assert.deepEqual(Object.keys(catalogue(locale)).sort(), Object.keys(english).sort(), locale);
});

test("no text is empty, holes are English's, plurals have every category that a count of calls can have", () => {
  for (const locale of LANGUAGES) {
    const plural = new Intl.PluralRules(locale);
    const needed = new Set([0, 1, 2, 3, 5, 11, 21, 100, 103].map((count) => plural.select(count)));
    for (const [key, text] of Object.entries(catalogue(locale))) {
      const where = `${locale} ${key}`;
      const known = new Set(holes(english[key]));
      assert.ok(holes(text).every((hole) => known.has(hole)), where);
      if (typeof text === "string") {
        assert.ok(text.trim(), where);
        assert.equal(typeof english[key], "string", where);
      } else {
        assert.ok(text.other, where);
        for (const category of needed) assert.ok(locale !== "ar" || text[category], `${where} ${category}`);
      }
    }
  }
});

test("texts of other languages are translated", () => {
  for (const locale of LANGUAGES.filter((one) => one !== "en")) {
    const words = catalogue(locale);
    const same = Object.keys(english).filter((key) => JSON.stringify(words[key]) === JSON.stringify(english[key]));
    assert.ok(same.length < 25, `${locale}: ${same.length} texts as in English: ${same}`);
  }
});

test("every key the pages use exists", () => {
  const used = [...source.matchAll(/\bt\(\s*"([a-zA-Z_.]+)"/g)].map((found) => found[1]);
  assert.ok(used.length > 100);
  for (const key of used) assert.ok(key in english, key);
  const either = [...source.matchAll(/\bt\([^()`]*\? "([\w.]+)" : "([\w.]+)"\)/g)].flatMap((found) => found.slice(1));
  for (const key of either) assert.ok(key in english, key);
});

test("every key whose end is a code exists for every code", () => {
  const problems = ["blocked", "none", "in_use", "insecure", "failed"];
  const keys = [
    ...problems.flatMap((one) => [`device.audio.${one}`, `device.camera.${one}`, `device.fix.${one}`]),
    ...["unauthorized", "expired", "offline", "rate_limited", "server"].map((one) => `login.error.${one}`),
    ...["created", "waiting", "ringing", "active", "on_hold", "ended"].map((one) => `phase.${one}`),
    ...["fair", "poor"].flatMap((level) => ["own", "peer", "any"].map((side) => `quality.${level}.${side}`)),
    ...["granted", "default", "denied"].map((one) => `setup.notify.${one}`),
    ...["answered_elsewhere", "customer_left", "unanswered"].map((one) => `gone.${one}`),
    ...["agent", "customer", "system"].map((one) => `chat.from.${one}`),
    ...["video", "audio"].map((one) => `media.${one}`),
    ...Object.keys(KEYS).map((one) => `key.${one}`),
    ...EVENTS.map(eventKey),
  ];
  for (const key of keys) assert.ok(key in english, key);
});

test("every end of a call has a sentence and an outcome", () => {
  const reasons = ["hung_up", "abandoned", "unanswered", "no_agents", "connection_lost", "media_failed", "shutdown", "internal", "later_one"];
  for (const reason of reasons) {
    for (const byMe of [true, false]) assert.ok(reasonKey({ reason }, byMe) in english, reason);
    for (const answered_at of [null, 5]) assert.ok(outcome({ phase: "ended", reason, answered_at }).key in english, reason);
  }
  assert.equal(outcome({ phase: "ended", reason: "hung_up", answered_at: 5 }).kind, "good");
  assert.equal(outcome({ phase: "ended", reason: "unanswered" }).key, "outcome.missed");
  assert.equal(outcome({ phase: "active" }).key, "phase.active");
});

test("history shows names and sides, never ids", () => {
  const { t } = i18n("en", english);
  const call = { agent_id: "a1", agent_name: "Nora" };
  assert.equal(eventDetail({ agent: "a1" }, call, t), "Nora");
  assert.equal(eventDetail({ agent: "a2" }, call, t), "");
  assert.equal(eventDetail({ by: "customer" }, call, t), "Customer");
  assert.equal(eventDetail({ stars: 4 }, call, t), "4 stars of 5");
  assert.equal(eventKey("from_the_future"), "");
});

test("history leaves out first packets and repeats", () => {
  const names = ["created", "media_started", "away", "away", "media_started", "away", "connected"];
  const events = names.map((name, sequence) => ({ name, sequence, data: {} }));
  assert.deepEqual(toldEvents(events).map(({ name }) => name), ["created", "away", "connected"]);
  const other = [{ name: "away", data: { role: "agent" } }, { name: "away", data: { role: "customer" } }];
  assert.equal(toldEvents(other).length, 2);
});
