import { expect, test } from "vitest";
import { prefillUs } from "../../src/cost/prefill.ts";
import type { Rates } from "../../src/cost/roofline.ts";
import { knownModels } from "../../src/catalogue/models.ts";

/** Times that can be added up by hand: 2 us a token, 1 us for 1,000 pairs, 100 us an iteration. */
function plainRates(): Rates {
  const [model] = knownModels;
  if (model === undefined) throw new Error("no models");
  return {
    model,
    sharpness: 4,
    productUsPerToken: 2,
    weightUs: 0,
    expertUsPerToken: 0,
    expertWeightUs: 0,
    expertMissLog: 0,
    attentionUsPerPair: 0.001,
    kvUsPerToken: 0,
    exchangeUsPerToken: 0,
    iterationUs: 100,
    sequenceUs: 0,
    prefillUs: 0,
    mixedUs: 0,
    correction: { prefill: 1, decode: 1 },
  };
}

test("a prompt that is cached whole takes no time", () => {
  expect(prefillUs(plainRates(), 0, 5000, 4)).toBe(0);
});

test("a prompt pays for its tokens, for what they attend to, and for an iteration", () => {
  expect(prefillUs(plainRates(), 1000, 0, 1)).toBe(Math.round(2000 + 500.5 + 100));
  expect(prefillUs(plainRates(), 1000, 2000, 1)).toBe(Math.round(2000 + 2500.5 + 100));
  expect(prefillUs(plainRates(), 1000, 0, 3)).toBe(Math.round(6000 + 1501.5 + 100));
});

test("a long prompt goes in by chunks, which changes nothing but the iterations", () => {
  const us = prefillUs(plainRates(), 20_000, 0, 1);
  expect(us).toBe(Math.round(40_000 + (20_000 * 20_001) / 2 / 1000 + 300));
});

test("a prompt may go in under prefill correction only", () => {
  const slow = { ...plainRates(), correction: { prefill: 2, decode: 9 } };
  expect(prefillUs(slow, 1000, 0, 1)).toBe(2 * 2600.5);
});
