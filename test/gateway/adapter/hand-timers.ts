/** Time that goes on only when it is told to. */

import type { Timers } from "../../../src/gateway/adapter/timers.ts";

export type HandTimers = Timers & {
  /** Goes on by so much, runs what is due, and lets what follows from it happen. */
  readonly pass: (ms: number) => Promise<void>;
  readonly waiting: () => number;
};

export function createHandTimers(): HandTimers {
  let nowMs = 0;
  const due = new Set<{ readonly atMs: number; readonly run: () => void }>();
  return {
    nowMs: () => nowMs,
    after: (ms, run) => {
      const entry = { atMs: nowMs + ms, run };
      due.add(entry);
      return () => {
        due.delete(entry);
      };
    },
    pass: async (ms) => {
      const untilMs = nowMs + ms;
      for (;;) {
        await settle();
        const next = [...due].sort((left, right) => left.atMs - right.atMs)[0];
        if (next === undefined || next.atMs > untilMs) break;
        due.delete(next);
        nowMs = next.atMs;
        next.run();
      }
      nowMs = untilMs;
    },
    waiting: () => due.size,
  };
}

/** Until nothing more follows from promises that are kept. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}
