/**
 * Places each stage where its model is, or will be once the queue is worked off; among several such engines on the one with
 * the fewest shares; and if the model is nowhere, on the engine with the fewest shares that can load it.
 *
 * What a router in front of model-swapping servers does. It never brings up a second copy of a model while an engine holds
 * one, however long that engine's queue.
 */

import { isFeasible } from "../cost/candidate.ts";
import type { EngineState } from "../state/engine-state.ts";
import { createLoads, pickLeastLoaded, placeWhole } from "./choose.ts";
import { createForeseen } from "./foreseen.ts";
import type { Policy } from "./policy.ts";

export const modelAffinity: Policy = (view) => {
  const loads = createLoads(view);
  const foreseen = createForeseen();
  const decisions = view.ready.map((stage) => {
    const isAble = (engine: EngineState): boolean => isFeasible(view, stage, engine);
    const engine =
      pickLeastLoaded(view, loads, (candidate) => foreseen.willHold(candidate, stage) && isAble(candidate)) ??
      pickLeastLoaded(view, loads, isAble);
    if (engine !== undefined) foreseen.use(engine, stage);
    return placeWhole(view, stage, engine, 0, loads);
  });
  return { decisions };
};
