/** Steps to execution: 0 for what is ready, placed or running, else one more than the farthest parent that has not ended. */

import type { ModelId } from "../../model/model.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";

/** Of the stages that have not ended, in order of reveal. Visits every stage and edge once. */
export function stepsToExecution({ stages }: OpenWorkflow): ReadonlyMap<StageNode, number> {
  const steps = new Map<StageNode, number>();
  for (const node of stages.values()) {
    if (node.status === "ended") continue;
    let farthest = 0;
    for (const { stage } of node.status === "waiting" ? node.stage.parents : []) {
      const parent = stages.get(stage);
      if (parent !== undefined) farthest = Math.max(farthest, (steps.get(parent) ?? -1) + 1);
    }
    steps.set(node, farthest);
  }
  return steps;
}

/** How many steps away a model is needed. */
export type AwayOf = (model: ModelId) => number;

/** The nearest stage of each model; what no open stage calls is needed in the far future. */
export function stepsByModel(steps: Iterable<readonly [StageNode, number]>): AwayOf {
  const nearest = new Map<ModelId, number>();
  for (const [{ stage }, away] of steps)
    if (stage.kind !== "tool") nearest.set(stage.model, Math.min(away, nearest.get(stage.model) ?? Infinity));
  return (model) => nearest.get(model) ?? Infinity;
}
