/** What every store must do, told as one suite that each kind runs. */

import { expect, test } from "vitest";
import type { KeptStore } from "../../src/store/ask-by-verbs.ts";
import type { Lease, RunRow } from "../../src/store/store.ts";

export type TestStore = AsyncDisposable & {
  readonly store: KeptStore;
  /** Lets leases grow older. */
  readonly pass: (ms: number) => Promise<void>;
};

export const holding = { owner: "a", generation: 0 };

export function run(id: string, more: Partial<RunRow> = {}): RunRow {
  return { ...holding, id, tenant: "t", createdMs: 1000, status: "running", definition: `{"name":"${id}"}`, ...more };
}

/** `open` gives an empty store, which may be the same each time; `openOwn` one that nobody else has. */
export function holdToContract(open: () => Promise<TestStore>, openOwn = open): void {
  const check = (sentence: string, body: (given: TestStore) => Promise<void>): void =>
    test(sentence, async () => {
      await using given = await open();
      await body(given);
    });
  checkRuns(check);
  checkTakeUp(check);
  checkForgetting(check);
  checkJournal(check);
  checkLeases(check);
  test("a closed store says so", async () => {
    await using given = await openOwn();
    const { store } = given;
    await store[Symbol.asyncDispose]();
    await expect(store.readRun("r")).rejects.toMatchObject({ name: "StoreFault", kind: "unavailable" });
    await store[Symbol.asyncDispose]();
  });
}

type Check = (sentence: string, body: (given: TestStore) => Promise<void>) => void;

