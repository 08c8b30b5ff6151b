/** Places each stage on the next engine in turn that may take it. */

import { isFeasible } from "../cost/candidate.ts";
import type { Decision } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { createLoads, placeWhole } from "./choose.ts";
import type { Policy, View } from "./policy.ts";

export const roundRobin: Policy = (view) => ({ decisions: planRoundRobin(view, view.ready, () => 0) });

/** In the order given, with a rank for the engines' queues. */
export function planRoundRobin(
  view: View,
  stages: readonly VisibleModelStage[],
  rankOf: (stage: VisibleModelStage) => number,
): Decision[] {
  const { cluster } = view;
  const loads = createLoads(view);
  let turn = view.workflows.placedCount;
  return stages.map((stage) => {
    for (let tried = 0; tried < cluster.count; tried++) {
      const engine = cluster.at(turn++ % cluster.count);
      if (isFeasible(view, stage, engine)) return placeWhole(view, stage, engine, rankOf(stage), loads);
    }
    return placeWhole(view, stage, undefined, 0, loads);
  });
}
