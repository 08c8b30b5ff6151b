import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { StoreFault, type RunRow, type Store } from "../../../src/store/store.ts";
import { createOwnership } from "../../../src/gateway/declared/ownership.ts";
import { createTenants } from "../../../src/gateway/call/tenants.ts";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { createFaultyStore } from "./faulty-store.ts";
import { leaseMs, openGateway } from "./gateways.ts";
import { createHandTime, settle, type HandTime } from "./hand-time.ts";
import { submissionOf, world } from "./support.ts";

const stages = [
  { id: "a", kind: "llm", model: "tiny", prompt: "a" },
  { id: "b", kind: "llm", model: "big", prompt: "{{ stages.a.text }}" },
] as const;
const definition = JSON.stringify({ stages, deadlineMs: 60_000 });

type Bench = { readonly time: HandTime; readonly store: Store };

function bench(): Bench {
  const time = createHandTime();
  return { time, store: createMemoryStore({ nowMs: () => time.nowUs() / 1000 }) };
}

/** Runs that a process left open that is gone. */
async function leave({ store }: Bench, count: number, change: Partial<RunRow> = {}): Promise<void> {
  for (let at = 1; at <= count; at++) {
    const row = { id: `r${at}`, tenant: "t", owner: "gone", generation: 0, createdMs: at, status: "running" } as const;
    await store.createRun({ ...row, definition, ...change });
  }
}

const statuses = async ({ store }: Bench): Promise<readonly string[]> =>
  (await store.listRuns("t", 1000)).map(({ status }) => status);

test("all that was left open is taken up, as much as there is room for, the rest when there is", async () => {
  const all = bench();
  await leave(all, 700);
  const forever = new Promise<string>(() => {});
  let answer: string | Promise<string> = forever;
  const gateway = await openGateway({ owner: "b", ...all, reply: () => answer, maxOpen: 600 });
  expect(await gateway.runs.recover()).toBe(600);
  expect(gateway.runs.open()).toBe(600);
  expect((await gateway.runs.submit(submissionOf({ stages }))).kind).toBe("too-many");
  // Not all of them crowd the driver.
  const arrived = new Set([...gateway.driver.stages.values()].map(({ stage }) => stage.workflow));
  expect(arrived.size).toBe(512);
  answer = "x";
  for (const [key, { stage }] of gateway.driver.stages) if (stage.id === "a") gateway.driver.lose(key);
  await all.time.pass(1000);
  expect(new Set(await statuses(all))).toEqual(new Set(["succeeded"]));
  await gateway.runs[Symbol.asyncDispose]();
});

test("a run whose conditions compare for too long fails by that when it is taken up", async () => {
  const all = bench();
  const inputs = { list: Array.from({ length: 1_100_000 }, () => 0) };
  const when = Array.from({ length: 50 }, () => "inputs.list contains 1").join(" or ");
  await leave(all, 1, { definition: JSON.stringify({ inputs, stages: [{ ...stages[0], when }] }) });
  const gateway = await openGateway({ owner: "b", ...all, reply: () => "x" });
  expect(await gateway.runs.recover()).toBe(1);
  await settle();
  const run = await gateway.runs.find("t", "r1");
  expect([run?.status, run?.error?.code]).toEqual(["failed", "template_failed"]);
  await gateway.runs[Symbol.asyncDispose]();
});

test("a run is known to the driver by another name each time, with what is left of its deadline", async () => {
  const all = bench();
  await leave(all, 1, { generation: 4 });
  await all.time.pass(10_000);
  const { driver, options } = world(() => "x");
  const arrived: unknown[] = [];
  const ownership = createOwnership({ ...all, owner: "b", address: () => "", leaseMs });
  await using runs = createRuns({
    ...options,
    ...all,
    nowMs: all.time.epochMs,
    driver: { ...driver, arrive: (workflow) => (arrived.push(workflow), driver.arrive(workflow)) },
    ownership,
  });
  await ownership.start();
  await runs.recover();
  await settle();
  // It was submitted 10,999 ms ago, by the clock on the wall.
  expect(arrived).toEqual([{ workflow: "r1~5", reveal: "static", tenant: "t", deadlineUs: 49_001_000 }]);
  expect([...driver.stages.keys()]).toEqual(["r1~5/a", "r1~5/b"]);
  // An alias is called by the model's own name here too.
  const first = driver.stages.get("r1~5/a")?.stage;
  expect(first?.kind === "llm" && first.model).toBe("small");
  await ownership[Symbol.asyncDispose]();
});

