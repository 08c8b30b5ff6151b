import { describe, expect, test } from "vitest";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shareDecodeUs, sharePrefillUs } from "../../src/cost/phase.ts";
import { shareWork } from "../../src/cost/share-work.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { measure, type Measured } from "../../src/measure/measure.ts";
import { pairRatios } from "../../src/measure/pairs.ts";
import type { Stage } from "../../src/model/workflow.ts";
import { wildRuns } from "../check/wild.ts";
import { batched, cluster, dag, firstUs, llm, run } from "../support/build.ts";

const resident = { resident: ["llama-3.1-8b"] };

describe("one workflow on one idle engine that has its model", () => {
  const journal = run({ cluster: cluster("h100", resident), workflows: [dag("a -> b", () => ({}), { arrivalUs: 5 })] });
  const measured = measure(journal);
  const last = journal.events.at(-1);

  test("takes its standalone latency", () => {
    expect(measured.workflows).toMatchObject([{ workflow: "w", outcome: "ended", arriveUs: 5, ratio: 1 }]);
    expect(measured.makespanUs).toBe((last?.atUs ?? 0) - 5);
    expect(measured.latencyUs).toEqual({
      count: 1,
      mean: measured.makespanUs,
      p50: measured.makespanUs,
      p95: measured.makespanUs,
      p99: measured.makespanUs,
      max: measured.makespanUs,
    });
    expect(measured.workflows[0]?.standaloneUs).toBe(2 * bestUs(journal));
  });

  test("keeps the engine busy all the time, with prefill and decode only", () => {
    const [engine] = measured.engines;
    expect(engine?.prefillUs).toBe(
      firstUs(journal, "prefill-end", "w/a") -
        firstUs(journal, "prefill-start", "w/a") +
        firstUs(journal, "prefill-end", "w/b") -
        firstUs(journal, "prefill-start", "w/b"),
    );
    expect(engine).toMatchObject({ loadUs: 0, transferUs: 0, downUs: 0, idleUs: 0, utilisation: 1 });
  });

  test("comes near its lower bound: one iteration, nothing but rounding", () => {
    expect(measured.bounds.criticalPathUs).toBeGreaterThan(0.98 * measured.makespanUs);
    expect(measured.bounds.criticalPathUs).toBeLessThanOrEqual(measured.makespanUs);
  });
});

test("the standalone latency of a fork is that of its longer branch, tools and all", () => {
  const tool: Stage = { id: "t", kind: "tool", parents: [], priority: 0, estimateUs: 1, actualUs: 7_000_000 };
  const stages = [
    tool,
    llm("a"),
    llm("b", {
      parents: [
        { stage: "t", bytes: 1 },
        { stage: "a", bytes: 1 },
      ],
    }),
  ];
  const journal = run({ cluster: cluster("h100", resident), workflows: [{ ...dag("x"), stages }] });
  expect(measure(journal).workflows[0]?.standaloneUs).toBe(7_000_000 + bestUs(journal));
});

test("a skipped stage adds nothing to the standalone latency and the bounds", () => {
  const machines = cluster("h100", resident);
  const branch = { chance: 0.5, runs: false };
  const journal = run({
    cluster: machines,
    workflows: [dag("a -> b, c -> d", (id) => (id === "b" ? { branch } : {}))],
  });
  const without = measure(run({ cluster: machines, workflows: [dag("a -> c -> d")] }));
  const measured = measure(journal);
  expect(measured.workflows).toEqual(without.workflows);
  expect(measured.bounds).toEqual(without.bounds);
  expect(measured.workflows[0]?.standaloneUs).toBe(3 * bestUs(journal));
  const nothing = measure(
    run({ cluster: machines, workflows: [dag("a -> b", (id) => (id === "a" ? { branch } : {}))] }),
  );
  expect(nothing).toMatchObject({ ended: 1, makespanUs: 0, bounds: { makespanUs: 0 } });
  expect(nothing.workflows).toMatchObject([{ standaloneUs: 0, ratio: 1 }]);
});

