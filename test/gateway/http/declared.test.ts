/** Declared workflows beside calls: they count, they are limited, and they end when the gateway is about to. */

import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { chat, chatPath, errorOf, send } from "./client.ts";
import { engine, entryOf, model, openBench, openEntryOf, type Bench } from "./gateway.ts";
import { scriptEngine, type ScriptedEngine } from "./scripted-engine.ts";

const path = "/v1/workflows";
const calm = "health: { everyMs: 60000 }";
const two = {
  stages: [
    { id: "a", kind: "llm", model, prompt: "first" },
    { id: "b", kind: "llm", model, prompt: "then {{ stages.a.text }}" },
  ],
};
const answer = JSON.stringify({
  choices: [{ message: { role: "assistant", content: "yes" } }],
  usage: { prompt_tokens: 5, completion_tokens: 2 },
});

/** Answers when it is let to. */
async function heldEngine(): Promise<ScriptedEngine & { readonly release: () => void }> {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const one = await scriptEngine((response) => void held.then(() => response.end(answer)));
  return Object.assign(one, { release });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 2000; turns++) {
    if (await holds()) return;
    await setTimeout(1);
  }
  throw new Error("it never came to hold");
}

async function statusOf(bench: Bench, id: string): Promise<string> {
  return JSON.parse((await send(bench.url, `${path}/${id}`)).text).status;
}

test("the calls that a workflow makes are in the metrics", async () => {
  await using one = await scriptEngine((response) => response.end(answer));
  await using bench = await openBench([openEntryOf(one, "one")], calm);
  const { id } = JSON.parse((await send(bench.url, path, two)).text);
  await until(async () => (await statusOf(bench, id)) === "succeeded");
  const { text } = await send(bench.url, "/metrics");
  for (const line of [
    'fate_calls_total{surface="chat",tenant="default",status="200"} 2',
    'fate_tenant_tokens_total{tenant="default",type="input"} 10',
    'fate_tenant_tokens_total{tenant="default",type="output"} 4',
    'fate_workflows_total{outcome="ended"} 1',
    "fate_overhead_seconds_count 0",
  ])
    expect(text).toContain(`${line}\n`);
  await bench.end();
});

test("a workflow outlives its only engine, which calls do not", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "health: { everyMs: 200, timeoutMs: 200, openMs: 50 }");
  one.faults.add({ kind: "die" });
  const { id } = JSON.parse((await send(bench.url, path, two)).text);
  await until(() => bench.gateway.status().engines.every(({ up }) => !up));
  expect(errorOf(await send(bench.url, chatPath, chat("a"))).code).toBe("no_engine");
  await using _ = await engine({ port: Number(new URL(one.url).port) });
  await until(async () => (await statusOf(bench, id)) !== "running");
  const { status, stages } = JSON.parse((await send(bench.url, `${path}/${id}`)).text);
  expect([status, stages[0].retried > 0]).toEqual(["succeeded", true]);
  await bench.end();
});

test("what waits for an engine that is gone is told which one that is, and what became of it", async () => {
  const one = await engine();
  await using bench = await openBench(
    [entryOf(one, "one")],
    "health: { everyMs: 60000, failures: 1, openMs: 60000 }\nqueue: { hardestWaitMs: 100, giveUpMs: 100 }",
  );
  await until(() => bench.log.some((line) => line.includes("engine-up")));
  await one[Symbol.asyncDispose]();
  const call = errorOf(await send(bench.url, chatPath, chat("a")));
  expect(call).toMatchObject({ code: "waited_too_long" });
  expect(call.message).toBe(
    "no engine took the call within 0.1 s; the last try, on one, came to nothing: one does not take connections (ECONNREFUSED)",
  );
  // By now the engine is known to be down, so that a stage of a workflow waits without a try.
  const { id } = JSON.parse((await send(bench.url, path, two)).text);
  await until(async () => (await statusOf(bench, id)) === "failed");
  const { error } = JSON.parse((await send(bench.url, `${path}/${id}`)).text);
  expect(error).toMatchObject({ code: "waited_too_long", stage: "a" });
  expect(error.message).toBe(
    "no engine took the call within 0.1 s; one is down: one does not take connections (ECONNREFUSED)",
  );
  await bench.end();
});

test("a workflow is one of its tenant's open calls until it is over", async () => {
  await using one = await heldEngine();
  await using bench = await openBench([openEntryOf(one, "one")], `${calm}\ntenants: [{ id: default, maxOpen: 1 }]`);
  const key = { "idempotency-key": "k" };
  const { id } = JSON.parse((await send(bench.url, path, two, key)).text);
  for (const [where, body] of [
    [path, two],
    [chatPath, chat("a")],
  ] as const) {
    const refused = await send(bench.url, where, body);
    expect([refused.status, errorOf(refused).code, refused.headers["retry-after"]]).toEqual([
      429,
      "rate_limit_exceeded",
      "1",
    ]);
  }
  // What is only asked about, or is there already, is no further call.
  expect((await send(bench.url, path, two, key)).status).toBe(200);
  one.release();
  await until(async () => (await statusOf(bench, id)) === "succeeded");
  expect((await send(bench.url, chatPath, chat("a"))).status).toBe(200);
  await bench.idle();
  await bench.end();
});

test("workflows that were taken in go on while the gateway drains; nothing else is", async () => {
  await using one = await heldEngine();
  await using bench = await openBench([openEntryOf(one, "one")], calm);
  await send(bench.url, path, two);
  await until(() => one.received.length === 1);
  const drained = bench.gateway.drain(new AbortController().signal);
  one.release();
  await drained;
  expect(one.received.map(({ body }) => JSON.parse(body.toString()).messages[0].content)).toEqual([
    "first",
    "then yes",
  ]);
  const events = await bench.end();
  expect(events.filter(({ kind }) => kind === "stage-end")).toHaveLength(2);
  expect(events.filter(({ kind }) => kind === "stage-drop")).toHaveLength(0);
});

test("they are given up when draining takes too long", async () => {
  await using one = await heldEngine();
  await using bench = await openBench([openEntryOf(one, "one")], calm);
  await send(bench.url, path, two);
  await until(() => one.received.length === 1);
  await bench.gateway.drain(AbortSignal.abort());
  const events = await bench.end();
  expect(events.filter(({ kind }) => kind === "stage-end")).toHaveLength(0);
  expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(1);
});
