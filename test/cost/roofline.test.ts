import fc from "fast-check";
import { expect, test } from "vitest";
import { gpuKinds } from "../../src/catalogue/gpus.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { createRates, iterationUs, kvCopies, type Batch, type Rates } from "../../src/cost/roofline.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Engine } from "../../src/model/cluster.ts";

const idle: Batch = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0, sequences: 0, contextTokens: 0 };

function engineOf(size: number): Engine {
  return {
    id: "engine",
    devices: Array.from({ length: size }, (_, index) => `gpu-${index}`),
    role: "both",
    batching: { kind: "exclusive", maxSequences: 256 },
    resident: [],
    maxResident: 1,
    memoryShare: 0.9,
    labels: [],
  };
}

function modelOf(id: string) {
  const model = knownModels.find((candidate) => candidate.id === id);
  if (model === undefined) throw new Error(`no model ${id}`);
  return model;
}

function ratesOf(modelId: string, gpuId = "h100-80g", size = 1): Rates {
  const gpu = gpuKinds.find((kind) => kind.id === gpuId);
  if (gpu === undefined) throw new Error(`no GPU kind ${gpuId}`);
  return createRates(engineOf(size), gpu, modelOf(modelId), shippedCalibration);
}

const decode = (sequences: number, contextTokens: number): Batch => ({ ...idle, sequences, contextTokens });

test("an iteration without work takes no time", () => {
  expect(iterationUs(ratesOf("llama-3.1-8b"), idle)).toBe(0);
});

test("more tokens, pairs, sequences or context never take less time, on every GPU kind and model", () => {
  const whole = (max: number) => fc.nat({ max });
  const batch = fc.record({
    prefillTokens: whole(8192),
    prefillPairs: whole(1e8),
    prefillSequences: whole(64),
    sequences: whole(512),
    contextTokens: whole(2e6),
  });
  fc.assert(
    fc.property(
      batch,
      batch,
      fc.constantFrom(...knownModels),
      fc.constantFrom(...gpuKinds),
      fc.constantFrom(1, 2, 4, 8),
      (base, extra, model, gpu, size) => {
        const rates = createRates(engineOf(size), gpu, model, shippedCalibration);
        const more: Batch = {
          prefillTokens: base.prefillTokens + extra.prefillTokens,
          prefillPairs: base.prefillPairs + extra.prefillPairs,
          prefillSequences: base.prefillSequences + extra.prefillSequences,
          sequences: base.sequences + extra.sequences,
          contextTokens: base.contextTokens + extra.contextTokens,
        };
        const us = iterationUs(rates, base);
        expect(Number.isFinite(us)).toBe(true);
        expect(iterationUs(rates, more)).toBeGreaterThanOrEqual(us);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("a mixture reads more experts as the batch grows, until it has read all", () => {
  const rates = { ...ratesOf("qwen3-235b-a22b-fp8", "h200-141g", 8), expertUsPerToken: 0 };
  // What reading the experts adds to the same iteration without them.
  const expertUs = (sequences: number): number =>
    iterationUs(rates, decode(sequences, 0)) - iterationUs({ ...rates, expertWeightUs: 0 }, decode(sequences, 0));
  expect(expertUs(16) / expertUs(1)).toBeGreaterThan(8);
  expect(expertUs(1)).toBeLessThan((1.01 * rates.expertWeightUs * 8) / 128);
  expect(expertUs(512) / expertUs(256)).toBeLessThan(1.1);
});

test("a decode iteration of a dense model is bound by memory, a prefill by compute", () => {
  const rates = ratesOf("llama-3.1-70b-fp8", "h200-141g", 1);
  expect(iterationUs(rates, decode(8, 8000)) / iterationUs(rates, decode(1, 1000))).toBeLessThan(1.1);
  const prompt = (tokens: number): Batch => ({ ...idle, prefillTokens: tokens, prefillSequences: 1 });
  const ratio = iterationUs(rates, prompt(8192)) / iterationUs(rates, prompt(4096));
  expect(ratio).toBeGreaterThan(1.8);
  expect(ratio).toBeLessThan(2);
});

test("a larger group is faster, by less than its size", () => {
  for (const batch of [decode(32, 64_000), { ...idle, prefillTokens: 8192, prefillPairs: 8192 ** 2 / 2 }]) {
    const times = [2, 4, 8].map((size) => iterationUs(ratesOf("llama-3.1-70b-fp8", "h100-80g", size), batch));
    const [two = 0, four = 0, eight = 0] = times;
    expect(four).toBeLessThan(two);
    expect(eight).toBeLessThan(four);
    expect(eight).toBeGreaterThan(two / 4);
  }
});

test("with fewer KV heads than GPUs, several GPUs keep the same heads", () => {
  expect(kvCopies(modelOf("llama-3.1-70b"), 8)).toBe(1);
  expect(kvCopies(modelOf("qwen3-235b-a22b"), 8)).toBe(2);
  expect(kvCopies(modelOf("deepseek-v3"), 8)).toBe(8);
});

test("a GPU kind without coefficients of its own uses the generic ones", () => {
  const usual = ratesOf("llama-3.1-8b", "l40s-48g");
  const own = ratesOf("llama-3.1-8b", "h200-141g");
  expect(shippedCalibration.gpus["l40s-48g"]).toBeUndefined();
  const bytesPerUs = 864e3 * shippedCalibration.generic.bandwidthShare;
  expect(usual.weightUs).toBeCloseTo((usual.model.weightBytes - (usual.model.lookupBytes ?? 0)) / bytesPerUs, 6);
  expect(own.weightUs).toBeLessThan(usual.weightUs);
});
