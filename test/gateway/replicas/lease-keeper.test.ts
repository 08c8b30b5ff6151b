/** Who keeps a lease, and for how long it may think so. */

import { describe, expect, test } from "vitest";
import { createLeaseKeeper, type KeeperOptions } from "../../../src/gateway/replicas/lease-keeper.ts";
import { createRng } from "../../../src/random/rng.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { LeaseVerbs } from "../../../src/store/store.ts";
import { World } from "./world.ts";

function createKeepers() {
  const world = new World();
  const time: KeeperOptions["time"] = {
    nowUs: () => world.nowUs,
    epochMs: () => 0,
    after: (ms, what) => world.at(ms * 1000, undefined, what),
    every: () => ({ stop: () => {} }),
    soon: () => {},
  };
  const store = createMemoryStore({ nowMs: () => world.nowUs / 1000 });
  const keep = (holder: string, change: Partial<LeaseVerbs> = {}) =>
    createLeaseKeeper({
      time,
      name: "planner",
      holder,
      address: holder,
      forMs: 900,
      rng: createRng(1, holder),
      store: { ...store, ...change },
      onStanding: () => {},
      onFault: () => {},
    });
  return { world, store, keep };
}

describe("a lease", () => {
  test("is the first one's, and another's as soon as that one is gone", async () => {
    const { world, keep } = createKeepers();
    const first = keep("a");
    await world.pass(10);
    const second = keep("b");
    await world.pass(5000);
    expect([first.holds(), second.holds()]).toEqual([true, false]);
    expect(second.standing()).toMatchObject({ kind: "other", lease: { holder: "a", epoch: 1 } });
    await first[Symbol.asyncDispose]();
    second.poke();
    await world.pass(1);
    expect(second.standing()).toEqual({ kind: "mine", epoch: 2 });
  });

  test("is held for less than the store thinks, counted from before it was asked for", async () => {
    const { world, store, keep } = createKeepers();
    const asked: number[] = [];
    const keeper = keep("a", {
      renewLease: async (...given) => {
        asked.push(world.nowUs);
        const renewed = await store.renewLease(...given);
        // Nothing is heard of the second one.
        const late = asked.length === 1 ? 400_000 : 1e9;
        return new Promise((resolve) => void world.at(late, undefined, () => resolve(renewed)));
      },
      takeLease: (...given) => (asked.length === 0 ? store.takeLease(...given) : new Promise(() => {})),
    });
    await world.pass(800);
    const [askedUs = 0] = asked;
    const lastMs = (askedUs - world.nowUs) / 1000 + 810;
    await world.pass(lastMs - 1);
    expect(keeper.holds()).toBe(true);
    await world.pass(1);
    expect(keeper.holds()).toBe(false);
    expect(keeper.standing()).toEqual({ kind: "unknown" });
  });

  test("runs out by the holder's own clock when the store says nothing, and is had again when it does", async () => {
    const { world, store, keep } = createKeepers();
    let away = false;
    const keeper = keep("a", {
      renewLease: (...given) => (away ? new Promise(() => {}) : store.renewLease(...given)),
      takeLease: (...given) => (away ? new Promise(() => {}) : store.takeLease(...given)),
    });
    await world.pass(290);
    expect(keeper.standing()).toEqual({ kind: "mine", epoch: 1 });
    away = true;
    await world.pass(820);
    expect(keeper.standing()).toEqual({ kind: "unknown" });
    away = false;
    await world.pass(1000);
    expect(keeper.standing()).toEqual({ kind: "mine", epoch: 2 });
  });

  test("that is given up is another's, and is not taken back for a while", async () => {
    const { world, keep } = createKeepers();
    const first = keep("a");
    await world.pass(10);
    first.resign(3000);
    await world.pass(800);
    expect(first.holds()).toBe(false);
    const second = keep("b");
    await world.pass(10);
    expect(second.holds()).toBe(true);
    await world.pass(1000);
    expect(first.standing()).toMatchObject({ kind: "other", lease: { holder: "b", epoch: 2 } });
    await second[Symbol.asyncDispose]();
    await world.pass(3000);
    expect(first.holds()).toBe(true);
  });

  test("that is given up is not ours any more, although the store hears of it late", async () => {
    const { world, store, keep } = createKeepers();
    const keeper = keep("a", {
      releaseLease: (...given) =>
        new Promise(
          (resolve) => void world.at(500_000, undefined, () => void store.releaseLease(...given).then(resolve)),
        ),
    });
    await world.pass(10);
    keeper.resign(3000);
    for (let step = 0; step < 12; step++) {
      expect(keeper.holds()).toBe(false);
      await world.pass(100);
    }
    await world.pass(1000);
    expect(keeper.standing()).toEqual({ kind: "mine", epoch: 2 });
  });

  test("that nobody else takes is taken back all the same", async () => {
    const { world, keep } = createKeepers();
    const only = keep("a");
    await world.pass(10);
    only.resign(1e9);
    await world.pass(890);
    expect(only.holds()).toBe(false);
    await world.pass(900);
    expect(only.standing()).toEqual({ kind: "mine", epoch: 2 });
  });
});
