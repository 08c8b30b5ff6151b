/**
 * Waits for a store that is away: what must be written is tried again until it is, with growing pauses, all that wait together. Who
 * waits is bounded by the runs that are open: none of their stages goes on before its parents are saved.
 */

import { StoreFault } from "../../store/store.ts";
import type { Time, Timer } from "../live/time.ts";

/** Those that still wait when it is closed wait for their signals alone. */
export type Patience = Disposable & {
  /** Resolves to what the verb did at last; undefined if `signal` was aborted before. */
  readonly until: <T>(verb: () => Promise<T>, signal: AbortSignal) => Promise<T | undefined>;
  /** Resolves when the store has failed a verb, at once if it has just done so and is not back. */
  readonly away: () => Promise<void>;
};

export type PatienceOptions = {
  readonly time: Time;
  /** Told once when the store is gone, and why. */
  readonly onAway: (error: StoreFault) => void;
  readonly onBack: () => void;
};

const shortestWaitMs = 50;
const longestWaitMs = 5000;

export function createPatience({ time, onAway, onBack }: PatienceOptions): Patience {
  let waitMs = 0;
  /** Resolves when all may try again; absent where nobody waits. */
  let pause: { readonly over: Promise<void>; readonly timer: Timer } | undefined;
  let firstFault = Promise.withResolvers<void>();

  const fail = (fault: StoreFault): Promise<void> => {
    if (waitMs === 0) {
      onAway(fault);
      firstFault.resolve();
    }
    if (pause !== undefined) return pause.over;
    // What somebody must look at does not pass soon.
    const least = fault.kind === "broken" ? longestWaitMs : shortestWaitMs;
    waitMs = Math.min(longestWaitMs, Math.max(least, waitMs * 2));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = time.after(waitMs, () => {
      pause = undefined;
      resolve();
    });
    pause = { over: promise, timer };
    return promise;
  };
  const succeed = (): void => {
    if (waitMs === 0) return;
    waitMs = 0;
    firstFault = Promise.withResolvers<void>();
    onBack();
  };

  return {
    away: () => firstFault.promise,
    until: async (verb, signal) => {
      const { promise: given, resolve: giveUp } = Promise.withResolvers<undefined>();
      const onAbort = (): void => giveUp(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        while (!signal.aborted) {
          try {
            const done = await verb();
            succeed();
            return done;
          } catch (error) {
            if (!(error instanceof StoreFault)) throw error;
            await Promise.race([fail(error), given]);
          }
        }
        return undefined;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    [Symbol.dispose]: () => pause?.timer.stop(),
  };
}