test("loads, and swaps among them", () => {
  const journal = run({
    cluster: cluster("h100", resident),
    workflows: [dag("a -> b -> c", (id) => ({ model: id === "b" ? "qwen3-32b-int4" : "llama-3.1-8b" }))],
  });
  const { loads, swaps, evictions, prefetches, loadUs, engines } = measure(journal);
  expect({ loads, swaps, evictions, prefetches }).toEqual({ loads: 2, swaps: 1, evictions: 2, prefetches: 0 });
  expect(engines[0]?.loadUs).toBe(loadUs);
});

test("tokens found cached and tokens computed again", () => {
  const prompt = [{ kind: "text", key: "system", tokens: 700 } as const, { kind: "own", tokens: 50 } as const];
  const warm = measure(run({ cluster: cluster("h100"), workflows: [dag("a -> b", () => ({ prompt }))] }));
  expect(warm).toMatchObject({ promptTokens: 1500, cachedTokens: 700, recomputedTokens: 0 });
  const cold = measure(run({ cluster: cluster("h100 h100"), workflows: [dag("a -> b", () => ({ prompt }))] }));
  expect(cold).toMatchObject({ promptTokens: 1500, cachedTokens: 0, recomputedTokens: 700 });
});

test("waits: for a placement, and in a queue", () => {
  const workflows = [dag("a", () => ({}), { id: "v" }), dag("a")];
  const journal = run({ cluster: cluster("h100", resident), workflows });
  const { placementWaitUs, queueWaitUs } = measure(journal);
  expect(placementWaitUs).toBe(0);
  expect(queueWaitUs).toBe(firstUs(journal, "stage-end", "v/a"));
});

test("deadlines, given as a time and as a multiple", () => {
  const workflows = [
    dag("a", () => ({}), { id: "v", deadlineUs: 1 }),
    dag("a", () => ({}), { id: "w", sloScale: 1e6 }),
    dag("a", () => ({}), { id: "x" }),
  ];
  expect(measure(run({ workflows })).deadlines).toEqual({ given: 2, met: 1 });
});

test("abandoned workflows are counted and left out", () => {
  const workflows = [dag("a", () => ({ model: "llama-3.1-70b" }), { id: "v" }), dag("a")];
  const { ended, abandoned, latencyUs, bounds, makespanUs } = measure(run({ cluster: cluster("l40s"), workflows }));
  expect({ ended, abandoned, count: latencyUs.count }).toEqual({ ended: 1, abandoned: 1, count: 1 });
  expect(bounds.makespanUs).toBeLessThanOrEqual(makespanUs);
});

test("nothing at all", () => {
  expect(measure(run({ workflows: [] }))).toMatchObject({ makespanUs: 0, ended: 0, utilisation: 0, engines: [] });
});

describe.each(Object.entries(wildRuns))("on %s engines, whatever happens", (_name, make) => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("seed %i", (seed) => {
    const journal = make(seed, 15);
    const measured = measure(journal);
    expectBounded(measured);
    const spanUs = (journal.events.at(-1)?.atUs ?? 0) - (journal.events[0]?.atUs ?? 0);
    for (const { loadUs, transferUs, prefillUs, decodeUs, downUs, idleUs } of measured.engines)
      expect(loadUs + transferUs + prefillUs + decodeUs + downUs + idleUs).toBe(spanUs);
    expect(measured.cachedTokens + measured.recomputedTokens).toBeLessThan(measured.promptTokens);
  });
});

test("the bounds hold where they are tight: a crowd on one engine", () => {
  for (const batching of [batched, { kind: "exclusive", maxSequences: 8 } as const]) {
    const workflows = Array.from({ length: 30 }, (_, index) =>
      dag("a -> b, c -> d", (id) => ({ items: id === "b" ? 12 : 1 }), { id: `w${index}` }),
    );
    const measured = measure(run({ cluster: cluster("h100", { ...resident, batching }), workflows }));
    expectBounded(measured);
    expect(measured.bounds.workUs).toBeGreaterThan(0.05 * measured.makespanUs);
    if (batching.kind === "exclusive") expect(measured.bounds.workUs).toBeGreaterThan(0.6 * measured.makespanUs);
  }
});

