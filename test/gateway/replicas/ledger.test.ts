/** What a gateway has open: who is heeded, what a new planner is told, and what is bounded while there is none. */

import { describe, expect, test } from "vitest";
import type { Time } from "../../../src/gateway/live/time.ts";
import { createLedger, type Seat } from "../../../src/gateway/replicas/ledger.ts";
import type { Start, ToPlanner } from "../../../src/gateway/replicas/protocol.ts";
import { cut, Owner, stageOf, type StageChange } from "../live/world.ts";

function createLone() {
  const at = { us: 0 };
  let sweep = (): void => {};
  const time: Time = {
    nowUs: () => at.us,
    epochMs: () => 0,
    after: () => ({ stop: () => {} }),
    every: (_ms, what) => {
      sweep = what;
      return { stop: () => {} };
    },
    soon: () => {},
  };
  const queue = { maxWaiting: 2, hardestWaitMs: 1000, giveUpMs: 5000 };
  const ledger = createLedger({ time, queue: () => queue, onFault: () => {} });
  const call = (
    workflow: string,
    change: StageChange & { readonly deadlineUs?: number; readonly patient?: true } = {},
  ): Owner => {
    const { deadlineUs, patient, ...rest } = change;
    ledger.arrive({ workflow, reveal: "online", ...(deadlineUs === undefined ? {} : { deadlineUs }) });
    ledger.reveal(stageOf(workflow, rest));
    const owner = new Owner(patient);
    ledger.ready(`${workflow}/s`, owner);
    return owner;
  };
  const sit = (epoch: number) => {
    const told: ToPlanner[] = [];
    const seat: Seat = { epoch, tell: (message) => void told.push(message) };
    ledger.sit(seat);
    return { told, seat };
  };
  return { ledger, call, sit, at, sweep: () => sweep() };
}

function startOf(workflow: string, epoch: number, change: Partial<Start> = {}): Start {
  return {
    kind: "start",
    stage: `${workflow}/s`,
    attempt: 0,
    share: 0,
    phase: "whole",
    epoch,
    engine: "e",
    items: 1,
    cachedTokens: 0,
    promptTokens: 1000,
    reason: "",
    planAgeUs: 0,
    waitedUs: 0,
    shares: [{ engine: "e", items: 1 }],
    ...change,
  };
}

describe("a planner", () => {
  test("is heeded while it has the seat", () => {
    const { ledger, call, sit } = createLone();
    const { seat } = sit(3);
    const owner = call("w");
    expect(ledger.hear(seat, startOf("w", 3))).toBe(true);
    expect(owner.turn).toMatchObject({ engine: "e", attempt: 0, shares: 1 });
  });

  test("of an epoch that is over is not, whatever it says", () => {
    const { ledger, call, sit } = createLone();
    const { seat } = sit(3);
    const owner = call("w");
    ledger.note(4);
    expect(ledger.hear(seat, startOf("w", 3))).toBe(false);
    expect(ledger.hear(seat, { kind: "void", stage: "w/s", attempt: 0 })).toBe(false);
    expect(ledger.hear(seat, startOf("w", 4))).toBe(false);
    expect([owner.turns, owner.heard]).toEqual([[], []]);
  });

  test("that says what was decided in an earlier epoch is not either", () => {
    const { ledger, call, sit } = createLone();
    const { seat } = sit(3);
    const owner = call("w");
    expect(ledger.hear(seat, startOf("w", 2))).toBe(false);
    expect(owner.turns).toEqual([]);
  });

  test("before this one is not heard any more", () => {
    const { ledger, call, sit } = createLone();
    const { seat: before } = sit(3);
    const owner = call("w");
    const { seat } = sit(3);
    expect(ledger.hear(before, startOf("w", 3))).toBe(false);
    expect(ledger.hear(seat, startOf("w", 3))).toBe(true);
    expect(owner.turns).toHaveLength(1);
  });

  test("that is late with a stage that is over, an attempt that is void, or a share that has begun, starts nothing", () => {
    const { ledger, call, sit } = createLone();
    const { seat } = sit(1);
    const owner = call("w");
    ledger.hear(seat, startOf("w", 1));
    ledger.hear(seat, startOf("w", 1));
    expect(owner.turns).toHaveLength(1);
    owner.turn.fail(cut);
    ledger.hear(seat, startOf("w", 1));
    expect(owner.turns).toHaveLength(1);
    ledger.hear(seat, startOf("w", 1, { attempt: 1 }));
    owner.turn.end({ outputTokens: 1 });
    ledger.hear(seat, startOf("w", 1, { attempt: 2 }));
    expect(owner.turns.map(({ attempt }) => attempt)).toEqual([0, 1]);
    expect(ledger.open()).toBe(0);
  });

  test("is told all that is open, with the time that is left", () => {
    const { ledger, call, sit, at } = createLone();
    const first = sit(1);
    call("runs", { items: 2 });
    const two = { items: 1, shares: [1, 1].map((items, index) => ({ engine: `e${index}`, items })) };
    ledger.hear(first.seat, startOf("runs", 1, { ...two, engine: "e0" }));
    call("waits", { deadlineUs: 1_000_000 });
    ledger.reveal(stageOf("waits", { id: "child", parents: ["s"] }));
    at.us = 400_000;
    const { told } = sit(2);
    expect(told.map(({ kind }) => kind)).toEqual([
      "arrive",
      "arrive",
      "reveal",
      "reveal",
      "reveal",
      "held",
      "ready",
      "announced",
    ]);
    expect(told[1]).toMatchObject({ workflow: { workflow: "waits", deadlineUs: 600_000 } });
    expect(told.slice(5, 7).map((message) => "patient" in message)).toEqual([false, false]);
    expect(told[5]).toMatchObject({
      stage: "runs/s",
      attempt: 0,
      shares: two.shares,
      progress: [{ at: "running", phase: "whole", firstToken: false }, { at: "queued" }],
    });
  });
});

