/**
 * Which share may go past those ahead of it in a batched engine's queue. That happens only where the next in order waits for KV
 * memory or for places, and ends where a share has been gone past for long enough: from then on nothing behind it starts before it.
 */

import { shareWork } from "../cost/share-work.ts";
import type { EngineState, QueuedShare, RunningShare } from "../state/engine-state.ts";
import { comesBefore, isAged } from "../state/queue.ts";

/** What a batch has left, and what shares ask of that. */
export type Room = {
  readonly freeTokens: number;
  readonly freeSequences: number;
  readonly tokensFor: (share: QueuedShare) => number;
  readonly sequencesFor: (share: QueuedShare) => number;
  readonly fits: (share: QueuedShare) => boolean;
  /** KV tokens and places that a running share will give back. */
  readonly heldBy: (share: RunningShare) => { readonly tokens: number; readonly sequences: number };
};

/** Of the shares queued that fit and may overtake, the first in order, unless one ahead of it is overtaken no more. Looks once at each share. */
export function pickOvertaking(
  engine: EngineState,
  queue: readonly QueuedShare[],
  room: Room,
  blocked: QueuedShare,
  nowUs: number,
): QueuedShare | undefined {
  if (isAged(blocked, nowUs)) return undefined;
  let picked: QueuedShare | undefined;
  let barrier: QueuedShare | undefined;
  let begin: Begin | undefined;
  for (const share of queue) {
    if (share === blocked) continue;
    const same = share.stage.model === blocked.stage.model;
    if (same && share.overtakes !== undefined && room.fits(share)) {
      if (picked !== undefined && !comesBefore(share, picked, nowUs)) continue;
      begin ??= foreseeBegin(engine, room, blocked, nowUs);
      if (share.overtakes === "if-it-fits" || delaysNothing(share, room, begin, nowUs)) {
        picked = share;
        continue;
      }
    }
    // What waits for another model does not wait for memory.
    if ((!same || isAged(share, nowUs)) && (barrier === undefined || comesBefore(share, barrier, nowUs)))
      barrier = share;
  }
  return picked !== undefined && (barrier === undefined || comesBefore(picked, barrier, nowUs)) ? picked : undefined;
}

/** When the blocked share is expected to begin, and what is free then beside it. */
type Begin = { readonly atUs: number; readonly spareTokens: number; readonly spareSequences: number };

/** Running shares give back what they hold when they are expected to end, or their KV to have arrived; what is overdue, at once. */
function foreseeBegin(engine: EngineState, room: Room, blocked: QueuedShare, nowUs: number): Begin {
  const ends = engine.running
    .map((share) => ({ share, endUs: Math.max(nowUs, share.arriveUs ?? share.startUs + share.expectedUs) }))
    .sort((left, right) => left.endUs - right.endUs);
  let spareTokens = room.freeTokens - room.tokensFor(blocked);
  let spareSequences = room.freeSequences - room.sequencesFor(blocked);
  let atUs = nowUs;
  for (const { share, endUs } of ends) {
    // What ends at one instant gives back together.
    if (spareTokens >= 0 && spareSequences >= 0 && endUs > atUs) break;
    const { tokens, sequences } = room.heldBy(share);
    spareTokens += tokens;
    spareSequences += sequences;
    atUs = endUs;
  }
  return { atUs, spareTokens, spareSequences };
}

/** Ends before that, or takes no more than what is spare, as long as it is expected to become. */
function delaysNothing(share: QueuedShare, room: Room, begin: Begin, nowUs: number): boolean {
  if (nowUs + share.expectedUs <= begin.atUs) return true;
  const { stage, items } = share;
  const sequences = room.sequencesFor(share);
  const grown = shareWork(stage, items, sequences, stage.outputTokens).kvTokens;
  return sequences <= begin.spareSequences && Math.max(grown, room.tokensFor(share)) <= begin.spareTokens;
}
