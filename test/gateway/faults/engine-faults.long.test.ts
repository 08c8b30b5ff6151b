/** What engines do wrong, a hundred calls each: no call hangs, none is answered twice or by another's answer, nothing stays open. */

import { describe, expect, test } from "vitest";
import type { Fault } from "../../../src/emulate/faults.ts";
import { engine, entryOf, openBench } from "../http/gateway.ts";
import {
  closeDown,
  contentOf,
  storm,
  tally,
  textsOf,
  trials,
  trialsOf,
  until,
  type Seen,
  type Trial,
} from "./storm.ts";

const settings = `health: { everyMs: 250, timeoutMs: 250, failures: 5, openMs: 60 }
limits: { stallMs: 150, slowClientMs: 2000 }`;

/** Whatever engine one does, engine two is well. */
async function tryFault(name: string, fault: Fault) {
  const all = trialsOf(name);
  await using one = await engine({ id: "one", seed: 7 });
  await using two = await engine({ id: "two", seed: 7 });
  const texts = await textsOf(two, all);
  one.faults.add(fault);
  await using bench = await openBench([entryOf(one, "one"), entryOf(two, "two")], settings);
  const seen = await storm(bench.url, all);
  const count = tally(seen, texts, []);
  const struck = one.faults.counts()[fault.kind] ?? 0;
  one.faults.clear();
  await closeDown(bench, [one, two]);
  return { ...count, struck };
}

describe("before anything has come of a call, another engine takes it", () => {
  test.each<Fault>([
    { kind: "refuse", chance: 0.3 },
    { kind: "refuse" },
    { kind: "busy", chance: 0.3 },
    { kind: "busy" },
    { kind: "error", chance: 0.3 },
    { kind: "stall-headers", chance: 0.1 },
  ])("%o", async (fault) => {
    const { answered, struck } = await tryFault(`early-${fault.kind}`, fault);
    expect(answered).toBe(trials);
    expect(struck).toBeGreaterThan(0);
  });

  test("an engine that is not there", async () => {
    const all = trialsOf("absent");
    const gone = await engine();
    await gone.close();
    await using two = await engine({ id: "two" });
    const texts = await textsOf(two, all);
    await using bench = await openBench([entryOf(gone, "one"), entryOf(two, "two")], settings);
    expect(tally(await storm(bench.url, all), texts, []).answered).toBe(trials);
    await closeDown(bench, [two]);
  });
});

describe("once something has come of a call, it breaks off, and only it", () => {
  test.each<Fault>([
    { kind: "stall", after: 2, chance: 0.2 },
    { kind: "cut", after: 2, chance: 0.2 },
  ])("%o", async (fault) => {
    const { answered, broken, struck } = await tryFault(`late-${fault.kind}`, fault);
    expect(struck).toBeGreaterThan(0);
    expect(broken).toBe(struck);
    expect(answered).toBe(trials - struck);
  });

  test("an engine that dies and comes back, again and again", async () => {
    const all = trialsOf("dies");
    await using one = await engine({ id: "one" });
    await using two = await engine({ id: "two" });
    const texts = await textsOf(two, all);
    // Else what is learnt of the one that lives may leave the other without calls, and so without a death.
    const inTurn = `${settings}\npolicy: round-robin`;
    await using bench = await openBench([entryOf(one, "one"), entryOf(two, "two")], inTurn);
    const seen = new Map<Trial, Seen>();
    for (let round = 0; round < 4; round++) {
      await until(() => bench.gateway.status().engines.every(({ up }) => up));
      one.faults.add({ kind: "die", after: 1, forMs: 20, count: 1 });
      const some = await storm(bench.url, all.slice(round * 25, round * 25 + 25));
      for (const [trial, each] of some) seen.set(trial, each);
    }
    const { answered, broken } = tally(seen, texts, []);
    expect(one.faults.counts()["die"]).toBe(4);
    expect(answered + broken).toBe(trials);
    expect(broken).toBeGreaterThanOrEqual(4);
    expect(answered).toBeGreaterThan(trials / 2);
    await closeDown(bench, [one, two]);
  });
});

test("the only engine there is, gone and back: who comes meanwhile is told why, and who comes after is answered", async () => {
  const all = trialsOf("returns");
  await using one = await engine({ id: "one" });
  const texts = await textsOf(one, all);
  await using bench = await openBench([entryOf(one, "one")], settings);
  const seen = new Map<Trial, Seen>();
  const isUp = (): boolean => bench.gateway.status().engines.every(({ up }) => up);
  await storm(bench.url, all.slice(0, 20), 10, seen);
  await one.faults.die(200);
  await storm(bench.url, all.slice(20, 40), 10, seen);
  await until(isUp);
  await storm(bench.url, all.slice(40), 10, seen);
  const { answered, refused, broken } = tally(seen, texts);
  expect([broken, answered + refused]).toEqual([0, trials]);
  expect(refused).toBeGreaterThan(0);
  const later = all.slice(40).map((trial) => seen.get(trial));
  expect(later.every((each) => each?.kind === "answer" && each.status === 200)).toBe(true);
  await closeDown(bench, [one]);
});

describe("an engine that lies", () => {
  test.each(["zeros", "huge", "garbage", "html"] as const)(
    "in its metrics, with %s, changes no answer",
    async (lie) => {
      const { answered } = await tryFault(`lies-${lie}`, { kind: "metrics", lie });
      expect(answered).toBe(trials);
    },
  );

  test("in its answers is passed on as it is", async () => {
    const all = trialsOf("garbage");
    await using one = await engine({ id: "one" });
    const texts = await textsOf(one, all);
    await using bench = await openBench([entryOf(one, "one")], settings);
    one.faults.add({ kind: "garbage", chance: 0.3 });
    const seen = await storm(bench.url, all);
    let garbled = 0;
    for (const [{ mark, stream }, answer] of seen) {
      if (answer.kind !== "answer") throw new Error(`${mark}: ${answer.kind}`);
      if (answer.text.endsWith('"choices":[{"index":')) garbled += 1;
      else expect(contentOf(answer.text, stream)).toBe(texts.get(mark));
    }
    expect(garbled).toBe(one.faults.counts()["garbage"]);
    expect(garbled).toBeGreaterThan(0);
    await closeDown(bench, [one]);
  });
});

describe("all engines at once", () => {
  test.each<Fault>([{ kind: "busy", chance: 0.5 }, { kind: "refuse", chance: 0.5 }, { kind: "error" }])(
    "%o: every call ends, answered or with a reason",
    async (fault) => {
      const all = trialsOf(`everywhere-${fault.kind}`);
      await using one = await engine({ id: "one" });
      await using two = await engine({ id: "two" });
      const texts = await textsOf(two, all);
      for (const each of [one, two]) each.faults.add(fault);
      await using bench = await openBench([entryOf(one, "one"), entryOf(two, "two")], settings);
      const { answered, refused } = tally(await storm(bench.url, all), texts);
      expect(answered + refused).toBe(trials);
      if (fault.chance === undefined) expect(refused).toBe(trials);
      await closeDown(bench, [one, two]);
    },
  );

  test("an engine that is fifty times slower than it was is still right", async () => {
    const all = trialsOf("slow");
    await using one = await engine({ id: "one", speed: 2000 });
    await using bench = await openBench([entryOf(one, "one")], settings.replace("stallMs: 150", "stallMs: 5000"));
    const texts = await textsOf(one, all);
    one.faults.add({ kind: "slow", factor: 50 });
    expect(tally(await storm(bench.url, all), texts, []).answered).toBe(trials);
    await closeDown(bench, [one]);
  });
});
