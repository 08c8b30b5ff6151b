/** Several gateways of which one plans: calls end once, whatever becomes of the planner. */

import { describe, expect, test } from "vitest";
import { cut, engines, inRoles } from "../live/world.ts";
import { leaseMs, World } from "./world.ts";

describe("of several gateways", () => {
  test("one plans, for all of them", async () => {
    await using world = await World.of(3);
    expect(world.planners).toEqual(["g0"]);
    const calls = world.nodes.map((node) => node.call());
    await world.pass(10);
    expect(calls.map(({ turns }) => turns.length)).toEqual([1, 1, 1]);
    expect(new Set(calls.map(({ engine }) => engine)).size).toBe(2);
    for (const call of calls) call.finish(42);
    await world.pass(10);
    expect(world.node(0).events.filter(({ kind }) => kind === "stage-end")).toHaveLength(3);
    expect(world.node(0).books.world.state.workflows.open.size).toBe(0);
    expect(world.nodes.map(({ replica }) => replica.status())).toMatchObject([
      { planner: "g0", epoch: 1, plans: true, linked: true, gateways: 2 },
      { planner: "g0", epoch: 1, plans: false, linked: true, gateways: 0 },
      { planner: "g0", epoch: 1, plans: false, linked: true, gateways: 0 },
    ]);
  });

  test("no engine gets more than it takes, and what waits has its turn when another's call ends", async () => {
    await using world = await World.of(2, engines("h100"));
    const first = [world.node(0).call(), world.node(1).call()];
    await world.pass(10);
    const late = [world.node(1).call(), world.node(0).call()];
    await world.pass(1000);
    expect(late.map(({ turns }) => turns.length)).toEqual([0, 0]);
    for (const call of first) call.finish();
    await world.pass(10);
    expect(late.map(({ turns }) => turns.length)).toEqual([1, 1]);
    expect(world.most.get("engine-0")).toBe(2);
    for (const call of late) call.finish();
  });

  test("a failure at another gateway is planned around", async () => {
    await using world = await World.of(2);
    const call = world.node(1).call();
    await world.pass(10);
    const failed = call.engine;
    call.turn.fail(cut);
    await world.pass(10);
    expect(call.turn).toMatchObject({ attempt: 1 });
    expect(call.engine).not.toBe(failed);
    call.finish();
    expect(call.ended).toBe(1);
  });

  test("a client that leaves frees its place", async () => {
    await using world = await World.of(2, engines("h100"));
    const calls = [world.node(1).call(), world.node(1).call(), world.node(0).call()];
    await world.pass(10);
    world.node(1).driver.drop(calls[0]?.key ?? "", "client-gone");
    expect(calls[0]?.turn.signal.aborted).toBe(true);
    await world.pass(10);
    expect(calls[2]?.turns).toHaveLength(1);
  });

  test("a call that no engine can serve is refused with the planner's reason", async () => {
    await using world = await World.of(2);
    const call = world.node(1).call({ promptTokens: 10_000_000 });
    await world.pass(10);
    expect(call.heard).toEqual(["refused: no-engine"]);
  });
});

describe("while no engine is up", () => {
  test("patient work of any gateway waits, and other work is refused", async () => {
    await using world = await World.of(2, engines("h100"));
    world.node(0).books.engineDown("engine-0");
    const calls = world.nodes.flatMap((node) => [node.call({ patient: true }), node.call()]);
    await world.pass(10);
    expect(calls.map(({ heard }) => heard)).toEqual([[], ["refused: no-engine"], [], ["refused: no-engine"]]);
    world.node(0).books.engineUp("engine-0");
    await world.pass(10);
    expect(calls.map(({ turns }) => turns.length)).toEqual([1, 0, 1, 0]);
    for (const call of calls) if (call.turns.length > 0) call.finish();
  });

  test("what waits with one planner waits with the next, and so does what runs there and does not reach its engine", async () => {
    await using world = await World.of(3, engines("h100"));
    const runs = world.node(1).call({ patient: true });
    await world.pass(10);
    for (const { books } of world.nodes) books.engineDown("engine-0");
    const waits = world.node(2).call({ patient: true });
    await world.pass(10);
    world.node(0).kill();
    await world.pass(2 * leaseMs);
    for (const { books } of world.nodes.slice(1)) books.engineUp("engine-0");
    for (let time = 0; time < 6; time++) {
      runs.turn.fail({ ...cut, kind: "unreachable" });
      await world.pass(10);
    }
    expect([runs, waits].map(({ turns, heard }) => [turns.length, ...heard])).toEqual([[7], [1]]);
    for (const call of [runs, waits]) call.finish();
    await world.pass(10);
    expect([runs.ended, waits.ended]).toEqual([1, 1]);
  });
});