test.each<[string, Partial<RunRow>, string, string]>([
  ["whose definition is no JSON", { definition: "{" }, "unreadable", "what is stored of it cannot be read: "],
  [
    "whose definition is of another version",
    { definition: '{"stages":[{"id":"a","kind":"dream"}]}' },
    "unreadable",
    "stages[0].kind",
  ],
  ["that loses whoever carries it", { generation: 1000 }, "carried_too_often", "it was taken up 1000 times"],
])("a run %s ends, and says so", async (_, change, code, message) => {
  const all = bench();
  await leave(all, 1, change);
  const gateway = await openGateway({ owner: "b", ...all });
  expect(await gateway.runs.recover()).toBe(1);
  await settle();
  expect(await all.store.readRun("r1")).toMatchObject({ status: "failed" });
  const run = await gateway.runs.find("t", "r1");
  expect(run?.error?.code).toBe(code);
  expect(run?.error?.message).toContain(message);
  expect(gateway.driver.told).toEqual([]);
  await gateway.runs[Symbol.asyncDispose]();
});

test("a result that cannot be read ends its run, and no other", async () => {
  const all = bench();
  await leave(all, 2);
  await all.store.saveStage("r1", { owner: "gone", generation: 0 }, { stage: "a", record: "{" });
  const gateway = await openGateway({ owner: "b", ...all });
  expect(await gateway.runs.recover()).toBe(2);
  await settle();
  expect(await statuses(all)).toEqual(["succeeded", "failed"]);
  const run = await gateway.runs.find("t", "r1");
  expect(run?.error?.message).toBe("what is stored of it cannot be read: the result of stage a is not JSON");
  await gateway.runs[Symbol.asyncDispose]();
});

test("what is taken up counts as its tenant's, whatever the tenant's limit, until it is over", async () => {
  const all = bench();
  await leave(all, 3);
  const tenants = createTenants([{ id: "t", maxOpen: 2, priority: 0 }]);
  const made = world(() => new Promise<string>(() => {}));
  const ownership = createOwnership({ ...all, owner: "b", address: () => "", leaseMs });
  await using runs = createRuns({ ...made.options, ...all, tenants: () => tenants, ownership });
  await ownership.start();
  expect(await runs.recover()).toBe(3);
  for (const id of ["r1", "r2"]) {
    expect((await runs.submit(submissionOf({ stages }))).kind).toBe("limited");
    await runs.cancel("t", id);
  }
  expect((await runs.submit(submissionOf({ stages }))).kind).toBe("created");
  await ownership[Symbol.asyncDispose]();
});

test("runs of a gateway that is lost are taken up when its lease has run out, and not before", async () => {
  const all = bench();
  const first = await openGateway({ owner: "a", ...all, reply: () => new Promise<string>(() => {}) });
  const second = await openGateway({ owner: "b", ...all });
  await second.runs.recover();
  await first.runs.submit(submissionOf({ stages }));
  await all.time.pass(3 * leaseMs);
  expect([first.runs.open(), second.runs.open()]).toEqual([1, 0]);
  await first.ownership[Symbol.asyncDispose]();
  await all.time.pass(500);
  expect(await all.store.readRun("a-1")).toMatchObject({ status: "succeeded", owner: "b", generation: 1 });
  // It wakes up and speaks of what is not its own any more: nothing comes of it.
  const stale = await all.store.saveStage("a-1", { owner: "a", generation: 0 }, { stage: "a", record: "{}" });
  expect(stale).toBe("lost");
  for (const { runs } of [first, second]) await runs[Symbol.asyncDispose]();
});

test("whoever finds that its run is somebody else's drops it without a word", async () => {
  const all = bench();
  const answer = Promise.withResolvers<string>();
  const first = await openGateway({ owner: "a", ...all, reply: () => answer.promise });
  await first.runs.submit(submissionOf({ stages }));
  await settle();
  await all.store.releaseLease("owner/a", "a", 1);
  await all.store.takeLease("owner/b", "b", "", 60_000);
  expect(await all.store.takeUpRuns("b", 1)).toHaveLength(1);
  const log = first.runs.follow("a-1")?.log;
  answer.resolve("x");
  await settle();
  expect([first.runs.open(), first.driver.told.at(-1), log?.closed()]).toEqual([0, "cancel", true]);
  const told = log?.after(0);
  const kinds = told?.kind === "events" ? told.events.map(({ kind }) => kind) : [];
  expect(kinds).toEqual(["workflow-start", "stage-ready", "stage-start"]);
  expect(first.faults).toEqual([]);
  await first.runs[Symbol.asyncDispose]();
});

