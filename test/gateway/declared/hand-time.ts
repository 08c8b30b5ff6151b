/** Time that passes when a test says so: no timer fires by itself. */

import type { Time } from "../../../src/gateway/live/time.ts";

export type HandTime = Time & {
  /** Fires what is due on the way, in order, and lets what comes of each have its turn. */
  readonly pass: (ms: number) => Promise<void>;
};

type Due = { atUs: number; readonly what: () => void; readonly everyMs: number | undefined };

export function createHandTime(): HandTime {
  let nowUs = 0;
  const timers = new Set<Due>();
  const add = (ms: number, what: () => void, everyMs?: number) => {
    const due = { atUs: nowUs + Math.round(ms * 1000), what, everyMs };
    timers.add(due);
    return { stop: () => void timers.delete(due) };
  };
  return {
    nowUs: () => nowUs,
    epochMs: () => 1000 + Math.floor(nowUs / 1000),
    after: (ms, what) => add(ms, what),
    every: (ms, what) => add(ms, what, ms),
    soon: (what) => queueMicrotask(what),
    pass: async (ms) => {
      const untilUs = nowUs + ms * 1000;
      await settle();
      for (;;) {
        const [next] = [...timers].toSorted((left, right) => left.atUs - right.atUs);
        if (next === undefined || next.atUs > untilUs) break;
        nowUs = next.atUs;
        if (next.everyMs === undefined) timers.delete(next);
        else next.atUs += next.everyMs * 1000;
        next.what();
        await settle();
      }
      nowUs = untilUs;
      await settle();
    },
  };
}

/** Whatever can happen without the world outside happens. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}
