/** Bounds of tiny worlds over what trying everything finds. */

import { strict as assert } from "node:assert";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundsOf } from "../../src/bound/bounds.ts";
import { boundMeanLatency } from "../../src/bound/mean-latency.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { leastOver, oneModel, tinyCluster, tinyWorkflow, unite } from "./tiny-worlds.ts";

/** The bound of a workflow from a cold cluster as a part of its best latency; more than 1 is refused. */
export function boundOverBest(seed: number, stages: number): number {
  const machines = tinyCluster(seed);
  const workflow = tinyWorkflow(seed, "w", stages);
  const ends = workflow.stages.map(({ id }) => id);
  const bestUs = leastOver(workflow, machines, (endUs) => Math.max(...ends.map(endUs)));
  for (const options of [{ start: "cold", retained: false }, { start: "cold" }, { start: "any" }] as const) {
    const [bound] = boundsOf([workflow], knownModels, machines, options);
    assert(bound !== undefined && bound.lowerUs <= bestUs, `seed ${seed}: ${bound?.lowerUs} is more than ${bestUs}`);
  }
  const [cold] = boundsOf([workflow], knownModels, machines, { start: "cold", retained: false });
  return (cold?.lowerUs ?? Infinity) / bestUs;
}

export type MeanOverBest = { readonly alone: number; readonly together: number };

/** The bounds of the mean latency of three workflows as parts of the best; more than 1 is refused. */
export function meanOverBest(seed: number): MeanOverBest {
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
  const { aloneUs, togetherUs } = boundMeanLatency(workflows, knownModels, machines, { retained: false });
  assert(aloneUs <= togetherUs && togetherUs <= bestUs, `seed ${seed}: ${togetherUs} is more than ${bestUs}`);
  return { alone: aloneUs / bestUs, together: togetherUs / bestUs };
}
