/**
 * Places each stage on the engine with the fewest shares, queued or running: "least outstanding requests", as load balancers
 * in front of model servers do it. It does not ask which model an engine holds or how fast it is.
 */

import { isFeasible } from "../cost/candidate.ts";
import type { Decision } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { createLoads, pickLeastLoaded, placeWhole } from "./choose.ts";
import type { Policy, View } from "./policy.ts";

export const leastLoaded: Policy = (view) => ({ decisions: planLeastLoaded(view, view.ready, () => 0) });

/** In the order given, with a rank for the engines' queues. */
export function planLeastLoaded(
  view: View,
  stages: readonly VisibleModelStage[],
  rankOf: (stage: VisibleModelStage) => number,
): Decision[] {
  const loads = createLoads(view);
  return stages.map((stage) => {
    const engine = pickLeastLoaded(view, loads, (candidate) => isFeasible(view, stage, candidate));
    return placeWhole(view, stage, engine, rankOf(stage), loads);
  });
}