describe("when the planner dies", () => {
  test("calls in flight end once, and waiting ones are placed within a lease time and a quarter", async () => {
    await using world = await World.of(3, engines("h100"));
    const running = [world.node(1).call(), world.node(2).call()];
    await world.pass(10);
    const waiting = [world.node(1).call(), world.node(2).call()];
    await world.pass(10);
    world.node(0).kill();
    await world.pass(leaseMs);
    const late = world.node(1).call();
    await world.pass(leaseMs / 4 + leaseMs / 20 + 10);
    expect(world.planners).toHaveLength(1);
    // The new planner knows of what runs: nothing begins beside it.
    expect(waiting.map(({ turns }) => turns.length)).toEqual([0, 0]);
    expect(running.map(({ turns }) => turns.length)).toEqual([1, 1]);
    expect(running.map(({ turn }) => turn.signal.aborted)).toEqual([false, false]);
    for (const call of running) call.finish();
    await world.pass(10);
    expect(waiting.map(({ turns }) => turns.length)).toEqual([1, 1]);
    for (const call of waiting) call.finish();
    await world.pass(10);
    late.finish();
    expect([...running, ...waiting, late].map(({ ended, turns }) => [ended, turns.length])).toEqual(
      Array.from({ length: 5 }, () => [1, 1]),
    );
    expect(world.most.get("engine-0")).toBe(2);
    expect(running.concat(waiting).flatMap(({ heard }) => heard)).toEqual([]);
  });

  test("a gateway with very much open tells what runs first, and all of it in the end", async () => {
    await using world = await World.of(3, engines("h100"));
    const running = [world.node(1).call(), world.node(1).call()];
    await world.pass(10);
    const waiting = Array.from({ length: 300 }, () => world.node(1).call());
    await world.pass(10);
    world.node(0).kill();
    await world.pass(2 * leaseMs);
    expect([...running, ...waiting].map(({ turns }) => turns.length)).toEqual([1, 1, ...waiting.map(() => 0)]);
    for (const call of running) call.finish();
    for (let rounds = 0; rounds < 300 && waiting.some(({ ended }) => ended === 0); rounds++) {
      await world.pass(5);
      for (const call of waiting) if (call.running.length > 0) call.finish();
    }
    expect(waiting.map(({ ended, turns }) => [ended, turns.length])).toEqual(waiting.map(() => [1, 1]));
    expect(world.most.get("engine-0")).toBe(2);
  });

  test("what ends, fails, arrives or goes while nobody plans is known to the next one", async () => {
    await using world = await World.of(3, engines("h100"));
    const ends = world.node(1).call();
    const fails = world.node(2).call();
    await world.pass(10);
    const goes = world.node(1).call();
    await world.pass(10);
    world.node(0).kill();
    await world.pass(100);
    ends.finish();
    fails.turn.fail(cut);
    world.node(1).driver.drop(goes.key, "client-gone");
    const arrives = world.node(2).call();
    await world.pass(leaseMs + leaseMs / 2);
    expect(fails.turn).toMatchObject({ attempt: 1 });
    expect(arrives.turns).toHaveLength(1);
    expect(goes.turns).toEqual([]);
    expect(ends.turns).toHaveLength(1);
    fails.finish();
    arrives.finish();
  });

  test("a pair goes on from wherever it is", async () => {
    await using world = await World.of(3, inRoles(engines("h100 h100"), "prefill", "decode"));
    const prefills = world.node(1).call();
    const decodes = world.node(2).call();
    await world.pass(10);
    decodes.turn.handedOver();
    await world.pass(10);
    expect([prefills.turn.phase, decodes.turn.phase]).toEqual(["prefill", "decode"]);
    world.node(0).kill();
    await world.pass(2 * leaseMs);
    expect(prefills.turns).toHaveLength(1);
    prefills.turn.handedOver();
    await world.pass(10);
    expect(prefills.turn).toMatchObject({ phase: "decode", attempt: 0 });
    prefills.finish();
    decodes.finish();
    await world.pass(10);
    expect([prefills.turns.length, decodes.turns.length]).toEqual([2, 2]);
  });

  test("a pair whose keys and values wait for their place has it from the next planner", async () => {
    await using world = await World.of(2, inRoles(engines("h100 h100"), "prefill", "decode"));
    const call = world.node(1).call();
    await world.pass(10);
    world.node(0).kill();
    await world.pass(10);
    call.turn.handedOver();
    await world.pass(2 * leaseMs);
    expect(call.turns.map(({ phase, attempt }) => [phase, attempt])).toEqual([
      ["prefill", 0],
      ["decode", 0],
    ]);
    call.finish();
  });

  test("a stage with several shares goes on with those that are left", async () => {
    await using world = await World.of(2, engines("h100 h100"));
    // One place is taken, so that one share has to wait.
    const others = [world.node(1).call(), world.node(1).call(), world.node(1).call(), world.node(1).call()];
    await world.pass(10);
    const call = world.node(1).call({ items: 2, outputTokens: 4000 });
    await world.pass(10);
    expect(call.turns).toEqual([]);
    others[0]?.finish();
    await world.pass(10);
    const before = call.turns.length;
    world.node(0).kill();
    await world.pass(2 * leaseMs);
    for (const other of others.slice(1)) other.finish();
    await world.pass(10);
    expect(call.turns.map(({ attempt }) => attempt)).toEqual(call.turns.map(() => 0));
    expect(call.turns.length).toBeGreaterThanOrEqual(before);
    for (const turn of call.turns) turn.end({ outputTokens: 10 });
    await world.pass(10);
    expect(call.ended).toBe(call.turn.shares);
    expect(world.node(1).driver.open()).toBe(0);
  });
});

