import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundMeanLatency } from "../../src/bound/mean-latency.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { cluster, dag } from "../support/build.ts";
import { portionOf } from "../support/portion.ts";
import { boundOverBest, meanOverBest, type MeanOverBest } from "./brute-force.ts";
import { leastOver, oneModel, unite } from "./tiny-worlds.ts";

test("no order and no placement of a small workflow ends before its bound, and some end with it", () => {
  const parts: number[] = [];
  for (let seed = 1; seed <= 40; seed++) parts.push(boundOverBest(seed, 4));
  expect(Math.max(...parts)).toBe(1);
});

test("no order and no placement of workflows that arrive one after another has a smaller mean latency than the bound", () => {
  const parts: MeanOverBest[] = [];
  for (let seed = 1; seed <= portionOf(15); seed++) parts.push(meanOverBest(seed));
  expect(parts.filter(({ alone, together }) => together > alone).length).toBeGreaterThan(portionOf(5));
  expect(Math.max(...parts.map(({ together }) => together))).toBeGreaterThan(0.8);
});

test("the mean latency of single stages that wait for one engine is the bound", () => {
  const machines = cluster("h100", { resident: oneModel });
  const workflows = [900, 300, 600].map((tokens, index): Workflow =>
    dag("a", () => ({ output: { estimate: tokens, actual: tokens, limit: 1000 } }), { id: `w${index}` }),
  );
  const bestUs = leastOver(unite(workflows), machines, (endUs) =>
    Math.floor((endUs("w0.a") + endUs("w1.a") + endUs("w2.a")) / 3),
  );
  const { aloneUs, togetherUs } = boundMeanLatency(workflows, knownModels, machines);
  expect(bestUs - togetherUs).toBeGreaterThanOrEqual(0);
  expect(bestUs - togetherUs).toBeLessThanOrEqual(1);
  expect(togetherUs).toBeGreaterThan(1.5 * aloneUs);
});
