import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { StoreFault, type Store } from "../../../src/store/store.ts";
import { createFaultyStore, type FaultyStore } from "./faulty-store.ts";
import { leaseMs, openGateway, type TestGateway } from "./gateways.ts";
import { createHandTime, settle, type HandTime } from "./hand-time.ts";
import { submissionOf, type Reply } from "./support.ts";

const submission = submissionOf({
  stages: [
    { id: "a", kind: "llm", model: "big", prompt: "a" },
    { id: "b", kind: "llm", model: "big", prompt: "{{ stages.a.text }}" },
  ],
});

type Bench = {
  readonly time: HandTime;
  readonly plain: Store;
  readonly store: FaultyStore;
  readonly gateway: TestGateway;
};

async function bench(reply?: (prompted: { readonly text: string }) => Reply): Promise<Bench> {
  const time = createHandTime();
  const plain = createMemoryStore({ nowMs: () => time.nowUs() / 1000 });
  const store = createFaultyStore(plain);
  const gateway = await openGateway({ owner: "a", store, time, ...(reply === undefined ? {} : { reply }) });
  return { time, plain, store, gateway };
}

const faultOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof StoreFault ? error.kind : error),
  );

test.each(["unavailable", "full", "broken"] as const)(
  "while the store is %s a result waits, and the run goes on when it is back",
  async (kind) => {
    const answer = Promise.withResolvers<string>();
    const { time, plain, store, gateway } = await bench(({ text }) => (text === "a" ? answer.promise : `<${text}>`));
    await gateway.runs.submit(submission);
    await settle();
    store.fault = { kind };
    answer.resolve("x");
    await time.pass(1000);
    const waiting = await gateway.runs.find("t", "a-1");
    expect([waiting?.status, waiting?.stages.get("a")?.status]).toEqual(["running", "running"]);
    store.fault = undefined;
    await time.pass(5000);
    expect((await gateway.runs.find("t", "a-1"))?.status).toBe("succeeded");
    expect((await plain.readRun("a-1"))?.status).toBe("succeeded");
    expect(gateway.faults.filter((fault) => !fault.startsWith("runs without a carrier"))).toEqual([
      "the store fails, what is to be written waits: gone for a test",
      "the store is back",
    ]);
    await gateway.runs[Symbol.asyncDispose]();
  },
);

test("a store that is away is asked with growing pauses, by all that wait together", async () => {
  const answer = Promise.withResolvers<string>();
  const { time, store, gateway } = await bench(() => answer.promise);
  for (let count = 0; count < 10; count++) await gateway.runs.submit(submission);
  await settle();
  store.fault = { kind: "unavailable" };
  answer.resolve("x");
  await settle();
  store.called.length = 0;
  await time.pass(20_000);
  // Pauses of 50 ms, doubling up to 5 s: nine more within 20 s.
  expect(store.called.filter((verb) => verb === "saveStage")).toHaveLength(10 * 9);
  await gateway.runs[Symbol.asyncDispose]();
});

test("a result that was taken in though nobody was told is there once", async () => {
  const answer = Promise.withResolvers<string>();
  const { time, plain, store, gateway } = await bench(({ text }) => (text === "a" ? answer.promise : `<${text}>`));
  await gateway.runs.submit(submission);
  await settle();
  store.fault = { kind: "unavailable", landing: true };
  answer.resolve("x");
  await settle();
  store.fault = undefined;
  await time.pass(1000);
  const stored = await plain.readRun("a-1");
  expect([stored?.status, stored?.stages.map(({ stage }) => stage)]).toEqual(["succeeded", ["a", "b"]]);
  await gateway.runs[Symbol.asyncDispose]();
});

