/**
 * Places each stage where its model is, or will be once the queue is worked off; among several such engines on the one with
 * the fewest shares; and if the model is nowhere, on the engine with the fewest shares that can load it.
 *
 * What a router in front of model-swapping servers does. It never brings up a second copy of a model while an engine holds
 * one, however long that engine's queue.
 */

import { isFeasible } from "../cost/candidate.ts";
import type { EngineId } from "../model/cluster.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { useModel, type Resident } from "../state/residency.ts";
import { createLoads, pickLeastLoaded, placeWhole } from "./choose.ts";
import type { Policy } from "./policy.ts";

export const modelAffinity: Policy = (view) => {
  const loads = createLoads(view);
  const foreseen = createForeseen();
  const decisions = view.ready.map((stage) => {
    const isAble = (engine: EngineState): boolean => isFeasible(view, stage, engine);
    const willHold = (engine: EngineState): boolean =>
      foreseen.on(engine).some((resident) => resident.model === stage.model);
    const engine =
      pickLeastLoaded(view, loads, (candidate) => willHold(candidate) && isAble(candidate)) ??
      pickLeastLoaded(view, loads, isAble);
    if (engine !== undefined) foreseen.use(engine, stage);
    return placeWhole(view, stage, engine, 0, loads);
  });
  return { decisions };
};

/** The models that engines will hold, with what this plan has placed so far. */
function createForeseen() {
  const changed = new Map<EngineId, readonly Resident[]>();
  const on = (engine: EngineState): readonly Resident[] => changed.get(engine.id) ?? engine.foreseen;
  const use = (engine: EngineState, { model }: VisibleModelStage): void => {
    const { memoryBytes, engine: spec, models } = engine.holding;
    const bytes = models.get(model)?.footprintBytes ?? 0;
    changed.set(engine.id, useModel(on(engine), { memoryBytes, maxResident: spec.maxResident }, model, bytes));
  };
  return { on, use };
}
