/** Loads ahead of need, on idle engines that have nothing which is needed as soon. */

import { canServe } from "../../cost/candidate.ts";
import type { Decision, Place, Prefetch } from "../../model/decision.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { Resident } from "../../state/residency.ts";
import { pickLeast } from "../choose.ts";
import type { View } from "../policy.ts";
import type { AwayOf } from "./steps.ts";

/** A load of each model that one of the stages of the next step, in their order, needs and no engine will hold. */
export function planPrefetch(
  view: View,
  next: readonly VisibleModelStage[],
  placed: readonly Decision[],
  awayOf: AwayOf,
): Prefetch[] {
  const engines = [...view.cluster].filter(({ open }) => open);
  const taken = new Set<EngineId>(placed.flatMap((decision) => (decision.kind === "place" ? enginesOf(decision) : [])));
  const held = new Set(engines.flatMap(({ foreseen }) => foreseen.map(({ model }) => model)));
  const prefetches: Prefetch[] = [];
  for (const stage of next) {
    const { model } = stage;
    // A model that a ready stage waits for is loaded by that stage's placement.
    if (held.has(model) || awayOf(model) < 1) continue;
    const able = engines.filter(
      (engine) =>
        engine.idle &&
        !taken.has(engine.id) &&
        engine.role !== "decode" &&
        canServe(stage, engine) &&
        engine.residents.every((resident) => awayOf(resident.model) > awayOf(model)),
    );
    const engine = pickLeast(able, ({ holding }) => view.costs.engines[holding.index]?.models.get(model)?.loadUs ?? 0);
    if (engine === undefined) continue;
    held.add(model);
    taken.add(engine.id);
    const victims = farthestFirst(engine.residents, awayOf);
    prefetches.push({ kind: "prefetch", engine: engine.id, model, victims });
  }
  return prefetches;
}

function enginesOf({ shares, decodeEngine }: Place): EngineId[] {
  return [...shares.map(({ engine }) => engine), ...(decodeEngine === undefined ? [] : [decodeEngine])];
}

/** The model needed last first. */
export function farthestFirst(residents: readonly Resident[], awayOf: AwayOf): ModelId[] {
  const models = residents.map(({ model }) => model);
  return models.sort((left, right) => (awayOf(left) === awayOf(right) ? 0 : awayOf(right) - awayOf(left)));
}