describe("a planner that was stopped", () => {
  test("wakes to find another, and what it says then is not heeded", async () => {
    await using world = await World.of(3, engines("h100"));
    const running = [world.node(1).call(), world.node(2).call()];
    await world.pass(10);
    const [own, other] = [world.node(0).call(), world.node(2).call()];
    await world.pass(10);
    world.node(0).stop();
    running[0]?.finish();
    await world.pass(2 * leaseMs);
    expect(world.planners).not.toContain("g0");
    expect([own.turns.length, other.turns.length]).toEqual([0, 1]);
    // By its own books, and what it hears first of all, there is a place free.
    world.node(0).wake();
    expect(world.node(0).replica.acts()).toBe(false);
    await world.pass(leaseMs);
    expect(world.planners).toHaveLength(1);
    expect(own.turns).toEqual([]);
    running[1]?.finish();
    await world.pass(10);
    expect(own.turns).toHaveLength(1);
    own.finish();
    other.finish();
    expect([own, other, ...running].map(({ ended }) => ended)).toEqual([1, 1, 1, 1]);
    expect(world.most.get("engine-0")).toBe(2);
  });

  test("for less than the lease plans on", async () => {
    await using world = await World.of(2, engines("h100"));
    const call = world.node(1).call();
    await world.pass(10);
    world.node(0).stop();
    await world.pass(leaseMs / 2);
    world.node(0).wake();
    const late = world.node(1).call();
    await world.pass(leaseMs);
    expect(world.planners).toEqual(["g0"]);
    expect([call.turns.length, late.turns.length]).toEqual([1, 1]);
    call.finish();
    late.finish();
  });
});

