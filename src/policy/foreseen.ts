/** The models that engines will hold once their queues are worked off, with what a plan has placed so far. */

import type { EngineId } from "../model/cluster.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { useModel, type Resident } from "../state/residency.ts";

export type Foreseen = {
  readonly willHold: (engine: EngineState, stage: VisibleModelStage) => boolean;
  /** The plan sends the stage there. */
  readonly use: (engine: EngineState, stage: VisibleModelStage) => void;
};

export function createForeseen(): Foreseen {
  const changed = new Map<EngineId, readonly Resident[]>();
  const on = (engine: EngineState): readonly Resident[] => changed.get(engine.id) ?? engine.foreseen;
  return {
    willHold: (engine, { model }) => on(engine).some((resident) => resident.model === model),
    use: (engine, { model }) => {
      const { memoryBytes, engine: spec, models } = engine.holding;
      const bytes = models.get(model)?.footprintBytes ?? 0;
      changed.set(engine.id, useModel(on(engine), { memoryBytes, maxResident: spec.maxResident }, model, bytes));
    },
  };
}
