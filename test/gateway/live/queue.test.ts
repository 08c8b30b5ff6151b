/** Who waits, for how long at most, and who is turned away. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { policies } from "../../../src/policy/policies.ts";
import { isAblation } from "../../support/ablations.ts";
import { carryMixedLoad } from "./mixed-load.ts";
import { cut, engines, inRoles, Live, llama, Owner, phi, settle, stageOf } from "./world.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const one = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
const queue = { maxWaiting: 1000, hardestWaitMs: 60_000, giveUpMs: 600_000 };

test("a queue that is full turns away whoever comes next", async () => {
  await using live = new Live({ cluster: engines("h100", { batching: one }), queue: { ...queue, maxWaiting: 2 } });
  const calls = [0, 1, 2, 3].map(() => live.call());
  expect(calls.map(({ heard }) => heard)).toEqual([[], [], [], ["refused: queue-full"]]);
  expect(live.driver.waiting()).toBe(2);
  live.finish(calls[0] as never);
  expect(live.driver.waiting()).toBe(1);
  expect(live.call().heard).toEqual([]);
});

test("what no engine can serve is turned away at once", async () => {
  await using live = new Live({ cluster: engines("h100", { models: [llama] }) });
  const call = live.call({ model: phi });
  expect(call.refusal).toMatchObject({ kind: "no-engine", retryAfterS: 30 });
  expect(live.call({ promptTokens: 10_000_000 }).refusal?.message).toContain("10000000 tokens");
  expect(live.driver.world.state.workflows.open.size).toBe(2);
});

test("a call that waits too long is turned away, and only that one", async () => {
  await using live = new Live({ cluster: engines("h100", { batching: one }), queue: { ...queue, giveUpMs: 1000 } });
  const [running, early] = [live.call(), live.call()];
  live.pass(600_000);
  const late = live.call();
  live.pass(500_000);
  vi.advanceTimersByTime(200);
  expect([running.heard, early.heard, late.heard]).toEqual([[], ["refused: waited-too-long"], []]);
  expect(live.of("stage-drop")).toMatchObject([{ stage: early.key, reason: "timed-out" }]);
  live.finish(running);
  expect(late.turns).toHaveLength(1);
});

test("a call that must be made again waits anew, behind those that wait already", async () => {
  await using live = new Live({ cluster: engines("h100", { batching: one }), queue: { ...queue, giveUpMs: 1000 } });
  const [first, second] = [live.call(), live.call()];
  live.pass(900_000);
  first.turn.fail(cut);
  live.pass(200_000);
  vi.advanceTimersByTime(200);
  // The one that waited from the beginning has had its turn, or its time is up.
  expect(second.turns.length + second.heard.length).toBe(1);
  expect(first.heard).toEqual([]);
});

test("a call handed over whose decode engine takes nothing is turned away in the end", async () => {
  const cluster = inRoles(engines("h100 h100", { batching: one }), "prefill", "decode");
  await using live = new Live({ cluster, queue: { ...queue, giveUpMs: 1000 }, policy: "greedy-commit" });
  const [first, second] = [live.call(), live.call()];
  first.turn.handedOver();
  second.turn.handedOver();
  expect(second.turns).toHaveLength(1);
  live.pass(1_100_000);
  vi.advanceTimersByTime(200);
  expect([first.heard, second.heard]).toEqual([[], ["refused: waited-too-long"]]);
});

/** A call of a model that is not there, while short calls of the one that is keep coming; when it had its turn. */
async function waitOfRareCall(hardestWaitMs: number): Promise<number | undefined> {
  const cluster = engines("h100", { batching: one, maxResident: 1 });
  await using live = new Live({ cluster, policy: "min-min", queue: { ...queue, hardestWaitMs } });
  const calls = [live.call()];
  const rare = live.call({ model: phi });
  for (let round = 0; round < 20 && rare.turns.length === 0; round++) {
    calls.push(live.call());
    live.finish(calls.find(({ turns, key }) => turns.length > 0 && !live.over.has(key)) as (typeof calls)[number]);
  }
  return rare.turns[0]?.waitedUs;
}

test("no call waits longer than the hardest wait while others go before it", async () => {
  expect(await waitOfRareCall(1_000_000)).toBeUndefined();
  // At the end of the second call there is time for no third one before it.
  expect(await waitOfRareCall(5000)).toBe(2_000_000);
});

