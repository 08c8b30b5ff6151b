/** One engine watched over time. */

import { expect, test } from "vitest";
import type { Sight } from "../../../src/gateway/adapter/adapter.ts";
import { type Health, watchHealth } from "../../../src/gateway/adapter/health.ts";
import { createHandTimers, type HandTimers } from "./hand-timers.ts";

const settings = { everyMs: 100, timeoutMs: 50, failures: 2, openMs: 1000 };

type Watched = AsyncDisposable & { health: Health; timers: HandTimers; log: string[]; signals: AbortSignal[] };

/** `answers` are given look by look, the last one for good. A number is a sight with so many running. */
function watched(...answers: (number | "hang" | Error)[]): Watched {
  const timers = createHandTimers();
  const log: string[] = [];
  const signals: AbortSignal[] = [];
  const look = (signal: AbortSignal): Promise<Sight> => {
    signals.push(signal);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === "hang") return new Promise(() => {});
    return typeof answer === "number"
      ? Promise.resolve({ running: answer })
      : Promise.reject(answer ?? new Error("none"));
  };
  const tell = (what: string): void => {
    log.push(`${timers.nowMs()} ${what}`);
  };
  const health = watchHealth({
    adapter: { look },
    settings,
    timers,
    onUp: ({ running }) => tell(`up ${running}`),
    onDown: (reason) => tell(`down: ${reason}`),
    onSight: ({ running }) => tell(`sight ${running}`),
  });
  return { health, timers, log, signals, [Symbol.asyncDispose]: () => health[Symbol.asyncDispose]() };
}

test("it looks at once and then again and again", async () => {
  await using one = watched(1, 2, 3);
  expect(one.health.isUp()).toBe(false);
  await one.timers.pass(250);
  expect(one.log).toEqual(["0 up 1", "0 sight 1", "100 sight 2", "200 sight 3"]);
  expect(one.health.isUp()).toBe(true);
});

test("failed looks in a row open the breaker; after a while one look tries again", async () => {
  const gone = new Error("gone");
  await using one = watched(1, gone, 2, gone, gone, gone, 7);
  await one.timers.pass(3000);
  expect(one.log.slice(0, 7)).toEqual([
    "0 up 1",
    "0 sight 1",
    "200 sight 2",
    "400 down: gone",
    // At 1400 the trial fails.
    "2400 up 7",
    "2400 sight 7",
    "2500 sight 7",
  ]);
});

test("an engine that is not there at the start is told of once, and found when it comes", async () => {
  await using one = watched(new Error("not yet"), new Error("not yet"), 4);
  await one.timers.pass(1150);
  expect(one.log).toEqual(["0 down: not yet", "1100 up 4", "1100 sight 4"]);
});

test("a look that does not answer in time is called off, even if it does not obey", async () => {
  await using one = watched("hang");
  await one.timers.pass(40);
  expect(one.signals[0]?.aborted).toBe(false);
  await one.timers.pass(20);
  expect(one.signals[0]?.aborted).toBe(true);
  expect(one.log).toEqual(["50 down: no answer to a look within 50 ms"]);
});

test("calls that fail open it although looks succeed", async () => {
  await using one = watched(1);
  await one.timers.pass(10);
  one.health.callFailed("cut");
  await one.timers.pass(200);
  one.health.callFailed("cut again");
  one.health.callFailed("told no more");
  expect(one.health.isUp()).toBe(false);
  await one.timers.pass(1010);
  expect(one.log).toEqual([
    "0 up 1",
    "0 sight 1",
    "100 sight 1",
    "200 sight 1",
    "210 down: cut again",
    "1210 up 1",
    "1210 sight 1",
  ]);
});

test("one call that fails again and again counts once, until another one has been there", async () => {
  await using one = watched(1);
  await one.timers.pass(10);
  for (let time = 0; time < 5; time++) one.health.callFailed("cut", "a");
  expect(one.health.isUp()).toBe(true);
  one.health.callFailed("cut", "b");
  expect(one.health.isUp()).toBe(false);
});

test("a call that succeeds makes up for those that failed", async () => {
  await using one = watched(1);
  await one.timers.pass(10);
  for (let time = 0; time < 5; time++) {
    one.health.callFailed("cut");
    one.health.callSucceeded();
  }
  expect(one.health.isUp()).toBe(true);
});

test("nothing is told, waited for or looked at once it is over", async () => {
  const one = watched(1, "hang");
  await one.timers.pass(120);
  await one.health[Symbol.asyncDispose]();
  one.health.callFailed("late");
  one.health.callFailed("late");
  expect(one.signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  expect(one.timers.waiting()).toBe(0);
  await one.timers.pass(5000);
  expect(one.log).toEqual(["0 up 1", "0 sight 1"]);
});