test("a planner is told that work is patient, when it is ready and when it runs", () => {
  const { ledger, call, sit } = createLone();
  const first = sit(1);
  call("runs", { patient: true });
  ledger.hear(first.seat, startOf("runs", 1));
  call("waits", { patient: true });
  expect(first.told.at(-1)).toEqual({ kind: "ready", stage: "waits/s", attempt: 0, patient: true });
  const { told } = sit(2);
  expect(told.filter((message) => "patient" in message)).toMatchObject([
    { kind: "held", stage: "runs/s", patient: true },
    { kind: "ready", stage: "waits/s", patient: true },
  ]);
});

describe("while nobody plans", () => {
  test("as many wait as may, and what is beyond is told to come again", () => {
    const { call } = createLone();
    expect(["a", "b", "c"].map((name) => call(name).heard)).toEqual([[], [], ["refused: queue-full"]]);
  });

  test("patient work waits however many do, as long as anything may", () => {
    const { call, at, sweep } = createLone();
    const owners = ["a", "b", "c"].map((name) => call(name, { patient: true }));
    expect(owners.map(({ heard }) => heard)).toEqual([[], [], []]);
    at.us = 5_000_000;
    sweep();
    expect(owners.map(({ heard }) => heard)).toEqual(owners.map(() => ["refused: waited-too-long"]));
  });

  test("nobody waits longer than is allowed, since when ever", () => {
    const { ledger, call, sit, at, sweep } = createLone();
    const owner = call("w");
    at.us = 3_000_000;
    const { told } = sit(1);
    at.us = 4_999_999;
    sweep();
    expect(owner.heard).toEqual([]);
    at.us = 5_000_000;
    sweep();
    expect(owner.heard).toEqual(["refused: waited-too-long"]);
    expect(told.at(-1)).toEqual({ kind: "drop", stage: "w/s", reason: "timed-out" });
    expect(ledger.waiting()).toBe(0);
  });

  test("what waited too long is told what became of its last try", () => {
    const { ledger, call, sit, at, sweep } = createLone();
    const owner = call("w");
    const { seat } = sit(1);
    ledger.hear(seat, startOf("w", 1));
    owner.turn.fail(cut);
    at.us = 5_000_000;
    sweep();
    expect(owner.refusal?.message).toBe(
      "no engine took the call within 5 s; the last try, on e, came to nothing: broke off",
    );
  });

  test("what fails is tried four times in all, whoever planned", () => {
    const { ledger, call, sit } = createLone();
    const owner = call("w");
    for (let attempt = 0; attempt < 4; attempt++) {
      const { seat } = sit(attempt + 1);
      ledger.hear(seat, startOf("w", attempt + 1, { attempt }));
      ledger.sit(undefined);
      owner.turn.fail(cut);
    }
    expect(owner.heard).toEqual(["refused: engine-failed"]);
    expect(ledger.open()).toBe(0);
  });

  test("that an engine cannot be reached is no try of patient work", () => {
    const { ledger, call, sit } = createLone();
    const owners = [call("w", { patient: true }), call("v")];
    for (let attempt = 0; attempt < 5; attempt++) {
      const { seat } = sit(attempt + 1);
      for (const name of ["w", "v"]) ledger.hear(seat, startOf(name, attempt + 1, { attempt }));
      for (const { turn } of owners) turn.fail({ ...cut, kind: "unreachable" });
    }
    expect(owners.map(({ turns, heard }) => [turns.length, ...heard])).toEqual([[5], [4, "refused: engine-failed"]]);
  });

  test("a drained gateway turns away what is left when its time is over", async () => {
    const { ledger, call } = createLone();
    const owner = call("w");
    const patience = new AbortController();
    const drained = ledger.drain(patience.signal);
    expect(owner.heard).toEqual([]);
    patience.abort();
    await drained;
    expect(owner.heard).toEqual(["refused: draining"]);
    expect([ledger.open(), ledger.workflows()]).toEqual([0, 0]);
  });
});