test("who is held back is placed the moment that it has waited as long as it may, though nothing else happens", async () => {
  const cluster = engines("h100", { batching: one, maxResident: 1 });
  await using live = new Live({ cluster, policy: "min-min", queue: { ...queue, hardestWaitMs: 5000 } });
  const running = live.call();
  const rare = live.call({ model: phi });
  live.pass(4_999_999);
  vi.advanceTimersByTime(4999);
  expect(live.of("stage-place").map(({ stage }) => stage)).toEqual([running.key]);
  live.pass(1);
  vi.advanceTimersByTime(1);
  expect(live.of("stage-place").at(-1)).toMatchObject({ stage: rare.key, reason: "waited longest", atUs: 5_000_000 });
  const late = live.call();
  live.finish(running);
  expect([rare.turns.length, late.turns.length]).toEqual([1, 0]);
});

test.each([
  // Placed behind whoever comes with less service behind him, it is not left there.
  [60_000, "late"],
  [2000, "early"],
])("with a hardest wait of %i ms, %s is next in the queue of an engine under plas", async (hardestWaitMs, next) => {
  const cluster = engines("h100", { batching: one });
  await using live = new Live({ cluster, policy: "plas", queue: { ...queue, hardestWaitMs } });
  // The workflow of the early call has had its service.
  live.driver.arrive({ workflow: "old", reveal: "online" });
  const run = (workflow: string, id: string): Owner => {
    const owner = new Owner();
    live.driver.reveal(stageOf(workflow, { id }));
    live.driver.ready(`${workflow}/${id}`, owner);
    return owner;
  };
  const first = run("old", "first");
  live.pass(1_000_000);
  first.turn.end({ outputTokens: 100 });
  const running = live.call();
  const early = run("old", "early");
  live.pass(1_500_000);
  const late = live.call();
  live.pass(1_000_000);
  running.turn.end({ outputTokens: 100 });
  expect({ late: late.turns.length, early: early.turns.length }).toEqual({ late: 0, early: 0, [next]: 1 });
});

test.each([
  // In time behind it, the call of the other model lets it go first.
  [100, "late"],
  [4000, "early"],
])(
  "before a call that takes %i tokens, %s is next in the queue of an engine under plas",
  async (outputTokens, next) => {
    const cluster = engines("h100", { batching: one, maxResident: 1 });
    await using live = new Live({ cluster, policy: "plas", queue: { ...queue, hardestWaitMs: 20_000 } });
    live.driver.arrive({ workflow: "old", reveal: "online" });
    const run = (id: string, change = {}): Owner => {
      const owner = new Owner();
      live.driver.reveal(stageOf("old", { id, ...change }));
      live.driver.ready(`old/${id}`, owner);
      return owner;
    };
    const first = run("first");
    live.pass(1_000_000);
    first.turn.end({ outputTokens: 100 });
    const running = live.call();
    const early = run("early", { model: phi });
    live.pass(1_000_000);
    const late = live.call({ outputTokens });
    running.turn.end({ outputTokens: 100 });
    expect({ late: 0, early: 0, [next]: 1 }).toEqual({ late: late.turns.length, early: early.turns.length });
  },
);

test("of those that have waited too long, one at most is bound to an engine that is busy", async () => {
  const cluster = engines("h100 h100", { batching: one });
  await using live = new Live({ cluster, policy: "greedy-finish", queue: { ...queue, hardestWaitMs: 5000 } });
  const calls = Array.from({ length: 8 }, () => live.call());
  live.pass(5_000_000);
  vi.advanceTimersByTime(5000);
  expect(["engine-0", "engine-1"].map((id) => live.state(id).queue.length)).toEqual([1, 1]);
  // One of the engines takes for ever: the other has them all but the one that waits there.
  for (let round = 0; round < 6; round++) {
    const next = calls.find(({ turns, key }) => turns[0]?.engine === "engine-1" && !live.over.has(key));
    if (next !== undefined) live.finish(next);
  }
  expect([live.over.size, live.driver.open()]).toEqual([6, 2]);
});

/** One engine, which holds one model at a time and has all that comes in its queue. */
function turningEngine(): Live {
  const cluster = engines("h100", { batching: one, maxResident: 1 });
  return new Live({ cluster, policy: "greedy-commit", loads: true, queue: { ...queue, hardestWaitMs: 5000 } });
}

test("where all in a queue have waited too long, those of the model that is loaded go first", async () => {
  await using live = turningEngine();
  const calls = [llama, phi, llama, phi, llama, phi].map((model) => live.call({ model }));
  live.pass(5_000_000);
  while (live.driver.open() > 0) {
    const running = calls.find(({ turns, key }) => turns.length > 0 && !live.over.has(key));
    if (running === undefined) live.engine("engine-0").take().end();
    else live.finish(running);
    await settle();
  }
  expect(live.of("model-load-start").map(({ model }) => model)).toEqual([phi]);
});

