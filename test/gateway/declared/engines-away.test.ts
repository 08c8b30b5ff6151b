/** Workflows outlive engines that are away: over the live driver, and call by call. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import type { DeclaredRun } from "../../../src/gateway/declared/declared-run.ts";
import type { WorkflowDefinition } from "../../../src/gateway/declared/wire.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { engines, Live, llama, phi } from "../live/world.ts";
import { openGateway } from "./gateways.ts";
import { createHandTime, settle } from "./hand-time.ts";
import { submissionOf, world, type Reply } from "./support.ts";

const unreachable = { kind: "unreachable", retry: true, message: "nobody is there" } as const;
const llm = (id: string, prompt: string, model = llama) => ({ id, kind: "llm", model, prompt }) as const;
const chain: WorkflowDefinition = { stages: [llm("a", "a"), llm("b", "{{ stages.a.text }}")] };

describe("with the live driver", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const batching = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
  const queue = { maxWaiting: 1, hardestWaitMs: 500, giveUpMs: 1000 };
  const models = [llama, phi].map((id) => ({ id, aliases: [], contextTokens: 8192, outputTokens: 9, embeds: false }));

  /** A gateway of one engine, which answers by `reply`. */
  function open(reply: (text: string) => Reply = (text) => `<${text}>`) {
    const stack = new AsyncDisposableStack();
    const live = stack.use(new Live({ cluster: engines("h100", { batching, models: [llama] }), queue }));
    const store = stack.use(createMemoryStore({ nowMs: () => 0 }));
    const { caller, options } = world(({ text }) => reply(text));
    const time = createHandTime();
    const config = { ...options.config, models, declared: { ...options.config.declared, maxOpen: 100 } };
    const runs = stack.use(createRuns({ ...options, driver: live.driver, config, store, time }));
    const submit = async (definition = chain): Promise<() => Promise<DeclaredRun | undefined>> => {
      const submitted = await runs.submit(submissionOf(definition));
      if (!("run" in submitted)) expect.fail(submitted.kind);
      await settle();
      return () => runs.find("t", submitted.run.id);
    };
    const tell = (what: "engineUp" | "engineDown") => () => {
      live.driver[what]("engine-0");
      return settle();
    };
    const close = (): Promise<void> => stack.disposeAsync();
    return {
      live,
      caller,
      runs,
      store,
      time,
      submit,
      up: tell("engineUp"),
      down: tell("engineDown"),
      [Symbol.asyncDispose]: close,
    };
  }

  test("a stage that is ready while no engine is up waits for one", async () => {
    await using gateway = open();
    await gateway.down();
    const find = await gateway.submit();
    const waiting = await find();
    expect([waiting?.status, waiting?.stages.get("a")?.status]).toEqual(["running", "ready"]);
    await gateway.up();
    expect((await find())?.status).toBe("succeeded");
    expect(gateway.caller.calls.map(({ text }) => text)).toEqual(["a", "<a>"]);
  });

  test("it does not wait for ever", async () => {
    await using gateway = open();
    await gateway.down();
    const find = await gateway.submit();
    gateway.live.pass(queue.giveUpMs * 1000);
    vi.advanceTimersByTime(200);
    await settle();
    const error = { code: "waited_too_long", message: "no engine took the call within 1 s", stage: "a" };
    expect(await find()).toMatchObject({ status: "failed", error });
  });

  test("one that no engine could ever serve fails at once", async () => {
    await using gateway = open();
    await gateway.down();
    const find = await gateway.submit({ stages: [llm("a", "a", phi)] });
    expect(await find()).toMatchObject({ status: "failed", error: { code: "no_engine" } });
  });

  test("one whose engine goes while it runs waits for it to come back", async () => {
    const cut = { kind: "cut", retry: true, message: "broke off" } as const;
    const faults = [unreachable, unreachable, unreachable, unreachable, cut];
    await using gateway = open((text) => faults.pop() ?? `<${text}>`);
    const find = await gateway.submit();
    // The second call that reached nobody is waited after, and the third.
    await gateway.time.pass(600);
    expect(faults).toEqual([]);
    await gateway.down();
    await gateway.time.pass(800);
    expect((await find())?.stages.get("a")).toMatchObject({ status: "running", retried: 5 });
    await gateway.up();
    expect((await find())?.status).toBe("succeeded");
  });

  test("a crowd that waits does not fail for being one", async () => {
    await using gateway = open();
    await gateway.down();
    const finds = [];
    for (let count = 0; count < 10; count++) finds.push(await gateway.submit());
    expect(gateway.live.driver.waiting()).toBe(10);
    await gateway.up();
    for (const find of finds) expect((await find())?.status).toBe("succeeded");
  });

  test("a gateway that stops meanwhile leaves it to whoever comes next", async () => {
    await using gateway = open();
    await gateway.down();
    const find = await gateway.submit();
    const patience = new AbortController();
    const drained = gateway.runs.drain(patience.signal);
    await settle();
    expect(gateway.runs.open()).toBe(1);
    patience.abort();
    await drained;
    await gateway.live.driver.drain(patience.signal);
    expect([gateway.runs.open(), (await find())?.status]).toEqual([0, "running"]);
  });
});

