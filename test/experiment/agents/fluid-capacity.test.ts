import { describe, expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { knownModels } from "../../../src/catalogue/models.ts";
import { createCostModel, type CostModel } from "../../../src/cost/cost-model.ts";
import { iterationUs } from "../../../src/cost/roofline.ts";
import { shippedCalibration } from "../../../src/cost/shipped-calibration.ts";
import { fluidTimeUs } from "../../../src/experiment/agents/fluid-capacity.ts";
import type { Work } from "../../../src/experiment/agents/work.ts";
import type { EngineRole } from "../../../src/model/cluster.ts";

const llama = "llama-3.1-70b";
const qwen = "qwen3-235b-a22b";

/** Engines of a cluster by position, in other roles if said. */
function engines(name: string, picked: readonly number[], role?: EngineRole): CostModel {
  const cluster = namedCluster(name);
  if (cluster === undefined) throw new Error(`no cluster ${name}`);
  const costs = createCostModel(cluster, knownModels, shippedCalibration);
  const own = picked.flatMap((index) => costs.engines[index] ?? []);
  return {
    ...costs,
    engines: role === undefined ? own : own.map((each) => ({ ...each, engine: { ...each.engine, role } })),
  };
}

const work: Work = {
  prefillTokens: 3 * 8192,
  prefillPairs: 3 * 8192 * 1000,
  prompts: 12,
  sentTokens: 3 * 8192,
  decodeTokens: 5 * 256,
  contextTokens: 5 * 256 * 1000,
  longestPromptTokens: 4096,
};
const prompts: Work = { ...work, decodeTokens: 0, contextTokens: 0 };

const ratesOf = (costs: CostModel, index: number, model = llama) => {
  const rates = costs.engines[index]?.models.get(model)?.rates;
  if (rates === undefined) throw new Error("no such engine");
  return rates;
};
const fullPrefill = {
  prefillTokens: 8192,
  prefillPairs: 8192 * 1000,
  prefillSequences: 4,
  sequences: 0,
  contextTokens: 0,
};
const fullDecode = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0, sequences: 256, contextTokens: 256_000 };

describe("a prefill and a decode engine", () => {
  // The first and the ninth of homo.
  const pair = engines("homo", [0, 8]);

  test("take as long as the slower phase in full iterations", () => {
    const prefillUs = 3 * iterationUs(ratesOf(pair, 0), fullPrefill);
    const decodeUs = 5 * iterationUs(ratesOf(pair, 1), fullDecode);
    expect(prefillUs).toBeGreaterThan(decodeUs);
    expect(fluidTimeUs(pair, llama, work)).toBeCloseTo(prefillUs, 3);
    const longer = { ...work, decodeTokens: 500 * 256, contextTokens: 500 * 256_000 };
    expect(fluidTimeUs(pair, llama, longer)).toBeCloseTo(100 * decodeUs, 3);
  });

  test("send no faster than the network interface", () => {
    const sent = { ...work, sentTokens: 100 * work.sentTokens };
    expect(fluidTimeUs(pair, llama, sent)).toBeCloseTo((sent.sentTokens * 327_680 * 1e6) / 40e9, 3);
  });

  test("lack a phase, and never end, if one of both is missing", () => {
    expect(fluidTimeUs(engines("homo", [0]), llama, work)).toBe(Infinity);
    expect(fluidTimeUs(engines("homo", [8]), llama, work)).toBe(Infinity);
  });
});

test("unlike engines add up their paces", () => {
  // An H200 and an A100 that prefill, each with all eight that decode.
  const decoders = [8, 9, 10, 11, 12, 13, 14, 15];
  const alone = [0, 7].map((index) => fluidTimeUs(engines("het1", [index, ...decoders]), llama, prompts));
  const together = fluidTimeUs(engines("het1", [0, 7, ...decoders]), llama, prompts);
  expect(alone[0]).toBeLessThan(alone[1] ?? 0);
  expect(1 / together).toBeCloseTo(1 / (alone[0] ?? 1) + 1 / (alone[1] ?? 1), 12);
});

test("batches are no larger than KV memory", () => {
  const long = { ...work, decodeTokens: 5e4, contextTokens: 5e4 * 8000 };
  const [whole, tenth] = ["het3", "het3-kv"].map((name) =>
    fluidTimeUs(createCostModel(namedCluster(name) as never, knownModels, shippedCalibration), llama, long),
  );
  expect(tenth).toBeGreaterThan(2 * (whole ?? Infinity));
});

test("experts are read as far as the batch hits them", () => {
  const pair = engines("qhom", [0, 4]);
  const much = { ...work, decodeTokens: 1e5, contextTokens: 1e8 };
  const capacity = pair.engines[1]?.models.get(qwen)?.kvCapacityTokens ?? 0;
  expect(capacity).toBeGreaterThan(256_000);
  const perStep = iterationUs(ratesOf(pair, 1, qwen), fullDecode);
  expect(fluidTimeUs(pair, qwen, much)).toBeCloseTo((1e5 / 256) * perStep, 2);
});

describe("engines that do both", () => {
  // An H200, an H100 and an A100.
  const trio = engines("het1", [0, 2, 7], "both");

  test.each([1, 30, 1000])("divide their time as well as any division does, with %i times the decoding", (times) => {
    const mixed = { ...work, decodeTokens: times * 256, contextTokens: times * 256_000 };
    const paces = trio.engines.map((_, index) => ({
      prefill: 1 / (3 * iterationUs(ratesOf(trio, index), fullPrefill)),
      decode: 1 / (times * iterationUs(ratesOf(trio, index), fullDecode)),
    }));
    let best = 0;
    const steps = 50;
    for (let first = 0; first <= steps; first++)
      for (let second = 0; second <= steps; second++)
        for (let third = 0; third <= steps; third++) {
          const parts = [first / steps, second / steps, third / steps];
          let prefill = 0;
          let decode = 0;
          for (const [index, pace] of paces.entries()) {
            prefill += pace.prefill * (parts[index] ?? 0);
            decode += pace.decode * (1 - (parts[index] ?? 0));
          }
          best = Math.max(best, Math.min(prefill, decode));
        }
    const found = 1 / fluidTimeUs(trio, llama, mixed);
    expect(found).toBeGreaterThanOrEqual(best * (1 - 1e-9));
    expect(found).toBeLessThan(best * 1.05);
  });
});