function checkRuns(check: Check): void {
  check("a run comes back as it went in, its stages in the order in which they were saved", async ({ store }) => {
    const odd = run("r", { key: "k", bodyHash: "00ff", definition: '{"text":"\\u0000 é \\ud800 \'%$1"}' });
    expect(await store.createRun(odd)).toBeUndefined();
    const stages = ["z", "a", "m"].map((stage) => ({ stage, record: `{"of":"${stage}"}` }));
    for (const stage of stages) expect(await store.saveStage("r", holding, stage)).toBe("saved");
    expect(await store.readRun("r")).toStrictEqual({ ...odd, stages });
    expect(await store.findRun("t", "k")).toStrictEqual(odd);
    expect(await store.endRun("r", holding, { status: "failed", endedMs: 2000, error: '{"code":"x"}' })).toBe("saved");
    const over = { ...odd, status: "failed", endedMs: 2000, error: '{"code":"x"}' };
    expect(await store.readRun("r")).toStrictEqual({ ...over, stages });
  });

  check("what is not there is undefined", async ({ store }) => {
    expect(await store.readRun("r")).toBeUndefined();
    expect(await store.findRun("t", "k")).toBeUndefined();
    expect(await store.listRuns("t", 10)).toEqual([]);
    expect(await store.listRuns("t", 10, "r")).toEqual([]);
    // What no text in a database can be is no run either.
    expect(await store.listRuns("t", 10, "\0")).toEqual([]);
  });

  check("a key is used once by each tenant", async ({ store }) => {
    const first = run("first", { key: "k", bodyHash: "1" });
    expect(await store.createRun(first)).toBeUndefined();
    expect(await store.createRun(run("second", { key: "k", bodyHash: "2" }))).toStrictEqual(first);
    expect(await store.createRun(run("third", { key: "k", tenant: "other" }))).toBeUndefined();
    expect(await store.createRun(run("fourth"))).toBeUndefined();
    expect(await store.createRun(run("fifth"))).toBeUndefined();
    expect(await store.readRun("second")).toBeUndefined();
    expect(await store.findRun("other", "k")).toMatchObject({ id: "third" });
  });

  check("a run that is created once more is there already", async ({ store }) => {
    await store.createRun(run("r"));
    expect(await store.createRun(run("r", { definition: "{}" }))).toStrictEqual(run("r"));
  });

  check("of many at once with one key, one is taken in", async ({ store }) => {
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
    const answers = await Promise.all(ids.map((id) => store.createRun(run(id, { key: "k" }))));
    const { id: winner } = (await store.findRun("t", "k")) ?? run("none");
    expect(answers.map((answer) => answer?.id ?? winner)).toEqual(ids.map(() => winner));
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    expect((await store.listRuns("t", 100)).map(({ id }) => id)).toEqual([winner]);
  });

  check("a stage is recorded once, by whom the run is held", async ({ store }) => {
    await store.createRun(run("r"));
    expect(await store.saveStage("r", holding, { stage: "s", record: "1" })).toBe("saved");
    expect(await store.saveStage("r", holding, { stage: "s", record: "2" })).toBe("known");
    expect(await store.saveStage("r", { owner: "b", generation: 0 }, { stage: "s2", record: "1" })).toBe("lost");
    expect(await store.saveStage("r", { owner: "a", generation: 1 }, { stage: "s", record: "1" })).toBe("lost");
    expect(await store.saveStage("none", holding, { stage: "s", record: "1" })).toBe("lost");
    expect((await store.readRun("r"))?.stages).toEqual([{ stage: "s", record: "1" }]);
  });

  check("a run ends once, and then takes no stages", async ({ store }) => {
    await store.createRun(run("r"));
    await store.saveStage("r", holding, { stage: "s", record: "1" });
    expect(await store.endRun("r", { owner: "b", generation: 0 }, { status: "failed", endedMs: 1 })).toBe("lost");
    expect(await store.endRun("r", holding, { status: "succeeded", endedMs: 2000 })).toBe("saved");
    expect(await store.endRun("r", holding, { status: "succeeded", endedMs: 3000 })).toBe("known");
    expect(await store.endRun("r", holding, { status: "cancelled", endedMs: 3000 })).toBe("lost");
    expect(await store.saveStage("r", holding, { stage: "s", record: "1" })).toBe("known");
    expect(await store.saveStage("r", holding, { stage: "late", record: "1" })).toBe("lost");
    expect(await store.readRun("r")).toMatchObject({ status: "succeeded", endedMs: 2000, stages: [{ stage: "s" }] });
    expect(await store.endRun("none", holding, { status: "failed", endedMs: 1 })).toBe("lost");
  });

  check("runs are listed by tenant, newest first, page by page", async ({ store }) => {
    await Promise.all([
      store.createRun(run("b", { createdMs: 5 })),
      store.createRun(run("a", { createdMs: 5 })),
      store.createRun(run("c", { createdMs: 4 })),
      store.createRun(run("d", { createdMs: 9, tenant: "other" })),
    ]);
    await store.saveStage("c", holding, { stage: "s", record: "1" });
    expect((await store.listRuns("t", 10)).map(({ id }) => id)).toEqual(["b", "a", "c"]);
    expect((await store.listRuns("t", 1)).map(({ id }) => id)).toEqual(["b"]);
    expect((await store.listRuns("t", 1, "b")).map(({ id }) => id)).toEqual(["a"]);
    expect((await store.listRuns("t", 5, "a")).map(({ id, stages }) => [id, stages.length])).toEqual([["c", 1]]);
    expect(await store.listRuns("t", 5, "d")).toEqual([]);
  });
}

