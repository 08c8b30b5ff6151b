/**
 * Lets the ready stages choose in order of upward rank, each the engine on which it ends first given what engines hold and do,
 * and decides anew at every event.
 *
 * H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing",
 * IEEE TPDS 13(3), 2002, with its ranks and its earliest finish, but no plan ahead. Departures: only ready stages are given
 * engines, so that no gaps arise that something could be inserted into; a stage whose engine is busy is held and may change
 * its mind; ranks count what is revealed so far. As published, ranks of different workflows compare directly, whoever came first.
 */

import type { StageKey, WorkflowId } from "../model/workflow.ts";
import { planEarliestFinish } from "./greedy-finish.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "./heft/mean-costs.ts";
import type { Policy, View } from "./policy.ts";

/** Ranks of the open workflows, and for how many revealed stages they were worked out. */
type Memory = Readonly<Record<WorkflowId, Ranks>>;
type Ranks = { readonly stages: number; readonly ranks: Readonly<Record<StageKey, number>> };

export const heftOnline: Policy = (view) => {
  const memory = rankAll(view);
  const rank = new Map(view.ready.map((stage) => [stage, memory[stage.workflow]?.ranks[stage.key] ?? 0]));
  const ordered = [...view.ready].sort(
    (left, right) => (rank.get(right) ?? 0) - (rank.get(left) ?? 0) || left.ordinal - right.ordinal,
  );
  return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards: 1 }), memory };
};

/** What is remembered, where it still holds. */
function rankAll(view: View): Memory {
  const remembered = (view.memory ?? {}) as Memory;
  let means: MeanCosts | undefined;
  const all: Record<WorkflowId, Ranks> = {};
  for (const workflow of view.workflows.open.values()) {
    const known = remembered[workflow.id];
    if (known?.stages === workflow.stages.size) {
      all[workflow.id] = known;
      continue;
    }
    means ??= createMeanCosts(view);
    const ranks: Record<StageKey, number> = {};
    for (const [node, rank] of rankStages(workflow, means)) ranks[node.stage.key] = rank;
    all[workflow.id] = { stages: workflow.stages.size, ranks };
  }
  return all;
}
