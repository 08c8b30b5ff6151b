import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundsOf } from "../../src/bound/bounds.ts";
import { boundMeanLatency } from "../../src/bound/mean-latency.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { cluster, dag } from "../support/build.ts";
import { leastOver, oneModel, tinyCluster, tinyWorkflow, unite } from "./tiny-worlds.ts";

test("no order and no placement of a small workflow ends before its bound", () => {
  const parts: number[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const machines = tinyCluster(seed);
    const workflow = tinyWorkflow(seed, "w", 4);
    const ends = workflow.stages.map(({ id }) => id);
    const bestUs = leastOver(workflow, machines, (endUs) => Math.max(...ends.map(endUs)));
    const [bound] = boundsOf([workflow], knownModels, machines, { start: "cold", retained: false });
    const [any] = boundsOf([workflow], knownModels, machines);
    const lowerUs = bound?.lowerUs ?? Infinity;
    expect({ seed, lowerUs }).toEqual({ seed, lowerUs: Math.min(lowerUs, bestUs) });
    expect(any?.lowerUs).toBeLessThanOrEqual(bestUs);
    parts.push(lowerUs / bestUs);
  }
  // Bounds that are the best plan: the least too much would show.
  expect(Math.max(...parts)).toBe(1);
});

test("no order and no placement of small workflows that arrive one after another has a smaller mean latency than their bound", () => {
  const parts: number[] = [];
  let more = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const machines = tinyCluster(seed, oneModel);
    const workflows = [0, 1, 2].map((index): Workflow => ({
      ...tinyWorkflow(seed, `w${index}`, index === 1 ? 1 : 2, oneModel),
      arrivalUs: index * 300_000,
    }));
    const bestUs = leastOver(unite(workflows), machines, (endUs) => {
      let sumUs = 0;
      for (const { id, arrivalUs, stages } of workflows)
        sumUs += Math.max(...stages.map((stage) => endUs(`${id}.${stage.id}`))) - arrivalUs;
      return sumUs / workflows.length;
    });
    const { aloneUs, togetherUs } = boundMeanLatency(workflows, knownModels, machines);
    expect({ seed, togetherUs }).toEqual({ seed, togetherUs: Math.min(togetherUs, bestUs) });
    if (togetherUs > aloneUs) more += 1;
    parts.push(togetherUs / bestUs);
  }
  expect(more).toBeGreaterThan(10);
  expect(Math.max(...parts)).toBeGreaterThan(0.9);
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
