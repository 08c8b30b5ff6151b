/** Models that one engine alone holds: what it would take to bring them back, and who goes before them. */

import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { pickVictims } from "../../state/residency.ts";
import type { View } from "../policy.ts";

/** To load again what would make way for the stage's model and is held nowhere else. */
export function lastCopiesUs(view: View, { model }: VisibleModelStage, engine: EngineState): number {
  const { holding, foreseen } = engine;
  const bytes = view.costs.engines[holding.index]?.models.get(model)?.footprintBytes ?? 0;
  const room = { memoryBytes: holding.memoryBytes, maxResident: holding.engine.maxResident };
  const victims = pickVictims(foreseen, room, bytes, heldElsewhereFirst(view, engine)) ?? [];
  let lostUs = 0;
  for (const victim of victims) if (!isHeldElsewhere(view, victim, engine)) lostUs += reloadUs(view, victim);
  return lostUs;
}

/** Models of the engine that others hold too, least recently used first: to be given up before the rest. */
export function heldElsewhereFirst(view: View, engine: EngineState): ModelId[] {
  return engine.foreseen.flatMap(({ model }) => (isHeldElsewhere(view, model, engine) ? [model] : []));
}

export function isHeldElsewhere({ cluster }: View, model: ModelId, engine: EngineState): boolean {
  for (const { id, foreseen } of cluster)
    if (id !== engine.id && foreseen.some((held) => held.model === model)) return true;
  return false;
}

/** To load it where that is fastest; 0 if no engine can. */
export function reloadUs({ costs }: View, model: ModelId): number {
  let leastUs = Infinity;
  for (const { models } of costs.engines) leastUs = Math.min(leastUs, models.get(model)?.loadUs ?? Infinity);
  return leastUs === Infinity ? 0 : leastUs;
}
