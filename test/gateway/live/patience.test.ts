/** Work that is patient waits where other work is turned away: while engines are away, and while very many wait. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EngineFault } from "../../../src/gateway/adapter/engine-fault.ts";
import type { ShareFault } from "../../../src/gateway/live/driver.ts";
import { policies } from "../../../src/policy/policies.ts";
import { cut, engines, inRoles, Live, llama, phi, settle } from "./world.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const one = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
const queue = { maxWaiting: 1000, hardestWaitMs: 500, giveUpMs: 1000 };
const unreachable: ShareFault = { kind: "unreachable", retry: true, message: "nobody is there" };

test.each(Object.keys(policies))("%s has it wait until an engine is up, and then run", async (policy) => {
  await using live = new Live({ cluster: engines("h100 h100"), policy });
  for (const id of ["engine-0", "engine-1"]) live.driver.engineDown(id);
  const calls = [live.call({ patient: true }), live.call({ patient: true, items: 4 }), live.call()];
  expect(calls.map(({ heard }) => heard)).toEqual([[], [], ["refused: no-engine"]]);
  live.pass(1_000_000);
  vi.advanceTimersByTime(1000);
  expect(live.faults).toEqual([]);
  live.driver.engineUp("engine-1");
  for (let round = 0; round < 20 && live.driver.open() > 0; round++) {
    live.pass(100_000);
    vi.advanceTimersByTime(100);
    for (const { turns } of calls) for (const turn of turns) turn.end({ outputTokens: 50 });
  }
  expect(calls.map(({ key }) => live.over.get(key))).toEqual(["ran", "ran", "did not run"]);
  expect(live.of("share-start").every(({ engine }) => engine === "engine-1")).toBe(true);
});

describe("while no engine is up", () => {
  test("it waits as long as anything may, and no longer", async () => {
    await using live = new Live({ queue });
    for (const id of ["engine-0", "engine-1"]) live.driver.engineDown(id);
    const call = live.call({ patient: true });
    live.pass(999_999);
    vi.advanceTimersByTime(200);
    expect(call.heard).toEqual([]);
    live.pass(1);
    vi.advanceTimersByTime(200);
    expect(call.heard).toEqual(["refused: waited-too-long"]);
    expect(live.of("stage-drop")).toMatchObject([{ stage: call.key, reason: "timed-out" }]);
  });

  test("what none could serve is turned away at once all the same", async () => {
    await using live = new Live({ cluster: engines("h100", { models: [llama] }) });
    live.driver.engineDown("engine-0");
    const calls = [{ model: phi }, { promptTokens: 10_000_000 }].map((change) =>
      live.call({ patient: true, ...change }),
    );
    expect(calls.map(({ heard }) => heard)).toEqual([["refused: no-engine"], ["refused: no-engine"]]);
    expect(calls[0]?.refusal?.message).toMatch(/^no engine can serve phi/);
  });

  test("another cluster leaves it waiting, unless nobody there could serve it", async () => {
    await using live = new Live({ cluster: engines("h100") });
    live.driver.engineDown("engine-0");
    const [stays, goes] = [live.call({ patient: true }), live.call({ patient: true, model: phi })];
    await live.reshape(engines("h100", { models: [llama] }));
    expect([live.state("engine-0").up, stays.heard, goes.heard]).toEqual([false, [], ["refused: no-engine"]]);
    live.driver.engineUp("engine-0");
    expect(stays.turns).toHaveLength(1);
  });

  test("a gateway that is about to stop turns it away", async () => {
    await using live = new Live({ cluster: engines("h100") });
    live.driver.engineDown("engine-0");
    const [before, patience] = [live.call({ patient: true }), new AbortController()];
    const drained = live.driver.drain(patience.signal);
    expect([before.heard, live.call({ patient: true }).heard]).toEqual([[], ["refused: draining"]]);
    patience.abort();
    await drained;
    expect(before.heard).toEqual(["refused: draining"]);
  });
});

test.each(Object.keys(policies))(
  "%s has it wait for engines that have not said yet what they serve",
  async (policy) => {
    await using live = new Live({ cluster: engines("h100", { models: [], resident: [] }), policy, queue });
    const calls = [llama, "unheard-of"].map((model) => live.call({ patient: true, model }));
    expect(live.call().heard).toEqual(["refused: no-engine"]);
    live.pass(1_000_000);
    vi.advanceTimersByTime(100);
    expect([live.faults, ...calls.map(({ heard }) => heard)]).toEqual([[], [], []]);
    await live.reshape(engines("h100", { models: [llama] }));
    expect(calls.map(({ turns, heard }) => [turns.length, ...heard])).toEqual([[1], [0, "refused: no-engine"]]);
  },
);

test("an engine that has not said what it serves is no hope where another has the model, and not for so much", async () => {
  const two = engines("h100 h100", { models: [llama] });
  const silent = two.engines.map((each, index) => (index === 0 ? each : { ...each, models: [], resident: [] }));
  await using live = new Live({ cluster: { ...two, engines: silent } });
  const calls = [{ promptTokens: 10_000_000 }, { model: phi }].map((change) => live.call({ patient: true, ...change }));
  expect(calls.map(({ heard }) => heard)).toEqual([["refused: no-engine"], []]);
});

test("where the queue is full it waits behind the others, and others are still turned away", async () => {
  await using live = new Live({ cluster: engines("h100", { batching: one }), queue: { ...queue, maxWaiting: 1 } });
  const calls = [live.call(), live.call(), live.call({ patient: true }), live.call({ patient: true }), live.call()];
  expect(calls.map(({ heard }) => heard)).toEqual([[], [], [], [], ["refused: queue-full"]]);
  for (const call of calls.slice(0, 4)) live.finish(call);
  expect(calls.map(({ turns }) => turns.length)).toEqual([1, 1, 1, 1, 0]);
});

describe("an engine that cannot be reached", () => {
  test("is no try of it, however often, and it waits for the next one that is up", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const call = live.call({ patient: true });
    for (let time = 0; time < 10; time++) call.turn.fail(unreachable);
    live.driver.engineDown("engine-0");
    call.turn.fail(unreachable);
    expect([call.turns.length, call.heard]).toEqual([11, []]);
    live.driver.engineUp("engine-0");
    live.finish(call);
    expect(live.over.get(call.key)).toBe("ran");
  });

  test("is one of the tries of other work", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const call = live.call();
    for (let time = 0; time < 4; time++) call.turn.fail(unreachable);
    expect(call.heard).toEqual(["refused: engine-failed"]);
  });

  test("is told apart from one that breaks off, which is a try of any work", async () => {
    await using live = new Live({ cluster: engines("h100") });
    const call = live.call({ patient: true });
    for (const fault of [cut, unreachable, cut, unreachable, cut]) call.turn.fail(fault);
    expect(call.heard).toEqual([]);
    call.turn.fail(cut);
    expect(call.heard).toEqual(["refused: engine-failed"]);
  });

  test("may be the one that decodes", async () => {
    await using live = new Live({ cluster: inRoles(engines("h100 h100"), "prefill", "decode") });
    const call = live.call({ patient: true });
    for (let time = 0; time < 5; time++) {
      call.turn.handedOver();
      call.turn.fail(unreachable);
    }
    expect([call.turn.phase, call.heard]).toEqual(["prefill", []]);
  });

  test.each([
    ["patient work waits on", true, "unreachable", []],
    ["other work has had its tries", undefined, "unreachable", ["refused: engine-failed"]],
    ["as for one that cannot load, any work has", true, "status", ["refused: engine-failed"]],
  ] as const)("is asked to load: %s", async (_what, patient, kind, heard) => {
    await using live = new Live({ cluster: engines("h100", { resident: [] }), loads: true });
    const call = live.call(patient === undefined ? {} : { patient });
    const engine = live.engine("engine-0");
    const fault = { engine: "engine-0", request: "POST /load", found: "?", expected: "?" };
    for (let time = 0; time < 6 && call.heard.length === 0; time++) {
      engine.take().fail(new EngineFault({ kind, ...fault }));
      await settle();
    }
    expect(call.heard).toEqual(heard);
  });
});

test("what runs on an engine that has to leave goes elsewhere when its time is over", async () => {
  await using live = new Live({ cluster: engines("h100 h100") });
  const [stays, beside, plain] = [live.call({ patient: true }), live.call(), live.call()];
  expect([stays, beside, plain].map(({ engine }) => engine)).toEqual(["engine-0", "engine-1", "engine-0"]);
  const late = new AbortController();
  const left = live.driver.leave(["engine-0"], late.signal);
  late.abort();
  await left;
  live.finish(beside);
  expect([stays.turns.map(({ engine }) => engine), stays.heard]).toEqual([["engine-0", "engine-1"], []]);
  expect(plain.heard).toEqual(["refused: engine-failed"]);
});
