/**
 * Loads for what has not come yet, on engines that the plan leaves idle to its end: a copy of a model is worth the load that it
 * saves, by how much of the work calls it and by how few engines hold it in the end. The last copy of one that is called makes way for
 * none.
 */

import type { Decision } from "../../model/decision.ts";
import type { ModelId } from "../../model/model.ts";
import { ownOf } from "../../model/own.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { hasPlace } from "../picture.ts";
import type { View } from "../policy.ts";
import type { Demand } from "./demand.ts";

/** A load has to be worth this much more than what makes way for it. */
const margin = 1.5;

export function planPreloads(
  view: View,
  idle: readonly EngineState[],
  { parts }: Demand,
  copiesOf: (model: ModelId) => number,
  untilUs: number,
): readonly Decision[] {
  const decisions: Decision[] = [];
  /** By model: what these loads change about its copies. */
  const changes = new Map<ModelId, number>();
  const copies = (model: ModelId): number => copiesOf(model) + (changes.get(model) ?? 0);
  const partOf = (model: ModelId): number => ownOf(parts, model) ?? 0;
  const isLastCopy = (model: ModelId): boolean => partOf(model) > 0 && copies(model) < 2;
  const worth = (engine: EngineState, model: ModelId, more: number): number => {
    const loadUs = view.costs.engines[engine.holding.index]?.models.get(model)?.loadUs ?? 0;
    return (partOf(model) * loadUs) / Math.max(1, (copies(model) + more) ** 2);
  };
  for (const engine of idle) {
    if (!hasPlace(engine) || !engine.idle) continue;
    let best: { readonly model: ModelId; readonly gain: number; readonly victims: readonly ModelId[] } | undefined;
    const leastWorth = engine.residents
      .map(({ model }) => ({ model, worth: worth(engine, model, 0) }))
      .sort((left, right) => left.worth - right.worth);
    for (const model of Object.keys(parts)) {
      const held = view.costs.engines[engine.holding.index]?.models.get(model);
      if (held === undefined || engine.isResident(model)) continue;
      if (view.nowUs + held.loadUs * engine.slowFactor > untilUs) continue;
      let freeBytes = engine.holding.memoryBytes - held.footprintBytes;
      for (const { bytes } of engine.residents) freeBytes -= bytes;
      let lost = 0;
      let count = engine.residents.length;
      const victims: ModelId[] = [];
      for (const { model: victim, worth: own } of leastWorth) {
        if (freeBytes >= 0 && count < engine.holding.engine.maxResident) break;
        victims.push(victim);
        lost += own;
        count -= 1;
        freeBytes += engine.residents.find((resident) => resident.model === victim)?.bytes ?? 0;
      }
      if (victims.some(isLastCopy)) continue;
      const gain = worth(engine, model, 1) - margin * lost;
      if (freeBytes >= 0 && gain > (best?.gain ?? 0)) best = { model, gain, victims };
    }
    if (best === undefined) continue;
    changes.set(best.model, (changes.get(best.model) ?? 0) + 1);
    // What several engines give up together is more than what each of them does.
    for (const victim of best.victims) changes.set(victim, (changes.get(victim) ?? 0) - 1);
    decisions.push({ kind: "prefetch", engine: engine.id, model: best.model, victims: best.victims });
  }
  return decisions;
}
