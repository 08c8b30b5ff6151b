/**
 * Lets the ready stages choose in order of their optimistic cost, each the engine on which its end and the optimistic cost of
 * what follows from there are the least together.
 *
 * H. Arabnejad, J. G. Barbosa, "List Scheduling Algorithm for Heterogeneous Systems by an Optimistic Cost Table", IEEE TPDS
 * 25(3), 2014. Departures: only ready stages are given engines, anew at every event, so that there are no gaps to insert into; a
 * stage whose engine is busy is held and may change its mind; ends are conditional on state (loads, caches), while the table is
 * not; of a pair the table looks at the prefill engine.
 */

import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import { createMeanCosts, type MeanCosts } from "../heft/mean-costs.ts";
import type { Policy, View } from "../policy.ts";
import { createPlaces, optimisticCosts, type OptimisticCost, type Places } from "./optimistic-costs.ts";

/** Tables of the open workflows, and for how many revealed stages they were worked out. */
type Memory = Readonly<Record<WorkflowId, Table>>;
type Table = { readonly stages: number; readonly costs: Readonly<Record<StageKey, OptimisticCost>> };

export const peft: Policy = (view) => {
  const places = createPlaces(view);
  const memory = costAll(view, places);
  const costOf = ({ workflow, key }: VisibleModelStage): OptimisticCost | undefined => memory[workflow]?.costs[key];
  const rankOf = (stage: VisibleModelStage): number => costOf(stage)?.rankUs ?? 0;
  const ordered = [...view.ready].sort((left, right) => rankOf(right) - rankOf(left) || left.ordinal - right.ordinal);
  const afterUs = (stage: VisibleModelStage, { holding }: EngineState): number =>
    costOf(stage)?.afterUs[places.placeOf(holding.index)] ?? 0;
  return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards: 1, afterUs }), memory };
};

/** What is remembered, where it still holds. */
function costAll(view: View, places: Places): Memory {
  const remembered = (view.memory ?? {}) as Memory;
  let means: MeanCosts | undefined;
  const all: Record<WorkflowId, Table> = {};
  for (const workflow of view.workflows.open.values()) {
    const known = remembered[workflow.id];
    if (known?.stages === workflow.stages.size) {
      all[workflow.id] = known;
      continue;
    }
    means ??= createMeanCosts(view);
    const costs = Object.fromEntries(optimisticCosts(workflow, places, means.transferUs));
    all[workflow.id] = { stages: workflow.stages.size, costs };
  }
  return all;
}
