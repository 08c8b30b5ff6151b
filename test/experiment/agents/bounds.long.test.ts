import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { knownModels } from "../../../src/catalogue/models.ts";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import { iterationUs } from "../../../src/cost/roofline.ts";
import { shippedCalibration } from "../../../src/cost/shipped-calibration.ts";
import { leastRates } from "../../../src/experiment/agents/least-rates.ts";
import { leastScale, type Due } from "../../../src/experiment/agents/least-scales.ts";
import { requiredScale } from "../../../src/experiment/agents/outcome.ts";
import { switchesRoles } from "../../../src/experiment/bench/agents/policies.ts";
import type { PolicyName } from "../../../src/experiment/cell.ts";
import { runCell } from "../../../src/experiment/run-cell.ts";
import type { Cluster, EngineRole } from "../../../src/model/cluster.ts";
import { policies } from "../../../src/policy/policies.ts";

describe("scales out of reach", () => {
  const alike = (count: number, spentUs: number): Due[] =>
    Array.from({ length: count }, () => ({ arrivalUs: 0, standaloneUs: 1e6, leastUs: 1e6, spentUs: [spentUs] }));

  test("alone, a workflow takes its longest path", () => {
    expect(leastScale([{ arrivalUs: 5, standaloneUs: 1000, leastUs: 900, spentUs: [10] }], 0.95)).toBe(0.9);
  });

  test("of twenty at once one may be late, and the others take turns", () => {
    expect(leastScale(alike(20, 1e6), 0.95)).toBeCloseTo(19, 3);
    expect(leastScale(alike(20, 1e6), 0.99)).toBeCloseTo(20, 3);
  });

  test("the dearest are those that are late", () => {
    const dear = alike(20, 1e6).map((each, index) => (index === 7 ? { ...each, spentUs: [9e6] } : each));
    expect(leastScale(dear, 0.95)).toBeCloseTo(19, 3);
    expect(leastScale(dear, 0.99)).toBeCloseTo(28, 3);
  });

  test("each pool has to suffice", () => {
    const two = alike(20, 1e6).map((each) => ({ ...each, spentUs: [1e5, 1e6] }));
    expect(leastScale(two, 0.99)).toBeCloseTo(20, 3);
  });

  test("those that come later make no window narrower", () => {
    const apart = alike(20, 1e6).map((each, index) => ({ ...each, arrivalUs: index * 1e6 }));
    expect(leastScale(apart, 0.99)).toBe(1);
  });

  test("no schedule of a single machine, in whatever order, is within one", () => {
    const job = fc.record({
      arrivalUs: fc.integer({ min: 0, max: 20_000 }),
      us: fc.integer({ min: 1, max: 3000 }),
      stretch: fc.double({ min: 1, max: 4, noNaN: true }),
      turn: fc.integer({ min: 0, max: 1e6 }),
    });
    fc.assert(
      fc.property(fc.array(job, { minLength: 1, maxLength: 40 }), fc.constantFrom(0.5, 0.8, 0.95), (jobs, share) => {
        let nowUs = 0;
        const ratios = jobs
          .toSorted((left, right) => left.turn - right.turn)
          .map(({ arrivalUs, us, stretch }) => {
            nowUs = Math.max(nowUs, arrivalUs) + us;
            return (nowUs - arrivalUs) / (us * stretch);
          });
        const due = jobs.map(({ arrivalUs, us, stretch }) => ({
          arrivalUs,
          standaloneUs: us * stretch,
          leastUs: us,
          spentUs: [us],
        }));
        expect(leastScale(due, share)).toBeLessThanOrEqual(requiredScale(ratios, share) * (1 + 1e-12));
      }),
      { numRuns: 200 },
    );
  });
});

describe.each([
  ["het1", 0, "llama-3.1-70b"],
  ["het3-kv", 13, "llama-3.1-70b"],
  ["qhet", 7, "qwen3-235b-a22b"],
] as const)("what a batch costs at least: %s, engine %i", (name, index, model) => {
  const costs = createCostModel(namedCluster(name) as Cluster, knownModels, shippedCalibration);
  const each = costs.engines[index];
  const held = each?.models.get(model);

  test.each(["prefill", "decode", "both"] as const)("as %s", (role: EngineRole) => {
    if (each === undefined || held === undefined) throw new Error("no such engine");
    const engine = { ...each, engine: { ...each.engine, role } };
    const batches = fc.record({
      prompts: role === "decode" ? fc.constant(0) : fc.integer({ min: 0, max: 64 }),
      prefillTokens: fc.integer({ min: 1, max: 8192 }),
      pairsEach: fc.integer({ min: 1, max: 20_000 }),
      sequences: role === "prefill" ? fc.constant(0) : fc.integer({ min: 0, max: 256 }),
      filled: fc.double({ min: 0, max: 1, noNaN: true }),
      // Whatever else there is to do decides how decoding pays.
      rest: fc.integer({ min: 0, max: 1e9 }),
    });
    fc.assert(
      fc.property(batches, ({ prompts, pairsEach, sequences, filled, rest, ...drawn }) => {
        const prefillTokens = prompts === 0 ? 0 : Math.max(prompts, drawn.prefillTokens);
        const contextTokens = sequences === 0 ? 0 : Math.floor(held.kvCapacityTokens * filled);
        const prefillPairs = prefillTokens * pairsEach;
        const work = {
          prefillTokens,
          prefillPairs,
          prompts,
          sentTokens: 0,
          longestPromptTokens: prefillTokens,
          decodeTokens: sequences,
          contextTokens,
        };
        const all = { ...work, contextTokens: contextTokens + rest };
        const rates = leastRates(engine, held, all);
        const us = iterationUs(held.rates, {
          prefillTokens,
          prefillPairs,
          prefillSequences: prompts,
          sequences,
          contextTokens,
        });
        expect(rates.prefillUs(work) + rates.decodeUs(work)).toBeLessThanOrEqual(Math.max(0, us - 0.5) + 1e-6);
      }),
      { numRuns: 100 },
    );
  });
});

describe("no run undercuts its bound", () => {
  const own = Object.keys(policies).filter((name) => name.startsWith("hexagent"));
  const names = [...own, "srpt@projected", "agents-atlas@least-loaded", "fcfs@round-robin"] as PolicyName[];
  const places = (
    [
      ["het1", "mapred"],
      ["het3-kv", "mapred"],
      ["qhet", "chat"],
      ["both", "mapred"],
    ] as const
  ).filter(([name]) => namedCluster(name) !== undefined);

  test.each(places)("%s, %s", (cluster, workload) => {
    for (const policy of names) {
      const source = { kind: "agents", workload, load: 3, error: 0, count: 30 } as const;
      const { metrics, ratios = [] } = runCell({
        workload: source,
        cluster,
        policy,
        seed: 1,
        faults: {},
        check: false,
        bounds: true,
      });
      const roles = switchesRoles(policy) ? "WithRoles" : "";
      expect(ratios).toHaveLength(30);
      expect(metrics[`boundReq95${roles}`]).toBeGreaterThan(0.5);
      expect(requiredScale(ratios, 0.95)).toBeGreaterThanOrEqual(metrics[`boundReq95${roles}`] ?? Infinity);
      expect(requiredScale(ratios, 0.99)).toBeGreaterThanOrEqual(metrics[`boundReq99${roles}`] ?? Infinity);
      // Free to change roles, less may be out of reach.
      expect(metrics["boundReq95WithRoles"]).toBeLessThanOrEqual((metrics["boundReq95"] ?? 0) + 1e-9);
    }
  });
});