describe("a planner that is cut off", () => {
  test("from the store stops before another begins", async () => {
    await using world = await World.of(2, engines("h100"));
    const calls = [world.node(0).call(), world.node(1).call()];
    await world.pass(10);
    world.node(0).storeless = true;
    const seen: string[][] = [];
    for (let step = 0; step < 60; step++) {
      await world.pass(50);
      seen.push(world.planners);
    }
    expect(seen.every((planners) => planners.length <= 1)).toBe(true);
    expect(seen.at(-1)).toEqual(["g1"]);
    for (const call of calls) call.finish();
    expect(calls.map(({ turns }) => turns.length)).toEqual([1, 1]);
  });

  test("from the others, but not from the store, lets one of them plan", async () => {
    await using world = await World.of(3, engines("h100"));
    world.cut(world.node(0));
    await world.pass(10);
    const call = world.node(1).call();
    await world.pass(4 * leaseMs);
    expect(world.planners).not.toEqual(["g0"]);
    expect(call.turns).toHaveLength(1);
    call.finish();
  });

  test("together with all others has nobody planning until the store is back; what runs goes on", async () => {
    await using world = await World.of(2, engines("h100"));
    const call = world.node(1).call();
    await world.pass(10);
    for (const node of world.nodes) node.storeless = true;
    await world.pass(2 * leaseMs);
    expect(world.planners).toEqual([]);
    const waiting = world.node(1).call();
    call.finish();
    await world.pass(1000);
    expect(waiting.turns).toEqual([]);
    for (const node of world.nodes) node.storeless = false;
    await world.pass(leaseMs);
    expect(world.planners).toHaveLength(1);
    waiting.finish();
    expect([call.ended, waiting.ended]).toEqual([1, 1]);
  });
});

describe("a gateway that is gone", () => {
  test("leaves its places to the others after a lease time", async () => {
    await using world = await World.of(2, engines("h100"));
    void [world.node(1).call(), world.node(1).call(), world.node(1).call()];
    await world.pass(10);
    const waiting = world.node(0).call();
    world.node(1).kill();
    await world.pass(leaseMs - 100);
    expect(waiting.turns).toEqual([]);
    await world.pass(200);
    expect(waiting.turns).toHaveLength(1);
    waiting.finish();
  });

  test("for a moment finds its calls where they were", async () => {
    await using world = await World.of(2, engines("h100"));
    const calls = [world.node(1).call(), world.node(1).call()];
    await world.pass(10);
    const waiting = world.node(0).call();
    for (const channel of world.node(1).channels) channel.close();
    for (const channel of world.node(0).channels) channel.close();
    await world.pass(leaseMs);
    expect(waiting.turns).toEqual([]);
    expect(calls.map(({ turn }) => turn.signal.aborted)).toEqual([false, false]);
    for (const call of calls) call.finish();
    await world.pass(10);
    waiting.finish();
    expect(world.most.get("engine-0")).toBe(2);
  });

  test("for longer comes back with calls that have lost their places, and they end all the same", async () => {
    await using world = await World.of(2, engines("h100"));
    const calls = [world.node(1).call(), world.node(1).call()];
    await world.pass(10);
    world.cut(world.node(1));
    const others = [world.node(0).call(), world.node(0).call()];
    await world.pass(3 * leaseMs);
    expect(others.map(({ turns }) => turns.length)).toEqual([1, 1]);
    world.cuts.clear();
    await world.pass(3 * leaseMs);
    expect(world.planners).toHaveLength(1);
    expect(calls.map(({ turn }) => turn.signal.aborted)).toEqual([false, false]);
    calls[0]?.finish();
    // It begins anew, in the books too.
    calls[1]?.turn.fail(cut);
    for (const call of others) call.finish();
    await world.pass(10);
    expect(calls[1]?.turn.attempt).toBe(1);
    calls[1]?.finish();
    await world.pass(10);
    expect([...calls, ...others].map(({ ended }) => ended)).toEqual([1, 1, 1, 1]);
  });
});