test.each([
  [4999, llama],
  [5001, phi],
])(
  "of one that came %i ms after one of another model, %s goes first when both have waited too long",
  async (ms, first) => {
    await using live = turningEngine();
    const running = live.call();
    const early = live.call({ model: phi });
    live.pass(ms * 1000);
    const late = live.call();
    live.pass(5_000_000);
    live.finish(running);
    expect({ [llama]: late.turns.length, [phi]: live.of("model-load-start").length }).toEqual({
      [llama]: 0,
      [phi]: 0,
      [first]: 1,
    });
    if (late.turns.length > 0) live.finish(late);
    for (const _ of ["unload", "load"]) {
      live.engine("engine-0").take().end();
      await settle();
    }
    expect(early.turns).toHaveLength(1);
  },
);

test("a call that is sent from one queue to another has waited all the time", async () => {
  const cluster = engines("h100 h100", { batching: one });
  await using live = new Live({ cluster, policy: "greedy-commit", queue: { ...queue, giveUpMs: 1000 } });
  live.call();
  live.call();
  const waiting = live.call();
  for (const id of ["engine-0", "engine-1", "engine-0"]) {
    live.pass(400_000);
    live.driver.engineDown(id);
    live.driver.engineUp(id);
  }
  expect(live.of("stage-lost").filter(({ stage }) => stage === waiting.key).length).toBeGreaterThan(0);
  vi.advanceTimersByTime(200);
  expect(waiting.heard).toEqual(["refused: waited-too-long"]);
});

test("a call that waited too long is told of its last try, and of an engine that is down without secrets", async () => {
  const troubleWith = (): string => `engine-0 is down: key sk-abcdefghijkl ${"x".repeat(9000)}`;
  await using live = new Live({ cluster: engines("h100"), queue: { ...queue, giveUpMs: 1000 }, troubleWith });
  const [tried, waiting] = [live.call(), live.call({ patient: true })];
  live.driver.engineDown("engine-0");
  tried.turn.fail(cut);
  waiting.turn.fail({ ...cut, kind: "unreachable", message: "nobody is there" });
  const untried = live.call({ patient: true });
  live.pass(1_000_000);
  vi.advanceTimersByTime(200);
  expect([tried, waiting].map(({ refusal }) => refusal?.message)).toEqual([
    "no engine took the call within 1 s; the last try, on engine-0, came to nothing: broke off",
    "no engine took the call within 1 s; the last try, on engine-0, came to nothing: nobody is there",
  ]);
  const { message = "" } = untried.refusal ?? {};
  expect(message).toMatch(/^no engine took the call within 1 s; engine-0 is down: key \[redacted\] x+$/);
  expect(message.length).toBeLessThan(600);
});

test("a refusal says why, and when to come again", async () => {
  const cluster = engines("h100", { batching: one, models: [llama] });
  await using live = new Live({ cluster, queue: { ...queue, maxWaiting: 1, giveUpMs: 1000 } });
  const refusals = (): unknown[] => {
    const { kind, message, retryAfterS } = live.call().refusal ?? {};
    return [kind, message, retryAfterS];
  };
  const running = live.call();
  const waiting = live.call();
  expect(refusals()).toEqual(["queue-full", "1 calls wait already", 1]);
  // What cannot be served at all is told so, however many wait.
  expect(live.call({ model: phi }).refusal).toMatchObject({ kind: "no-engine", retryAfterS: 30 });
  live.pass(1_000_000);
  vi.advanceTimersByTime(200);
  expect(waiting.refusal).toEqual({
    kind: "waited-too-long",
    message: "no engine took the call within 1 s",
    retryAfterS: 5,
  });
  live.driver.engineDown("engine-0");
  expect(refusals()).toEqual(["no-engine", `no engine that serves ${llama} is up`, 5]);
  live.driver.engineUp("engine-0");
  for (let time = 0; time < 4; time++) running.turn.fail(cut);
  expect(running.refusal).toEqual({ kind: "engine-failed", message: cut.message, retryAfterS: 1 });
  await live.driver.drain(AbortSignal.timeout(0));
  expect(refusals()).toEqual(["draining", "the gateway is about to stop and takes no new calls", 1]);
});

const inGate = Object.keys(policies).filter((name) => !isAblation(name));

test.each(inGate)("%s carries a mixed load through", carryMixedLoad);
