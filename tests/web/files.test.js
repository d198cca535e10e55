import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const WEB = new URL("../../web/", import.meta.url);
const read = (path) => readFileSync(new URL(path, WEB), "utf8");

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
