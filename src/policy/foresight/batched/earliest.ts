/** Where a stage that a plan leaves open would end first, as things stand when it is ready. */

import { open, type Placement } from "../plan.ts";
import type { Scene } from "../scene.ts";
import type { BatchedEngines } from "./engines.ts";
import { none } from "./members.ts";

/** `strays`: by engine, stages left open before that are to go there. */
export function pickEarliest(
  scene: Scene,
  work: BatchedEngines,
  strays: readonly (readonly number[])[],
  stage: number,
  atUs: number,
): Placement {
  let best: Placement = open;
  let bestUs = Infinity;
  for (const engine of scene.able[stage]!) {
    const endUs = wouldEndUs(scene, work, strays, stage, engine, atUs);
    if (endUs >= bestUs) continue;
    best = engine;
    bestUs = endUs;
  }
  return best;
}

function wouldEndUs(
  scene: Scene,
  work: BatchedEngines,
  strays: readonly (readonly number[])[],
  stage: number,
  engine: number,
  atUs: number,
): number {
  const { fleet, modelOf, times, engines } = scene;
  const model = modelOf[stage]!;
  const { shares, paces, residency, members } = work;
  const shape = members.shapeOf(stage, engine);
  let startUs = Math.max(atUs, work.loadEndUs[engine]!);
  let queuedUs = 0;
  let joins = shares.model[engine] === none || shares.model[engine] === model;
  for (const list of [work.queues[engine]!, strays[engine]!])
    for (const number of list) {
      if (members.modelOf(number) !== model) joins = false;
      queuedUs += times[number]?.wholeUs(engine, 0) ?? 0;
    }
  if (!joins || !work.hasRoom(engine, model, stage)) startUs += paces.drainUs(shares, engine) + queuedUs;
  else startUs += queuedUs / 2;
  if (!residency.has(engine, model)) startUs += residency.loadUs(engine, model);
  const inputsUs = work.transfers.wouldFetch(stage, fleet.hostOf[engine]!, startUs);
  const level = residency.has(engine, model) ? work.caches.levelOf(stage, engine, model) : 0;
  const besideUs = joins ? paces.besideUs(shares, engine, model, shape) : 0;
  return inputsUs + engines.slowFactor[engine]! * times[stage]!.wholeUs(engine, level) + besideUs;
}
