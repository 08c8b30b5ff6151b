/**
 * When an engine is no longer asked, and when it is tried again. Time is an argument.
 *
 *     closed --failures in a row--> open --openMs--> half-open --success--> closed
 *                                    ^------------------failure----------------'
 *
 * Looks and calls fail for different reasons, and a look that succeeds says nothing of calls: it clears only the failures of
 * looks. A call that succeeds clears both. Together they count towards the limit.
 */

import type { HealthConfig } from "../config/config.ts";

export type Breaker =
  | { readonly kind: "closed"; readonly failedLooks: number; readonly failedCalls: number }
  | { readonly kind: "open"; readonly untilMs: number }
  /** One trial is under way. */
  | { readonly kind: "half-open" };

export type BreakerEvent =
  | { readonly kind: "success" | "failure"; readonly of: "look" | "call" }
  /** Time has gone by. */
  | { readonly kind: "tick" };

export type BreakerSettings = Pick<HealthConfig, "failures" | "openMs">;

export const closedBreaker: Breaker = { kind: "closed", failedLooks: 0, failedCalls: 0 };

/** The next state. Once open, only the trial decides: what calls report then began before. */
export function nextBreaker(breaker: Breaker, event: BreakerEvent, nowMs: number, settings: BreakerSettings): Breaker {
  switch (breaker.kind) {
    case "open":
      return event.kind === "tick" && nowMs >= breaker.untilMs ? { kind: "half-open" } : breaker;
    case "half-open":
      if (event.kind === "tick" || event.of === "call") return breaker;
      return event.kind === "success" ? closedBreaker : open(nowMs, settings);
    case "closed":
      return event.kind === "tick" ? breaker : count(breaker, event, nowMs, settings);
  }
}

function count(
  { failedLooks, failedCalls }: Extract<Breaker, { kind: "closed" }>,
  { kind, of }: Exclude<BreakerEvent, { kind: "tick" }>,
  nowMs: number,
  settings: BreakerSettings,
): Breaker {
  if (kind === "success") return of === "call" ? closedBreaker : { kind: "closed", failedLooks: 0, failedCalls };
  const looks = failedLooks + (of === "look" ? 1 : 0);
  const calls = failedCalls + (of === "call" ? 1 : 0);
  if (looks + calls >= settings.failures) return open(nowMs, settings);
  return { kind: "closed", failedLooks: looks, failedCalls: calls };
}

function open(nowMs: number, { openMs }: BreakerSettings): Breaker {
  return { kind: "open", untilMs: nowMs + openMs };
}
