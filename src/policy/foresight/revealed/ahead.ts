/**
 * Loads for calls that have not come yet, where none waits: models that were called before and that no engine holds, into memory
 * that nothing else takes. Where something would have to make way, the calls that come decide.
 */

import type { Decision } from "../../../model/decision.ts";
import type { View } from "../../policy.ts";
import type { History } from "./history.ts";
import { Residents } from "./residents.ts";
import { layScene, type Scene } from "./scene.ts";
import type { RevealedSettings } from "./settings.ts";

/** When nobody has come for so long, nobody is expected. */
const expectedUs = 600_000_000;

export function loadAhead(view: View, history: History, settings: RevealedSettings): Decision[] {
  if (!settings.preload || !isExpecting(view, history) || !isAnyMissing(view, history)) return [];
  const scene = layScene(view, history, settings);
  const { engines, models } = scene;
  const residents = new Residents(scene.fleet);
  const free = new Set(engines.flatMap(({ idle, open }, index) => (idle && open ? [index] : [])));
  return mostMissedFirst(scene, history).flatMap((model): Decision[] => {
    const index = residents.isAnywhere(model) ? undefined : pickEngine(residents, model, free);
    const engine = index === undefined ? undefined : engines[index];
    if (index === undefined || engine === undefined) return [];
    free.delete(index);
    residents.replace(index, [], model);
    return [{ kind: "prefetch", engine: engine.id, model: models[model] ?? "" }];
  });
}

/** What was taken over from an earlier process does not say when the last one came. */
function isExpecting({ nowUs, workflows }: View, { arrivals }: History): boolean {
  return workflows.open.size > 0 || arrivals.count === 0 || nowUs - arrivals.lastUs <= expectedUs;
}

function isAnyMissing({ cluster, costs }: View, { calls }: History): boolean {
  const held = new Set<string>();
  for (const { foreseen } of cluster) for (const { model } of foreseen) held.add(model);
  return Object.keys(calls).some((model) => !held.has(model) && costs.engines.some(({ models }) => models.has(model)));
}

/** Those that were called, by how often and how long a call would wait for them. */
function mostMissedFirst({ models, fleet: { wanted, reloadUs } }: Scene, { calls }: History): number[] {
  const missedUs = (model: number): number => (wanted[model] ?? 0) * (reloadUs[model] ?? 0);
  return [...models.keys()]
    .filter((model) => (calls[models[model] ?? ""] ?? 0) > 0)
    .sort((left, right) => missedUs(right) - missedUs(left));
}

/** Of those with room, the one that loads it soonest; of equals the one where least else could be held. */
function pickEngine(residents: Residents, model: number, free: ReadonlySet<number>): number | undefined {
  const [best] = [...free]
    .filter(
      (engine) =>
        residents.loadUs(engine, model) < Infinity && residents.victimsOf(engine, model, () => false)?.length === 0,
    )
    .sort(
      (left, right) =>
        residents.loadUs(left, model) - residents.loadUs(right, model) ||
        residents.roomUs(left, model) - residents.roomUs(right, model),
    );
  return best;
}
