/**
 * What joins next on an engine that runs a batch per model. Shares are looked at in the queue's order. One that lacks KV memory, which
 * is its model's own, or room in its batch's next iteration keeps only those of its model waiting. One that lacks sequences, which
 * all share, or a load, for which everything must have ended, keeps all behind it waiting, or it might wait for ever.
 */

import type { ModelId } from "../model/model.ts";
import type { EngineState, QueuedShare } from "../state/engine-state.ts";
import { comesBefore } from "../state/queue.ts";
import { createRoom, placesLeft, type Group } from "./batch-admission.ts";
import type { BatchLoop } from "./batch-loop.ts";
import { pickOvertaking } from "./overtaking.ts";

/** The share that joins, or needs a load. What could join once an iteration ends cuts that short, and its sequences are kept for it. */
export function nextToMix(
  engine: EngineState,
  loopOf: (model: ModelId) => BatchLoop,
  groups: readonly Group[],
  nowUs: number,
): QueuedShare | undefined {
  const waiting = new Set<ModelId>();
  let places = placesLeft(engine, groups);
  for (const first of inOrder(engine, nowUs)) {
    const { model } = first.stage;
    const held = engine.holding.models.get(model);
    if (waiting.has(model) || held === undefined) continue;
    if (!engine.isResident(model)) return first;
    const loop = loopOf(model);
    const room = createRoom(engine, held, groups, (share) => loop.writtenBefore(share), places);
    const lacksPlaces = room.sequencesFor(first) > places;
    const alone = !engine.running.some(({ stage }) => stage.model === model);
    let joining: QueuedShare | undefined = first;
    if (lacksPlaces || (!alone && !room.fits(first))) {
      const rivals = lacksPlaces ? engine.queue : engine.queue.filter(({ stage }) => stage.model === model);
      joining = engine.overtaking === 0 ? undefined : pickOvertaking(engine, rivals, room, first, nowUs);
    }
    if (joining !== undefined && loop.hasRoomInStep(joining)) {
      if (!loop.busy) return joining;
      loop.cut();
    }
    if (lacksPlaces) return undefined;
    if (joining === first) places -= room.sequencesFor(first);
    waiting.add(model);
  }
  return undefined;
}

function inOrder({ queue, climbing }: EngineState, nowUs: number): readonly QueuedShare[] {
  return climbing === 0 ? queue : queue.toSorted((left, right) => (comesBefore(left, right, nowUs) ? -1 : 1));
}
