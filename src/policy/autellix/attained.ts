/** The service that a workflow's calls have had: engine time of those that have ended, at mean costs and their true lengths. */

import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import type { MeanCosts } from "../heft/mean-costs.ts";

/** PLAS: of the workflow as a whole. */
export function attainedUs({ stages }: OpenWorkflow, means: MeanCosts): number {
  let totalUs = 0;
  for (const node of stages.values()) totalUs += servedUs(node, means);
  return totalUs;
}

/** ATLAS: of each call's longest chain of ancestors, `p(c) = max over parents (p + t)`. Visits every stage and edge once. */
export function chainAttainedUs({ stages }: OpenWorkflow, means: MeanCosts): ReadonlyMap<StageKey, number> {
  const attained = new Map<StageKey, number>();
  const throughUs = new Map<StageKey, number>();
  for (const [key, node] of stages) {
    let longestUs = 0;
    for (const parent of node.stage.parents) longestUs = Math.max(longestUs, throughUs.get(parent.stage) ?? 0);
    attained.set(key, longestUs);
    throughUs.set(key, longestUs + servedUs(node, means));
  }
  return attained;
}

/** Tools take no engine, so they are no service. */
function servedUs({ status, stage, outputTokens }: StageNode, means: MeanCosts): number {
  if (status !== "ended" || stage.kind === "tool") return 0;
  const asItWas: VisibleModelStage = { ...stage, outputTokens };
  return means.workUs(asItWas);
}
