import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const WEB = new URL("../../web/", import.meta.url);
const read = (path) => readFileSync(new URL(path, WEB), "utf8");
/** As the server sends it: each file compressed alone. */
const size = (path) => gzipSync(read(path), { level: 9 }).length;
const total = (paths) => paths.map(size).reduce((sum, one) => sum + one, 0);

/** Every module that a page loads, found by its imports. */
function modulesOf(entry, found = new Set()) {
  if (found.has(entry)) return found;
  found.add(entry);
  for (const [, path] of read(entry).matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
    modulesOf(new URL(path, new URL(entry, WEB)).href.slice(WEB.href.length), found);
  }
  return found;
}

test("the loader is at most 2 KB", () => {
  assert.ok(size("widget/loader.js") <= 2048, String(size("widget/loader.js")));
});

test("the widget's own module is at most 12 KB, and all that it loads at most 22 KB", () => {
  const all = [...modulesOf("widget/widget.js")];
  const own = total(all.filter((path) => path.startsWith("widget/")));
  assert.ok(own <= 12 * 1024, `own: ${own}`);
  assert.ok(total(all) <= 22 * 1024, `all: ${total(all)}`);
});

test("the page preloads every module, so that none waits for another", () => {
  const html = read("widget/index.html");
  for (const path of modulesOf("widget/widget.js")) assert.ok(html.includes(`/web/${path}"`), path);
});

test("no file is longer than 400 lines", () => {
  for (const folder of ["shared", "widget", "shop"]) {
    for (const name of readdirSync(new URL(`${folder}/`, WEB)).filter((one) => /\.(js|css|html)$/.test(one))) {
      assert.ok(read(`${folder}/${name}`).split("\n").length <= 400, `${folder}/${name}`);
    }
  }
});

test("no page has inline script or style, which the policy forbids", () => {
  for (const page of ["widget", "shop"]) {
    const html = read(`${page}/index.html`);
    assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+="|<script(?![^>]*\ssrc=)/);
  }
});
