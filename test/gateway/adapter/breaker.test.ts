/** Every state of the breaker against every event. */

import { expect, test } from "vitest";
import { type Breaker, type BreakerEvent, closedBreaker, nextBreaker } from "../../../src/gateway/adapter/breaker.ts";

const settings = { failures: 3, openMs: 100 };
const after = (breaker: Breaker, event: BreakerEvent, nowMs = 10): Breaker =>
  nextBreaker(breaker, event, nowMs, settings);

const lookFails = { kind: "failure", of: "look" } as const;
const callFails = { kind: "failure", of: "call" } as const;
const lookSucceeds = { kind: "success", of: "look" } as const;
const callSucceeds = { kind: "success", of: "call" } as const;
const tick = { kind: "tick" } as const;
const closed = (failedLooks: number, failedCalls: number): Breaker => ({ kind: "closed", failedLooks, failedCalls });
const open: Breaker = { kind: "open", untilMs: 110 };
const halfOpen: Breaker = { kind: "half-open" };

test.each<[Breaker, BreakerEvent, Breaker]>([
  [closed(0, 0), tick, closed(0, 0)],
  [closed(0, 0), lookFails, closed(1, 0)],
  [closed(0, 0), callFails, closed(0, 1)],
  [closed(1, 1), lookFails, open],
  [closed(1, 1), callFails, open],
  [closed(2, 0), callFails, open],
  [closed(0, 2), lookFails, open],
  [closed(1, 1), lookSucceeds, closed(0, 1)],
  [closed(1, 1), callSucceeds, closedBreaker],
  [open, lookFails, open],
  [open, callFails, open],
  [open, lookSucceeds, open],
  [open, callSucceeds, open],
  [open, tick, open],
  [halfOpen, tick, halfOpen],
  [halfOpen, callFails, halfOpen],
  [halfOpen, callSucceeds, halfOpen],
  [halfOpen, lookSucceeds, closedBreaker],
  [halfOpen, lookFails, open],
])("%j after %j is %j", (breaker, event, expected) => {
  expect(after(breaker, event)).toEqual(expected);
});

test("open until its time has come, to the millisecond", () => {
  expect([109, 110, 500].map((nowMs) => after(open, tick, nowMs).kind)).toEqual(["open", "half-open", "half-open"]);
});

test("over all sequences of six events: a call cannot close what is open, and it opens by the limit at the latest", () => {
  const events = [lookFails, callFails, lookSucceeds, callSucceeds, tick];
  let walked = 0;
  const walk = (breaker: Breaker, depth: number, failuresInRow: number): void => {
    walked++;
    if (breaker.kind === "closed") expect(failuresInRow).toBeLessThan(settings.failures);
    if (depth === 6) return;
    for (const event of events) {
      const next = after(breaker, event, depth * 60);
      if (breaker.kind !== "closed" && next.kind === "closed") expect(event).toBe(lookSucceeds);
      const fails = event.kind === "failure" ? failuresInRow + 1 : event.kind === "tick" ? failuresInRow : 0;
      walk(next, depth + 1, next.kind === "closed" && breaker.kind === "closed" ? fails : 0);
    }
  };
  walk(closedBreaker, 0, 0);
  expect(walked).toBe((5 ** 7 - 1) / 4);
});
