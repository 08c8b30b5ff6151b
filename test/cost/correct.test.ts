import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { correctCosts } from "../../src/cost/correct.ts";
import { createCostModel, type CostModel } from "../../src/cost/cost-model.ts";
import { decodeStepsUs } from "../../src/cost/decode.ts";
import { prefillUs } from "../../src/cost/prefill.ts";
import { cluster } from "../support/build.ts";
import { plainCalibration } from "../support/plain-calibration.ts";

const [llama, phi] = ["llama-3.1-8b", "phi-4-14.7b"] as const;
const base = createCostModel(cluster("h100 h100"), knownModels, plainCalibration);

/** What a load, a prompt of 1000 tokens, and 100 tokens of output take. */
function termsOf(costs: CostModel, engine: string, model: string) {
  const held = costs.engine(engine).models.get(model);
  if (held === undefined) throw new Error(`${engine} cannot hold ${model}`);
  const { rates, loadUs } = held;
  return { load: loadUs, prefill: prefillUs(rates, 1000, 0, 1), decode: decodeStepsUs(rates, 1, 1000, 100) };
}

test("a correction scales the terms of one model on one engine, and nothing else", () => {
  const plain = termsOf(base, "engine-0", llama);
  const corrected = correctCosts(base, base, "engine-0", llama, { load: 2, prefill: 3, decode: 0.5 });
  const terms = termsOf(corrected, "engine-0", llama);
  expect(terms.load).toBe(2 * plain.load);
  // Each is rounded once.
  expect(Math.abs(terms.prefill - 3 * plain.prefill)).toBeLessThanOrEqual(2);
  expect(Math.abs(terms.decode - plain.decode / 2)).toBeLessThanOrEqual(1);
  expect(termsOf(corrected, "engine-0", phi)).toEqual(termsOf(base, "engine-0", phi));
  expect(corrected.engines[1]).toBe(base.engines[1]);
  expect(corrected.engines[0]).toBe(corrected.engine("engine-0"));
  expect(termsOf(base, "engine-0", llama)).toEqual(plain);
});

test("a later correction takes the place of an earlier one, and leaves those of others", () => {
  const plain = termsOf(base, "engine-0", llama);
  const once = correctCosts(base, base, "engine-0", llama, { load: 5, prefill: 5, decode: 5 });
  const other = correctCosts(base, once, "engine-0", phi, { load: 7, prefill: 1, decode: 1 });
  const again = correctCosts(base, other, "engine-0", llama, { load: 2, prefill: 1, decode: 1 });
  expect(termsOf(again, "engine-0", llama)).toEqual({ ...plain, load: 2 * plain.load });
  expect(termsOf(again, "engine-0", phi).load).toBe(7 * termsOf(base, "engine-0", phi).load);
});

test("what is not there is not corrected", () => {
  const factors = { load: 2, prefill: 2, decode: 2 };
  expect(correctCosts(base, base, "nowhere", llama, factors)).toBe(base);
  expect(correctCosts(base, base, "engine-0", "none", factors)).toBe(base);
});
