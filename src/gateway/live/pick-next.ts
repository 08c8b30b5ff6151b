/** Which share of an engine's queue is next: by its order, but that nobody waits longer than anybody may. */

import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import { nextInQueue } from "../../state/queue.ts";
import type { World } from "./world.ts";

/** What has waited longer than anybody may, or would after the first in the queue's order; or else that first one. */
export function pickNext(world: World, engine: EngineState, hardestWaitUs: number): QueuedShare | undefined {
  const overdue = longestOverdue(world, engine, hardestWaitUs);
  if (overdue !== undefined) return overdue;
  const next = nextInQueue(engine, world.nowUs);
  return next === undefined ? undefined : (delayedBy(next, world, engine, hardestWaitUs) ?? next);
}

/** Who needs no load counts as if come a hardest wait earlier, or else a queue of two models is a load for each of its calls. */
function longestOverdue({ nowUs, state }: World, engine: EngineState, hardestWaitUs: number): QueuedShare | undefined {
  let longest: QueuedShare | undefined;
  let sinceUs = Infinity;
  for (const queued of engine.queue) {
    const { readyUs } = state.workflows.node(queued.stage.key);
    const countedUs = engine.isResident(queued.stage.model) ? readyUs - hardestWaitUs : readyUs;
    if (readyUs > nowUs - hardestWaitUs || countedUs >= sinceUs) continue;
    longest = queued;
    sinceUs = countedUs;
  }
  return longest;
}

/** What has waited longest of those that must wait for the end of `next`, if it began, and would then have waited too long. */
function delayedBy(
  next: QueuedShare,
  { nowUs, state, costs }: World,
  engine: EngineState,
  hardestWaitUs: number,
): QueuedShare | undefined {
  if (engine.queue.length === 1) return undefined;
  const { models } = costs.engine(engine.id);
  const endUs = nowUs + next.expectedUs;
  // Beside an answer that takes longer anyhow it does no harm.
  if (engine.running.some(({ startUs, expectedUs }) => startUs + expectedUs >= endUs)) return undefined;
  const alone = engine.holding.engine.batching.kind === "exclusive";
  let delayed: QueuedShare | undefined;
  let sinceUs = state.workflows.node(next.stage.key).readyUs;
  for (const queued of engine.queue) {
    const { readyUs } = state.workflows.node(queued.stage.key);
    if (readyUs >= sinceUs || (!alone && queued.stage.model === next.stage.model)) continue;
    const loadUs = engine.isResident(queued.stage.model) ? 0 : (models.get(queued.stage.model)?.loadUs ?? 0);
    if (endUs + loadUs <= readyUs + hardestWaitUs) continue;
    delayed = queued;
    sinceUs = readyUs;
  }
  return delayed;
}
