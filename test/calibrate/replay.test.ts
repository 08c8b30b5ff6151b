import { expect, test } from "vitest";
import { replay, type Protocol } from "../../src/calibrate/replay.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import type { Rates } from "../../src/cost/roofline.ts";

/** 10 us a prompt token, 100 us an iteration, nothing else. */
function plainRates(): Rates {
  const [model] = knownModels;
  if (model === undefined) throw new Error("no models");
  return {
    model,
    sharpness: 4,
    productUsPerToken: 0,
    weightUs: 1e-9,
    expertUsPerToken: 0,
    expertWeightUs: 0,
    expertMissLog: 0,
    attentionUsPerPair: 0,
    kvUsPerToken: 0,
    exchangeUsPerToken: 0,
    iterationUs: 100,
    sequenceUs: 0,
    prefillUs: 900,
    mixedUs: 0,
    correction: { prefill: 1, decode: 1 },
  };
}

const one: Protocol = {
  concurrency: 1,
  requests: 1,
  promptTokens: 1000,
  outputTokens: 11,
  leastLengthShare: 1,
  iterationTokens: 400,
  kvCapacityTokens: 100_000,
  requestUs: 50,
  seed: 1,
};

test("a lone prompt goes in by chunks, then one iteration a token", () => {
  const result = replay(plainRates(), one);
  expect(result.firstTokenUs).toBeCloseTo(50 + 3 * 1000, 3);
  expect(result.perTokenUs).toBeCloseTo(100, 3);
  expect(result.iterations).toBe(3 + 10);
});

test("prompts wait for what decoding leaves of the iteration's budget, in order", () => {
  const result = replay(plainRates(), { ...one, concurrency: 4, requests: 4, promptTokens: 200 });
  // Two go in at once; two tokens of output later make the fourth miss the second iteration by two tokens.
  expect(result.firstTokenUs).toBeCloseTo(50 + (1000 + 1000 + 2000 + 3000) / 4, 3);
});

test("a prompt waits until KV memory is free", () => {
  const result = replay(plainRates(), {
    ...one,
    concurrency: 2,
    requests: 2,
    promptTokens: 300,
    kvCapacityTokens: 500,
  });
  const aloneUs = 1000 + 10 * 100;
  expect(result.firstTokenUs).toBeCloseTo(50 + (1000 + aloneUs + 1000) / 2, 3);
});

test("decoding that outgrows KV memory starts the last sequence over, and every request still ends", () => {
  const tight = { ...one, concurrency: 2, requests: 2, promptTokens: 200, outputTokens: 200, kvCapacityTokens: 600 };
  const result = replay(plainRates(), tight);
  expect(result.preempted).toBe(1);
  expect(Number.isFinite(result.perTokenUs)).toBe(true);
});

test("one seed gives one result, another seed other lengths", () => {
  const spread = { ...one, concurrency: 4, requests: 40, leastLengthShare: 0.5 };
  expect(replay(plainRates(), spread)).toEqual(replay(plainRates(), spread));
  expect(replay(plainRates(), { ...spread, seed: 2 })).not.toEqual(replay(plainRates(), spread));
});