test("a gateway that stops leaves what is open in the store, for the next one", async () => {
  const all = bench();
  const first = await openGateway({
    owner: "a",
    ...all,
    reply: ({ text }) => (text === "a" ? "x" : new Promise<string>(() => {})),
  });
  await first.runs.submit(submissionOf({ stages }));
  await settle();
  const draining = new AbortController();
  const drained = first.runs.drain(draining.signal);
  expect((await first.runs.submit(submissionOf({ stages }))).kind).toBe("closing");
  draining.abort();
  await drained;
  await first.runs[Symbol.asyncDispose]();
  await first.ownership[Symbol.asyncDispose]();
  expect(await all.store.readRun("a-1")).toMatchObject({ status: "running", stages: [{ stage: "a" }] });
  const second = await openGateway({ owner: "b", ...all });
  expect(await second.runs.recover()).toBe(1);
  await settle();
  expect(second.caller.calls.map(({ text }) => text)).toEqual(["x"]);
  await second.runs[Symbol.asyncDispose]();
});

test("a lease is renewed in time, is known to have run out when it was not, and is taken again", async () => {
  const { time, store } = bench();
  const faulty = createFaultyStore(store);
  const told: boolean[] = [];
  const ownership = createOwnership({ store: faulty, time, owner: "a", address: () => "http://a", leaseMs });
  ownership.listen((holds) => told.push(holds));
  expect(ownership.holds()).toBe(false);
  await ownership.start();
  await time.pass(10 * leaseMs);
  expect([ownership.holds(), told]).toEqual([true, [true]]);
  const [lease] = await store.listLeases("owner/");
  expect(lease).toMatchObject({ name: "owner/a", holder: "a", address: "http://a", epoch: 1 });
  faulty.fault = { kind: "unavailable" };
  await time.pass(leaseMs);
  expect([ownership.holds(), told]).toEqual([false, [true, false]]);
  faulty.fault = undefined;
  await time.pass(leaseMs);
  expect([ownership.holds(), told]).toEqual([true, [true, false, true]]);
  await ownership[Symbol.asyncDispose]();
  expect((await store.listLeases("owner/"))[0]?.leftMs).toBeLessThanOrEqual(0);
});

test("who begins at the address of a gateway that is gone takes its runs up at once", async () => {
  const all = bench();
  for (const [owner, address] of [
    ["gone", "http://b"],
    ["there", "http://c"],
  ] as const)
    await all.store.takeLease(`owner/${owner}`, owner, address, 60_000);
  await leave(all, 1);
  await leave(all, 1, { id: "other", owner: "there" });
  const gateway = await openGateway({ owner: "b", ...all });
  expect(await gateway.runs.recover()).toBe(1);
  await settle();
  expect(await all.store.readRun("r1")).toMatchObject({ status: "succeeded", owner: "b" });
  expect(await all.store.readRun("other")).toMatchObject({ status: "running", owner: "there" });
  await gateway.runs[Symbol.asyncDispose]();
});

test("who lost the lease by the store's clock alone is told so, and checks what is still its own", async () => {
  const { time, store } = bench();
  const ownership = createOwnership({ store, time, owner: "a", address: () => "", leaseMs });
  const told: boolean[] = [];
  ownership.listen((holds) => told.push(holds));
  await ownership.start();
  await store.releaseLease("owner/a", "a", 1);
  await time.pass(leaseMs / 2);
  expect([ownership.holds(), told]).toEqual([true, [true, false, true]]);
  await ownership[Symbol.asyncDispose]();
});

test("runs that the store has made this gateway's own without its hearing of it are carried out all the same", async () => {
  const all = bench();
  const faulty = createFaultyStore(all.store);
  await leave(all, 2);
  const gateway = await openGateway({ owner: "b", time: all.time, store: faulty });
  faulty.fault = { kind: "unavailable", landing: true };
  await expect(gateway.runs.recover()).rejects.toThrow("gone for a test");
  expect(await all.store.listTakenUp("b", 10)).toEqual(["r1", "r2"]);
  expect(gateway.runs.open()).toBe(0);
  faulty.fault = undefined;
  await all.time.pass(2000);
  expect(new Set(await statuses(all))).toEqual(new Set(["succeeded"]));
  await gateway.runs[Symbol.asyncDispose]();
});

test("a submission that the store takes in when nobody waits for its answer any more is carried out", async () => {
  const all = bench();
  const faulty = createFaultyStore(all.store);
  const gateway = await openGateway({ owner: "b", time: all.time, store: faulty });
  const late: RunRow[] = [];
  const store = Object.assign(faulty, {
    createRun: (run: RunRow): Promise<RunRow | undefined> => {
      late.push(run);
      return Promise.reject(new StoreFault("unavailable", "no answer in time"));
    },
  });
  await expect(gateway.runs.submit(submissionOf({ stages }, { key: "k" }))).rejects.toThrow("no answer in time");
  await all.time.pass(500);
  for (const run of late) await all.store.createRun(run);
  Object.assign(store, { createRun: all.store.createRun });
  await all.time.pass(20_000);
  expect(await statuses(all)).toEqual(["succeeded"]);
  await gateway.runs[Symbol.asyncDispose]();
});
