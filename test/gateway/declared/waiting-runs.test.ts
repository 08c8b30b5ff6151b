import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { RunRow } from "../../../src/store/store.ts";
import { createFaultyStore } from "./faulty-store.ts";
import { leaseMs, openGateway, type TestGateway } from "./gateways.ts";
import { createHandTime, settle } from "./hand-time.ts";
import { submissionOf } from "./support.ts";

const stages = [{ id: "a", kind: "llm", model: "tiny", prompt: "{{ inputs.n }}" }] as const;
/** So many runs begin; the others wait. */
const begun = 512;

/** A gateway that has taken up as many runs as begin, and two more, of which none ends until `answer` is called. */
async function crowded() {
  const time = createHandTime();
  const store = createMemoryStore({ nowMs: () => time.nowUs() / 1000 });
  const faulty = createFaultyStore(store);
  for (let at = 1; at <= begun + 2; at++) {
    const definition = JSON.stringify({ inputs: { n: `${at}` }, stages });
    const row = { id: `r${at}`, tenant: "t", owner: "gone", generation: 0, createdMs: at, status: "running" } as const;
    await store.createRun({ ...row, definition } satisfies RunRow);
  }
  const answers = new Map<string, (text: string) => void>();
  const reply = ({ text }: { readonly text: string }): Promise<string> =>
    new Promise((resolve) => void answers.set(text, resolve));
  const gateway = await openGateway({ owner: "b", store: faulty, time, reply, maxOpen: 1000 });
  expect(await gateway.runs.recover()).toBe(begun + 2);
  await settle();
  expect(arrived(gateway)).toBe(begun);
  const answer = async (at: number | string): Promise<void> => {
    answers.get(`${at}`)?.("x");
    await settle();
  };
  return { time, store, faulty, gateway, answer, ...gateway };
}

function arrived({ driver }: TestGateway): number {
  return new Set([...driver.stages.values()].map(({ stage }) => stage.workflow)).size;
}

test("a run that waits for its turn is shown as it is, and begins when another is over", async () => {
  const { gateway, runs, answer, store } = await crowded();
  const waiting = await runs.find("t", "r513");
  expect([waiting?.status, waiting?.stages.get("a")?.status]).toEqual(["running", "waiting"]);
  expect(await runs.find("another", "r513")).toBeUndefined();
  const [newest] = await runs.list("t", 1);
  expect([newest?.id, newest?.stages.get("a")?.status]).toEqual(["r514", "waiting"]);
  expect(waiting !== undefined && runs.isHere(waiting)).toBe(true);
  await answer(1);
  expect(await store.readRun("r1")).toMatchObject({ status: "succeeded" });
  expect(gateway.driver.stages.has("r513~1/a")).toBe(true);
  expect(gateway.driver.stages.has("r514~1/a")).toBe(false);
  await runs[Symbol.asyncDispose]();
});

test("one that is followed while it waits tells its follower of all that comes", async () => {
  const { runs, answer } = await crowded();
  const log = runs.follow("r513")?.log;
  await answer(1);
  await answer(513);
  const told = log?.after(1e9);
  const kinds = told?.kind === "events" ? told.events.map(({ kind }) => kind) : [];
  expect(kinds).toEqual(["stage-ready", "stage-start", "stage-end", "workflow-end"]);
  await runs[Symbol.asyncDispose]();
});

test("one that is cancelled while it waits is over, and never begins", async () => {
  const { gateway, runs, answer, store } = await crowded();
  expect((await runs.cancel("t", "r513"))?.status).toBe("cancelled");
  expect(await store.readRun("r513")).toMatchObject({ status: "cancelled" });
  expect(runs.open()).toBe(begun + 1);
  await answer(1);
  expect(gateway.driver.stages.has("r513~1/a")).toBe(false);
  expect(gateway.driver.stages.has("r514~1/a")).toBe(true);
  await runs[Symbol.asyncDispose]();
});

test("a submission that has to wait is answered as it was read, and carried out like any other", async () => {
  const { gateway, runs, answer, store } = await crowded();
  const submission = submissionOf({ inputs: { n: "late" }, stages: [...stages] });
  const submitted = await runs.submit(submission);
  expect(submitted.kind === "created" && [...submitted.run.stages.keys()]).toEqual(["a"]);
  for (const at of [1, 2, 3]) await answer(at);
  expect(gateway.driver.stages.has("b-1/a")).toBe(true);
  await answer("late");
  expect(await store.readRun("b-1")).toMatchObject({ status: "succeeded", stages: [{ stage: "a" }] });
  await runs[Symbol.asyncDispose]();
});

test("one that another gateway has taken up while nobody knew whose it is does not begin here", async () => {
  const { gateway, runs, store, faulty, time } = await crowded();
  faulty.fault = { kind: "unavailable" };
  await time.pass(leaseMs);
  await store.takeLease("owner/c", "c", "", 60_000);
  expect(await store.takeUpRuns("c", 1000)).toHaveLength(begun + 2);
  faulty.fault = undefined;
  await time.pass(leaseMs);
  expect(runs.open()).toBe(0);
  expect(gateway.caller.calls.map(({ text }) => text)).not.toContain("513");
  expect(await store.readRun("r513")).toMatchObject({ owner: "c", generation: 2, status: "running" });
  await runs[Symbol.asyncDispose]();
});

test("a gateway that stops leaves those that wait in the store too", async () => {
  const { runs, store } = await crowded();
  const draining = new AbortController();
  const drained = runs.drain(draining.signal);
  draining.abort();
  await drained;
  await settle();
  expect(runs.open()).toBe(0);
  expect(await store.readRun("r514")).toMatchObject({ status: "running", owner: "b", generation: 1 });
  await runs[Symbol.asyncDispose]();
});

test("a gateway that stops waits for those too, if it is given the time", async () => {
  const { runs, answer } = await crowded();
  let isDrained = false;
  const drained = runs.drain(new AbortController().signal).then(() => (isDrained = true));
  for (let at = 1; at < begun + 2; at++) await answer(at);
  expect(isDrained).toBe(false);
  await answer(begun + 2);
  await drained;
  expect(runs.open()).toBe(0);
  await runs[Symbol.asyncDispose]();
});
