import assert from "node:assert/strict";
import { test } from "node:test";
import { towards } from "../../web/shared/playout.js";

/** Every hold on the way. */
function way(hold, wish) {
  const steps = [];
  while (hold !== wish && steps.length < 100) steps.push((hold = towards(hold, wish)));
  return steps;
}

test("a hold grows in steps that are not heard", () => {
  assert.deepEqual(way(0, 140), [80, 100, 120, 140]);
  assert.deepEqual(way(100, 150), [120, 140, 150]);
});

test("it shrinks in such steps, and is then the browser's own choice", () => {
  assert.deepEqual(way(120, 0), [100, 80, 60, 0]);
  assert.deepEqual(way(120, 70), [100, 80, 70]);
});

test("where it should be it stays", () => {
  assert.equal(towards(0, 0), 0);
  assert.equal(towards(140, 140), 140);
});
