/**
 * Lets the ready stages choose in order of their optimistic cost, each the engine on which its end and the optimistic cost of
 * what follows from there are the least together.
 *
 * H. Arabnejad, J. G. Barbosa, "List Scheduling Algorithm for Heterogeneous Systems by an Optimistic Cost Table", IEEE TPDS
 * 25(3), 2014. Departures: only ready stages are given engines, anew at every event, so that there are no gaps to insert into; a
 * stage whose engine is busy is held and may change its mind; ends are conditional on state (loads, caches), while the table is
 * not; of a pair the table looks at the prefill engine.
 */

import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import { createMeanCosts, type MeanCosts } from "../heft/mean-costs.ts";
import type { Policy } from "../policy.ts";
import { rememberByStage } from "../remember.ts";
import { createPlaces, optimisticCosts, type OptimisticCost } from "./optimistic-costs.ts";
import type { ShardSettings } from "../shards.ts";

export function createPeft({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const places = createPlaces(view);
    let means: MeanCosts | undefined;
    const memory = rememberByStage(view, (workflow) => {
      means ??= createMeanCosts(view);
      return optimisticCosts(workflow, places, means.transferUs);
    });
    const costOf = ({ workflow, key }: VisibleModelStage): OptimisticCost | undefined => memory[workflow]?.values[key];
    const rankOf = (stage: VisibleModelStage): number => costOf(stage)?.rankUs ?? 0;
    const ordered = [...view.ready].sort((left, right) => rankOf(right) - rankOf(left) || left.ordinal - right.ordinal);
    const afterUs = (stage: VisibleModelStage, { holding }: EngineState): number =>
      costOf(stage)?.afterUs[places.placeOf(holding.index)] ?? 0;
    return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards, afterUs }), memory };
  };
}