describe("a call that does not reach its engine", () => {
  /** A workflow of one stage, whose calls are answered by `reply`, and when they were made. */
  async function start(reply: (call: number) => Reply) {
    const time = createHandTime();
    const store = createMemoryStore({ nowMs: () => 0 });
    const atMs: number[] = [];
    const gateway = await openGateway({
      owner: "a",
      store,
      time,
      reply: () => reply(atMs.push(time.nowUs() / 1000)),
    });
    await gateway.runs.submit(submissionOf({ stages: [{ ...llm("a", "a", "big"), retries: 0 }] }));
    await settle();
    const find = () => gateway.runs.find("t", "a-1");
    return { ...gateway, time, atMs, find, [Symbol.asyncDispose]: () => gateway.runs[Symbol.asyncDispose]() };
  }

  test("is no try of the stage, and is made again after a while that grows", async () => {
    await using run = await start((call) => (call > 8 ? "here" : unreachable));
    await run.time.pass(60_000);
    expect((await run.find())?.stages.get("a")).toMatchObject({ status: "ended", text: "here", retried: 8 });
    expect(run.atMs).toEqual([0, 0, 200, 600, 1400, 3000, 6200, 11_200, 16_200]);
  });

  test("is made thirty times at the most", async () => {
    await using run = await start(() => unreachable);
    await run.time.pass(600_000);
    expect(await run.find()).toMatchObject({ status: "failed", error: { code: "engine_unreachable", stage: "a" } });
    expect([run.atMs.length, run.atMs.at(-1)]).toEqual([30, 121_200]);
  });

  test("is not made again for a workflow that is cancelled meanwhile", async () => {
    await using run = await start(() => unreachable);
    await run.time.pass(1000);
    await run.runs.cancel("t", "a-1");
    await run.time.pass(600_000);
    expect(run.atMs).toEqual([0, 0, 200, 600]);
    const cancelled = await run.find();
    expect([cancelled?.status, cancelled?.stages.get("a")?.retried]).toEqual(["cancelled", 3]);
  });

  test("counts anew only once something was done, however often the other engine of a pair was reached", async () => {
    const time = createHandTime();
    let calls = 0;
    const reply = (): Reply => ((calls += 1) === 20 ? "here" : calls > 200 ? 400 : unreachable);
    const made = world(reply, { pairs: true, shares: () => [1, 1] });
    await using runs = createRuns({ ...made.options, time });
    await runs.submit(submissionOf({ stages: [{ ...llm("a", "{{ item }}", "big"), over: ["x", "y"], retries: 0 }] }));
    await time.pass(600_000);
    // Both shares are tried at a time; of those that are given up with the other one nothing is heard.
    expect((await runs.find("t", "run-1"))?.error?.code).toBe("engine_unreachable");
    expect(calls).toBeLessThan(20 + 2 * 30);
  });
});