function checkTakeUp(check: Check): void {
  check("runs of an owner without a lease are taken up, oldest first, and are the former's no more", async (given) => {
    const { store } = given;
    await store.takeLease("owner/a", "a", "http://a", 1000);
    for (const [id, createdMs] of [
      ["young", 3],
      ["old", 1],
      ["middle", 2],
    ] as const)
      await store.createRun(run(id, { createdMs }));
    await store.saveStage("old", holding, { stage: "s", record: "1" });
    expect(await store.takeUpRuns("b", 10)).toEqual([]);
    await given.pass(1000);
    const taken = await store.takeUpRuns("b", 2);
    expect(taken).toStrictEqual([
      { ...run("old", { createdMs: 1, owner: "b", generation: 1 }), stages: [{ stage: "s", record: "1" }] },
      { ...run("middle", { createdMs: 2, owner: "b", generation: 1 }), stages: [] },
    ]);
    expect(await store.saveStage("old", holding, { stage: "t", record: "1" })).toBe("lost");
    expect(await store.endRun("old", holding, { status: "succeeded", endedMs: 1 })).toBe("lost");
    const now = { owner: "b", generation: 1 };
    expect(await store.saveStage("old", now, { stage: "s", record: "2" })).toBe("known");
    expect(await store.saveStage("old", now, { stage: "t", record: "2" })).toBe("saved");
    expect(await store.saveStage("young", holding, { stage: "s", record: "1" })).toBe("saved");
  });

  check("what is over or held is not taken up", async ({ store, pass }) => {
    await store.createRun(run("over"));
    await store.endRun("over", holding, { status: "succeeded", endedMs: 1 });
    await store.createRun(run("held", { owner: "c" }));
    const { epoch } = await store.takeLease("owner/c", "c", "", 1000);
    await pass(600);
    expect(await store.renewLease("owner/c", "c", epoch, 1000)).toBe(true);
    await pass(600);
    expect(await store.takeUpRuns("b", 10)).toEqual([]);
    await store.releaseLease("owner/c", "c", epoch);
    expect((await store.takeUpRuns("b", 10)).map(({ id }) => id)).toEqual(["held"]);
  });

  check("what is taken up is listed for its owner, oldest first, while it is open", async ({ store }) => {
    for (const [id, createdMs] of [
      ["young", 3],
      ["old", 1],
      ["over", 2],
    ] as const)
      await store.createRun(run(id, { createdMs }));
    await store.takeLease("owner/b", "b", "", 1e6);
    const [taken] = await store.takeUpRuns("b", 10);
    await store.createRun(run("own", { owner: "b" }));
    await store.endRun("over", { owner: "b", generation: 1 }, { status: "cancelled", endedMs: 9 });
    expect(taken?.id).toBe("old");
    expect(await store.listTakenUp("b", 10)).toEqual(["old", "young"]);
    expect(await store.listTakenUp("b", 1)).toEqual(["old"]);
    expect(await store.listTakenUp("c", 10)).toEqual([]);
  });

  check("two who take up at once share what there is", async ({ store }) => {
    const ids = Array.from({ length: 40 }, (_, index) => `r${String(index).padStart(2, "0")}`);
    for (const id of ids) await store.createRun(run(id));
    for (const owner of ["b", "c"]) await store.takeLease(`owner/${owner}`, owner, "", 1e6);
    const taken = await Promise.all(["b", "c", "b", "c"].map((owner) => store.takeUpRuns(owner, 10)));
    const rest = [...(await store.takeUpRuns("b", 40)), ...(await store.takeUpRuns("b", 40))];
    const all = [...taken.flat(), ...rest];
    expect(all.map(({ id }) => id).sort()).toEqual(ids);
    expect(all.every(({ generation }) => generation === 1)).toBe(true);
  });
}

function checkForgetting(check: Check): void {
  check("what ended first is forgotten first, with its stages and its key", async ({ store }) => {
    for (const [id, endedMs] of [
      ["a", 30],
      ["b", 10],
      ["c", 20],
      ["d", 40],
    ] as const) {
      await store.createRun(run(id, { key: `key ${id}` }));
      await store.saveStage(id, holding, { stage: "s", record: "1" });
      await store.endRun(id, holding, { status: "succeeded", endedMs });
    }
    await store.createRun(run("open"));
    const left = async (): Promise<readonly string[]> => (await store.listRuns("t", 10)).map(({ id }) => id);
    expect(await store.forgetRuns(10, 0, 10)).toBe(0);
    expect(await store.forgetRuns(3, 0, 10)).toBe(1);
    expect(await left()).toEqual(["open", "d", "c", "a"]);
    expect(await store.findRun("t", "key b")).toBeUndefined();
    expect(await store.forgetRuns(10, 40, 1)).toBe(1);
    expect(await left()).toEqual(["open", "d", "a"]);
    expect(await store.forgetRuns(10, 40, 10)).toBe(1);
    expect(await store.forgetRuns(0, 0, 10)).toBe(1);
    expect(await left()).toEqual(["open"]);
    expect(await store.createRun(run("d", { key: "key a" }))).toBeUndefined();
    expect((await store.readRun("d"))?.stages).toEqual([]);
  });
}

