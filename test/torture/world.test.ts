/** What worlds are made of: time that only passes when nothing is left to do, processes that die or stand still, a network, a store. */

import { expect, test } from "vitest";
import type { Channel } from "../../src/gateway/replicas/channel.ts";
import { createRng } from "../../src/random/rng.ts";
import { StoreFault, type RunRow } from "../../src/store/store.ts";
import { Database } from "../../src/torture/database.ts";
import { allFaultKinds, createFaults, type FaultKind, type Faults } from "../../src/torture/faults.ts";
import { Machine } from "../../src/torture/machine.ts";
import { Network } from "../../src/torture/network.ts";
import { VirtualTime } from "../../src/torture/virtual-time.ts";

const never = (): boolean => false;

/** Of these kinds every occasion is one; of the others none. */
function always(...kinds: readonly FaultKind[]): Faults {
  const none = createFaults(createRng(1), new Set(allFaultKinds));
  return { ...none, strikes: (kind) => kinds.includes(kind) };
}

function createWorld(faults: Faults = always()) {
  const virtual = new VirtualTime();
  const rng = createRng(1);
  const network = new Network({ virtual, faults, rng });
  const database = new Database({
    virtual,
    faults,
    rng,
    canReach: (site) => network.reaches(site, "store"),
    onCommit: () => {},
  });
  const machine = (site: string): Machine => new Machine(virtual, site, site);
  return { virtual, network, database, machine };
}

test("what is due first happens first; at one instant, what was asked for first; and promises before the next step", async () => {
  const { virtual } = createWorld();
  const seen: string[] = [];
  const say = (what: string): void => void seen.push(`${virtual.nowUs} ${what}`);
  virtual.after(20, () => say("third"));
  virtual.after(10, () => {
    say("first");
    void Promise.resolve().then(() => Promise.resolve().then(() => say("of the first")));
  });
  virtual.after(10, () => say("second"));
  virtual.after(15, () => say("never")).stop();
  virtual.after(99, () => say("too late"));
  await virtual.run(50, never);
  expect(seen).toEqual(["10 first", "10 of the first", "10 second", "20 third"]);
});

test("a process that stands still hears of everything when it goes on, in order, and a killed one never", async () => {
  const { virtual, machine } = createWorld();
  const [still, killed] = [machine("a"), machine("b")];
  const seen: string[] = [];
  for (const each of [still, killed]) {
    each.time.after(1, () => seen.push(`${each.name} timer ${virtual.nowUs}`));
    virtual.after(2000, () => each.enter(() => seen.push(`${each.name} call`)));
    void each
      .hear<string>((resolve) => void virtual.after(3000, () => resolve("answer")))
      .then((word) => seen.push(word));
  }
  still.pause();
  killed.crash();
  virtual.after(5000, () => still.resume());
  await virtual.run(10_000, never);
  expect(seen).toEqual(["a timer 5000", "a call", "answer"]);
});

test("time goes on while a process stands still, and a timer that is stopped meanwhile does not fire", async () => {
  const { virtual, machine } = createWorld();
  const one = machine("a");
  const seen: number[] = [];
  const timer = one.time.every(10, () => {
    seen.push(one.time.nowUs());
    if (seen.length === 2) timer.stop();
  });
  one.pause();
  virtual.after(35_000, () => one.resume());
  await virtual.run(100_000, never);
  expect(seen).toEqual([35_000, 45_000]);
});

async function talk(faults: Faults, lines: readonly string[], during?: (network: Network) => void): Promise<string[]> {
  const { virtual, network, machine } = createWorld(faults);
  const [near, far] = [machine("a"), machine("b")];
  const heard: string[] = [];
  network.listen(far, (channel) =>
    channel.listen({ onLine: (line) => heard.push(line), onClose: () => heard.push("closed") }),
  );
  void network.connect(near, "b", new AbortController().signal).then((channel: Channel) => {
    channel.listen({ onLine: () => {}, onClose: () => {} });
    during?.(network);
    for (const line of lines) channel.send(line);
  });
  virtual.after(20_000_000, () => near.crash());
  await virtual.run(30_000_000, never);
  return heard;
}

test("lines come in order, and the end of who sent them is heard of", async () => {
  expect(await talk(always(), ["1", "2", "3"])).toEqual(["1", "2", "3", "closed"]);
  expect(await talk(always("line-late"), ["1", "2", "3"])).toEqual(["1", "2", "3", "closed"]);
});

test("lines are lost and doubled", async () => {
  expect(await talk(always("line-lost"), ["1", "2"])).toEqual(["closed"]);
  expect(await talk(always("line-doubled"), ["1", "2"])).toEqual(["1", "1", "2", "2", "closed"]);
});

test("between sites that are cut off from each other lines wait, or are lost with the connection, and nobody is told", async () => {
  const cut = (loses: boolean) => (network: Network) => void network.cut([["a", "b"]], loses);
  expect(await talk(always(), ["1"], cut(false))).toEqual([]);
  expect(await talk(always(), ["1"], cut(true))).toEqual([]);
});

const run: RunRow = {
  id: "r",
  tenant: "t",
  owner: "a",
  generation: 0,
  createdMs: 0,
  status: "running",
  definition: "{}",
};

test("a store whose answer is lost has done what it was asked for; one that refuses or is away has not", async () => {
  const done = async (faults: Faults, change: (database: Database) => void = () => {}): Promise<unknown> => {
    const { virtual, database, machine } = createWorld(faults);
    change(database);
    const told = database
      .connect(machine("a"))
      .createRun(run)
      .then(
        () => "told so",
        (error: unknown) => (error instanceof StoreFault ? error.kind : "?"),
      );
    await virtual.run(10_000_000, never);
    return [await told, (await database.inner.readRun("r")) === undefined ? "not there" : "there"];
  };
  expect(await done(always())).toEqual(["told so", "there"]);
  expect(await done(always("store-unsure"))).toEqual(["unavailable", "there"]);
  expect(await done(always("store-refused"))).toEqual(["unavailable", "not there"]);
  expect(await done(always(), (database) => (database.away = true))).toEqual(["unavailable", "not there"]);
  expect(await done(always(), (database) => (database.full = true))).toEqual(["full", "not there"]);
});

test("whether a kind of fault is on changes nothing of the others", () => {
  const draw = (off: readonly FaultKind[]): string => {
    const faults = createFaults(createRng(7, "faults"), new Set(off));
    return Array.from({ length: 500 }, () => Number(faults.strikes("store-slow"))).join("");
  };
  expect(draw(["crash", "engine-cut"])).toBe(draw([]));
  expect(draw(["store-slow"])).not.toContain("1");
});
