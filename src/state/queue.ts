/** Which share of an engine's queue comes next: the one with the smallest rank at that time, of equal ranks the one put there first. */

import type { EngineState, QueuedShare } from "./engine-state.ts";

/** What the rank has fallen to by `nowUs`. */
function rankAt({ rank, climb }: QueuedShare, nowUs: number): number {
  return climb === undefined ? rank : rank - (climb * nowUs) / 1e6;
}

export function comesBefore(left: QueuedShare, right: QueuedShare, nowUs: number): boolean {
  return (rankAt(left, nowUs) - rankAt(right, nowUs) || left.sequence - right.sequence) < 0;
}

/** Costs a look at the whole queue where ranks climb, and nothing otherwise. */
export function nextInQueue({ queue, climbing }: EngineState, nowUs: number): QueuedShare | undefined {
  let next = queue[0];
  if (next === undefined || climbing === 0) return next;
  for (const share of queue) if (comesBefore(share, next, nowUs)) next = share;
  return next;
}

/** Overtaken for so long, or for so many times what it takes itself, a share is overtaken no more. */
const longestOvertakenUs = 2_000_000;
const longestOvertakenTimes = 4;

/** Whether nothing behind it may start before it any more. */
export function isAged({ sinceUs, expectedUs }: Pick<QueuedShare, "sinceUs" | "expectedUs">, nowUs: number): boolean {
  return nowUs - sinceUs > Math.max(longestOvertakenUs, longestOvertakenTimes * expectedUs);
}