function checkJournal(check: Check): void {
  check("segments and their blocks come back as written", async ({ store }) => {
    expect(await store.listSegments()).toEqual([]);
    const segment = (await store.beginSegment(1, 500)) ?? -1;
    const blocks = ['{"kind":"journal"}\n{"é":1}\n', '{"kind":"x"}\n', "\n"];
    for (const [index, lines] of blocks.entries())
      expect(await store.appendJournal(1, { segment, index, lines })).toBe("saved");
    expect(await store.appendJournal(1, { segment, index: 1, lines: "other\n" })).toBe("known");
    for (const [index, lines] of blocks.entries()) expect(await store.readBlock(segment, index)).toBe(lines);
    expect(await store.readBlock(segment, 3)).toBeUndefined();
    expect(await store.readBlock(segment + 1, 0)).toBeUndefined();
    const bytes = Buffer.byteLength(blocks.join(""));
    expect(await store.listSegments()).toStrictEqual([{ segment, epoch: 1, createdMs: 500, blocks: 3, bytes }]);
  });

  check("many blocks at once stand in their order", async ({ store }) => {
    const segment = (await store.beginSegment(1, 0)) ?? -1;
    const lines = Array.from({ length: 50 }, (_, index) => `{"line":${index}}\n`);
    const appended = lines.map((each, index) => store.appendJournal(1, { segment, index, lines: each }));
    expect(new Set(await Promise.all(appended))).toEqual(new Set(["saved"]));
    const read = await Promise.all(lines.map((_, index) => store.readBlock(segment, index)));
    expect(read).toEqual(lines);
  });

  check("a block that would leave a hole is a fault, and leaves others be", async ({ store }) => {
    const segment = (await store.beginSegment(1, 0)) ?? -1;
    const hole = store.appendJournal(1, { segment, index: 1, lines: "\n" });
    const beside = store.createRun(run("r"));
    await expect(hole).rejects.toMatchObject({ kind: "broken", message: expect.stringContaining("expected block 0") });
    expect(await beside).toBeUndefined();
    expect(await store.readRun("r")).toBeDefined();
  });

  check("a later epoch's segment ends the writing of those before", async ({ store }) => {
    const first = (await store.beginSegment(1, 0)) ?? -1;
    const again = (await store.beginSegment(1, 1)) ?? -1;
    expect(again).toBeGreaterThan(first);
    expect(await store.appendJournal(1, { segment: first, index: 0, lines: "\n" })).toBe("saved");
    const later = (await store.beginSegment(3, 2)) ?? -1;
    expect(later).toBeGreaterThan(again);
    expect(await store.appendJournal(1, { segment: again, index: 0, lines: "\n" })).toBe("lost");
    expect(await store.appendJournal(1, { segment: later, index: 0, lines: "\n" })).toBe("lost");
    expect(await store.appendJournal(3, { segment: first, index: 1, lines: "\n" })).toBe("lost");
    expect(await store.beginSegment(2, 3)).toBeUndefined();
    expect(await store.appendJournal(3, { segment: later, index: 0, lines: "\n" })).toBe("saved");
    expect((await store.listSegments()).map(({ epoch }) => epoch)).toEqual([1, 1, 3]);
  });

  check("whole segments go, oldest first, and the newest stays", async ({ store }) => {
    const segments: number[] = [];
    for (const lines of ["12345678\n", "1234\n", "12\n"]) {
      const segment = (await store.beginSegment(1, 0)) ?? -1;
      segments.push(segment);
      await store.appendJournal(1, { segment, index: 0, lines });
    }
    const left = async (): Promise<readonly number[]> => (await store.listSegments()).map(({ segment }) => segment);
    expect(await store.pruneJournal(17)).toBe(0);
    expect(await store.pruneJournal(16)).toBe(1);
    expect(await left()).toEqual(segments.slice(1));
    expect(await store.readBlock(segments[0] ?? -1, 0)).toBeUndefined();
    expect(await store.pruneJournal(0)).toBe(1);
    expect(await left()).toEqual(segments.slice(2));
    expect(await store.pruneJournal(0)).toBe(0);
    expect(await store.appendJournal(1, { segment: segments[0] ?? -1, index: 1, lines: "\n" })).toBe("lost");
    expect(await store.beginSegment(1, 0)).toBeGreaterThan(segments[2] ?? -1);
  });
}