describe("two runs of one workload", () => {
  const workflows = [dag("a -> b, c"), dag("a", () => ({}), { id: "v", arrivalUs: 1000 })];
  const one = measure(run({ cluster: cluster("h100", resident), workflows }));
  const two = measure(run({ cluster: cluster("h100 h100", resident), workflows }));

  test("are compared workflow by workflow", () => {
    const { ratios, pooled, unpaired, winRate } = pairRatios(two, one);
    expect(ratios).toHaveLength(2);
    expect(unpaired).toBe(0);
    expect(pooled).toBeLessThan(1);
    expect(winRate).toBeGreaterThan(0.5);
  });

  test("a run against itself", () => {
    expect(pairRatios(one, one)).toMatchObject({ ratios: [1, 1], pooled: 1, winRate: 0.5 });
  });
});

function expectBounded({ bounds, makespanUs, workflows }: Measured): void {
  expect(bounds.makespanUs).toBeLessThanOrEqual(makespanUs);
  for (const { outcome, leastUs, latencyUs } of workflows)
    if (outcome === "ended") expect(leastUs).toBeLessThanOrEqual(latencyUs);
}

/** A call of a thousand tokens in and a hundred out, alone on the first engine. */
function bestUs({ header, events }: Journal): number {
  const [engine] = createCostModel(header.cluster, header.models, header.calibration).engines;
  const reveal = events.find((event) => event.kind === "stage-reveal" && event.stage.kind === "llm");
  const held = engine?.models.get("llama-3.1-8b");
  if (held === undefined || reveal?.kind !== "stage-reveal" || reveal.stage.kind === "tool") return Number.NaN;
  const work = shareWork(reveal.stage, 1, 1, 100);
  return sharePrefillUs(held.rates, work, 1, 0) + shareDecodeUs(held.rates, work);
}

test("batches side by side keep their engine busy once", () => {
  const machines = cluster("h200", {
    batching: { ...batched, mixesModels: true } as typeof batched,
    resident: ["llama-3.1-8b", "phi-4-14.7b"],
    maxResident: 2,
    kvBytes: 4e9,
  });
  const journal = run({
    cluster: machines,
    workflows: [0, 300_000, 5_000_000].flatMap((arrivalUs, index) => [
      dag("a", undefined, { id: `small-${index}`, arrivalUs }),
      dag("a", () => ({ model: "phi-4-14.7b" }), { id: `large-${index}`, arrivalUs: arrivalUs + 100_000 }),
    ]),
  });
  const steps = journal.events.filter((event) => event.kind === "batch-step");
  const covered = (spans: readonly { readonly startUs: number; readonly atUs: number }[]): number => {
    let us = 0;
    let untilUs = 0;
    for (const { startUs, atUs } of spans.toSorted((left, right) => left.startUs - right.startUs)) {
      us += Math.max(0, atUs - Math.max(startUs, untilUs));
      untilUs = Math.max(untilUs, atUs);
    }
    return us;
  };
  const [engine] = measure(journal).engines;
  const busyUs = covered(steps);
  const prefillUs = covered(steps.filter(({ prefillTokens }) => prefillTokens > 0));
  expect(engine).toMatchObject({ prefillUs, decodeUs: busyUs - prefillUs });
  expect(busyUs).toBeLessThan(steps.reduce((sum, { startUs, atUs }) => sum + atUs - startUs, 0));
  const { idleUs = 0, transferUs = 0 } = engine ?? {};
  expect(busyUs + idleUs + transferUs).toBe((journal.events.at(-1)?.atUs ?? 0) - (journal.events[0]?.atUs ?? 0));
});
