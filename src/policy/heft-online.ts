/**
 * Lets the ready stages choose in order of upward rank, each the engine on which it ends first given what engines hold and do,
 * and decides anew at every event.
 *
 * H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing",
 * IEEE TPDS 13(3), 2002, with its ranks and its earliest finish, but no plan ahead. Departures: only ready stages are given
 * engines, so that no gaps arise that something could be inserted into; a stage whose engine is busy is held and may change
 * its mind; ranks count what is revealed so far. As published, ranks of different workflows compare directly, whoever came first.
 */

import { planEarliestFinish } from "./greedy-finish.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "./heft/mean-costs.ts";
import type { Policy } from "./policy.ts";
import { rememberByStage } from "./remember.ts";
import type { ShardSettings } from "./shards.ts";

export function createHeftOnline({ mostShards }: ShardSettings): Policy {
  return (view) => {
    let means: MeanCosts | undefined;
    const memory = rememberByStage(view, (workflow) => {
      means ??= createMeanCosts(view);
      return [...rankStages(workflow, means)].map(([{ stage }, rank]) => [stage.key, rank] as const);
    });
    const rank = new Map(view.ready.map((stage) => [stage, memory[stage.workflow]?.values[stage.key] ?? 0]));
    const ordered = [...view.ready].sort(
      (left, right) => (rank.get(right) ?? 0) - (rank.get(left) ?? 0) || left.ordinal - right.ordinal,
    );
    return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards }), memory };
  };
}