function checkLeases(check: Check): void {
  const plain = ({ leftMs, ...lease }: Lease): unknown => ({ ...lease, holds: leftMs > 0 });

  check("a lease is one holder's until it runs out; each new holder has an epoch one up", async ({ store, pass }) => {
    const first = await store.takeLease("planner", "a", "http://a", 1000);
    expect(plain(first)).toEqual({ name: "planner", holder: "a", address: "http://a", epoch: 1, holds: true });
    expect(first.leftMs).toBeLessThanOrEqual(1000);
    expect(await store.takeLease("planner", "b", "http://b", 1000)).toMatchObject({ holder: "a", address: "http://a" });
    await pass(1000);
    const second = await store.takeLease("planner", "b", "http://b", 1000);
    expect(plain(second)).toEqual({ name: "planner", holder: "b", address: "http://b", epoch: 2, holds: true });
    expect(await store.renewLease("planner", "a", 1, 1000)).toBe(false);
    await store.releaseLease("planner", "a", 1);
    expect(await store.renewLease("planner", "b", 2, 1000)).toBe(true);
  });

  check("who takes again what it holds keeps its epoch; who takes again what ran out does not", async (given) => {
    const { store, pass } = given;
    await store.takeLease("l", "a", "http://1", 1000);
    await pass(600);
    expect(plain(await store.takeLease("l", "a", "http://2", 1000))).toMatchObject({ epoch: 1, address: "http://2" });
    await pass(600);
    expect(await store.takeLease("l", "b", "", 1000)).toMatchObject({ holder: "a" });
    await pass(400);
    expect(await store.renewLease("l", "a", 1, 1000)).toBe(false);
    expect(await store.takeLease("l", "a", "", 1000)).toMatchObject({ holder: "a", epoch: 2 });
  });

  check("a lease that is given back can be taken at once", async ({ store }) => {
    await store.takeLease("l", "a", "", 1e6);
    await store.releaseLease("l", "a", 7);
    await store.releaseLease("l", "b", 1);
    await store.releaseLease("none", "b", 1);
    expect(await store.takeLease("l", "b", "", 1e6)).toMatchObject({ holder: "a" });
    await store.releaseLease("l", "a", 1);
    expect(await store.renewLease("l", "a", 1, 1e6)).toBe(false);
    expect(await store.takeLease("l", "b", "", 1e6)).toMatchObject({ holder: "b", epoch: 2 });
  });

  check("of many who take at once, one gets it", async ({ store }) => {
    const holders = Array.from({ length: 10 }, (_, index) => `h${index}`);
    const seen = await Promise.all(holders.map((holder) => store.takeLease("l", holder, "", 1e6)));
    expect(new Set(seen.map(({ holder }) => holder)).size).toBe(1);
    expect(new Set(seen.map(({ epoch }) => epoch))).toEqual(new Set([1]));
  });

  check("leases are listed by how their names begin, also those that have run out", async ({ store, pass }) => {
    await store.takeLease("owner/b", "b", "http://b", 1000);
    await store.takeLease("planner", "b", "", 1000);
    await store.takeLease("owner_c", "c", "", 1000);
    await store.takeLease("owner/a", "a", "http://a", 3000);
    await pass(1500);
    expect((await store.listLeases("owner/")).map(plain)).toEqual([
      { name: "owner/a", holder: "a", address: "http://a", epoch: 1, holds: true },
      { name: "owner/b", holder: "b", address: "http://b", epoch: 1, holds: false },
    ]);
    expect(await store.listLeases("")).toHaveLength(4);
    expect(await store.listLeases("x")).toEqual([]);
  });

  check("leases that ran out long ago are forgotten, those first that did so first", async ({ store, pass }) => {
    for (const [name, forMs] of [
      ["owner/b", 2000],
      ["owner/a", 1000],
      ["owner/c", 3000],
      ["owner/alive", 60_000],
      ["planner", 1000],
    ] as const)
      await store.takeLease(name, name, "", forMs);
    await pass(9000);
    const names = async (): Promise<unknown> => (await store.listLeases("")).map(({ name }) => name);
    expect(await store.forgetLeases("owner/", 10_000, 10)).toBe(0);
    expect(await store.forgetLeases("owner/", 5000, 1)).toBe(1);
    expect(await names()).toEqual(["owner/alive", "owner/b", "owner/c", "planner"]);
    expect(await store.forgetLeases("owner/", 6500, 10)).toBe(1);
    expect(await names()).toEqual(["owner/alive", "owner/c", "planner"]);
    expect(await store.renewLease("owner/b", "owner/b", 1, 1000)).toBe(false);
    expect(await store.takeLease("owner/b", "other", "", 1000)).toMatchObject({ holder: "other", epoch: 1 });
    expect(await store.forgetLeases("owner/", 0, 10)).toBe(1);
    expect(await names()).toEqual(["owner/alive", "owner/b", "planner"]);
  });
}
