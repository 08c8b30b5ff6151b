import { expect, test } from "vitest";
import { createMemoryStore } from "../../src/store/memory.ts";
import { keepHouse } from "../../src/store/keep-house.ts";
import { StoreFault, type Store } from "../../src/store/store.ts";
import { holding, run } from "./store-conformance.ts";

const dayMs = 86_400_000;

/** Timers that go off when the test says so. */
class Timers {
  epochMs = 100 * dayMs;
  #next: { readonly ms: number; readonly what: () => void } | undefined;

  readonly time = {
    epochMs: () => this.epochMs,
    after: (ms: number, what: () => void) => {
      const own = { ms, what };
      this.#next = own;
      return {
        stop: () => {
          if (this.#next === own) this.#next = undefined;
        },
      };
    },
  };

  /** How long was waited for what goes off now. */
  async fire(): Promise<number> {
    const { ms, what } = this.#next ?? { ms: NaN, what: () => {} };
    this.#next = undefined;
    what();
    // Verbs of the store in memory take a few turns of the microtask queue.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    return ms;
  }

  async fireRound(): Promise<readonly number[]> {
    const waits = [await this.fire()];
    while (this.#next !== undefined && this.#next.ms !== waits[0]) waits.push(await this.fire());
    return waits;
  }

  get waiting(): boolean {
    return this.#next !== undefined;
  }
}

async function fill(store: Store, count: number, endedMs: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const id = `${endedMs}-${index}`;
    await store.createRun(run(id));
    await store.endRun(id, holding, { status: "succeeded", endedMs });
  }
}

const ids = async (store: Store): Promise<readonly string[]> =>
  (await store.listRuns("t", 10_000)).map(({ id }) => id).sort();

const unexpected = (error: unknown): never => expect.unreachable(String(error));

const bounds = { keepRuns: 3, keepDays: 30, journalBytes: 5 };

test("what is too old or too much goes, in steps", async () => {
  const timers = new Timers();
  await using store = createMemoryStore({ nowMs: () => 0 });
  await fill(store, 450, 60 * dayMs);
  await fill(store, 2, 80 * dayMs);
  await store.createRun(run("open"));
  for (const lines of ["1234\n", "5678\n"]) {
    const segment = (await store.beginSegment(1, 0)) ?? -1;
    await store.appendJournal(1, { segment, index: 0, lines });
  }
  using _ = keepHouse({ store, ...bounds, time: timers.time, mayKeep: () => true, onFault: unexpected });
  const waits = await timers.fireRound();
  expect(waits[0]).toBe(60_000);
  // Three times runs, once each the journal, leases and space, and a look that finds nothing more to do.
  expect(waits.slice(1)).toEqual([50, 50, 50, 50, 50, 50]);
  expect(await ids(store)).toEqual([`${80 * dayMs}-0`, `${80 * dayMs}-1`, "open"]);
  expect((await store.listSegments()).map(({ segment }) => segment)).toEqual([2]);
  timers.epochMs += 11 * dayMs;
  await timers.fireRound();
  expect(await ids(store)).toEqual(["open"]);
});

test("leases of processes that are gone for a day are forgotten, and no others", async () => {
  const timers = new Timers();
  let nowMs = 0;
  await using store = createMemoryStore({ nowMs: () => nowMs });
  for (let index = 0; index < 250; index++) await store.takeLease(`owner/${index}`, `${index}`, "", 1000);
  await store.takeLease("planner", "0", "", 1000);
  await store.takeLease("owner/young", "young", "", 2000);
  await store.takeLease("owner/alive", "alive", "", 2 * dayMs);
  nowMs = 1000 + dayMs;
  using _ = keepHouse({ store, ...bounds, time: timers.time, mayKeep: () => true, onFault: unexpected });
  await timers.fireRound();
  expect((await store.listLeases("")).map(({ name }) => name)).toEqual(["owner/alive", "owner/young", "planner"]);
});

test("who may not keep house looks again later; a fault ends the round and is told", async () => {
  const timers = new Timers();
  await using store = createMemoryStore({ nowMs: () => 0 });
  await fill(store, 5, 99 * dayMs);
  let may = false;
  const faults: unknown[] = [];
  const failing = { ...store, forgetRuns: () => Promise.reject(new StoreFault("full", "no room")) };
  using _ = keepHouse({
    store: failing,
    ...bounds,
    time: timers.time,
    mayKeep: () => may,
    onFault: (error) => faults.push(error),
  });
  expect(await timers.fireRound()).toEqual([60_000]);
  expect(faults).toEqual([]);
  may = true;
  expect(await timers.fireRound()).toEqual([60_000]);
  expect(faults).toMatchObject([{ kind: "full" }]);
  expect(timers.waiting).toBe(true);
  expect(await ids(store)).toHaveLength(5);
});

test("a round has an end, whatever there is to do", async () => {
  const timers = new Timers();
  await using store = createMemoryStore({ nowMs: () => 0 });
  const endless = {
    forgetRuns: (_: number, __: number, limit: number) => Promise.resolve(limit),
    pruneJournal: store.pruneJournal,
    shrink: () => Promise.resolve(true),
  };
  using _ = keepHouse({
    store: endless,
    ...bounds,
    time: timers.time,
    mayKeep: () => true,
    onFault: unexpected,
  });
  expect((await timers.fireRound()).length).toBeLessThan(300);
});

test("once it is disposed of, nothing waits", async () => {
  const timers = new Timers();
  await using store = createMemoryStore({ nowMs: () => 0 });
  const house = keepHouse({ store, ...bounds, time: timers.time, mayKeep: () => true, onFault: unexpected });
  await timers.fire();
  house[Symbol.dispose]();
  expect(timers.waiting).toBe(false);
});