test("what cannot be written down is not taken in", async () => {
  const { plain, store, gateway } = await bench();
  store.fault = { kind: "unavailable" };
  expect(await faultOf(gateway.runs.submit(submission))).toBe("unavailable");
  store.fault = { kind: "full" };
  expect(await faultOf(gateway.runs.submit(submission))).toBe("full");
  store.fault = undefined;
  await settle();
  expect([await plain.listRuns("t", 10), gateway.runs.open()]).toEqual([[], 0]);
  expect(gateway.driver.told).toEqual([]);
  await gateway.runs[Symbol.asyncDispose]();
});

test("a submission that was taken in though its client was told otherwise is cancelled, for nobody knows of it", async () => {
  const { time, plain, store, gateway } = await bench();
  store.fault = { kind: "unavailable", landing: true };
  expect(await faultOf(gateway.runs.submit(submission))).toBe("unavailable");
  store.fault = undefined;
  await time.pass(1000);
  expect(await plain.readRun("a-1")).toMatchObject({ status: "cancelled", stages: [] });
  expect(gateway.driver.told).toEqual([]);
  await gateway.runs[Symbol.asyncDispose]();
});

test("with a key it is carried out, and the client that asks again finds it", async () => {
  const { time, store, gateway } = await bench();
  const keyed = { ...submission, key: "k", bodyHash: "h" };
  store.fault = { kind: "unavailable", landing: true };
  expect(await faultOf(gateway.runs.submit(keyed))).toBe("unavailable");
  store.fault = undefined;
  const again = gateway.runs.submit(keyed);
  await time.pass(1000);
  expect(await again).toMatchObject({ kind: "known", run: { id: "a-1" } });
  expect((await gateway.runs.find("t", "a-1"))?.status).toBe("succeeded");
  expect(gateway.caller.calls).toHaveLength(2);
  await gateway.runs[Symbol.asyncDispose]();
});

test("a cancellation is told when it is saved, and stays running as long as it is not", async () => {
  const { time, plain, store, gateway } = await bench(() => new Promise<string>(() => {}));
  await gateway.runs.submit(submission);
  await settle();
  store.fault = { kind: "unavailable" };
  expect((await gateway.runs.cancel("t", "a-1"))?.status).toBe("running");
  expect(gateway.driver.told.at(-1)).toBe("cancel");
  store.fault = undefined;
  await time.pass(1000);
  expect((await gateway.runs.cancel("t", "a-1"))?.status).toBe("cancelled");
  expect((await plain.readRun("a-1"))?.status).toBe("cancelled");
  await gateway.runs[Symbol.asyncDispose]();
});

test("who cannot renew its lease begins nothing, and goes on with what is still its own", async () => {
  const answers = new Map<string, PromiseWithResolvers<string>>();
  const held = (text: string): Promise<string> => {
    const answer = answers.get(text) ?? Promise.withResolvers<string>();
    answers.set(text, answer);
    return answer.promise;
  };
  const { time, plain, store, gateway } = await bench(({ text }) => held(text));
  await gateway.runs.submit(submission);
  await gateway.runs.submit(submission);
  await settle();
  store.fault = { kind: "unavailable" };
  await time.pass(leaseMs);
  expect(gateway.ownership.holds()).toBe(false);
  // Meanwhile another one takes one of the two up.
  await plain.takeLease("owner/b", "b", "http://b", 60_000);
  const [other] = await plain.takeUpRuns("b", 1);
  expect(other).toMatchObject({ id: "a-1", owner: "b", generation: 1 });
  expect((await gateway.runs.submit(submission)).kind).toBe("away");
  store.fault = undefined;
  await time.pass(1000);
  expect([gateway.ownership.holds(), gateway.runs.open()]).toEqual([true, 1]);
  answers.get("a")?.resolve("x");
  await settle();
  answers.get("x")?.resolve("y");
  await settle();
  expect((await plain.readRun("a-2"))?.status).toBe("succeeded");
  expect(await plain.readRun("a-1")).toMatchObject({ status: "running", owner: "b", stages: [] });
  await gateway.runs[Symbol.asyncDispose]();
  await gateway.ownership[Symbol.asyncDispose]();
});
