/** What is worked out about each open workflow when it is revealed: ranks, sizes, work left. Plain data, part of the memory. */

import type { WorkflowId } from "../../model/workflow.ts";
import type { OpenWorkflow } from "../../state/workflow-state.ts";
import { orderWorkflows } from "../fate/frontier.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "../heft/mean-costs.ts";
import type { View } from "../policy.ts";
import { remainingWork, type RemainingWork } from "../remaining-work.ts";
import { rememberByStage, type Remembered } from "../remember.ts";

export type OutlookMemory = {
  readonly work: RemainingWork;
  /** By stage, its upward rank and the part of it that lies behind the stage. */
  readonly ranks: Remembered<readonly [rankUs: number, tailUs: number]>;
  readonly sizes: Readonly<Record<WorkflowId, Size>>;
};

export type Size = {
  /** For how many revealed stages it was worked out. */
  readonly stages: number;
  /** The longest path, and all work spread over the engines. */
  readonly sizeUs: number;
  /** What it takes alone at least: the longer of the two. */
  readonly aloneUs: number;
};

export type Outlook = OutlookMemory & {
  /** Open workflows, the one whose turn it is first. */
  readonly order: readonly OpenWorkflow[];
};

const knownMeans = new WeakMap<View["costs"], MeanCosts>();

function meanCostsOf(view: View): MeanCosts {
  const known = knownMeans.get(view.costs) ?? createMeanCosts(view);
  knownMeans.set(view.costs, known);
  return known;
}

export function lookOut(view: View, before: OutlookMemory | undefined): Outlook {
  let means: MeanCosts | undefined;
  const ranks = rememberByStage({ ...view, memory: before?.ranks }, (workflow) => {
    const costs = (means ??= meanCostsOf(view));
    return [...rankStages(workflow, costs)].map(
      ([{ stage }, rankUs]) => [stage.key, [rankUs, rankUs - costs.workUs(stage)] as const] as const,
    );
  });
  const work = remainingWork(view, before?.work);
  const sizes: Record<WorkflowId, Size> = {};
  for (const [id, { stages }] of view.workflows.open) {
    const known = before?.sizes[id];
    if (known?.stages === stages.size) sizes[id] = known;
    else sizes[id] = { stages: stages.size, ...sizeOf(view, ranks[id]?.values ?? {}, work[id]?.stageUs ?? {}) };
  }
  return { ranks, work, sizes, order: orderWorkflows(view, work, 1) };
}

function sizeOf(
  { cluster }: View,
  ranks: Readonly<Record<string, readonly [number, number]>>,
  stageUs: Readonly<Record<string, number>>,
): Omit<Size, "stages"> {
  let longestUs = 0;
  let totalUs = 0;
  for (const [rankUs] of Object.values(ranks)) longestUs = Math.max(longestUs, rankUs);
  for (const us of Object.values(stageUs)) totalUs += us;
  const spreadUs = totalUs / cluster.count;
  return { sizeUs: Math.round(longestUs + spreadUs), aloneUs: Math.round(Math.max(longestUs, spreadUs)) };
}
