/** Watches one engine: looks at it again and again, counts what fails, and says when it goes down and comes up. */

import type { HealthConfig } from "../config/config.ts";
import type { Adapter, Sight } from "./adapter.ts";
import { closedBreaker, nextBreaker, type BreakerEvent } from "./breaker.ts";
import { nothing, type Timers, wallTimers } from "./timers.ts";

export type Health = AsyncDisposable & {
  /** Not before the first look that succeeds. */
  readonly isUp: () => boolean;
  /** A call failed for a reason that lies with the engine, or with the call: one that is named counts once, however often it is tried in a row. */
  readonly callFailed: (reason: string, call?: string) => void;
  readonly callSucceeded: () => void;
};

export type HealthEvents = {
  /** The first look that succeeds, and each one that ends being down. `onSight` follows with the same sight. */
  readonly onUp: (sight: Sight) => void;
  /** Once for each time it goes down; at the start, once if the first look fails. */
  readonly onDown: (reason: string) => void;
  /** Each look that succeeds. */
  readonly onSight: (sight: Sight) => void;
};

/** The first look begins at once; one follows `everyMs` after the other has ended, none while the breaker is open. */
export function watchHealth(
  options: HealthEvents & {
    readonly adapter: Pick<Adapter, "look">;
    readonly settings: HealthConfig;
    readonly timers?: Timers;
  },
): Health {
  const { adapter, settings, timers = wallTimers } = options;
  let breaker = closedBreaker;
  let state: "unseen" | "up" | "down" = "unseen";
  let cancelWait = nothing;
  let running: { readonly abort: () => void; readonly over: Promise<void> } | undefined;
  let disposed = false;
  let lastFailedCall: string | undefined;

  const step = (event: BreakerEvent): void => {
    breaker = nextBreaker(breaker, event, timers.nowMs(), settings);
  };

  const goDown = (reason: string): void => {
    if (state === "down") return;
    state = "down";
    options.onDown(reason);
  };

  const schedule = (): void => {
    cancelWait();
    const waitMs = breaker.kind === "open" ? breaker.untilMs - timers.nowMs() : settings.everyMs;
    cancelWait = timers.after(Math.max(0, waitMs), begin);
  };

  const begin = (): void => {
    step({ kind: "tick" });
    const look = lookOnce(adapter, settings.timeoutMs, timers);
    running = { abort: look.abort, over: look.outcome.then(conclude) };
  };

  const conclude = (outcome: LookOutcome): void => {
    running = undefined;
    if (disposed) return;
    step({ kind: outcome.kind === "seen" ? "success" : "failure", of: "look" });
    if (outcome.kind === "failed") {
      if (breaker.kind === "open" || state === "unseen") goDown(outcome.reason);
    } else if (breaker.kind === "closed" && state !== "up") {
      state = "up";
      options.onUp(outcome.sight);
    }
    if (outcome.kind === "seen") options.onSight(outcome.sight);
    schedule();
  };

  begin();
  return {
    isUp: () => state === "up",
    callFailed: (reason, call) => {
      if (disposed || breaker.kind !== "closed" || (call !== undefined && call === lastFailedCall)) return;
      lastFailedCall = call;
      step({ kind: "failure", of: "call" });
      // The compiler does not see that `step` sets it.
      if (isOpen(breaker) && state === "up") {
        goDown(reason);
        if (running === undefined) schedule();
      }
    },
    callSucceeded: () => {
      lastFailedCall = undefined;
      if (!disposed) step({ kind: "success", of: "call" });
    },
    [Symbol.asyncDispose]: async () => {
      disposed = true;
      cancelWait();
      running?.abort();
      await running?.over;
    },
  };
}

function isOpen(breaker: { readonly kind: string }): boolean {
  return breaker.kind === "open";
}

type LookOutcome =
  | { readonly kind: "seen"; readonly sight: Sight }
  | { readonly kind: "failed"; readonly reason: string };

/** A look that is over after `timeoutMs`, even if the adapter does not obey its signal. Never rejects. */
function lookOnce(
  adapter: Pick<Adapter, "look">,
  timeoutMs: number,
  timers: Timers,
): { readonly abort: () => void; readonly outcome: Promise<LookOutcome> } {
  const controller = new AbortController();
  const { promise: calledOff, resolve: callOff } = Promise.withResolvers<LookOutcome>();
  const giveUp = (reason: string): void => {
    callOff({ kind: "failed", reason });
    controller.abort();
  };
  const cancel = timers.after(timeoutMs, () => {
    giveUp(`no answer to a look within ${timeoutMs} ms`);
  });
  const answered = (async (): Promise<LookOutcome> => {
    try {
      return { kind: "seen", sight: await adapter.look(controller.signal) };
    } catch (error) {
      return { kind: "failed", reason: error instanceof Error ? error.message : "the look failed" };
    }
  })();
  const outcome = Promise.race([calledOff, answered]).finally(cancel);
  return {
    abort: () => {
      giveUp("called off");
    },
    outcome,
  };
}
