/** Steps to execution: 0 for what is ready, placed or running, else one more than the farthest parent that has not ended. */

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
