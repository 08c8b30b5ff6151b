/** Workflows whose prompts are large: what they ask of the gateway's one thread. */

import { expect, test } from "vitest";
import type { ToolResult } from "../../../src/gateway/declared/call-tool.ts";
import { createTime, type Time } from "../../../src/gateway/live/time.ts";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { runWorkflow, submissionOf, world, type Reply } from "./support.ts";

const llm = (id: string, prompt: string, rest: object = {}) =>
  ({ id, kind: "llm", model: "big", prompt, ...rest }) as const;
const short = (): Reply => "x";
const long = "x".repeat(1_000_000);

/** How many characters are looked at one by one meanwhile. */
async function countReads(work: () => Promise<unknown>): Promise<number> {
  const real: (this: string, at: number) => number = Reflect.get(String.prototype, "charCodeAt");
  let reads = 0;
  Reflect.set(String.prototype, "charCodeAt", function (this: string, at: number) {
    reads += 1;
    return real.call(this, at);
  });
  try {
    await work();
  } finally {
    Reflect.set(String.prototype, "charCodeAt", real);
  }
  return reads;
}

test("what is equal in the prompts of a run is read once for the driver, and is equal to it", async () => {
  const made = world(short);
  const stages = Array.from({ length: 40 }, (_, at) =>
    llm(`s${at}`, `Question ${at}`, { system: "{{ inputs.long }}" }),
  );
  const reads = await countReads(() => runWorkflow({ inputs: { long }, stages }, made));
  expect(reads).toBeLessThan(1_100_000);
  const chains = [...made.driver.stages.values()].map(({ stage }) => (stage.kind === "tool" ? [] : stage.chain));
  expect(new Set(chains.map(([system]) => system?.hash)).size).toBe(1);
  expect(new Set(chains.map(([, question]) => question?.hash)).size).toBe(40);
});

test("of what is different so much is read in all; the rest is known by its length", async () => {
  const made = world(short);
  const stages = Array.from({ length: 40 }, (_, at) => llm(`s${at}`, `${at}{{ inputs.long }}{{ inputs.list }}`));
  const list = Array.from({ length: 10 }, () => long.slice(0, 10_000));
  const reads = await countReads(() => runWorkflow({ inputs: { long, list }, stages }, made));
  expect(reads).toBeLessThan(17_000_000);
  const chains = [...made.driver.stages.values()].map(({ stage }) => (stage.kind === "tool" ? [] : stage.chain));
  expect(new Set(chains.map(([prompt]) => prompt?.hash)).size).toBe(40);
  for (const [at, [prompt]] of chains.entries())
    expect(prompt?.tokens).toBe(
      Math.ceil(("<user>".length + `${at}`.length + 1_000_000 + JSON.stringify(list).length) / 4),
    );
});

/** What was told of in each turn of the loop, at most. */
async function mostInOneTurn(work: (tell: () => void) => Promise<unknown>): Promise<number> {
  let most = 0;
  let now = 0;
  let over = false;
  const goRound = (): void => {
    now = 0;
    if (!over) setImmediate(goRound);
  };
  goRound();
  await work(() => (most = Math.max(most, ++now)));
  over = true;
  return most;
}

/** A look at this clock takes 2 ms. */
function slowTime(): Time {
  let us = 0;
  return { ...createTime(), nowUs: () => (us += 2000) };
}

test("prompts are made a few at a time, so that others have their turn in between", async () => {
  const stages = [
    llm("map", "{{ index }}", { over: Array.from({ length: 16 }, () => 0) }),
    ...Array.from({ length: 16 }, (_, at) => llm(`s${at}`, "x")),
  ];
  const most = await mostInOneTurn(async (tell) => {
    const made = world(() => (tell(), "x"));
    const { view } = await runWorkflow({ stages }, { ...made, options: { ...made.options, time: slowTime() } });
    expect(view.status).toBe("succeeded");
  });
  expect(most).toBeLessThanOrEqual(5);
});

test("so are the requests of tools", async () => {
  const tools = [
    { name: "t", url: "http://127.0.0.1:1/", method: "POST", headersFromEnv: {}, timeoutMs: 5000, maxBytes: 9 },
  ] as const;
  const stages = Array.from(
    { length: 32 },
    (_, at) => ({ id: `s${at}`, kind: "tool", tool: "t", onError: "skip" }) as const,
  );
  const most = await mostInOneTurn(async (tell) => {
    const made = world(short, { tools });
    const call = (): Promise<ToolResult> => (tell(), Promise.resolve({ kind: "result", text: "" }));
    const toolsOf = { call, [Symbol.asyncDispose]: () => Promise.resolve() };
    const { view } = await runWorkflow(
      { stages },
      { ...made, options: { ...made.options, tools: toolsOf, time: slowTime() } },
    );
    expect(view.status).toBe("succeeded");
  });
  expect(most).toBeLessThanOrEqual(5);
});

test("a list of runs is read a few at a time, and not at all of those that are at hand", async () => {
  const store = createMemoryStore({ nowMs: () => 0 });
  let reads = 0;
  const most = await mostInOneTurn(async (tell) => {
    const listRuns: Store["listRuns"] = async (...asked) =>
      (await store.listRuns(...asked)).map((run) => ({
        ...run,
        get definition() {
          reads += 1;
          tell();
          return run.definition;
        },
      }));
    const { options } = world(short);
    await using runs = createRuns({ ...options, store: { ...store, listRuns }, time: slowTime() });
    const { definition } = submissionOf({ stages: [llm("a", "x")] });
    const left = { tenant: "t", owner: "gone", generation: 0, createdMs: 0, status: "running", definition } as const;
    for (let at = 0; at < 40; at++) await store.createRun({ ...left, id: `r${at}` });
    await runs.submit(submissionOf({ stages: [llm("a", "x")] }));
    await runs.drain(new AbortController().signal);
    expect(await runs.list("t", 100)).toHaveLength(41);
  });
  expect(reads).toBe(40);
  expect(most).toBeLessThanOrEqual(6);
});
