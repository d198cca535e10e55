import assert from "node:assert/strict";
import { test } from "node:test";
import { playout } from "../../web/shared/playout.js";

/** Two seconds of 48 kHz each: [share concealed, packets lost] -> targets after each. */
function targets(...spans) {
  let [at, samples, concealed, lost] = [0, 0, 0, 0];
  let state = playout(undefined, { at, samples, concealed, audio: [lost, 0] });
  return spans.map(([hidden, gone]) => {
    at += 2000;
    samples += 96_000;
    concealed += hidden * 96_000;
    lost += gone;
    state = playout(state, { at, samples, concealed, audio: [lost, 0] });
    return state.target;
  });
}

const clean = (count) => Array(count).fill([0, 0]);

test("a clean line is left to the browser", () => {
  assert.deepEqual(targets(...clean(3)), [null, null, null]);
});

test("what is concealed raises the target step by step, up to a bound", () => {
  assert.deepEqual(targets([0.02, 0], [0.02, 0], [0.02, 0], [0.5, 9]), [120, 170, 220, 220]);
});

test("losses that are all repaired ask for the least", () => {
  assert.deepEqual(targets([0, 4], [0, 4], [0.005, 1]), [120, 120, 120]);
});

test("one per cent concealed is no reason", () => {
  assert.deepEqual(targets([0.01, 0]), [null]);
});

test("after twenty clean seconds the browser decides again", () => {
  const after = targets([0.1, 3], ...clean(10));
  assert.deepEqual(after.slice(0, 10), Array(10).fill(120));
  assert.equal(after[10], null);
});

test("a new loss starts the twenty seconds anew", () => {
  const after = targets([0.1, 3], ...clean(9), [0, 1], ...clean(10));
  assert.equal(after[19], 120);
  assert.equal(after[20], null);
});

test("a first measure decides nothing, whatever was before", () => {
  assert.equal(playout(undefined, { at: 9e9, samples: 1e6, concealed: 5e5, audio: [999, 1] }).target, null);
});

test("counters that fall back (duplicates) are no loss", () => {
  assert.deepEqual(targets([0, -3]), [null]);
});
