/** The longest path through each stage, and the longest of all: upward and downward ranks of Topcuoglu 2002, equations 8 and 6. */

import type { EngineId } from "../../model/cluster.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import { bytesBetween, rankStages, type MeanCosts } from "../heft/mean-costs.ts";

/** What is remembered of a workflow. */
export type Critical = {
  /** For how many revealed stages the rest was worked out. */
  readonly stages: number;
  /** The length of the longest path through each stage. */
  readonly priorities: Readonly<Record<StageKey, number>>;
  readonly path: readonly StageKey[];
  /** None yet, or none that is up can take a stage of the path. */
  readonly engine?: EngineId;
};

/** Costs a visit of every stage and edge. */
export function rankPaths(workflow: OpenWorkflow, means: MeanCosts): Pick<Critical, "priorities" | "path"> {
  const upward = rankStages(workflow, means);
  const downward = rankDownward(upward.keys(), means);
  const priorities: Record<StageKey, number> = {};
  for (const [node, up] of upward) priorities[node.stage.key] = up + (downward.get(node) ?? 0);
  return { priorities, path: findPath(upward, means) };
}

/** How long after the begin of the workflow each stage can begin: the parents come before their children. */
function rankDownward(nodes: Iterable<StageNode>, means: MeanCosts): ReadonlyMap<StageNode, number> {
  const downward = new Map<StageNode, number>();
  for (const node of nodes) {
    const beginUs = downward.get(node) ?? 0;
    downward.set(node, beginUs);
    for (const child of node.children) {
      const us = beginUs + means.workUs(node.stage) + means.transferUs(bytesBetween(node.stage, child.stage));
      downward.set(child, Math.max(downward.get(child) ?? 0, us));
    }
  }
  return downward;
}

/** From the entry with the highest rank to an exit, each time to the child that the rank comes from; of equals to the first. */
function findPath(upward: ReadonlyMap<StageNode, number>, means: MeanCosts): StageKey[] {
  const path: StageKey[] = [];
  let choices = [...upward.keys()].filter(({ stage }) => stage.parents.length === 0);
  let from: StageNode | undefined;
  while (choices.length > 0) {
    let next: StageNode | undefined;
    let longestUs = -1;
    for (const node of choices) {
      const transferUs = from === undefined ? 0 : means.transferUs(bytesBetween(from.stage, node.stage));
      const us = transferUs + (upward.get(node) ?? 0);
      if (us <= longestUs) continue;
      next = node;
      longestUs = us;
    }
    if (next === undefined) break;
    path.push(next.stage.key);
    from = next;
    choices = next.children;
  }
  return path;
}
